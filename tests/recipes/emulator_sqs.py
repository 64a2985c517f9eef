"""Cases of our own for the embedded SQS, about what the well-known SQS suites ask of a server and a client of flits meets.

Usage: emulator_sqs.py, with AWS_ENDPOINT_URL_SQS, AWS_DEFAULT_REGION and the keys in the environment. Takes some seconds:
visibility and delays are real. Ends with `N passed, M failed` and a non-zero exit when something failed.
"""

import json
import sys
import threading
import time

from botocore.exceptions import ClientError

from emulator_cases import client, equal, name_of_a_run, run

sqs = client("sqs")
RUN = name_of_a_run()
URLS = []
CASES = []
PREFIX = "AWS.SimpleQueueService."


def case(function):
    CASES.append(function)
    return function


def queue(**attributes):
    attributes = {name: str(value) for name, value in attributes.items()}
    URLS.append(sqs.create_queue(QueueName=f"{RUN}-{len(URLS)}", Attributes=attributes)["QueueUrl"])
    return URLS[-1]


def send(url, body="x", **parameters):
    return sqs.send_message(QueueUrl=url, MessageBody=body, **parameters)


def receive(url, **parameters):
    parameters = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], **parameters}
    return sqs.receive_message(QueueUrl=url, **parameters).get("Messages", [])


def delete(url, message):
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def hide(url, message, seconds):
    handle = message["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds)


def attribute(url, name):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]


def counts(url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return [int(found[name]) for name in names]


def refused(code, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code)
        return
    raise AssertionError(f"answered, expected {code}")


# Queues.


@case
def a_list_without_queues_has_no_such_field():
    url = queue()
    none = sqs.list_queues(QueueNamePrefix=f"{RUN}-none")
    equal("QueueUrls" in none, False)
    equal(sqs.list_queues(QueueNamePrefix=url.rsplit("/", 1)[1])["QueueUrls"], [url])
    equal(sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"], [])


@case
def queues_are_listed_by_pages():
    made = sorted(queue() for _ in range(3))
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=RUN, PaginationConfig={"PageSize": 2})
    found = [url for page in pages for url in page.get("QueueUrls", [])]
    equal([url for url in found if url in made], made)
    equal(len(found), len(set(found)))


@case
def a_queue_is_made_again_with_the_same_attributes_only():
    url = queue(VisibilityTimeout=45)
    name = url.rsplit("/", 1)[1]
    for attributes in ({}, {"VisibilityTimeout": "45"}):
        equal(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], url)
    refused("QueueAlreadyExists", sqs.create_queue, QueueName=name, Attributes={"VisibilityTimeout": "46"})


@case
def names_are_checked():
    for name in ("a b", "a.b", "x" * 81, "queue.fifo"):
        refused("InvalidParameterValue", sqs.create_queue, QueueName=name)


