"""Faults that are planted into the template one by one. The named check must find each, with these words."""

import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable
from unittest import mock

import rights
import structure


@dataclass(frozen=True)
class Fault:
    what: str
    check: str
    says: str
    plant: Callable[[dict], object]


def of(template, resource):
    return template["Resources"][resource]["Properties"]


def jobs(template, function):
    return of(template, function)["Events"]["Jobs"]["Properties"]


def statement(template, role, sid):
    policy, = of(template, role)["Policies"]
    return next(s for s in policy["PolicyDocument"]["Statement"] if s["Sid"] == sid)


def objects(prefix):
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::${{BucketName}}/{prefix}"}


def drop(table, *keys):
    for key in keys:
        del table[key]


def rename(table, old, new):
    table[new] = table.pop(old)


def rule(template, name):
    return next(r for r in of(template, "Bucket")["LifecycleConfiguration"]["Rules"] if r["Id"] == name)


def drop_statement(template, policy, sid):
    document = of(template, policy)["PolicyDocument"]
    kept = [s for s in document["Statement"] if s["Sid"] != sid]
    assert len(kept) < len(document["Statement"])
    document["Statement"] = kept


def drop_role_statement(template, role, sid):
    policy, = of(template, role)["Policies"]
    policy["PolicyDocument"]["Statement"].remove(statement(template, role, sid))


def move(template, resource, key, value):
    """Sets a property and returns nothing."""
    of(template, resource)[key] = value


@contextmanager
def events(damage):
    """Shows the check of the events a copy of them with a damage."""
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(shutil.copytree(structure.EVENTS, Path(folder) / "events"))
        damage(copied)
        with mock.patch.object(structure, "EVENTS", copied):
            yield


@contextmanager
def page(old, new):
    """Shows the check of the page a copy of it with other words."""
    text = structure.PAGE.read_text(encoding="utf-8")
    assert old in text, old
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "aws.md"
        copied.write_text(text.replace(old, new), encoding="utf-8")
        with mock.patch.object(structure, "PAGE", copied):
            yield


def edit(file, change):
    event = json.loads(file.read_text(encoding="utf-8"))
    change(event)
    file.write_text(json.dumps(event), encoding="utf-8")


