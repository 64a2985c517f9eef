"""Measures the cold start of functions: from exec to the answer to the first event, through a stand-in of the Lambda Runtime API.

The event is S3's test event, so no server is asked. Memory is the peak of the resident set.
"""

import argparse
import http.server
import json
import os
import pathlib
import statistics
import subprocess
import threading
import time

EVENT = json.dumps({"Records": [{"messageId": "1", "receiptHandle": "h", "eventSource": "aws:sqs", "attributes": {},
                                 "body": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "flits"})}]}).encode()
FUNCTIONS = ["preprocess", "sample", "train", "eval", "infer"]


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.server.given:
            # The function waits for its next event, until it is killed.
            self.server.over.wait()
            return
        self.server.given = True
        self.send_response(200)
        for name, value in [("Lambda-Runtime-Aws-Request-Id", "1"), ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 60_000)),
                            ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:0:function:f"),
                            ("Content-Type", "application/json"), ("Content-Length", str(len(EVENT)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(EVENT)

    def do_POST(self):
        self.server.answered = time.monotonic()
        self.server.answer = self.path, self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.done.set()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # A function that is killed breaks its connection off.


def start(binary):
    """Starts a function once; returns milliseconds to its answer and its peak memory in MiB."""
    server = Server(("127.0.0.1", 0), Api)
    server.given, server.done, server.over = False, threading.Event(), threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048", "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s",
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "FLITS__STORE__BUCKET": "flits",
    }
    began = time.monotonic()
    process = subprocess.Popen([binary], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not server.done.wait(30):
        raise SystemExit(f"{binary} does not answer")
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    process.kill()
    process.wait()
    server.over.set()
    server.shutdown()
    if not server.answer[0].endswith("/response"):
        raise SystemExit(f"{binary} answered {server.answer}")
    return (server.answered - began) * 1000, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    for function in FUNCTIONS:
        runs = [start(f"{arguments.binaries}/{function}") for _ in range(arguments.rounds)]
        times, peaks = zip(*runs)
        print(f"{function:10}  median {statistics.median(times):5.1f} ms  least {min(times):5.1f}  most {max(times):5.1f}  "
              f"memory {statistics.median(peaks):4.1f} MiB")


main()