@case
def attributes_are_asked_for_by_name():
    url = queue(DelaySeconds=7)
    equal(sqs.get_queue_attributes(QueueUrl=url).get("Attributes", {}), {})
    equal(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"], {"DelaySeconds": "7"})
    everything = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    equal((everything["DelaySeconds"], everything["QueueArn"].endswith(url.rsplit("/", 1)[1])), ("7", True))
    refused("InvalidAttributeName", sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Colour"])


@case
def attributes_that_would_need_another_server_are_refused():
    url = queue()
    deny = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}
    for name, value in [
        ("KmsMasterKeyId", "alias/aws/sqs"),
        ("SqsManagedSseEnabled", "true"),
        ("Policy", json.dumps(deny)),
        ("RedriveAllowPolicy", json.dumps({"redrivePermission": "denyAll"})),
    ]:
        refused("InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=url, Attributes={name: value})
    refused("InvalidAttributeName", sqs.set_queue_attributes, QueueUrl=url, Attributes={"Colour": "red"})
    refused("InvalidParameterValue", sqs.create_queue, QueueName=f"{RUN}-tags", tags={"a": "b"})


@case
def operations_that_are_not_offered_say_so():
    url = queue()
    refused(f"{PREFIX}UnsupportedOperation", sqs.tag_queue, QueueUrl=url, Tags={"a": "b"})
    arn = attribute(url, "QueueArn")
    refused(f"{PREFIX}UnsupportedOperation", sqs.start_message_move_task, SourceArn=arn)
    permission = {"Label": "a", "AWSAccountIds": ["111111111111"], "Actions": ["*"]}
    refused(f"{PREFIX}UnsupportedOperation", sqs.add_permission, QueueUrl=url, **permission)


@case
def a_queue_of_another_owner_is_not_there():
    name = queue().rsplit("/", 1)[1]
    other = {"QueueName": name, "QueueOwnerAWSAccountId": "111111111111"}
    refused(f"{PREFIX}NonExistentQueue", sqs.get_queue_url, **other)


@case
def a_queue_that_is_made_again_is_empty_and_its_old_handles_are_void():
    url = queue()
    send(url)
    (old,) = receive(url)
    sqs.delete_queue(QueueUrl=url)
    equal(sqs.create_queue(QueueName=url.rsplit("/", 1)[1])["QueueUrl"], url)
    equal(counts(url), [0, 0, 0])
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle=old["ReceiptHandle"])


# Messages.


@case
def a_group_makes_a_standard_queue_fair_and_no_more():
    url = queue()
    send(url, MessageGroupId="tenant-1")
    (got,) = receive(url)
    equal(got["Attributes"]["MessageGroupId"], "tenant-1")
    refused("InvalidParameterValue", send, url=url, MessageGroupId="x" * 129)
    refused("InvalidParameterValue", send, url=url, MessageDeduplicationId="d")


@case
def message_attributes_are_given_to_whoever_asks():
    url = queue(VisibilityTimeout=0)
    names = {name: {"DataType": "String", "StringValue": name} for name in ("a.one", "a.two", "b")}
    send(url, MessageAttributes=names)
    for asked, found in [
        (["*"], ["a.one", "a.two", "b"]),
        (["All"], ["a.one", "a.two", "b"]),
        ([".*"], ["a.one", "a.two", "b"]),
        (["a.*"], ["a.one", "a.two"]),
        (["b", "none"], ["b"]),
        ([], []),
    ]:
        (got,) = receive(url, MessageAttributeNames=asked)
        equal((asked, sorted(got.get("MessageAttributes", {}))), (asked, found))
        equal("MD5OfMessageAttributes" in got, bool(found))


@case
def message_attributes_are_checked():
    url = queue()
    for name, value in [
        ("a", {"DataType": "Text", "StringValue": "x"}),
        ("a", {"DataType": "Number", "StringValue": "many"}),
        ("a", {"DataType": "String", "StringValue": ""}),
        ("aws.a", {"DataType": "String", "StringValue": "x"}),
        ("a..b", {"DataType": "String", "StringValue": "x"}),
    ]:
        refused("InvalidParameterValue", send, url=url, MessageAttributes={name: value})
    refused("InvalidAttributeName", receive, url=url, MessageSystemAttributeNames=["Colour"])


@case
def bodies_keep_every_character_that_is_allowed():
    url = queue()
    body = "tab\tline\nreturn\r <&>\"' é 漢 𝄞 \ufffd"
    send(url, body)
    equal([message["Body"] for message in receive(url)], [body])
    for bad in ("\u0000", "\u0001", "\ufffe", "\uffff"):
        refused("InvalidMessageContents", send, url=url, body=f"a{bad}b")


@case
def a_batch_tells_what_failed_and_only_that():
    url = queue()
    good = {"Id": "good", "MessageBody": "x"}
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[good])
    equal(("Failed" in answer, [entry["Id"] for entry in answer["Successful"]]), (False, ["good"]))
    bad = {"Id": "bad", "MessageBody": "\u0001"}
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[bad])
    equal(("Successful" in answer, answer["Failed"][0]["Code"]), (False, "InvalidMessageContents"))
    (got,) = receive(url)
    entries = [{"Id": "a", "ReceiptHandle": got["ReceiptHandle"]}]
    equal("Failed" in sqs.delete_message_batch(QueueUrl=url, Entries=entries), False)


@case
def batches_are_bounded():
    url = queue()
    half = "x" * 600_000
    for code, entries in [
        ("EmptyBatchRequest", []),
        ("TooManyEntriesInBatchRequest", [{"Id": str(number), "MessageBody": "x"} for number in range(11)]),
        ("BatchEntryIdsNotDistinct", [{"Id": "a", "MessageBody": "x"}] * 2),
        ("InvalidBatchEntryId", [{"Id": "a b", "MessageBody": "x"}]),
        ("BatchRequestTooLong", [{"Id": id, "MessageBody": half} for id in "ab"]),
    ]:
        refused(PREFIX + code, sqs.send_message_batch, QueueUrl=url, Entries=entries)
    equal(counts(url), [0, 0, 0])


# Deliveries.


