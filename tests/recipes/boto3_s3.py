"""Drives an S3 endpoint with boto3 and prints one line per check.

Usage: boto3_s3.py [--endpoint URL] [--access-key ID] [--secret-key SECRET] [--sqs-endpoint URL]

What is not given is read from AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SQS, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
Without an SQS endpoint the checks of events are left out, and said to be. Needs boto3 (tried with 1.44). Ends with
`N passed, M failed` and a non-zero exit when something failed.
"""

import argparse
import concurrent.futures
import datetime
import hashlib
import io
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

ROUNDS, RACERS = 40, 16
REGION = "us-east-1"
MIB = 1 << 20


def arguments():
    env = os.environ.get
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", default=env("AWS_ENDPOINT_URL_S3"))
    parser.add_argument("--sqs-endpoint", default=env("AWS_ENDPOINT_URL_SQS"))
    parser.add_argument("--access-key", default=env("AWS_ACCESS_KEY_ID"))
    parser.add_argument("--secret-key", default=env("AWS_SECRET_ACCESS_KEY"))
    args = parser.parse_args()
    if not (args.endpoint and args.access_key and args.secret_key):
        parser.error("endpoint, access key and secret key are needed")
    return args


ARGS = arguments()
BUCKET = f"recipe-{uuid.uuid4().hex[:12]}"


def client(service="s3", endpoint=None, access_key=None, secret_key=None):
    return boto3.client(
        service,
        endpoint_url=endpoint or ARGS.endpoint,
        aws_access_key_id=access_key or ARGS.access_key,
        aws_secret_access_key=secret_key or ARGS.secret_key,
        region_name=REGION,
        config=Config(
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            max_pool_connections=RACERS,
            connect_timeout=5,
            read_timeout=60,
        ),
    )


s3 = client()
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"found {found!r}, expected {expected!r}")


