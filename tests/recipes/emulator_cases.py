"""What the suites of cases share: clients, checks with a name, and the count at the end."""

import os
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MIB = 1 << 20
REGION = os.environ["AWS_DEFAULT_REGION"]


def client(service, region=REGION, **options):
    """Makes a client that asks once; endpoint and keys come from the environment."""
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=60, **options)
    return boto3.client(service, region_name=region, config=config)


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def refused(status, code, call, **parameters):
    """Checks that a call is refused with this status and, unless it is none, this code."""
    try:
        call(**parameters)
    except ClientError as error:
        found = error.response["ResponseMetadata"]["HTTPStatusCode"]
        equal((found, error.response["Error"]["Code"] if code else None), (status, code))
        return error.response
    raise AssertionError(f"answered, expected {status} {code}")


def with_headers(service_client, operation, headers):
    """Sends more headers than the SDK knows, before the request is signed. For one client of its own."""
    name = f"before-sign.{service_client.meta.service_model.service_id.hyphenize()}.{operation}"
    service_client.meta.events.register(name, lambda request, **_: [add(request, *pair) for pair in headers.items()])
    return service_client


def add(request, name, value):
    if name in request.headers:
        del request.headers[name]
    request.headers[name] = value


def name_of_a_run():
    return f"cases-{uuid.uuid4().hex[:10]}"


def run(cases, *arguments):
    """Runs all cases, each with a line, and prints the count; returns how many failed."""
    failed = 0
    for case in cases:
        name = case.__name__.replace("_", " ")
        try:
            case(*arguments)
            print(f"ok: {name}")
        except Exception as error:  # Whatever it is, the other cases still say something.
            failed += 1
            print(f"FAILED: {name}: {type(error).__name__}: {error}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return failed