@case
def a_superseded_handle_is_answered_and_deletes_nothing():
    url = queue(VisibilityTimeout=0)
    send(url)
    (old,) = receive(url)
    (new,) = receive(url, VisibilityTimeout=60)
    delete(url, old)
    equal(counts(url), [0, 1, 0])
    entries = [{"Id": "a", "ReceiptHandle": old["ReceiptHandle"]}]
    equal("Failed" in sqs.delete_message_batch(QueueUrl=url, Entries=entries), False)
    equal(counts(url), [0, 1, 0])
    refused("InvalidParameterValue", hide, url=url, message=old, seconds=0)
    delete(url, new)
    equal(counts(url), [0, 0, 0])


@case
def a_late_extension_is_taken():
    url = queue(VisibilityTimeout=1)
    send(url)
    (got,) = receive(url)
    until(lambda: counts(url) == [1, 0, 0])
    hide(url, got, 60)
    equal((counts(url), receive(url)), ([0, 1, 0], []))
    delete(url, got)
    equal(counts(url), [0, 0, 0])


def until(holds):
    for _ in range(100):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it never came true")


@case
def a_deleted_message_cannot_be_hidden_but_deleted_again():
    url = queue()
    send(url)
    (got,) = receive(url)
    delete(url, got)
    delete(url, got)
    refused("InvalidParameterValue", hide, url=url, message=got, seconds=10)


@case
def a_delivery_is_given_back_at_once():
    url = queue(VisibilityTimeout=60)
    send(url)
    for count in ("1", "2", "3"):
        (got,) = receive(url)
        equal(got["Attributes"]["ApproximateReceiveCount"], count)
        hide(url, got, 0)
    refused("InvalidParameterValue", hide, url=url, message=got, seconds=43_201)


@case
def handles_of_other_queues_are_refused():
    url, other = queue(), queue()
    send(url)
    (got,) = receive(url)
    for where, handle in [(other, got["ReceiptHandle"]), (url, "nonsense"), (url, got["ReceiptHandle"][1:])]:
        refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=where, ReceiptHandle=handle)
    equal(counts(url), [0, 1, 0])


@case
def a_delay_of_the_message_goes_before_that_of_the_queue():
    url = queue(DelaySeconds=60)
    send(url, "now", DelaySeconds=0)
    send(url, "later")
    equal([message["Body"] for message in receive(url)], ["now"])
    equal(counts(url), [0, 1, 1])


@case
def receivers_at_once_get_each_message_once():
    url = queue()
    for number in range(0, 100, 10):
        entries = [{"Id": str(n), "MessageBody": str(n)} for n in range(number, number + 10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    bodies = []

    def take():
        while got := receive(url):
            bodies.extend(message["Body"] for message in got)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(sorted(bodies, key=int), [str(number) for number in range(100)])


@case
def a_long_poll_is_woken_by_a_message_and_by_a_timeout():
    url = queue(VisibilityTimeout=1)
    sender = threading.Timer(0.5, send, args=(url,))
    sender.start()
    begun = time.monotonic()
    equal(len(receive(url, WaitTimeSeconds=20)), 1)
    sender.join()
    # Nobody deletes it, so it comes back when its second is over.
    equal(len(receive(url, WaitTimeSeconds=20)), 1)
    assert time.monotonic() - begun < 10


@case
def a_poison_message_moves_with_its_name_and_where_it_came_from():
    dead = queue()
    policy = {"deadLetterTargetArn": attribute(dead, "QueueArn"), "maxReceiveCount": 2}
    url = queue(VisibilityTimeout=0, RedrivePolicy=json.dumps(policy))
    sent = send(url, "poison", MessageAttributes={"a": {"DataType": "String", "StringValue": "1"}})
    for _ in range(2):
        equal(len(receive(url)), 1)
    equal((receive(url), counts(url)), ([], [0, 0, 0]))
    (got,) = receive(dead, MessageAttributeNames=["All"])
    equal((got["MessageId"], got["Body"], list(got["MessageAttributes"])), (sent["MessageId"], "poison", ["a"]))
    equal(got["Attributes"]["DeadLetterQueueSourceArn"], attribute(url, "QueueArn"))
    equal(sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [url])


@case
def a_dead_letter_queue_must_be_another_one_that_exists():
    url = queue()
    arn = attribute(url, "QueueArn")
    for target, count, code in [
        (arn, 2, "InvalidParameterValue"),
        (f"{arn}-none", 2, "InvalidParameterValue"),
        (arn, 0, "InvalidAttributeValue"),
        (arn, 1001, "InvalidAttributeValue"),
    ]:
        policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": count})
        refused(code, sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": policy})


def main():
    try:
        return 1 if run(CASES) else 0
    finally:
        for url in URLS:
            try:
                sqs.delete_queue(QueueUrl=url)
            except ClientError:
                pass


if __name__ == "__main__":
    sys.exit(main())
