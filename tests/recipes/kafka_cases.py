"""Cases of `flits source kafka` against a real Kafka.

Usage: kafka_cases.py FLITS KAFKA_JARS MINIO FOLDER, with kafka-python, boto3 and moto beside this Python. Ends with
`kafka: RAN, …` or with the case that failed, the output of its processes, and a non-zero exit.
"""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

from kafka_servers import KEY, REGION, SECRET, Gate, Kafka, Process, free_port, minio, moto, until

BUCKET = "flits"
STAGES = ["preprocess", "sample", "train", "eval", "infer"]
# Short, so that a member that does not poll its group would be expelled while its queue is gone.
IMPATIENT = ["--property", "session.timeout.ms=6000", "--property", "max.poll.interval.ms=10000"]
CASES = []


def case(function):
    CASES.append(function)
    return function


class Lab:
    """Broker, store and queues, and the sources that run between them."""

    def __init__(self, flits, jars, minio_binary, folder):
        self.flits, self.folder = flits, folder
        self.kafka = Kafka(jars, folder).start()
        self.producer = KafkaProducer(bootstrap_servers=self.kafka.address, acks="all")
        self.topics, self.sources = 0, []
        self.announced = self.topic("announced", 1)
        self.moto, port = moto(folder)
        self.gate = Gate(port)
        self.minio, self.store_port = None, port
        if minio_binary.exists():
            self.minio, self.store_port = minio(minio_binary, self.kafka.address, self.announced, folder)
        self.s3 = self.client("s3", self.store_port)
        self.sqs = self.client("sqs", port)
        if self.minio:
            setup = [self.flits, "setup", "--notify", "arn:minio:sqs::flits:kafka"]
            environment = {**os.environ, **self.environment(port)}
            done = subprocess.run(setup, capture_output=True, text=True, timeout=60, env=environment)
            assert done.returncode == 0, done.stdout + done.stderr
        else:
            # `flits setup` would have moto announce uploads to the queue.
            self.s3.create_bucket(Bucket=BUCKET)
            for stage in STAGES:
                self.sqs.create_queue(QueueName=f"flits-{stage}")
        self.queue = self.sqs.get_queue_url(QueueName="flits-preprocess")["QueueUrl"]

    def client(self, service, port):
        config = Config(s3={"addressing_style": "path"})
        return boto3.client(
            service, endpoint_url=f"http://127.0.0.1:{port}", region_name=REGION, config=config,
            aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        )

    def environment(self, queue_port):
        both = {"REGION": REGION, "ACCESS_KEY": KEY, "SECRET_KEY": SECRET}
        return {
            **{f"FLITS__{section}__{name}": value for section in ("STORE", "QUEUE") for name, value in both.items()},
            "FLITS__STORE__ENDPOINT": f"http://127.0.0.1:{self.store_port}", "FLITS__STORE__BUCKET": BUCKET,
            "FLITS__QUEUE__ENDPOINT": f"http://127.0.0.1:{queue_port}",
            "FLITS__HOST__SCRATCH": str(self.folder), "FLITS__HOST__POLL": "1s",
        }

    def admin(self):
        """A new one each time: an old one does not find a broker that was restarted."""
        return KafkaAdminClient(bootstrap_servers=self.kafka.address)

    def topic(self, name, partitions):
        self.topics += 1
        name = f"{name}-{self.topics}"
        self.admin().create_topics([NewTopic(name, partitions, 1)])
        return name

    def source(self, topic, *more):
        """Starts a member of the topic's group, which has the topic's name."""
        name = f"source-{len(self.sources)}"
        command = [self.flits, "source", "kafka", "--brokers", self.kafka.address, "--topic", topic, "--group", topic]
        source = Process(name, [*command, *more], self.folder, self.environment(self.gate.port)).start()
        self.sources.append(source)
        return source

    def joined(self, source):
        until(40, f"{source.name} has partitions", lambda: "partitions are assigned" in source.text())
        return source

    def refusal(self, brokers, topic, *more, **environment):
        """Runs a source that must not start, and returns what it says."""
        command = [self.flits, "source", "kafka", "--brokers", brokers, "--topic", topic, "--group", topic, *more]
        variables = {**os.environ, **self.environment(self.gate.port), **environment}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=variables)
        assert done.returncode == 1, (done.returncode, done.stderr)
        return done.stderr

    def produce(self, topic, values):
        for value in values:
            key = value if isinstance(value, bytes) else value.encode()
            self.producer.send(topic, key=key, value=key)
        self.producer.flush()

    def committed(self, topic):
        """Returns how many records the group of a topic has committed, over all partitions."""
        offsets = self.admin().list_group_offsets(topic)[topic]
        return sum(max(meta.offset, 0) for at, meta in offsets.items() if at.topic == topic)

    def messages(self):
        """Takes all messages of `preprocess` and returns how often each key is named."""
        keys = collections.Counter()
        while True:
            received = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            if not received.get("Messages"):
                return keys
            for message in received["Messages"]:
                for record in json.loads(message["Body"])["Records"]:
                    keys[record["s3"]["object"]["key"]] += 1
            handles = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(received["Messages"])
            ]
            self.sqs.delete_message_batch(QueueUrl=self.queue, Entries=handles)

    def arrive(self, expected, seconds=60):
        """Waits until each expected key was handed over, and returns how often each was."""
        seen = collections.Counter()

        def all_of_them():
            seen.update(self.messages())
            return set(expected) <= set(seen)

        until(seconds, f"{len(expected)} notifications on the queue", all_of_them)
        assert set(seen) == set(expected), f"also there: {sorted(set(seen) - set(expected))}"
        return seen

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def dead(self):
        """Returns the reasons of what was put aside, and forgets it."""
        reasons = []
        for key in self.keys("dead/"):
            reasons.append(json.loads(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["reason"])
            self.s3.delete_object(Bucket=BUCKET, Key=key)
        return sorted(reasons)

    def end(self):
        for one in [*self.sources, self.minio, self.moto, self.kafka.process]:
            if one and one.runs():
                one.end(signal.SIGKILL)


def notification(key, bucket=BUCKET):
    name = {"bucket": {"name": bucket}, "object": {"key": key}}
    return json.dumps({"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": name}]})


