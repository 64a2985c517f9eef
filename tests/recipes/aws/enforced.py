"""A second opinion on our evaluation of policies: MinIO enforces the S3 part of every role, and each request is really made.

MinIO knows no `IfExists`, and answers 404 for a missing key whether or not it may be listed; so the one case that AWS leaves open is
not asked here. Usage: enforced.py TEMPLATE MINIO MC
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from expand import expand, read
from policies import KEY, functions, role_of, statements
from rights import LISTS, PREFIXES, READS, WRITES

BUCKET, ROOT_USER, SECRET = "flits-uploads", "flits-root", "not-a-secret-on-loopback"


@contextlib.contextmanager
def minio(program):
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        secrets = {"MINIO_ROOT_USER": ROOT_USER, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off"}
        log = open(f"{folder}/log", "wb")
        server = subprocess.Popen(
            [program, "server", f"{folder}/data", "--address", f"127.0.0.1:{port}"],
            env=os.environ | secrets, stdout=log, stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(150):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{url}/minio/health/ready", timeout=2).read()
                    break
                time.sleep(0.2)
            else:
                sys.exit("MinIO does not answer")
            yield url, folder
        finally:
            server.terminate()
            server.wait(20)
            log.close()


def client(url, user):
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": user, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=url, config=config, **keys)


def passes(request, **given):
    """Returns whether a request is let through; a missing key is let through too."""
    try:
        request(Bucket=BUCKET, **given)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status in (403, 404), error
        return status == 404
    return True


def storage_part(role):
    """Returns the statements about S3 in MinIO's words."""
    text = json.dumps([s for s in statements(role) if "s3:" in str(s["Action"])])
    return {"Version": "2012-10-17", "Statement": json.loads(text.replace("StringLikeIfExists", "StringLike"))}


def differences(s3, name):
    """Yields where a user's rights differ from what the code of a function does."""
    for prefix in PREFIXES:
        reads, writes = prefix in READS[name], prefix in WRITES[name]
        lists = reads or prefix in LISTS.get(name, {})
        for what, have, wanted in (
            ("read", passes(s3.get_object, Key=f"{prefix}/{KEY}"), reads),
            ("look at", passes(s3.head_object, Key=f"{prefix}/missing"), reads),
            ("write", passes(s3.put_object, Key=f"{prefix}/{KEY}", Body=b"x"), writes),
            ("list", passes(s3.list_objects_v2, Prefix=f"{prefix}/"), lists),
            ("delete", passes(s3.delete_object, Key=f"{prefix}/{KEY}"), False),
        ):
            if have != wanted:
                yield f"{name} {'may' if have else 'may not'} {what} {prefix}/"


def main():
    template, program, mc = sys.argv[1:]
    stack = expand(read(template), "", BucketName=BUCKET)
    with minio(program) as (url, folder):
        def admin(*words):
            # The command has its settings beside the data.
            asked = [mc, "--config-dir", f"{folder}/mc", *words]
            subprocess.run(asked, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        admin("alias", "set", "lab", url, ROOT_USER, SECRET)
        root = client(url, ROOT_USER)
        root.create_bucket(Bucket=BUCKET)
        for prefix in PREFIXES:
            root.put_object(Bucket=BUCKET, Key=f"{prefix}/{KEY}", Body=b"x")
        problems = []
        for name, properties in functions(stack).items():
            policy = f"{folder}/{name}.json"
            with open(policy, "w", encoding="utf-8") as file:
                json.dump(storage_part(role_of(stack, properties)), file)
            admin("admin", "policy", "create", "lab", name, policy)
            admin("admin", "user", "add", "lab", f"user-{name}", SECRET)
            admin("admin", "policy", "attach", "lab", name, "--user", f"user-{name}")
            problems += differences(client(url, f"user-{name}"), name)
        for problem in problems:
            print(f"FAULT  enforced: {problem}")
        # The planted fault: sample with the role of eval.
        planted = list(differences(client(url, "user-eval"), "sample"))
        if "sample may write champion/" not in planted:
            print("MISSED sample with the role of eval: `enforced` says nothing")
        if problems or "sample may write champion/" not in planted:
            sys.exit(1)
    print(f"ok     MinIO enforces {len(functions(stack))} roles as the table says, {5 * len(PREFIXES) * len(functions(stack))} requests")
    print(f"found  sample with the role of eval\n         enforced: {planted[0]}")


if __name__ == "__main__":
    main()