FAULTS = [
    # What cfn-lint and the transform find.
    Fault("a misspelt property of an event source", "lint", "BatchSise", lambda t: rename(jobs(t, "EvalFunction"), "BatchSize", "BatchSise")),
    Fault("a misspelt property of a queue", "lint", "VisibilityTimout", lambda t: rename(of(t, "EvalQueue"), "VisibilityTimeout", "VisibilityTimout")),
    Fault("a function with a time-out of 1000 s", "lint", "E3034", lambda t: move(t, "TrainZip", "Timeout", 1000)),
    Fault("a reference to nothing", "lint", "NoSuchQueue", lambda t: move(t, "BucketPolicy", "Bucket", {"Ref": "NoSuchQueue"})),
    Fault(
        "the queue's policy waits for the bucket, which waits for the policy", "lint", "E3004",
        lambda t: of(t, "PreprocessQueuePolicy")["PolicyDocument"]["Statement"][0]["Condition"].update(
            {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Bucket", "Arn"]}}}
        ),
    ),
    Fault("a function without code", "expand", "CodeUri", lambda t: drop(of(t, "SampleFunction"), "CodeUri")),
    # Queues.
    Fault("visibility below the time-out", "visibility", "flits-train hides", lambda t: move(t, "TrainQueue", "VisibilityTimeout", 900)),
    Fault("visibility of less than six time-outs", "visibility", "flits-infer hides", lambda t: move(t, "InferFunction", "Timeout", 121)),
    Fault("a queue without dead letters", "dead_letters", "flits-eval has no", lambda t: drop(of(t, "EvalQueue"), "RedrivePolicy")),
    Fault(
        "the dead letters of another queue", "dead_letters", "flits-eval has no",
        lambda t: of(t, "EvalQueue")["RedrivePolicy"].update(deadLetterTargetArn={"Fn::GetAtt": ["InferDeadLetters", "Arn"]}),
    ),
    Fault(
        "healthy jobs are set aside", "dead_letters", "after 5 deliveries",
        lambda t: of(t, "PreprocessQueue")["RedrivePolicy"].update(maxReceiveCount=5),
    ),
    Fault(
        "dead letters that live no longer than messages", "dead_letters", "dead letters of sample",
        lambda t: move(t, "SampleDeadLetters", "MessageRetentionPeriod", 345600),
    ),
    Fault("a bad record that fails its batch", "batches", "bad record of eval", lambda t: drop(jobs(t, "EvalFunction"), "FunctionResponseTypes")),
    Fault(
        "the same in the image of train", "batches", "bad record of train",
        lambda t: drop(of(t, "TrainImageJobs"), "FunctionResponseTypes"),
    ),
    Fault("ten fits in one invocation", "batches", "train takes 10", lambda t: jobs(t, "TrainZip").update(BatchSize=10)),
    Fault("a stage without a bound", "batches", "bounds how many infer", lambda t: drop(jobs(t, "InferFunction"), "ScalingConfig")),
    Fault(
        "a function on the queue of another", "batches", "flits-infer",
        lambda t: jobs(t, "InferFunction").update(Queue={"Fn::GetAtt": ["EvalQueue", "Arn"]}),
    ),
    Fault("a queue in the clear", "encryption", "flits-train-dlq", lambda t: move(t, "TrainDeadLetters", "SqsManagedSseEnabled", False)),
    Fault("a bucket in the clear", "encryption", "the bucket", lambda t: drop(of(t, "Bucket"), "BucketEncryption")),
    # Who reaches what.
    Fault("no public access block", "public_access", "BlockPublicPolicy", lambda t: drop(of(t, "Bucket"), "PublicAccessBlockConfiguration")),
    Fault(
        "one flag of the public access block off", "public_access", "RestrictPublicBuckets",
        lambda t: of(t, "Bucket")["PublicAccessBlockConfiguration"].update(RestrictPublicBuckets=False),
    ),
    Fault(
        "a queue for everybody", "public_access", "allows *",
        lambda t: of(t, "PreprocessQueuePolicy")["PolicyDocument"]["Statement"][0].update(Principal="*"),
    ),
    Fault("the bucket without TLS", "tls", "the bucket can", lambda t: drop_statement(t, "BucketPolicy", "OnlyOverTls")),
    Fault(
        "objects without TLS", "tls", "objects can",
        lambda t: of(t, "BucketPolicy")["PolicyDocument"]["Statement"][0]["Resource"].pop(),
    ),
    Fault("a queue without TLS", "tls", "flits-preprocess can", lambda t: drop_statement(t, "PreprocessQueuePolicy", "OnlyOverTls")),
    Fault("dead letters without TLS", "tls", "flits-infer-dlq can", lambda t: drop(t["Resources"], "InferDeadLettersPolicy")),
    Fault(
        "buckets of other accounts notify the queue", "notification", "a bucket of another account can",
        lambda t: drop(of(t, "PreprocessQueuePolicy")["PolicyDocument"]["Statement"][0]["Condition"], "StringEquals"),
    ),
    Fault(
        "every object wakes preprocess, also its own", "notification", "uploads are notified",
        lambda t: drop(of(t, "Bucket")["NotificationConfiguration"]["QueueConfigurations"][0], "Filter"),
    ),
    # Rights.
    Fault(
        "a role that reads the whole bucket", "rights", "sample may read raw/",
        lambda t: statement(t, "SampleRole", "Read").update(Resource=objects("*")),
    ),
    Fault("the same, as a wildcard", "roles", "/*`", lambda t: statement(t, "SampleRole", "Read").update(Resource=objects("*"))),
    Fault(
        "sample writes champions", "rights", "sample may write champion/",
        lambda t: statement(t, "SampleRole", "Write")["Resource"].append(objects("champion/*")),
    ),
    Fault(
        "requests write forecasts", "rights", "infer-http may write forecasts/",
        lambda t: statement(t, "InferHttpRole", "Read").update(Action=["s3:GetObject", "s3:PutObject"]),
    ),
    Fault(
        "a right is missing: eval cannot read why a scoring failed", "rights", "eval may not read failed/",
        lambda t: statement(t, "EvalRole", "Read")["Resource"].remove(objects("failed/*")),
    ),
    Fault(
        "a right is missing: train cannot save a checkpoint", "rights", "train may not write checkpoints/",
        lambda t: statement(t, "TrainRole", "Write")["Resource"].remove(objects("checkpoints/*")),
    ),
    Fault(
        "missing keys are answered by 403", "rights", "infer may not see that a key",
        lambda t: drop_role_statement(t, "InferRole", "SeeWhatIsMissing"),
    ),
    Fault(
        "missing keys of one prefix are answered by 403", "rights", "preprocess may not see that a key of jobs/",
        lambda t: statement(t, "PreprocessRole", "SeeWhatIsMissing")["Condition"]["StringLikeIfExists"]["s3:prefix"].remove("jobs/*"),
    ),
    Fault(
        "missing keys are answered by 403 where S3 names no prefix", "rights", "where S3 names no prefix",
        lambda t: rename(statement(t, "TrainRole", "SeeWhatIsMissing")["Condition"], "StringLikeIfExists", "StringLike"),
    ),
    Fault(
        "a role that lists the whole bucket", "rights", "eval may list raw/",
        lambda t: drop(statement(t, "EvalRole", "SeeWhatIsMissing"), "Condition"),
    ),
    Fault(
        "a role that deletes", "rights", "s3:DeleteObject",
        lambda t: statement(t, "SweepRole", "Write").update(Action=["s3:PutObject", "s3:DeleteObject"]),
    ),
    Fault(
        "another queue in a role", "rights", "sample may send to infer",
        lambda t: statement(t, "SampleRole", "Send").update(Resource=[{"Fn::GetAtt": ["InferQueue", "Arn"]}]),
    ),
    Fault(
        "a queue is missing in a role: a failed scoring never joins its round", "rights", "eval may not send to eval",
        lambda t: statement(t, "EvalRole", "Send")["Resource"].remove({"Fn::GetAtt": ["EvalQueue", "Arn"]}),
    ),
    Fault(
        "a role that receives for another stage", "rights", "infer may receive from eval",
        lambda t: statement(t, "InferRole", "Receive").update(
            Resource=[{"Fn::GetAtt": ["InferQueue", "Arn"]}, {"Fn::GetAtt": ["EvalQueue", "Arn"]}]
        ),
    ),
    Fault(
        "a stage that cannot hide its message", "rights", "sqs:ChangeMessageVisibility",
        lambda t: statement(t, "EvalRole", "Receive")["Action"].remove("sqs:ChangeMessageVisibility"),
    ),
    Fault("a role with all actions of SQS", "roles", "`sqs:*`", lambda t: statement(t, "EvalRole", "Receive").update(Action="sqs:*")),
    Fault(
        "two functions with one role", "roles", "share a role",
        lambda t: move(t, "InferFunction", "Role", {"Fn::GetAtt": ["EvalRole", "Arn"]}),
    ),
    Fault(
        "a managed policy", "roles", "managed policies",
        lambda t: move(t, "SweepRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]),
    ),
    Fault(
        "a role that others take", "roles", "taken by others",
        lambda t: of(t, "SweepRole")["AssumeRolePolicyDocument"]["Statement"][0].update(Principal={"AWS": "*"}),
    ),
    # State.
    Fault("a bucket that goes with the stack", "kept", "Bucket goes", lambda t: drop(t["Resources"]["Bucket"], "DeletionPolicy")),
    Fault("old versions for ever", "lifecycle", "old versions", lambda t: drop(rule(t, "old-versions"), "NoncurrentVersionExpiration")),
    Fault("checkpoints for ever", "lifecycle", "instead of", lambda t: rule(t, "checkpoints").update(Status="Disabled", Prefix="other/")),
    Fault("cuts that a champion needs are deleted", "lifecycle", "samples/ is deleted", lambda t: rule(t, "doctor").update(Prefix="samples/")),
    Fault("receipts are deleted, so uploads begin again", "lifecycle", "uploads/ is deleted", lambda t: rule(t, "doctor").update(Prefix="uploads/")),
    Fault("clean parts are deleted unasked", "lifecycle", "clean/ is deleted", lambda t: rule(t, "clean").update(ExpirationInDays=30)),
    Fault(
        "clean parts move to another class after they are deleted", "lifecycle", "before clean/ is deleted",
        lambda t: rule(t, "clean").update(Transitions=[{"StorageClass": "STANDARD_IA", "TransitionInDays": 90}]),
    ),
    Fault("unfinished uploads for ever", "lifecycle", "unfinished", lambda t: drop(rule(t, "unfinished-uploads"), "AbortIncompleteMultipartUpload")),
    # What is noticed.
    Fault("logs for ever", "logs", "logs of train", lambda t: drop(of(t, "TrainLogs"), "RetentionInDays")),
    Fault("a group that Lambda makes, without a retention", "logs", "eval logs to None", lambda t: drop(of(t, "EvalFunction"), "LoggingConfig")),
    Fault("dead letters that nobody notices", "alarms", "dead letters of infer", lambda t: drop(t["Resources"], "InferDeadLettersAlarm")),
    Fault(
        "an alarm on the wrong queue", "alarms", "that eval falls behind",
        lambda t: move(t, "EvalAgeAlarm", "Dimensions", [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["InferQueue", "QueueName"]}}]),
    ),
    Fault("errors that nobody notices", "alarms", "errors of train", lambda t: drop(t["Resources"], "TrainErrorsAlarm")),
    Fault("a sweep that nobody misses", "alarms", "ignores that", lambda t: move(t, "SweepMissingAlarm", "TreatMissingData", "notBreaching")),
    Fault("an alarm that tells nobody", "alarms", "ThrottlesAlarm tells nobody", lambda t: drop(of(t, "ThrottlesAlarm"), "AlarmActions")),
    # How functions run.
    Fault("the guard against loops stops training", "loops", "train is Terminate", lambda t: drop(of(t, "TrainZip"), "RecursiveLoop")),
    Fault("the same in the image", "loops", "train is Terminate", lambda t: drop(of(t, "TrainImage"), "RecursiveLoop")),
    Fault("no guard against loops where none is meant", "loops", "RecursiveLoop of infer", lambda t: move(t, "InferFunction", "RecursiveLoop", "Allow")),
    Fault("no sweep", "schedule", "every five minutes", lambda t: drop(of(t, "SweepFunction")["Events"], "Usual")),
    Fault(
        "a deep sweep with a typo", "schedule", "once a day",
        lambda t: of(t, "SweepFunction")["Events"]["Deep"]["Properties"].update(Input='{"sweep":"dep"}'),
    ),
    Fault("a URL for everybody", "url", "NONE", lambda t: of(t, "InferHttpFunction")["FunctionUrlConfig"].update(AuthType="NONE")),
    Fault(
        "a caller with one right of two", "url", "lacks lambda:InvokeFunction",
        lambda t: of(t, "InferHttpCaller")["PolicyDocument"]["Statement"].pop(),
    ),
    Fault("another runtime", "settings", "sample runs", lambda t: move(t, "SampleFunction", "Runtime", "provided.al2")),
    Fault("the zip of another function", "settings", "eval is packed", lambda t: move(t, "EvalFunction", "CodeUri", "../../target/lambda/infer.zip")),
    Fault(
        "a queue's URL is missing", "settings", "FLITS__QUEUE__URLS__EVAL",
        lambda t: drop(t["Globals"]["Function"]["Environment"]["Variables"], "FLITS__QUEUE__URLS__EVAL"),
    ),
    Fault(
        "a variable of the image is missing", "settings", "train has FLITS__STORE__BUCKET=None",
        lambda t: drop(of(t, "TrainImage")["Environment"]["Variables"], "FLITS__STORE__BUCKET"),
    ),
    Fault(
        "a child with all the memory", "settings", "memory of its parent",
        lambda t: drop(of(t, "PreprocessFunction"), "Environment"),
    ),
    Fault("an output is missing", "outputs", "outputs are", lambda t: drop(t["Outputs"], "TrainQueueUrl")),
]