def names(count, word):
    """Keys without objects: the front door finds nothing to do for them."""
    return [f"raw/{word}/{number}.csv" for number in range(count)]


@case
def what_is_wrong_is_named_at_once(lab):
    topic, nobody = lab.topic("refused", 1), f"127.0.0.1:{free_port()}"
    secret = lab.folder / "wrong.properties"
    secret.write_text("sasl.password=hunter2\nno such.property=hunter2\n")
    for said, expected in [
        (lab.refusal(nobody, topic), [f"no broker of `{nobody}` answered", "refused"]),
        (lab.refusal(lab.kafka.address, "no-such-topic"), [f"topic `no-such-topic` does not exist at `{lab.kafka.address}`"]),
        (lab.refusal(lab.kafka.address, topic, FLITS__STORE__BUCKET="no-such-bucket"), ["bucket `no-such-bucket` cannot be used"]),
        (lab.refusal(lab.kafka.address, topic, "--properties", str(secret)), ["property `no such.property`"]),
        (
            lab.refusal(lab.kafka.address, topic, "--property", "security.protocol=sasl_plaintext", "--property",
                        "sasl.mechanism=PLAIN", "--property", "sasl.username=ann", "--property", "sasl.password=hunter2"),
            [f"no broker of `{lab.kafka.address}` answered"],
        ),
    ]:
        assert all(part in said for part in expected) and "hunter2" not in said, (expected, said)


@case
def a_lost_record_would_be_noticed(lab):
    """The check of all other cases must be able to fail: here nobody hands a record over."""
    lab.produce(lab.topic("nobody", 1), [notification(key) for key in names(1, "lost")])
    try:
        lab.arrive(names(1, "lost"), seconds=2)
    except AssertionError:
        return
    raise AssertionError("a record that nobody took was found")


