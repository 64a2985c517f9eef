"""Reads the template, expands it as CloudFormation's SAM transform does, and fills in parameters, so that checks see plain resources."""

import copy
import re
from dataclasses import dataclass, field

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

REGION, ACCOUNT, PARTITION, STACK = "eu-central-1", "123456789012", "aws", "flits"
PSEUDO = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": PARTITION, "AWS::StackName": STACK}
ABSENT = object()  # AWS::NoValue


class NoManagedPolicies:
    """Every role is written out, so the transform has no managed policy to look up."""

    def load(self):
        return {}


@dataclass
class Stack:
    """One expanded template under one set of parameters."""

    name: str
    parameters: dict
    resources: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)

    def of(self, kind):
        return {name: r for name, r in self.resources.items() if r["Type"] == kind}

    def properties(self, kind):
        return {name: r.get("Properties", {}) for name, r in self.of(kind).items()}


def read(path):
    with open(path, encoding="utf-8") as file:
        return yaml_parse(file.read())


def expand(template, name, **chosen):
    """Returns the stack of a template. Raises what the transform raises."""
    parameters = {key: given.get("Default") for key, given in template["Parameters"].items()}
    parameters |= chosen
    missing = [key for key, value in parameters.items() if value is None]
    assert not missing, f"parameters without a value: {missing}"
    source = copy.deepcopy(template)
    for resource in source["Resources"].values():
        properties = resource.get("Properties", {})
        # `sam deploy` uploads the zip and puts its place here.
        if resource["Type"] == "AWS::Serverless::Function" and "CodeUri" in properties:
            properties["CodeUri"] = "s3://packages/" + properties["CodeUri"].rsplit("/", 1)[-1]
    plain = transform(source, {key: str(value) for key, value in parameters.items()}, NoManagedPolicies())
    return Resolver(plain, name, parameters).stack()


class Resolver:
    def __init__(self, plain, name, parameters):
        self.plain, self.name, self.parameters = plain, name, parameters

    def stack(self):
        stack = Stack(self.name, self.parameters)
        for name, resource in self.plain["Resources"].items():
            if self.exists(resource):
                stack.resources[name] = self.value(resource)
        for name, output in self.plain.get("Outputs", {}).items():
            if self.exists(output):
                stack.outputs[name] = self.value(output)["Value"]
        return stack

    def exists(self, item):
        return "Condition" not in item or self.condition(item["Condition"])

    def condition(self, asked):
        if isinstance(asked, str):
            return self.condition(self.plain["Conditions"][asked])
        (kind, given), = asked.items()
        if kind == "Condition":
            return self.condition(given)
        if kind == "Fn::Equals":
            return str(self.value(given[0])) == str(self.value(given[1]))
        if kind == "Fn::Not":
            return not self.condition(given[0])
        if kind == "Fn::And":
            return all(self.condition(one) for one in given)
        if kind == "Fn::Or":
            return any(self.condition(one) for one in given)
        raise ValueError(f"condition {kind}")

    def value(self, given):
        if isinstance(given, list):
            values = [self.value(one) for one in given]
            return [one for one in values if one is not ABSENT]
        if not isinstance(given, dict):
            return given
        if len(given) == 1:
            (kind, inner), = given.items()
            if kind == "Ref":
                return self.ref(inner)
            if kind == "Fn::If":
                return self.value(inner[1] if self.condition(inner[0]) else inner[2])
            if kind == "Fn::GetAtt":
                return self.attribute(*(inner.split(".", 1) if isinstance(inner, str) else inner))
            if kind == "Fn::Sub":
                assert isinstance(inner, str), "Fn::Sub with a map"
                return re.sub(r"\$\{([^}!]+)\}", lambda found: str(self.named(found[1])), inner)
            if kind == "Fn::Join":
                return inner[0].join(str(one) for one in self.value(inner[1]))
            if kind.startswith("Fn::"):
                raise ValueError(f"intrinsic {kind}")
        values = {key: self.value(one) for key, one in given.items()}
        return {key: one for key, one in values.items() if one is not ABSENT}

    def named(self, name):
        return self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)

    def ref(self, name):
        if name == "AWS::NoValue":
            return ABSENT
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        kind, properties = self.resource(name)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{properties['QueueName']}"
        if kind == "AWS::SNS::Topic":
            return f"arn:{PARTITION}:sns:{REGION}:{ACCOUNT}:{name}"
        for own in ("BucketName", "FunctionName", "LogGroupName"):
            if own in properties:
                return properties[own]
        return name

    def attribute(self, name, attribute):
        kind, properties = self.resource(name)
        here = f"{REGION}:{ACCOUNT}"
        if kind == "AWS::SQS::Queue":
            queue = properties["QueueName"]
            return {"QueueName": queue, "Arn": f"arn:{PARTITION}:sqs:{here}:{queue}"}[attribute]
        if kind == "AWS::Lambda::Url":
            return f"https://{name.lower()}.lambda-url.{REGION}.on.aws/"
        assert attribute == "Arn", f"{name}.{attribute}"
        if kind == "AWS::S3::Bucket":
            return f"arn:{PARTITION}:s3:::{properties['BucketName']}"
        if kind == "AWS::Logs::LogGroup":
            return f"arn:{PARTITION}:logs:{here}:log-group:{properties['LogGroupName']}:*"
        if kind == "AWS::Lambda::Function":
            return f"arn:{PARTITION}:lambda:{here}:function:{properties['FunctionName']}"
        if kind == "AWS::IAM::Role":
            return f"arn:{PARTITION}:iam::{ACCOUNT}:role/{name}"
        if kind == "AWS::Events::Rule":
            return f"arn:{PARTITION}:events:{here}:rule/{name}"
        raise ValueError(f"{name}.{attribute} of {kind}")

    def resource(self, name):
        """Returns the kind of a resource and those of its properties that name it."""
        resource = self.plain["Resources"][name]
        assert self.exists(resource), f"{name} is named, but does not exist under these parameters"
        names = ("QueueName", "BucketName", "FunctionName", "LogGroupName")
        properties = resource.get("Properties", {})
        return resource["Type"], {key: self.value(properties[key]) for key in names if key in properties}
