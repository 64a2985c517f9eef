#!/usr/bin/env python3
"""Drives an SQS server with boto3: one line for each check, `N passed, M failed` at the end.

    boto3_sqs.py --endpoint http://127.0.0.1:PORT --access-key KEY --secret-key SECRET [--region REGION]

boto3 is the second reader of the embedded server's answers beside the Rust SDK; run against another server, the same
checks show where that one differs. Needs `pip install boto3`. Takes about 15 seconds: visibility and delays are real.
"""

import argparse
import json
import sys
import threading
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MISSING = "AWS.SimpleQueueService.NonExistentQueue"
checks = []


def check(function):
    """Adds a function to the checks, named by its first line."""
    checks.append(function)
    return function


def code_of(call, **arguments):
    """Gives the error code that a call ends with, or `fine`."""
    try:
        call(**arguments)
        return "fine"
    except ClientError as error:
        return error.response["Error"]["Code"]


def equal(seen, expected):
    assert seen == expected, f"{seen!r} is not {expected!r}"


class Bench:
    """A client, and queues of a run's own that are taken away at the end."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.sqs = self.client(arguments.secret_key)
        self.run = uuid.uuid4().hex[:8]
        self.urls = []

    def client(self, secret_key, access_key=None):
        return boto3.client(
            "sqs",
            endpoint_url=self.arguments.endpoint,
            region_name=self.arguments.region,
            aws_access_key_id=access_key or self.arguments.access_key,
            aws_secret_access_key=secret_key,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
        )

    def queue(self, **attributes):
        name = f"boto3-{self.run}-{len(self.urls)}"
        attributes = {key: str(value) for key, value in attributes.items()}
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.urls.append(url)
        return url

    def arn(self, url):
        return self.attribute(url, "QueueArn")

    def attribute(self, url, name):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]

    def receive(self, url, **arguments):
        arguments = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], **arguments}
        return self.sqs.receive_message(QueueUrl=url, **arguments).get("Messages", [])

    def close(self):
        for url in self.urls:
            code_of(self.sqs.delete_queue, QueueUrl=url)


@check
def a_queue_is_created_once_and_found(b):
    url = b.queue(VisibilityTimeout=60)
    name = url.rsplit("/", 1)[1]
    equal(b.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "60"})["QueueUrl"], url)
    equal(b.sqs.get_queue_url(QueueName=name)["QueueUrl"], url)
    assert url in b.sqs.list_queues(QueueNamePrefix=name)["QueueUrls"]
    try:
        b.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "61"})
        raise AssertionError("other attributes were taken")
    except b.sqs.exceptions.QueueNameExists:
        pass


@check
def a_missing_queue_is_the_modelled_exception(b):
    url = b.queue() + "-none"
    for call, arguments in [
        (b.sqs.get_queue_url, {"QueueName": "none-" + b.run}),
        (b.sqs.send_message, {"QueueUrl": url, "MessageBody": "x"}),
        (b.sqs.receive_message, {"QueueUrl": url}),
        (b.sqs.delete_message, {"QueueUrl": url, "ReceiptHandle": "x"}),
        (b.sqs.get_queue_attributes, {"QueueUrl": url, "AttributeNames": ["All"]}),
    ]:
        try:
            call(**arguments)
            raise AssertionError("no error")
        except b.sqs.exceptions.QueueDoesNotExist as error:
            equal(error.response["Error"]["Code"], MISSING)


@check
def attributes_have_bounds_and_defaults(b):
    url = b.queue()
    for name, value in [
        ("VisibilityTimeout", "30"),
        ("DelaySeconds", "0"),
        ("MessageRetentionPeriod", "345600"),
        ("MaximumMessageSize", "1048576"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
    ]:
        equal(b.attribute(url, name), value)
    for name, value in [("VisibilityTimeout", "43201"), ("DelaySeconds", "901"), ("MessageRetentionPeriod", "59")]:
        equal(code_of(b.sqs.set_queue_attributes, QueueUrl=url, Attributes={name: value}), "InvalidAttributeValue")
    equal(code_of(b.sqs.set_queue_attributes, QueueUrl=url, Attributes={"Colour": "red"}), "InvalidAttributeName")
    b.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "45"})
    equal(b.attribute(url, "VisibilityTimeout"), "45")


@check
def digests_and_attributes_come_back(b):
    url = b.queue()
    attributes = {
        "text": {"DataType": "String", "StringValue": "é ✓"},
        "number": {"DataType": "Number.float", "StringValue": "-1.5"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01\xff"},
    }
    body = 'a "body" with é, ✓,\ttabs and\nlines'
    sent = b.sqs.send_message(
        QueueUrl=url,
        MessageBody=body,
        MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}},
    )
    (got,) = b.receive(url, MessageAttributeNames=["All"])
    equal(got["Body"], body)
    equal(got["MD5OfBody"], sent["MD5OfMessageBody"])
    equal(got["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"])
    equal(got["MessageAttributes"], attributes)
    equal(got["MessageId"], sent["MessageId"])
    equal(got["Attributes"]["ApproximateReceiveCount"], "1")
    equal(got["Attributes"]["AWSTraceHeader"], "Root=1-2-3")
    assert abs(int(got["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60


@check
def batches_of_ten_and_their_bounds(b):
    url = b.queue()
    entry = lambda n: {"Id": str(n), "MessageBody": "x"}
    send = b.sqs.send_message_batch
    equal(len(send(QueueUrl=url, Entries=[entry(n) for n in range(10)])["Successful"]), 10)
    prefix = "AWS.SimpleQueueService."
    equal(code_of(send, QueueUrl=url, Entries=[]), prefix + "EmptyBatchRequest")
    eleven = [entry(n) for n in range(11)]
    equal(code_of(send, QueueUrl=url, Entries=eleven), prefix + "TooManyEntriesInBatchRequest")
    equal(code_of(send, QueueUrl=url, Entries=[entry(1), entry(1)]), prefix + "BatchEntryIdsNotDistinct")
    mixed = send(QueueUrl=url, Entries=[entry("good"), {"Id": "bad", "MessageBody": "\u0001"}])
    equal([one["Id"] for one in mixed["Successful"]], ["good"])
    equal([(one["Id"], one["SenderFault"]) for one in mixed["Failed"]], [("bad", True)])
    got = b.receive(url)
    equal(len(got), 10)
    entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(got[:9])]
    entries.append({"Id": "bad", "ReceiptHandle": "nonsense"})
    deleted = b.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    equal((len(deleted["Successful"]), deleted["Failed"][0]["Code"]), (9, "ReceiptHandleIsInvalid"))
    change = {"Id": "a", "ReceiptHandle": got[9]["ReceiptHandle"], "VisibilityTimeout": 0}
    equal(len(b.sqs.change_message_visibility_batch(QueueUrl=url, Entries=[change])["Successful"]), 1)
    equal(len(b.receive(url)), 2)


@check
def bodies_are_bounded_in_size_and_characters(b):
    url = b.queue()
    equal(code_of(b.sqs.send_message, QueueUrl=url, MessageBody="x" * 2**20), "fine")
    equal(code_of(b.sqs.send_message, QueueUrl=url, MessageBody="x" * (2**20 + 1)), "InvalidParameterValue")
    equal(code_of(b.sqs.send_message, QueueUrl=url, MessageBody="\u0001"), "InvalidMessageContents")
    equal(code_of(b.sqs.send_message, QueueUrl=url, MessageBody=""), "MissingParameter")


@check
def receives_are_bounded(b):
    url = b.queue()
    for arguments in [
        {"MaxNumberOfMessages": 0},
        {"MaxNumberOfMessages": 11},
        {"WaitTimeSeconds": 21},
        {"VisibilityTimeout": 43201},
    ]:
        equal(code_of(b.sqs.receive_message, QueueUrl=url, **arguments), "InvalidParameterValue")


@check
def a_stale_handle_deletes_and_extends_nothing(b):
    url = b.queue(VisibilityTimeout=1)
    b.sqs.send_message(QueueUrl=url, MessageBody="x")
    (old,) = b.receive(url)
    (new,) = b.receive(url, WaitTimeSeconds=5, VisibilityTimeout=30)
    equal(new["Attributes"]["ApproximateReceiveCount"], "2")
    stale = {"QueueUrl": url, "ReceiptHandle": old["ReceiptHandle"]}
    equal(code_of(b.sqs.delete_message, **stale), "fine")
    equal(code_of(b.sqs.change_message_visibility, VisibilityTimeout=0, **stale), "InvalidParameterValue")
    newest = {"QueueUrl": url, "ReceiptHandle": new["ReceiptHandle"]}
    equal(code_of(b.sqs.change_message_visibility, VisibilityTimeout=43201, **newest), "InvalidParameterValue")
    b.sqs.change_message_visibility(VisibilityTimeout=0, **newest)
    equal(len(b.receive(url)), 1)


@check
def the_newest_handle_deletes_twice_and_after_its_timeout(b):
    url = b.queue(VisibilityTimeout=0)
    b.sqs.send_message(QueueUrl=url, MessageBody="x")
    (got,) = b.receive(url)
    for _ in range(2):
        b.sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
        equal(b.attribute(url, "ApproximateNumberOfMessages"), "0")


@check
def a_long_poll_waits_and_is_woken(b):
    url = b.queue()
    begun = time.monotonic()
    equal(b.receive(url, WaitTimeSeconds=2), [])
    assert 2 <= time.monotonic() - begun < 10
    sender = threading.Timer(1, b.sqs.send_message, kwargs={"QueueUrl": url, "MessageBody": "x"})
    sender.start()
    begun = time.monotonic()
    equal(len(b.receive(url, WaitTimeSeconds=20)), 1)
    assert time.monotonic() - begun < 10
    sender.join()
    b.sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=1)
    begun = time.monotonic()
    equal([one["Body"] for one in b.receive(url, WaitTimeSeconds=20)], ["late"])
    assert 0.5 < time.monotonic() - begun < 10


@check
def a_poison_message_ends_in_the_dead_letter_queue(b):
    dead = b.queue()
    policy = json.dumps({"deadLetterTargetArn": b.arn(dead), "maxReceiveCount": 2})
    url = b.queue(VisibilityTimeout=0, RedrivePolicy=policy)
    equal(b.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [url])
    sent = b.sqs.send_message(QueueUrl=url, MessageBody="poison")["MessageId"]
    for _ in range(2):
        equal(len(b.receive(url)), 1)
    equal(b.receive(url), [])
    (got,) = b.receive(dead, VisibilityTimeout=0)
    equal(got["MessageId"], sent)
    equal(got["Attributes"]["DeadLetterQueueSourceArn"], b.arn(url))


@check
def purge_and_delete(b):
    url = b.queue()
    b.sqs.send_message(QueueUrl=url, MessageBody="x")
    b.sqs.purge_queue(QueueUrl=url)
    equal(b.receive(url), [])
    b.sqs.delete_queue(QueueUrl=url)
    equal(code_of(b.sqs.send_message, QueueUrl=url, MessageBody="x"), MISSING)


@check
def a_first_in_first_out_queue_is_refused(b):
    fifo = {"QueueName": f"boto3-{b.run}.fifo", "Attributes": {"FifoQueue": "true"}}
    equal(code_of(b.sqs.create_queue, **fifo), "InvalidParameterValue")


@check
def only_the_right_key_is_let_in(b):
    equal(code_of(b.client("wrong").list_queues), "SignatureDoesNotMatch")
    equal(code_of(b.client(b.arguments.secret_key, "OTHER").list_queues), "InvalidClientTokenId")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--access-key", required=True)
    parser.add_argument("--secret-key", required=True)
    parser.add_argument("--region", default="us-east-1")
    bench = Bench(parser.parse_args())
    failed = 0
    for function in checks:
        name = function.__name__.replace("_", " ")
        try:
            function(bench)
            print(f"ok    {name}")
        except Exception as error:  # A check that breaks is a failed check, and the next one still runs.
            failed += 1
            print(f"FAIL  {name}: {type(error).__name__}: {error}")
    bench.close()
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
