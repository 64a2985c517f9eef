"""Cases of our own for the embedded S3, about what the well-known S3 suites ask of a server and a client of flits meets.

Usage: emulator_s3.py, with AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION and the keys in the environment. Ends with
`N passed, M failed` and a non-zero exit when something failed.
"""

import base64
import hashlib
import sys
import threading
import urllib.error
import urllib.request
import zlib

from emulator_cases import MIB, REGION, client, equal, name_of_a_run, refused, run, with_headers

s3 = client("s3")
BUCKET = name_of_a_run()
OTHER = f"{BUCKET}-other"
CASES = []
PART = 5 * MIB
KEY = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
KEY_MD5 = base64.b64encode(hashlib.md5(base64.b64decode(KEY)).digest()).decode()


def case(function):
    CASES.append(function)
    return function


def put(key="k", body=b"x", **parameters):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **parameters)


def get(key="k", **parameters):
    return s3.get_object(Bucket=BUCKET, Key=key, **parameters)


def bytes_of(key="k"):
    return get(key)["Body"].read()


def keys(**parameters):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET, **parameters).get("Contents", [])]


def empty(bucket):
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        objects = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if objects:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def begin(key="k", **parameters):
    upload = {"Bucket": BUCKET, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **parameters)["UploadId"]
    return upload


def send_parts(upload, bodies, **parameters):
    parts = []
    for number, body in enumerate(bodies, 1):
        tag = s3.upload_part(PartNumber=number, Body=body, **upload, **parameters)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    return {"Parts": parts}


# Buckets.


@case
def a_bucket_is_created_again_by_its_owner():
    put()
    s3.create_bucket(Bucket=BUCKET)
    equal(bytes_of(), b"x")


@case
def names_of_buckets_are_checked():
    # The SDK checks them as well, so this goes around it; a good name is refused for want of a signature.
    for name, status in [("ab", 400), ("AAAAA", 400), ("a..b", 400), ("192.168.1.1", 400), ("-a-b", 400), ("abc", 403)]:
        equal((name, status_of(f"{s3.meta.endpoint_url}/{name}", method="PUT")), (name, status))


@case
def a_bucket_that_is_not_there_is_missing_to_every_operation():
    nowhere = {"Bucket": f"{BUCKET}-none"}
    for call, more in [
        (s3.list_objects_v2, {}),
        (s3.list_objects, {}),
        (s3.list_multipart_uploads, {}),
        (s3.get_bucket_location, {}),
        (s3.delete_bucket, {}),
        (s3.put_object, {"Key": "k", "Body": b""}),
        (s3.create_multipart_upload, {"Key": "k"}),
        (s3.delete_objects, {"Delete": {"Objects": [{"Key": "k"}]}}),
    ]:
        refused(404, "NoSuchBucket", call, **nowhere, **more)


@case
def a_bucket_with_objects_stays_and_one_with_open_uploads_goes():
    s3.create_bucket(Bucket=OTHER)
    s3.put_object(Bucket=OTHER, Key="k", Body=b"x")
    refused(409, "BucketNotEmpty", s3.delete_bucket, Bucket=OTHER)
    s3.delete_object(Bucket=OTHER, Key="k")
    s3.create_multipart_upload(Bucket=OTHER, Key="k")
    s3.delete_bucket(Bucket=OTHER)
    refused(404, None, s3.head_bucket, Bucket=OTHER)