@case
def poison_is_put_aside_and_stops_nothing(lab):
    topic = lab.topic("poison", 1)
    good = names(25, "beside-poison")
    values = [notification(key) for key in good]
    values[7:7] = ["not json", notification("raw/a/b.csv", "other"), b"\xff\xfe"]
    lab.produce(topic, values)
    source = lab.source(topic)
    assert set(lab.arrive(good).values()) == {1}
    until(20, "all committed", lambda: lab.committed(topic) == 28)
    place = f"of partition 0 of topic `{topic}`"
    reasons = lab.dead()
    assert [reason.split(": ")[0] for reason in reasons] == [f"record {number} {place}" for number in (7, 8, 9)], reasons
    assert "not JSON" in reasons[0] and "bucket `other`" in reasons[1] and "UTF-8" in reasons[2], reasons
    assert source.end() == 0


@case
def two_members_share_and_one_takes_over(lab):
    topic = lab.topic("shared", 4)
    first = lab.joined(lab.source(topic))
    second = lab.joined(lab.source(topic))
    until(30, "both have some", lambda: first.text().count("partitions are assigned") == 2)
    keys = names(400, "shared")
    lab.produce(topic, [notification(key) for key in keys])
    lab.arrive(keys)
    for one in (first, second):
        until(10, f"{one.name} took its part", lambda one=one: "records are handed over" in one.text())
    until(20, "all committed", lambda: lab.committed(topic) == 400)
    assert second.end() == 0
    more = names(40, "taken-over")
    lab.produce(topic, [notification(key) for key in more])
    # Well below the session's time-out: it has left the group.
    seen = lab.arrive(more, seconds=20)
    assert set(seen.values()) == {1}, "nothing is handed over again where offsets were committed before"
    assert first.end() == 0


@case
def a_kill_between_hand_over_and_commit_only_doubles(lab):
    topic = lab.topic("killed", 1)
    source = lab.joined(lab.source(topic, *IMPATIENT))
    first, keys = names(1, "first"), names(1, "killed")
    # So that it knows its queue, and its next request is the one that sends.
    lab.produce(topic, [notification(first[0])])
    lab.arrive(first)
    until(20, "the first one committed", lambda: lab.committed(topic) == 1)
    lab.gate.keeps = True
    lab.produce(topic, [notification(key) for key in keys])
    seen = lab.arrive(keys)
    source.end(signal.SIGKILL)
    lab.gate.keeps = False
    assert lab.committed(topic) == 1
    source = lab.source(topic, *IMPATIENT)
    seen += lab.arrive(keys)
    assert all(count >= 2 for count in seen.values()), seen
    until(20, "all committed", lambda: lab.committed(topic) == 2)
    assert source.end() == 0


@case
def a_broker_that_stops_and_starts_is_found_again(lab):
    topic = lab.topic("restarted", 2)
    source = lab.joined(lab.source(topic))
    before = names(10, "before")
    lab.produce(topic, [notification(key) for key in before])
    lab.arrive(before)
    assert lab.kafka.process.end() in (0, 143)
    key = "raw/while-kafka-is-down/a.csv"
    lab.s3.put_object(Bucket=BUCKET, Key=key, Body=b"a,b\n")
    time.sleep(3)
    assert source.runs(), source.text()
    lab.kafka.start()
    after = names(10, "after")
    lab.produce(topic, [notification(key) for key in after])
    lab.arrive(after, seconds=90)
    until(30, "all committed", lambda: lab.committed(topic) == 20)
    assert source.end() == 0
    if lab.minio:
        source = lab.source(lab.announced)
        lab.arrive(["raw%2Fwhile-kafka-is-down%2Fa.csv"])
        assert source.end() == 0


@case
def a_queue_that_is_gone_is_waited_for_within_the_group(lab):
    topic = lab.topic("queueless", 2)
    source = lab.joined(lab.source(topic, *IMPATIENT))
    lab.gate.close()
    keys = names(300, "queueless")
    lab.produce(topic, [notification(key) for key in keys])
    until(20, "it waits", lambda: "records wait to be handed over" in source.text())
    # Longer than `max.poll.interval.ms`: a member that did not poll would be expelled.
    time.sleep(20)
    assert source.runs() and lab.committed(topic) == 0 and not lab.messages()
    assert source.text().count("partitions are assigned") == 1 and "given up" not in source.text(), source.text()
    lab.gate.open()
    assert set(lab.arrive(keys).values()) == {1}, "pausing reads nothing twice"
    until(20, "all committed", lambda: lab.committed(topic) == 300)
    assert source.end() == 0


