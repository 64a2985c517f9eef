"""Cases of our own with clients that people have: s3cmd, the AWS command line, minio-py and pyarrow.

Usage: emulator_clients.py, with AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SQS, AWS_DEFAULT_REGION and the keys in the
environment, and the clients beside this Python. Ends with `N passed, M failed` and a non-zero exit when something failed.
"""

import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

from emulator_cases import MIB, client, equal, name_of_a_run, run

CASES = []
BIN = pathlib.Path(sys.executable).parent
HOST = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL_S3"]).netloc
KEY, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
BODY = bytes(range(256)) * (12 * MIB // 256)


def case(function):
    CASES.append(function)
    return function


def call(program, *arguments, fails=False, env=None):
    command = [str(BIN / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **(env or {})})
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, f"{program} {' '.join(arguments)} ended with {done.returncode}: {output}"
    return output


def s3cmd(*arguments, **how):
    # With no region of its own, s3cmd signs for one named `US`.
    options = ["-c", "/dev/null", "--no-ssl", f"--host={HOST}", f"--host-bucket={HOST}"]
    return call("s3cmd", *options, f"--access_key={KEY}", f"--secret_key={SECRET}", *arguments, **how)


def aws(*arguments, **how):
    return call("aws", *arguments, **how)


@case
def s3cmd_makes_fills_and_empties_a_bucket(folder):
    bucket, back = f"s3://{name_of_a_run()}", folder / "back"
    (folder / "large").write_bytes(BODY)
    s3cmd("mb", bucket)
    s3cmd("put", "--multipart-chunk-size-mb=5", str(folder / "large"), f"{bucket}/large")
    s3cmd("get", "--force", f"{bucket}/large", str(back))
    equal(back.read_bytes() == BODY, True)
    s3cmd("cp", f"{bucket}/large", f"{bucket}/a b+c")
    equal(sorted(line.split("/", 3)[-1] for line in s3cmd("ls", bucket).splitlines()), ["a b+c", "large"])
    s3cmd("rb", "--recursive", "--force", bucket)
    s3cmd("ls", bucket, fails=True)


@case
def s3cmd_is_told_what_is_not_offered(folder):
    bucket = f"s3://{name_of_a_run()}"
    (folder / "small").write_bytes(b"x")
    s3cmd("mb", bucket)
    told = s3cmd("put", "--acl-public", str(folder / "small"), f"{bucket}/small", fails=True)
    assert "AccessControlListNotSupported" in told, told
    told = s3cmd("put", "--storage-class=GLACIER", str(folder / "small"), f"{bucket}/small", fails=True)
    assert "NotImplemented" in told, told
    equal(s3cmd("ls", bucket), "")
    s3cmd("rb", bucket)


@case
def the_aws_command_line_moves_files_and_folders(folder):
    bucket, tree = name_of_a_run(), folder / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "large").write_bytes(BODY)
    (tree / "deep" / "a b+ü").write_bytes(b"small")
    aws("s3", "mb", f"s3://{bucket}")
    aws("s3", "sync", str(tree), f"s3://{bucket}/tree")
    aws("s3", "sync", f"s3://{bucket}/tree", str(folder / "back"))
    equal((folder / "back" / "large").read_bytes() == BODY, True)
    equal((folder / "back" / "deep" / "a b+ü").read_bytes(), b"small")
    aws("s3", "mv", f"s3://{bucket}/tree/large", f"s3://{bucket}/moved")
    assert "moved" in aws("s3", "ls", f"s3://{bucket}/")
    aws("s3", "rb", "--force", f"s3://{bucket}")


@case
def the_aws_command_line_of_another_region_finds_its_bucket(folder):
    bucket, elsewhere = name_of_a_run(), {"AWS_DEFAULT_REGION": "eu-west-1"}
    (folder / "small").write_bytes(b"x")
    aws("s3", "mb", f"s3://{bucket}")
    aws("s3", "cp", str(folder / "small"), f"s3://{bucket}/small", env=elsewhere)
    assert "small" in aws("s3", "ls", f"s3://{bucket}", env=elsewhere)
    aws("s3", "rb", "--force", f"s3://{bucket}", env=elsewhere)


@case
def the_aws_command_line_sends_and_receives(_):
    endpoint = ["--endpoint-url", os.environ["AWS_ENDPOINT_URL_SQS"], "--output", "json"]
    name = name_of_a_run()
    equal(aws("sqs", "list-queues", "--queue-name-prefix", name, *endpoint), "")
    url = json.loads(aws("sqs", "create-queue", "--queue-name", name, *endpoint))["QueueUrl"]
    aws("sqs", "send-message", "--queue-url", url, "--message-body", "hello é", *endpoint)
    got = json.loads(aws("sqs", "receive-message", "--queue-url", url, *endpoint))["Messages"][0]
    equal(got["Body"], "hello é")
    aws("sqs", "delete-message", "--queue-url", url, "--receipt-handle", got["ReceiptHandle"], *endpoint)
    aws("sqs", "delete-queue", "--queue-url", url, *endpoint)


@case
def minio_moves_objects_with_and_without_a_region(_):
    from minio import Minio

    for region in (None, os.environ["AWS_DEFAULT_REGION"]):
        store, bucket = Minio(HOST, access_key=KEY, secret_key=SECRET, secure=False, region=region), name_of_a_run()
        store.make_bucket(bucket)
        store.put_object(bucket, "large", io.BytesIO(BODY), len(BODY), part_size=5 * MIB)
        equal(store.get_object(bucket, "large").read() == BODY, True)
        store.put_object(bucket, "a b+c", io.BytesIO(b"small"), 5)
        equal([entry.object_name for entry in store.list_objects(bucket)], ["a b+c", "large"])
        for key in ("large", "a b+c"):
            store.remove_object(bucket, key)
        store.remove_bucket(bucket)


@case
def pyarrow_writes_and_reads_a_table(_):
    import pyarrow
    from pyarrow import fs, parquet

    region = os.environ["AWS_DEFAULT_REGION"]
    store = fs.S3FileSystem(access_key=KEY, secret_key=SECRET, endpoint_override=HOST, scheme="http", region=region)
    s3, bucket = client("s3"), name_of_a_run()
    s3.create_bucket(Bucket=bucket)
    table = pyarrow.table({"value": list(range(100_000))})
    parquet.write_table(table, f"{bucket}/deep/table.parquet", filesystem=store)
    equal(parquet.read_table(f"{bucket}/deep/table.parquet", filesystem=store).equals(table), True)
    store.copy_file(f"{bucket}/deep/table.parquet", f"{bucket}/copy.parquet")
    names = sorted(found.base_name for found in store.get_file_info(fs.FileSelector(bucket)))
    equal(names, ["copy.parquet", "deep"])
    store.delete_dir_contents(bucket)
    s3.delete_bucket(Bucket=bucket)


def in_a_folder(case):
    """Gives a case a folder of its own, under its own name."""

    def with_folder():
        with tempfile.TemporaryDirectory() as folder:
            case(pathlib.Path(folder))

    with_folder.__name__ = case.__name__
    return with_folder


if __name__ == "__main__":
    sys.exit(1 if run([in_a_folder(case) for case in CASES]) else 0)
