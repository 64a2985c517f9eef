"""Evaluates IAM statements: Allow and Deny, wildcards, and the conditions that the template uses. What it does not know it refuses."""

import re


def matches(pattern, text):
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def some(given):
    return given if isinstance(given, list) else [given]


COMPARED = {
    "StringEquals": lambda want, have: want == have,
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
    "Bool": lambda want, have: want.lower() == have.lower(),
    "NumericLessThan": lambda want, have: float(have) < float(want),
}


def holds(conditions, context):
    """Returns whether all conditions of a statement hold for a request's context."""
    context = {key.lower(): value for key, value in context.items()}
    for operator, keys in (conditions or {}).items():
        if_exists = operator.endswith("IfExists")
        compare = COMPARED[operator.removesuffix("IfExists")]
        for key, wanted in keys.items():
            have = context.get(key.lower())
            if have is None:
                if not if_exists:
                    return False
            elif not any(compare(str(want), have) for want in some(wanted)):
                return False
    return True


def applies(statement, action, resource, context, principal):
    unknown = set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
    assert not unknown, f"statement with {unknown}"
    if "Principal" in statement:
        who = statement["Principal"]
        if who != "*" and principal not in some(who.get("Service", [])) + some(who.get("AWS", [])):
            return False
    return (
        any(matches(one.lower(), action.lower()) for one in some(statement["Action"]))
        and any(matches(one, resource) for one in some(statement["Resource"]))
        and holds(statement.get("Condition"), context)
    )


def allowed(statements, action, resource, context=None, principal=None):
    """Returns whether a request is allowed: by one statement at least, and denied by none."""
    effects = {s["Effect"] for s in statements if applies(s, action, resource, context or {}, principal)}
    return effects == {"Allow"}


def denied(statements, action, resource, context=None, principal=None):
    """Returns whether a statement denies a request, whatever others allow."""
    return any(s["Effect"] == "Deny" and applies(s, action, resource, context or {}, principal) for s in statements)