# Faults beside the template.
BESIDE = [
    Fault(
        "the code no longer does what a row says", "table", "no longer has `keys::gone(",
        lambda: mock.patch.dict(rights.READS["infer"], {"clean": "functions/infer/src/lib.rs: keys::gone(task)"}),
    ),
    Fault(
        "code that no row names", "table", "no row says that sample may touch rounds/",
        lambda: mock.patch.multiple(
            rights,
            READS=rights.READS | {"sample": {k: v for k, v in rights.READS["sample"].items() if k != "rounds"}},
            WRITES=rights.WRITES | {"sample": {k: v for k, v in rights.WRITES["sample"].items() if k != "rounds"}},
        ),
    ),
    Fault("an event that is missing", "events", "there are events", lambda: events(lambda folder: (folder / "sweep.json").unlink())),
    Fault(
        "a message of an older format", "events", "train.json is not",
        lambda: events(lambda folder: edit(folder / "train.json", lambda e: e["Records"][0].update(body='{"version": 1}'))),
    ),
    Fault(
        "a deep sweep that is none", "events", "sweep-deep.json is not",
        lambda: events(lambda folder: edit(folder / "sweep-deep.json", lambda e: e.update(sweep="dep"))),
    ),
    Fault(
        "two records with one id", "events", "without ids of their own",
        lambda: events(lambda folder: edit(folder / "poison-in-ten.json", lambda e: e["Records"][1].update(messageId=e["Records"][0]["messageId"]))),
    ),
    Fault("a right that the page does not know", "page", "no row of rights ('`sample`'", lambda: page("`rounds/` `samples/` `work/` |", "`samples/` |")),
    Fault("a parameter that the page does not know", "page", "parameters are", lambda: page("| `CleanDays` |", "| `Days` |")),
    Fault("an alarm that the page does not know", "page", "alarms are", lambda: page("| `ThrottlesAlarm` |", "| throttles |")),
]