def refused(status, code, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        found = (error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"])
        equal(found, (status, code))
    else:
        raise AssertionError(f"answered, expected {status} {code}")


def put(key, body=b"x", **parameters):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **parameters)


def get(key, **parameters):
    return s3.get_object(Bucket=BUCKET, Key=key, **parameters)


def body_of(size):
    block = bytes(range(256)) * 64
    return (block * (size // len(block) + 1))[:size]


def clear():
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        keys = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if keys:
            s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys, "Quiet": True})


@check
def buckets():
    equal(BUCKET in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]], True)
    s3.head_bucket(Bucket=BUCKET)
    s3.create_bucket(Bucket=BUCKET)  # Again, which the first region of S3 answers with success.
    refused(404, "404", s3.head_bucket, Bucket="not-there-at-all")
    equal(s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"], None)
    equal(s3.get_bucket_versioning(Bucket=BUCKET).get("Status"), None)
    put("k")
    refused(409, "BucketNotEmpty", s3.delete_bucket, Bucket=BUCKET)


@check
def bodies_come_back():
    for size in (0, 1, 65536, 65537, 300_000, 3 * MIB):
        body = body_of(size)
        equal(put("body", body)["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
        answer = get("body")
        equal(answer["ContentLength"], size)
        equal(answer["Body"].read() == body, True)


@check
def large_objects_are_moved_in_parts():
    # The managed transfers of boto3 send, fetch and copy what is larger than 8 MiB in parts.
    body = body_of(20 * MIB)
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "large")
    s3.copy({"Bucket": BUCKET, "Key": "large"}, BUCKET, "copy of it")
    equal(get("copy of it")["ETag"].endswith('-3"'), True)
    back = io.BytesIO()
    s3.download_fileobj(BUCKET, "copy of it", back)
    equal(back.getvalue() == body, True)


@check
def headers_and_metadata_come_back():
    expires = datetime.datetime(2033, 5, 18, 3, 33, 20, tzinfo=datetime.timezone.utc)
    put(
        "meta",
        ContentType="text/csv",
        CacheControl="no-store",
        ContentDisposition="attachment",
        ContentEncoding="gzip",
        ContentLanguage="ca",
        Expires=expires,
        Metadata={"flits-spec": "abc"},
    )
    for answer in (get("meta"), s3.head_object(Bucket=BUCKET, Key="meta")):
        equal(answer["Metadata"], {"flits-spec": "abc"})
        equal(answer["ContentType"], "text/csv")
        equal(answer["CacheControl"], "no-store")
        equal(answer["ContentDisposition"], "attachment")
        equal(answer["ContentEncoding"], "gzip")
        equal(answer["ContentLanguage"], "ca")
        equal(answer["Expires"], expires)


@check
def any_legal_key():
    keys = ["a", "a/b", "a+b", "a b", "raw/ü/温度.csv", "p/../x", "../x", "dir/", "a//b", "k" * 1024, "a&b=c?d#e", "'\"<>"]
    for key in keys:
        put(key, key.encode())
    for key in keys:
        equal(get(key)["Body"].read(), key.encode())
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    equal(listed, sorted(keys, key=str.encode))
    refused(400, "KeyTooLongError", put, key="k" * 1025)


@check
def ranges():
    body = body_of(300_000)
    put("range", body)
    for text, start, end in (("0-0", 0, 1), ("10-99", 10, 100), ("299990-", 299_990, 300_000), ("-10", 299_990, 300_000)):
        answer = get("range", Range=f"bytes={text}")
        equal(answer["ResponseMetadata"]["HTTPStatusCode"], 206)
        equal(answer["ContentRange"], f"bytes {start}-{end - 1}/300000")
        equal(answer["Body"].read() == body[start:end], True)
    refused(416, "InvalidRange", get, key="range", Range="bytes=300000-")


@check
def conditions_of_writes():
    tag = put("cond", b"one", IfNoneMatch="*")["ETag"]
    refused(412, "PreconditionFailed", put, key="cond", IfNoneMatch="*")
    refused(412, "PreconditionFailed", put, key="cond", IfMatch='"5d41402abc4b2a76b9719d911017c592"')
    refused(404, "NoSuchKey", put, key="cond-none", IfMatch=tag)
    newer = put("cond", b"two", IfMatch=tag)["ETag"]
    refused(412, "PreconditionFailed", s3.delete_object, Bucket=BUCKET, Key="cond", IfMatch=tag)
    s3.delete_object(Bucket=BUCKET, Key="cond", IfMatch=newer)
    refused(404, "NoSuchKey", get, key="cond")


@check
def conditions_of_reads():
    tag = put("cond", b"one")["ETag"]
    modified = s3.head_object(Bucket=BUCKET, Key="cond")["LastModified"]
    earlier = modified - datetime.timedelta(seconds=1)
    for call in (get, lambda key, **parameters: s3.head_object(Bucket=BUCKET, Key=key, **parameters)):
        refused(304, "304", call, key="cond", IfNoneMatch=tag)
        refused(304, "304", call, key="cond", IfModifiedSince=modified)
        call(key="cond", IfMatch=tag, IfModifiedSince=earlier)
    refused(412, "PreconditionFailed", get, key="cond", IfMatch='"other"')
    refused(412, "PreconditionFailed", get, key="cond", IfUnmodifiedSince=earlier)


@check
def racing_creations_have_one_winner():
    def race(key, racer):
        try:
            put(key, bytes([racer]) * 300_000, IfNoneMatch="*")
            return racer
        except ClientError as error:
            equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 412)
            return None

    with concurrent.futures.ThreadPoolExecutor(RACERS) as pool:
        for number in range(ROUNDS):
            key = f"race/{number}"
            outcomes = list(pool.map(race, [key] * RACERS, range(RACERS)))
            winners = [racer for racer in outcomes if racer is not None]
            equal(len(winners), 1)
            equal(get(key)["Body"].read(1), bytes(winners))


@check
def listings_by_pages():
    keys = [f"page/{number:02}" for number in range(23)] + ["page/z/1", "page/z/2"]
    for key in keys:
        put(key)
    for size in (1, 7, 25):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix="page/", PaginationConfig={"PageSize": size}
        )
        equal([entry["Key"] for page in pages for entry in page.get("Contents", [])], keys)
        for name in ("list_objects", "list_objects_v2"):
            pages = list(
                s3.get_paginator(name).paginate(
                    Bucket=BUCKET, Prefix="page/", Delimiter="/", PaginationConfig={"PageSize": size}
                )
            )
            equal([entry["Key"] for page in pages for entry in page.get("Contents", [])], keys[:23])
            equal([entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])], ["page/z/"])
    after = s3.list_objects_v2(Bucket=BUCKET, Prefix="page/", StartAfter="page/21")
    equal([entry["Key"] for entry in after["Contents"]], keys[22:])


@check
def uploads_in_parts():
    body = body_of(11 * MIB)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "parts", Config=config, ExtraArgs={"Metadata": {"of": "parts"}})
    answer = get("parts")
    equal(answer["ETag"].endswith('-3"'), True)
    equal(answer["Metadata"], {"of": "parts"})
    equal(answer["Body"].read() == body, True)
    back = io.BytesIO()
    s3.download_fileobj(BUCKET, "parts", back, Config=config)
    equal(back.getvalue() == body, True)


