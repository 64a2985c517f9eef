"""Runs every check on the template under every choice of parameters, then plants faults that the checks must find.

Usage: check.py [TEMPLATE] [--no-faults]
"""

import copy
import json
import sys
import time

from cfnlint.api import ManualArgs, lint

import policies
import structure
from expand import expand, read
from faults import BESIDE, FAULTS
from rights import ROOT

# Each choice makes other resources or other values.
VARIANTS = {
    "arm64, zip": {"Architecture": "arm64"},
    "x86_64, zip": {"Architecture": "x86_64"},
    "arm64, image": {"Architecture": "arm64", "TrainImageUri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/flits-train:1"},
    "x86_64, image": {"Architecture": "x86_64", "TrainImageUri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/flits-train:1"},
    "no URL, a bucket that exists, alarms by mail": {"InferUrl": "off", "CreateBucket": "false", "AlarmEmail": "ops@example.com"},
    "a topic that exists, clean parts for 60 days": {
        "AlarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:ops", "CleanDays": 60, "OldVersionDays": 30,
    },
}
CHECKS = {
    name.removeprefix("check_"): check
    for module in (policies, structure)
    for name, check in vars(module).items()
    if name.startswith("check_")
}


def linted(template):
    """Returns what cfn-lint says, warnings included."""
    found = lint(json.dumps(template), config=ManualArgs(regions=["eu-central-1", "us-east-1"]))
    return [f"{match.rule.id} {match.message}" for match in found]


def problems(template, names, variants):
    """Runs checks under some variants; yields the check, the variant and each problem."""
    for variant in variants:
        try:
            stack = expand(template, variant, BucketName="flits-uploads", **VARIANTS[variant])
        except Exception as error:  # the transform and the resolver raise what they find
            causes = [cause.message for cause in getattr(error, "causes", [])]
            yield "expand", variant, f"{type(error).__name__}: {'; '.join(causes) or error}"
            continue
        for name in names:
            try:
                for problem in CHECKS[name](stack):
                    yield name, variant, problem
            except (KeyError, TypeError, AttributeError, AssertionError, ValueError) as error:
                yield name, variant, f"cannot be checked: {type(error).__name__}: {error}"


def sound(template):
    """Checks the template itself; returns whether all is well."""
    well = True
    for problem in linted(template):
        print(f"FAULT  lint: {problem}")
        well = False
    for name, variant, problem in problems(template, CHECKS, VARIANTS):
        print(f"FAULT  {name} ({variant}): {problem}")
        well = False
    return well


def found(template, fault):
    """Returns what the check of a fault says about a template with the fault in it; nothing when it misses the fault."""
    broken = copy.deepcopy(template)
    fault.plant(broken)
    assert broken != template, f"the fault `{fault.what}` changes nothing"
    if fault.check == "lint":
        said = linted(broken)
    else:
        names = [] if fault.check == "expand" else [fault.check]
        said = (problem for name, _, problem in problems(broken, names, VARIANTS) if name == fault.check)
    return next((problem for problem in said if fault.says in problem), None)


def found_beside(template, fault):
    """The same for a fault beside the template: in the tables or in the events."""
    with fault.plant():
        said = (problem for name, _, problem in problems(template, [fault.check], list(VARIANTS)[:1]) if name == fault.check)
        return next((problem for problem in said if fault.says in problem), None)


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    template = read(arguments[0] if arguments else ROOT / "infra/aws/template.yaml")
    began = time.monotonic()
    if not sound(template):
        sys.exit(1)
    asked = sum(len(list(policies.rows(expand(template, "", BucketName="b", InferUrl="on"), name))) for name in policies.FUNCTIONS)
    print(f"ok     {len(CHECKS)} checks and cfn-lint, {len(VARIANTS)} choices of parameters, {asked} requests of {len(policies.FUNCTIONS)} roles")
    if "--no-faults" in sys.argv:
        return
    missed = 0
    for fault in (*FAULTS, *BESIDE):
        said = found_beside(template, fault) if fault in BESIDE else found(template, fault)
        if said:
            print(f"found  {fault.what}\n         {fault.check}: {said[:200]}")
        else:
            missed += 1
            print(f"MISSED {fault.what}: `{fault.check}` says nothing of `{fault.says}`")
    uncovered = (set(CHECKS) | {"lint", "expand"}) - {fault.check for fault in (*FAULTS, *BESIDE)}
    for name in sorted(uncovered):
        print(f"MISSED no fault is planted for `{name}`")
    if missed or uncovered:
        sys.exit(1)
    planted = len(FAULTS) + len(BESIDE)
    print(f"ok     {planted} of {planted} planted faults found, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