@case
def a_stop_while_the_queue_is_gone_commits_nothing(lab):
    topic = lab.topic("stopped", 1)
    source = lab.joined(lab.source(topic))
    lab.gate.close()
    keys = names(3, "stopped")
    lab.produce(topic, [notification(key) for key in keys])
    until(20, "it waits", lambda: "records wait to be handed over" in source.text())
    assert source.end(signal.SIGINT) == 0
    assert lab.committed(topic) == 0
    lab.gate.open()
    source = lab.source(topic)
    lab.arrive(keys)
    until(20, "all committed", lambda: lab.committed(topic) == 3)
    assert source.end() == 0


@case
def a_stop_while_the_broker_is_gone_ends(lab):
    topic = lab.topic("alone", 1)
    source = lab.joined(lab.source(topic))
    lab.kafka.process.end()
    began = time.monotonic()
    assert source.end() == 0
    assert time.monotonic() - began < 20
    lab.kafka.start()


@case
def an_upload_becomes_a_forecast(lab):
    """The last case: what its pump was about to receive when it ended stays hidden for a while."""
    source = lab.joined(lab.source(lab.announced))
    committed = lab.committed(lab.announced)
    body = pathlib.Path("examples/retail_sales.csv").read_bytes()
    key = "raw/retail_sales/retail_sales.csv"
    lab.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    if not lab.minio:
        lab.produce(lab.announced, [notification(key)])
    pump = Process("pump", [lab.flits, "pump"], lab.folder, lab.environment(lab.gate.behind)).start()
    lab.sources.append(pump)
    until(120, "a forecast", lambda: any(name.endswith("latest.json") for name in lab.keys("forecasts/retail_sales/")))
    # The same notification three times more, as after a crash: nothing is made again.
    before = lab.keys("champion/retail_sales/")
    ledgers = len(lab.keys("jobs/"))
    lab.produce(lab.announced, [notification(key)] * 3)
    until(30, "four records committed", lambda: lab.committed(lab.announced) == committed + 4)
    queue = {"QueueUrl": lab.queue, "AttributeNames": ["All"]}
    def empty():
        attributes = lab.sqs.get_queue_attributes(**queue)["Attributes"]
        return all(attributes[f"ApproximateNumberOfMessages{kind}"] == "0" for kind in ("", "NotVisible"))
    until(30, "an empty queue", empty)
    assert (lab.keys("champion/retail_sales/"), len(lab.keys("jobs/"))) == (before, ledgers)
    assert pump.end() == 0 and source.end() == 0


def main():
    flits, jars, minio_binary, folder = map(pathlib.Path, sys.argv[1:])
    only = os.environ.get("ONLY", "")
    lab = Lab(flits, jars, minio_binary, folder)
    ran = []
    try:
        for function in CASES:
            if only not in function.__name__:
                continue
            began = time.monotonic()
            function(lab)
            lab.messages()
            ran.append(function.__name__)
            print(f"ok   {function.__name__.replace('_', ' ')} ({time.monotonic() - began:.1f} s)", flush=True)
    except (AssertionError, ClientError, KafkaError, subprocess.SubprocessError):
        traceback.print_exc()
        for one in [*lab.sources[-2:], lab.kafka.process]:
            print(f"== {one.name}\n{one.text()[-4000:]}", file=sys.stderr)
        sys.exit(f"kafka: FAILED in {function.__name__}")
    finally:
        lab.end()
    store = "MinIO, which announced its uploads" if lab.minio else "moto, whose uploads were announced by a producer"
    print(f"kafka: RAN, {len(ran)} cases against Kafka 4.4.0; the bucket was {store}")


main()