@check
def conditions_and_faults_of_uploads_in_parts():
    tag = put("parts", b"there")["ETag"]
    upload = {"Bucket": BUCKET, "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(PartNumber=1, Body=b"last", **upload)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    equal([listed["Size"] for listed in s3.list_parts(**upload)["Parts"]], [4])
    complete = s3.complete_multipart_upload
    refused(412, "PreconditionFailed", complete, MultipartUpload=parts, IfNoneMatch="*", **upload)
    refused(412, "PreconditionFailed", complete, MultipartUpload=parts, IfMatch='"other"', **upload)
    wrong = {"Parts": [{"PartNumber": 2, "ETag": part["ETag"]}]}
    refused(400, "InvalidPart", complete, MultipartUpload=wrong, **upload)
    complete(MultipartUpload=parts, IfMatch=tag, **upload)
    equal(get("parts")["Body"].read(), b"last")
    upload["UploadId"] = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    s3.abort_multipart_upload(**upload)
    refused(404, "NoSuchUpload", s3.upload_part, PartNumber=1, Body=b"late", **upload)


@check
def copies_and_deletions():
    put("raw/a b+c", body_of(300_000), Metadata={"of": "source"})
    source = {"Bucket": BUCKET, "Key": "raw/a b+c"}
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source)
    s3.copy_object(Bucket=BUCKET, Key="other", CopySource=source, MetadataDirective="REPLACE", Metadata={"of": "copy"})
    equal(get("copy")["Metadata"], {"of": "source"})
    equal(get("other")["Metadata"], {"of": "copy"})
    doomed = ["raw/a b+c", "copy", "never"]
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in doomed]})
    equal(sorted(entry["Key"] for entry in answer["Deleted"]), sorted(doomed))
    equal(get("other")["Body"].read() == body_of(300_000), True)


@check
def digests_are_verified():
    refused(400, "BadDigest", put, key="digest", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    refused(400, "BadDigest", put, key="digest", ChecksumSHA256="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        put("digest", b"hello", ChecksumAlgorithm=algorithm)
        head = s3.head_object(Bucket=BUCKET, Key="digest", ChecksumMode="ENABLED")
        equal(f"Checksum{algorithm}" in head, True)


@check
def only_signed_requests():
    put("signed", b"x")
    wrong = client(secret_key="wrong")
    refused(403, "SignatureDoesNotMatch", wrong.get_object, Bucket=BUCKET, Key="signed")
    unknown = client(access_key="unknown")
    refused(403, "InvalidAccessKeyId", unknown.get_object, Bucket=BUCKET, Key="signed")
    equal(fetch(f"{ARGS.endpoint}/{BUCKET}/signed")[0], 403)


@check
def presigned_urls():
    target = {"Bucket": BUCKET, "Key": "presigned a+b"}
    url = s3.generate_presigned_url("put_object", Params=target)
    equal(fetch(url, method="PUT", data=b"hello")[0], 200)
    url = s3.generate_presigned_url("get_object", Params=target)
    equal(fetch(url), (200, b"hello"))
    equal(fetch(url.replace("presigned", "other"))[0], 403)


def fetch(url, method="GET", data=None):
    # A type of our own: some servers read the standard library's default as a form.
    request = urllib.request.Request(url, method=method, data=data, headers={"Content-Type": "text/plain"} if data else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def events():
    sqs = client("sqs", endpoint=ARGS.sqs_endpoint)
    url = sqs.create_queue(QueueName=BUCKET)["QueueUrl"]
    try:
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        rules = [{"Name": "prefix", "Value": "raw/"}, {"Name": "suffix", "Value": ".csv"}]
        subscribe(arn, rules)
        put("raw/a b+c.csv", b"hello")
        put("raw/skipped.txt")
        refused(412, "PreconditionFailed", put, key="raw/a b+c.csv", IfNoneMatch="*")
        s3.delete_object(Bucket=BUCKET, Key="raw/a b+c.csv")
        test, *told = received(sqs, url)
        equal(test["Event"], "s3:TestEvent")
        records = [record for event in told for record in event["Records"]]
        equal([record["eventName"] for record in records], ["ObjectCreated:Put", "ObjectRemoved:Delete"])
        keys = [urllib.parse.unquote_plus(record["s3"]["object"]["key"]) for record in records]
        equal(keys, ["raw/a b+c.csv"] * 2)
        equal(records[0]["s3"]["object"]["size"], 5)
        s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    finally:
        sqs.delete_queue(QueueUrl=url)


def subscribe(arn, rules):
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    queue = {"QueueArn": arn, "Events": events, "Filter": {"Key": {"FilterRules": rules}}}
    configuration = {"QueueConfigurations": [queue]}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)
    told = s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
    equal([(queue["QueueArn"], queue["Events"]) for queue in told], [(arn, events)])


def received(sqs, url):
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def main():
    if ARGS.sqs_endpoint:
        check(events)
    else:
        print("left out: events (no SQS endpoint)")
    failed = 0
    s3.create_bucket(Bucket=BUCKET)
    try:
        for function in CHECKS:
            name = function.__name__.replace("_", " ")
            try:
                function()
                print(f"ok: {name}")
            except Exception as error:  # Whatever it is, the other checks still say something.
                failed += 1
                print(f"FAILED: {name}: {type(error).__name__}: {error}")
            clear()
    finally:
        clear()
        s3.delete_bucket(Bucket=BUCKET)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
