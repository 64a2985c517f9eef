"""Compares the rights of each role with the table of what the code does: what it needs is allowed, all else is not."""

from expand import ACCOUNT, PARTITION, REGION
from iam import allowed, some
from rights import LISTS, NEVER, PREFIXES, READS, RECEIVING, SENDS, STAGES, WRITES, forgotten_keys, stale_references

FUNCTIONS = tuple(READS)
KEY = "cell/0-of-1/6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d.json"


def functions(stack):
    """Returns the properties of each function by its name in the tables; train is a zip or an image."""
    found = {}
    for properties in stack.properties("AWS::Lambda::Function").values():
        name = properties["FunctionName"].removeprefix(f"{stack_name(properties)}-")
        found[name.removesuffix("-image")] = properties
    return found


def stack_name(properties):
    return properties["FunctionName"].split("-", 1)[0]


def role_of(stack, properties):
    return stack.resources[properties["Role"].rsplit("/", 1)[-1]]["Properties"]


def statements(role):
    return [s for policy in role.get("Policies", []) for s in some(policy["PolicyDocument"]["Statement"])]


def expected(stack):
    return [name for name in FUNCTIONS if name != "infer-http" or stack.parameters["InferUrl"] == "on"]


def bucket(stack):
    return f"arn:{PARTITION}:s3:::{stack.parameters['BucketName']}"


def queue(stage, suffix=""):
    return f"arn:{PARTITION}:sqs:{REGION}:{ACCOUNT}:flits-{stage}{suffix}"


def rows(stack, function):
    """Yields each request that is asked about: action, resource, context, whether the function must have it, and why."""
    own = bucket(stack)
    for prefix in PREFIXES:
        key = f"{own}/{prefix}/{KEY}"
        reads, writes = prefix in READS[function], prefix in WRITES[function]
        yield "s3:GetObject", key, {}, reads, f"read {prefix}/"
        yield "s3:PutObject", key, {}, writes, f"write {prefix}/"
        # A key that is missing must be answered by 404, whether S3 takes the key for the prefix or not (below).
        yield "s3:ListBucket", own, {"s3:prefix": f"{prefix}/{KEY}"}, reads, f"see that a key of {prefix}/ is missing"
        listing = reads or prefix in LISTS.get(function, {})
        yield "s3:ListBucket", own, {"s3:prefix": f"{prefix}/"}, listing, f"list {prefix}/"
        # The same key in a bucket of somebody else, and a bucket whose name begins like ours.
        yield "s3:GetObject", f"arn:{PARTITION}:s3:::other/{prefix}/{KEY}", {}, False, f"read {prefix}/ of another bucket"
        yield "s3:PutObject", f"{own}-2/{prefix}/{KEY}", {}, False, f"write {prefix}/ of another bucket"
    yield "s3:ListBucket", own, {}, True, "see that a key is missing, where S3 names no prefix"
    yield "s3:ListBucket", own, {"s3:prefix": ""}, False, "list everything"
    yield "s3:ListBucket", f"arn:{PARTITION}:s3:::other", {"s3:prefix": "raw/"}, False, "list another bucket"
    yield "s3:PutObject", f"{own}/loose.json", {}, False, "write beside the prefixes"
    for stage in STAGES:
        yield "sqs:SendMessage", queue(stage), {}, stage in SENDS[function], f"send to {stage}"
        for action in RECEIVING:
            yield action, queue(stage), {}, stage == function, f"receive from {stage}"
        for action in ("sqs:SendMessage", *RECEIVING):
            yield action, queue(stage, "-dlq"), {}, False, f"touch the dead letters of {stage}"
            yield action, queue(stage).replace(ACCOUNT, "999999999999"), {}, False, f"touch {stage} of another account"
    for name in FUNCTIONS:
        group = f"arn:{PARTITION}:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/flits-{name}:log-stream:x"
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            yield action, group, {}, name == function, f"log as {name}"
    for action in NEVER:
        for resource in (f"{own}/jobs/{KEY}", own, queue("train"), f"arn:{PARTITION}:iam::{ACCOUNT}:role/any", "*"):
            yield action, resource, {}, False, f"{action} on {resource}"


def check_rights(stack):
    """Every role may do what its code does, and nothing else."""
    found, problems = functions(stack), []
    for name in expected(stack):
        if name not in found:
            problems.append(f"there is no function {name}")
            continue
        role = statements(role_of(stack, found[name]))
        for action, resource, context, wanted, why in rows(stack, name):
            have = allowed(role, action, resource, context)
            if have and not wanted:
                problems.append(f"{name} may {why} ({action}), but no code of it does")
            if wanted and not have:
                problems.append(f"{name} may not {why} ({action}), but its code does")
    return problems


def check_roles(stack):
    """Each function has a role of its own, which Lambda alone takes, and which names what it allows."""
    problems, owners = [], {}
    for name, properties in functions(stack).items():
        owners.setdefault(properties["Role"], []).append(name)
        role = role_of(stack, properties)
        trust = some(role["AssumeRolePolicyDocument"]["Statement"])
        if [s.get("Principal") for s in trust] != [{"Service": "lambda.amazonaws.com"}]:
            problems.append(f"the role of {name} is taken by others than Lambda: {trust}")
        if role.get("ManagedPolicyArns"):
            problems.append(f"the role of {name} has managed policies, which name no resources")
        for statement in statements(role):
            if statement["Effect"] != "Allow":
                continue
            for action in some(statement["Action"]):
                if "*" in action:
                    problems.append(f"the role of {name} allows `{action}`")
            for resource in some(statement["Resource"]):
                objects = resource.startswith(f"{bucket(stack)}/") and resource.removeprefix(f"{bucket(stack)}/")
                streams = resource.startswith(f"arn:{PARTITION}:logs:") and resource.endswith(":*")
                narrow = objects and objects.removesuffix("/*") in PREFIXES
                if "*" in resource and not narrow and not (streams and resource.count("*") == 1):
                    problems.append(f"the role of {name} allows actions on `{resource}`")
    problems += [f"{' and '.join(names)} share a role" for names in owners.values() if len(names) > 1]
    used = {role.rsplit("/", 1)[-1] for role in owners}
    problems += [f"the role {role} belongs to no function" for role in stack.of("AWS::IAM::Role") if role not in used]
    return problems


def check_table(_stack):
    """The tables say what the code does today."""
    return stale_references() + forgotten_keys()