@case
def buckets_are_listed_by_pages_and_prefix():
    names = [f"{BUCKET}-p{number}" for number in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    try:
        pages = s3.get_paginator("list_buckets").paginate(Prefix=f"{BUCKET}-p", PaginationConfig={"PageSize": 2})
        equal([bucket["Name"] for page in pages for bucket in page["Buckets"]], names)
    finally:
        for name in names:
            s3.delete_bucket(Bucket=name)


# Regions and signatures.


@case
def another_region_is_told_the_right_one():
    wrong = "eu-west-1" if REGION != "eu-west-1" else "us-west-2"
    elsewhere = client("s3", region=wrong)
    # Without a bucket the SDK does not sign again by itself, which the next case looks at.
    answer = refused(400, "AuthorizationHeaderMalformed", elsewhere.list_buckets)
    equal(answer["Error"]["Region"], REGION)


@case
def an_sdk_of_another_region_finds_its_bucket():
    put("found", b"here")
    elsewhere = client("s3", region="eu-central-1")
    equal(elsewhere.get_object(Bucket=BUCKET, Key="found")["Body"].read(), b"here")
    elsewhere.put_object(Bucket=BUCKET, Key="sent", Body=b"there")
    equal(bytes_of("sent"), b"there")
    equal(elsewhere.head_object(Bucket=BUCKET, Key="found")["ContentLength"], 4)


@case
def presigned_addresses_keep_what_they_ask_for():
    target = {"Bucket": BUCKET, "Key": "pre", "ResponseContentType": "text/csv"}
    put("pre", b"hello")
    url = s3.generate_presigned_url("get_object", Params=target)
    with urllib.request.urlopen(url, timeout=30) as answer:
        equal((answer.read(), answer.headers["Content-Type"]), (b"hello", "text/csv"))
    late = s3.generate_presigned_url("get_object", Params=target, ExpiresIn=-10)
    equal(status_of(late), 403)
    asked = s3.generate_presigned_url("get_object", Params={**target, "ExpectedBucketOwner": "111111111111"})
    equal(status_of(asked, {"x-amz-expected-bucket-owner": "111111111111"}), 403)


def status_of(url, headers=None, data=None, method="GET"):
    request = urllib.request.Request(url, headers=headers or {}, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@case
def who_does_not_sign_gets_nothing():
    put()
    for method, path in [("GET", ""), ("GET", f"/{BUCKET}"), ("GET", f"/{BUCKET}/k"), ("DELETE", f"/{BUCKET}/k")]:
        equal(status_of(s3.meta.endpoint_url + path, method=method), 403)
    equal(bytes_of(), b"x")


# Objects, ranges and conditions.


@case
def an_object_is_replaced_whole_headers_included():
    put(body=b"one", ContentType="text/csv", Metadata={"a": "1"})
    put(body=b"two")
    answer = get()
    equal((answer["Body"].read(), answer["Metadata"], answer["ContentType"]), (b"two", {}, "binary/octet-stream"))


@case
def metadata_of_other_scripts_comes_back():
    put(Metadata={"plain": "value with spaces", "empty": ""})
    equal(get()["Metadata"], {"plain": "value with spaces", "empty": ""})


@case
def ranges_of_all_forms():
    body = bytes(range(100))
    put(body=body)
    for text, part in [("0-0", body[:1]), ("5-9", body[5:10]), ("90-", body[90:]), ("-7", body[-7:]), ("90-500", body[90:])]:
        answer = get(Range=f"bytes={text}")
        equal((answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()), (206, part))
    for text in ("bytes=0-1,3-4", "bytes=9-5", "bytes=x-y", "rows=0-5"):
        answer = get(Range=text)
        equal((answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()), (200, body))
    for text in ("bytes=100-", "bytes=200-300"):
        refused(416, "InvalidRange", get, Range=text)
    put("nothing", b"")
    refused(416, "InvalidRange", get, key="nothing", Range="bytes=0-5")


@case
def answers_can_be_given_other_headers():
    put()
    asked = {"ResponseContentType": "text/plain", "ResponseCacheControl": "no-cache", "ResponseContentDisposition": "x"}
    for answer in (get(**asked), s3.head_object(Bucket=BUCKET, Key="k", **asked)):
        found = (answer["ContentType"], answer["CacheControl"], answer["ContentDisposition"])
        equal(found, ("text/plain", "no-cache", "x"))


@case
def conditions_hold_for_reads_writes_and_deletes():
    tag = put(body=b"one")["ETag"]
    refused(304, None, get, IfNoneMatch=tag)
    refused(412, "PreconditionFailed", get, IfMatch='"other"')
    refused(412, "PreconditionFailed", put, IfNoneMatch="*")
    refused(412, "PreconditionFailed", put, IfMatch='"other"')
    refused(404, "NoSuchKey", put, key="none", IfMatch=tag)
    refused(412, "PreconditionFailed", s3.delete_object, Bucket=BUCKET, Key="k", IfMatch='"other"')
    equal(bytes_of(), b"one")
    put(body=b"two", IfMatch=tag)
    equal(bytes_of(), b"two")


@case
def of_many_creations_at_once_one_wins():
    outcomes, start = [], threading.Barrier(12)

    def create(number):
        start.wait()
        try:
            put("race", str(number).encode(), IfNoneMatch="*")
            outcomes.append(number)
        except Exception as error:
            assert "PreconditionFailed" in str(error), error

    threads = [threading.Thread(target=create, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(len(outcomes), 1)
    equal(bytes_of("race"), str(outcomes[0]).encode())


@case
def deletions_are_answered_also_for_what_is_not_there():
    s3.delete_object(Bucket=BUCKET, Key="never")
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    equal(sorted(entry["Key"] for entry in answer["Deleted"]), ["a", "b"])
    many = {"Objects": [{"Key": f"k{number}"} for number in range(1001)]}
    refused(400, "MalformedXML", s3.delete_objects, Bucket=BUCKET, Delete=many)
    quiet = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a"}], "Quiet": True})
    equal(quiet.get("Deleted", []), [])


@case
def a_copy_keeps_or_replaces_what_it_is_told():
    put("source", b"body", ContentType="text/csv", Metadata={"a": "1"})
    source = {"Bucket": BUCKET, "Key": "source"}
    s3.copy_object(Bucket=BUCKET, Key="kept", CopySource=source)
    equal((get("kept")["Metadata"], get("kept")["ContentType"]), ({"a": "1"}, "text/csv"))
    replaced = {"MetadataDirective": "REPLACE", "Metadata": {"b": "2"}}
    s3.copy_object(Bucket=BUCKET, Key="replaced", CopySource=source, **replaced)
    equal(get("replaced")["Metadata"], {"b": "2"})
    refused(400, "InvalidRequest", s3.copy_object, Bucket=BUCKET, Key="source", CopySource=source)
    missing = {"Bucket": BUCKET, "Key": "never"}
    refused(404, "NoSuchKey", s3.copy_object, Bucket=BUCKET, Key="x", CopySource=missing)
    refused(412, "PreconditionFailed", s3.copy_object, Bucket=BUCKET, Key="x", CopySource=source, CopySourceIfMatch='"o"')


# Listings.


@case
def listings_fold_at_a_delimiter():
    for key in ("a/1", "a/2", "b", "c/d/1", "c/2", "é"):
        put(f"list/{key}")
    answer = s3.list_objects_v2(Bucket=BUCKET, Prefix="list/", Delimiter="/")
    equal([entry["Key"] for entry in answer["Contents"]], ["list/b", "list/é"])
    equal([entry["Prefix"] for entry in answer["CommonPrefixes"]], ["list/a/", "list/c/"])
    equal(keys(Prefix="list/", StartAfter="list/b"), ["list/c/2", "list/c/d/1", "list/é"])
    equal(s3.list_objects_v2(Bucket=BUCKET, Prefix="none")["KeyCount"], 0)


@case
def pages_of_one_give_each_entry_once():
    names = [f"page/{number}" for number in range(5)] + ["page/x/1", "page/x/2"]
    for name in names:
        put(name)
    for listing in ("list_objects", "list_objects_v2"):
        one = {"PageSize": 1}
        pages = list(s3.get_paginator(listing).paginate(Bucket=BUCKET, Prefix="page/", PaginationConfig=one))
        equal([entry["Key"] for page in pages for entry in page.get("Contents", [])], names)
        folded = {"Bucket": BUCKET, "Prefix": "page/", "Delimiter": "/", "PaginationConfig": one}
        pages = list(s3.get_paginator(listing).paginate(**folded))
        equal([entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])], ["page/x/"])


@case
def owners_are_listed_where_they_are_asked_for():
    put("owned")
    equal("Owner" in s3.list_objects_v2(Bucket=BUCKET, FetchOwner=True)["Contents"][0], True)
    equal("Owner" in s3.list_objects_v2(Bucket=BUCKET)["Contents"][0], False)


@case
def open_uploads_are_listed_by_pages():
    uploads = [begin(key)["UploadId"] for key in ("u/a", "u/a", "u/b c", "u/d")]
    pages = s3.get_paginator("list_multipart_uploads")
    pages = pages.paginate(Bucket=BUCKET, Prefix="u/", PaginationConfig={"PageSize": 1})
    found = [(entry["Key"], entry["UploadId"]) for page in pages for entry in page.get("Uploads", [])]
    equal(found, list(zip(("u/a", "u/a", "u/b c", "u/d"), uploads)))


# Uploads in parts.


@case
def parts_are_checked_when_they_are_put_together():
    upload = begin()
    parts = send_parts(upload, [b"small", b"last"])
    complete = s3.complete_multipart_upload
    refused(400, "EntityTooSmall", complete, MultipartUpload=parts, **upload)
    first, last = parts["Parts"]
    refused(400, "InvalidPartOrder", complete, MultipartUpload={"Parts": [last, first]}, **upload)
    refused(400, "InvalidPart", complete, MultipartUpload={"Parts": [{**first, "ETag": '"0"'}]}, **upload)
    refused(400, "InvalidPart", complete, MultipartUpload={"Parts": [{**first, "PartNumber": 9}]}, **upload)
    refused(400, "InvalidRequest", complete, MultipartUpload={"Parts": [first]}, MpuObjectSize=6, **upload)
    complete(MultipartUpload={"Parts": [first]}, MpuObjectSize=5, **upload)
    equal(bytes_of(), b"small")


@case
def a_part_that_is_sent_again_counts_the_last_time():
    upload = begin()
    s3.upload_part(PartNumber=1, Body=b"wrong", **upload)
    s3.complete_multipart_upload(MultipartUpload=send_parts(upload, [b"right"]), **upload)
    equal(bytes_of(), b"right")


@case
def a_completion_is_repeated_with_the_same_answer():
    upload = begin()
    parts = send_parts(upload, [b"a" * PART, b"b"])
    first = s3.complete_multipart_upload(MultipartUpload=parts, **upload)
    again = s3.complete_multipart_upload(MultipartUpload=parts, **upload)
    equal(again["ETag"], first["ETag"])
    put(body=b"newer")
    refused(404, "NoSuchUpload", s3.complete_multipart_upload, MultipartUpload=parts, **upload)
    equal(bytes_of(), b"newer")


@case
def an_aborted_upload_is_gone():
    upload = begin()
    parts = send_parts(upload, [b"x"])
    s3.abort_multipart_upload(**upload)
    refused(404, "NoSuchUpload", s3.complete_multipart_upload, MultipartUpload=parts, **upload)
    refused(404, "NoSuchUpload", s3.abort_multipart_upload, **upload)
    refused(404, "NoSuchUpload", s3.list_parts, **upload)


@case
def a_part_is_copied_with_its_range():
    put("source", bytes(range(256)))
    upload = begin()
    source = {"CopySource": {"Bucket": BUCKET, "Key": "source"}, "PartNumber": 1}
    copied = s3.upload_part_copy(CopySourceRange="bytes=10-19", **source, **upload)["CopyPartResult"]
    refused(416, "InvalidRange", s3.upload_part_copy, CopySourceRange="bytes=200-300", **source, **upload)
    refused(400, "InvalidArgument", s3.upload_part_copy, CopySourceRange="10-19", **source, **upload)
    parts = {"Parts": [{"PartNumber": 1, "ETag": copied["ETag"]}]}
    s3.complete_multipart_upload(MultipartUpload=parts, **upload)
    equal(bytes_of(), bytes(range(10, 20)))


@case
def the_parts_of_an_object_are_read_one_by_one():
    upload = begin()
    s3.complete_multipart_upload(MultipartUpload=send_parts(upload, [b"a" * PART, b"b" * 7]), **upload)
    second = get(PartNumber=2)
    equal((second["Body"].read(), second["PartsCount"]), (b"b" * 7, 2))
    refused(416, None, get, PartNumber=3)


# Checksums and bodies.


@case
def checksums_of_whole_objects_in_parts():
    bodies = [b"a" * PART, b"b" * 100]
    whole = base64.b64encode(zlib.crc32(b"".join(bodies)).to_bytes(4, "big")).decode()
    upload = begin(ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = send_parts(upload, bodies, ChecksumAlgorithm="CRC32")
    complete = s3.complete_multipart_upload
    refused(400, "BadDigest", complete, MultipartUpload=parts, ChecksumCRC32="AAAAAA==", **upload)
    answer = complete(MultipartUpload=parts, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT", **upload)
    equal((answer["ChecksumCRC32"], answer["ChecksumType"]), (whole, "FULL_OBJECT"))
    head = s3.head_object(Bucket=BUCKET, Key="k", ChecksumMode="ENABLED")
    equal((head["ChecksumCRC32"], head["ChecksumType"]), (whole, "FULL_OBJECT"))


@case
def checksums_of_checksums_in_parts():
    bodies = [b"a" * PART, b"b" * 100]
    upload = begin(ChecksumAlgorithm="SHA256")
    parts = send_parts(upload, bodies, ChecksumAlgorithm="SHA256")
    answer = s3.complete_multipart_upload(MultipartUpload=parts, **upload)
    digests = b"".join(hashlib.sha256(body).digest() for body in bodies)
    composite = base64.b64encode(hashlib.sha256(digests).digest()).decode()
    equal((answer["ChecksumSHA256"], answer["ChecksumType"]), (f"{composite}-2", "COMPOSITE"))


@case
def digests_that_are_wrong_store_nothing():
    put(body=b"old")
    refused(400, "BadDigest", put, ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    refused(400, "InvalidDigest", put, ContentMD5="none")
    refused(400, "BadDigest", put, ChecksumCRC32="AAAAAA==")
    refused(400, "BadDigest", put, ChecksumSHA256="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    upload = begin()
    refused(400, "BadDigest", s3.upload_part, PartNumber=1, Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==", **upload)
    equal(bytes_of(), b"old")


def change_body(request, **_):
    request.body = b"NEW"


@case
def the_hash_of_a_signature_must_be_that_of_the_body():
    put(body=b"old")
    lying = client("s3")
    lying.meta.events.register("before-send.s3.PutObject", change_body)
    refused(400, "XAmzContentSHA256Mismatch", lying.put_object, Bucket=BUCKET, Key="k", Body=b"new")
    equal(bytes_of(), b"old")


# What is asked for and not offered.


def asks():
    """Gives asks that this store cannot keep, each with its refusal."""
    customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY, "SSECustomerKeyMD5": KEY_MD5}
    yield {"ServerSideEncryption": "AES256"}, (501, "NotImplemented")
    yield {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k"}, (501, "NotImplemented")
    yield customer, (501, "NotImplemented")
    yield {"StorageClass": "GLACIER"}, (501, "NotImplemented")
    yield {"StorageClass": "WARM"}, (400, "InvalidStorageClass")
    yield {"ACL": "public-read"}, (400, "AccessControlListNotSupported")
    yield {"GrantRead": "id=somebody"}, (400, "AccessControlListNotSupported")
    yield {"ObjectLockLegalHoldStatus": "ON"}, (400, "InvalidRequest")
    yield {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2090-01-01"}, (400, "InvalidRequest")
    yield {"Tagging": "a=b"}, (501, "NotImplemented")
    yield {"WebsiteRedirectLocation": "/other"}, (501, "NotImplemented")
    yield {"ExpectedBucketOwner": "111111111111"}, (403, "AccessDenied")


@case
def a_put_that_asks_for_what_is_not_kept_changes_nothing():
    put(body=b"old")
    for ask, (status, code) in asks():
        refused(status, code, put, body=b"new", **ask)
    refused(501, "NotImplemented", put, body=b"new", WriteOffsetBytes=3)
    equal(bytes_of(), b"old")


@case
def an_upload_or_a_copy_that_asks_for_it_does_not_begin():
    put("source")
    source = {"Bucket": BUCKET, "Key": "source"}
    for ask, (status, code) in asks():
        refused(status, code, s3.create_multipart_upload, Bucket=BUCKET, Key="asked", **ask)
        refused(status, code, s3.copy_object, Bucket=BUCKET, Key="asked", CopySource=source, **ask)
    equal(keys(Prefix="asked"), [])
    equal(s3.list_multipart_uploads(Bucket=BUCKET, Prefix="asked").get("Uploads", []), [])


@case
def a_delete_under_other_conditions_deletes_nothing():
    put()
    where = {"Bucket": BUCKET, "Key": "k"}
    refused(501, "NotImplemented", s3.delete_object, IfMatchSize=99, **where)
    refused(501, "NotImplemented", s3.delete_object, IfMatchLastModifiedTime="2001-01-01", **where)
    refused(501, "NotImplemented", s3.delete_object, MFA="serial 123456", **where)
    refused(403, "AccessDenied", s3.delete_object, ExpectedBucketOwner="111111111111", **where)
    sized = {"Objects": [{"Key": "k", "Size": 99}]}
    equal(s3.delete_objects(Bucket=BUCKET, Delete=sized)["Errors"][0]["Code"], "NotImplemented")
    equal(bytes_of(), b"x")


@case
def headers_and_parameters_of_tomorrow_are_refused():
    put(body=b"old")
    tomorrow = with_headers(client("s3"), "*", {"x-amz-tomorrow": "1"})
    refused(501, "NotImplemented", tomorrow.put_object, Bucket=BUCKET, Key="k", Body=b"new")
    refused(501, "NotImplemented", tomorrow.get_object, Bucket=BUCKET, Key="k")
    refused(501, "NotImplemented", tomorrow.delete_object, Bucket=BUCKET, Key="k")
    equal(bytes_of(), b"old")


@case
def elements_of_bodies_that_are_not_offered_are_refused():
    tags = {"Tags": [{"Key": "a", "Value": "b"}]}
    refused(501, "NotImplemented", s3.create_bucket, Bucket=OTHER, CreateBucketConfiguration=tags)
    refused(404, None, s3.head_bucket, Bucket=OTHER)
    bridge = {"EventBridgeConfiguration": {}}
    tell = s3.put_bucket_notification_configuration
    refused(501, "NotImplemented", tell, Bucket=BUCKET, NotificationConfiguration=bridge)


@case
def operations_that_are_not_offered_say_so():
    put()
    bucket, target = {"Bucket": BUCKET}, {"Bucket": BUCKET, "Key": "k"}
    for call, parameters in [
        (s3.get_bucket_acl, bucket),
        (s3.get_bucket_policy, bucket),
        (s3.get_bucket_lifecycle_configuration, bucket),
        (s3.put_bucket_versioning, {**bucket, "VersioningConfiguration": {"Status": "Enabled"}}),
        (s3.list_object_versions, bucket),
        (s3.get_object_tagging, target),
        (s3.get_object_acl, target),
        (s3.get_object_attributes, {**target, "ObjectAttributes": ["ETag"]}),
        (s3.put_bucket_encryption, {**bucket, "ServerSideEncryptionConfiguration": {"Rules": []}}),
    ]:
        refused(501, "NotImplemented", call, **parameters)


def main():
    s3.create_bucket(Bucket=BUCKET)
    try:
        return 1 if run(CASES) else 0
    finally:
        empty(BUCKET)
        s3.delete_bucket(Bucket=BUCKET)


if __name__ == "__main__":
    sys.exit(main())
