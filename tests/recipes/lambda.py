"""Invokes functions behind Lambda's API.

Usage: lambda.py events PORT       invokes each function with the payloads of infra/aws/events, by `cargo lambda invoke`
       lambda.py walk PORT SERVER  does what Lambda's pollers do on the queues of SERVER, until they are empty
"""

import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

EVENTS = pathlib.Path("infra/aws/events")
# What each payload is for, and what must be in the answer.
EXPECTED = {
    "preprocess": ("preprocess", {"batchItemFailures": []}),
    "s3-test-event": ("preprocess", {"batchItemFailures": []}),
    "poison-in-ten": ("preprocess", {"batchItemFailures": []}),
    "sample": ("sample", {"batchItemFailures": []}),
    "train": ("train", {"batchItemFailures": []}),
    "eval": ("eval", {"batchItemFailures": []}),
    "infer": ("infer", {"batchItemFailures": []}),
    "sweep": ("sweep", {"failed": 0}),
    "sweep-deep": ("sweep", {"failed": 0, "skipped": 0}),
    "infer-http": ("infer", {"statusCode": 404}),
}
# The most messages of one event, as infra/aws/template.yaml has them.
BATCH = {"preprocess": 1, "sample": 10, "train": 1, "eval": 10, "infer": 10}
# A walk takes seconds.
LONGEST_S = 240


def invoke(api, function, payload):
    """Returns the answer of a function."""
    url = f"{api}/2015-03-31/functions/{function}/invocations"
    request = urllib.request.Request(url, json.dumps(payload).encode())
    try:
        return json.load(urllib.request.urlopen(request, timeout=120))
    except urllib.error.HTTPError as error:
        sys.exit(f"{function} answered {error.code}: {error.read().decode()}")


def events(port):
    unknown = {path.stem for path in EVENTS.glob("*.json")} ^ EXPECTED.keys()
    if unknown:
        sys.exit(f"payloads without an expected answer, or the other way round: {sorted(unknown)}")
    for name, (function, expected) in EXPECTED.items():
        command = f"cargo lambda invoke {function} --invoke-address 127.0.0.1 --invoke-port {port} --data-file {EVENTS}/{name}.json"
        answer = json.loads(subprocess.run(command.split(), check=True, stdout=subprocess.PIPE, timeout=300).stdout)
        if any(answer.get(field) != value for field, value in expected.items()):
            sys.exit(f"{name}.json: {function} answered {answer}, expected {expected}")
    print(f"{len(EXPECTED)} payloads answered as expected")


def walk(port, server):
    import boto3

    api = f"http://127.0.0.1:{port}"
    access = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    sqs = boto3.client("sqs", endpoint_url=server, **access)
    urls = {stage: sqs.get_queue_url(QueueName=f"flits-{stage}")["QueueUrl"] for stage in BATCH}
    began, invocations, messages, empty = time.monotonic(), 0, 0, 0
    while empty < 2:
        empty += 1
        for stage, most in BATCH.items():
            taken = sqs.receive_message(
                QueueUrl=urls[stage], MaxNumberOfMessages=most, AttributeNames=["All"]
            ).get("Messages", [])
            if not taken:
                continue
            if time.monotonic() - began > LONGEST_S:
                sys.exit(f"the queues are not empty after {LONGEST_S} s")
            empty, invocations, messages = 0, invocations + 1, messages + len(taken)
            answer = invoke(api, stage, {"Records": [record(stage, message) for message in taken]})
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            for message in taken:
                if message["MessageId"] not in failed:
                    sqs.delete_message(QueueUrl=urls[stage], ReceiptHandle=message["ReceiptHandle"])
    print(f"{messages} messages in {invocations} invocations")


def record(stage, message):
    """Returns a message as Lambda's poller writes it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:flits-{stage}",
        "awsRegion": "us-east-1",
    }


if __name__ == "__main__":
    {"events": events, "walk": walk}[sys.argv[1]](*sys.argv[2:])
