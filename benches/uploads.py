"""Measures flits on MinIO and ElasticMQ: many small uploads at once, and one upload beside the embedded servers.

Needs what `just minio` needs, and release binaries. Requests to S3 are counted by MinIO, those to SQS by a proxy in between.
"""

import argparse
import json
import os
import pathlib
import re
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import urllib.request

SPEC = """
[forecast]
horizon = 4
[[models]]
kind = "naive"
[[models]]
kind = "drift"
"""

def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Counting(socketserver.ThreadingTCPServer):
    """Passes connections on to SQS and counts the operations that are asked for."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, target):
        self.target, self.counts, self.lock = target, {}, threading.Lock()
        super().__init__(("127.0.0.1", 0), Passing)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def count(self, chunk):
        for operation in re.findall(rb"(?i)x-amz-target: AmazonSQS\.(\w+)", chunk):
            with self.lock:
                self.counts[operation.decode()] = self.counts.get(operation.decode(), 0) + 1


class Passing(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(("127.0.0.1", self.server.target)) as upstream:
            back = threading.Thread(target=pass_on, args=(upstream, self.request, lambda _: None), daemon=True)
            back.start()
            pass_on(self.request, upstream, self.server.count)
            back.join(timeout=30)


def pass_on(source, sink, seen):
    try:
        while chunk := source.recv(1 << 16):
            seen(chunk)
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Servers:
    """MinIO, ElasticMQ and `preprocess` over HTTP, as infra/minio/servers.sh starts them."""

    def __init__(self, folder, binaries):
        self.folder, self.binaries = folder, binaries
        self.store, queue, hook = free_port(), free_port(), free_port()
        self.proxy = Counting(queue)
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()
        self.environment = os.environ | {
            "MINIO_ROOT_USER": "flits", "MINIO_ROOT_PASSWORD": "not-a-secret", "MINIO_PROMETHEUS_AUTH_TYPE": "public",
            "FLITS__STORE__ENDPOINT": f"http://127.0.0.1:{self.store}", "FLITS__QUEUE__ENDPOINT": self.proxy.url,
            "FLITS__STORE__ACCESS_KEY": "flits", "FLITS__STORE__SECRET_KEY": "not-a-secret",
            "FLITS__QUEUE__ACCESS_KEY": "flits", "FLITS__QUEUE__SECRET_KEY": "not-a-secret",
            "FLITS__HTTP__ADDRESS": "127.0.0.1", "FLITS__HTTP__TOKEN": "a-token-for-a-measurement",
        }
        script = f"""
            set -euo pipefail
            . infra/minio/servers.sh
            trap stop_servers EXIT
            fetch_minio; fetch_elasticmq
            start_elasticmq {folder} {queue}
            start {folder}/preprocess.log env PORT={hook} {binaries}/preprocess
            start_minio {folder} {self.store} http://127.0.0.1:{hook}/ "$FLITS__HTTP__TOKEN"
            {binaries}/flits setup --notify arn:minio:sqs::FLITS:webhook >/dev/null
            echo ready
            cat >/dev/null
        """
        self.process = subprocess.Popen(["bash", "-c", script], env=self.environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit(f"the servers do not start, see {folder}")

    def requests(self):
        """Returns how often each operation of S3 was asked for."""
        url = f"http://127.0.0.1:{self.store}/minio/v2/metrics/cluster"
        text = urllib.request.urlopen(url, timeout=30).read().decode()
        found = re.findall(r'minio_s3_requests_total\{api="(\w+)"[^}]*\} (\d+)', text)
        return {operation: int(count) for operation, count in found}

    def settled(self):
        """Returns the requests once MinIO's metrics, which are held for seconds, stand still."""
        before = None
        for _ in range(30):
            now = self.requests()
            if now == before:
                return now
            before = now
            time.sleep(11)
        return before

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def fill(folder, arguments):
    """Writes the uploads as the bucket holds them: small datasets of 24 months, each with its spec, or copies of a file."""
    (folder / "specs").mkdir(parents=True)
    for number in range(arguments.uploads):
        raw, spec = folder / "raw" / f"d{number}", folder / "specs"
        raw.mkdir(parents=True)
        if arguments.copies:
            (raw / "d.csv").write_bytes(pathlib.Path(arguments.file).read_bytes())
            continue
        rows = "".join(f"20{20 + month // 12}-{1 + month % 12:02}-01,{100 + (month * 7 + number) % 13}\n" for month in range(24))
        (raw / "d.csv").write_text("time,load\n" + rows)
        (spec / f"d{number}.toml").write_text(SPEC)


def client(tools, servers, *arguments):
    subprocess.run([f"{tools}/bin/mc", "--quiet", *arguments], check=True, stdout=subprocess.DEVNULL,
                   env=servers.environment | {"MC_HOST_flits": f"http://flits:not-a-secret@127.0.0.1:{servers.store}"})


def forecasts(tools, servers):
    listed = subprocess.run([f"{tools}/bin/mc", "find", "flits/flits/forecasts/", "--name", "latest.json"], capture_output=True, text=True,
                            env=servers.environment | {"MC_HOST_flits": f"http://flits:not-a-secret@127.0.0.1:{servers.store}"})
    return len(listed.stdout.split())


def many(arguments, folder):
    servers = Servers(folder, arguments.binaries)
    try:
        fill(folder / "files", arguments)
        if not arguments.copies:
            client(arguments.tools, servers, "mirror", f"{folder}/files/specs", "flits/flits/specs")
        before, queue_before = servers.settled(), dict(servers.proxy.counts)
        log = (folder / "pump.log").open("w")
        pump = subprocess.Popen([f"{arguments.binaries}/flits", "pump", "--workers", str(arguments.workers), "--dir", str(folder / "pump")],
                                env=servers.environment | {"FLITS__LOG__FILTER": "warn"}, stdout=log, stderr=log)
        began = time.monotonic()
        client(arguments.tools, servers, "mirror", f"{folder}/files/raw", "flits/flits/raw")
        uploaded = time.monotonic() - began
        while (done := forecasts(arguments.tools, servers)) < arguments.uploads:
            if time.monotonic() - began > arguments.limit:
                raise SystemExit(f"{done} of {arguments.uploads} forecasts after {arguments.limit} s, see {folder}")
            time.sleep(1)
        ended = time.monotonic() - began
        pump.terminate()
        pump.wait(timeout=60)
        after, queue_after = servers.settled(), servers.proxy.counts
        per = {name: (after.get(name, 0) - before.get(name, 0)) / arguments.uploads for name in after}
        sqs = {name: (queue_after[name] - queue_before.get(name, 0)) / arguments.uploads for name in queue_after}
        print(f"{arguments.uploads} uploads, {arguments.workers} workers: stored in {uploaded:.1f} s, all forecast in {ended:.1f} s, "
              f"{arguments.uploads / ended:.1f} uploads/s")
        print("S3 requests per upload: " + ", ".join(f"{name} {per[name]:.2f}" for name in sorted(per) if per[name] >= 0.01))
        print("SQS requests per upload: " + ", ".join(f"{name} {sqs[name]:.2f}" for name in sorted(sqs) if sqs[name] >= 0.01))
    finally:
        servers.stop()


def stages(result):
    """Returns the seconds of each stage of a run, those of `train` and `eval` added up."""
    seconds = {}
    for line in result.splitlines():
        found = json.loads(line)
        if found.get("event") == "result" or "stages" in found:
            for stage in found["stages"]:
                seconds[stage["stage"]] = seconds.get(stage["stage"], 0) + stage["seconds"]
    return seconds


def beside(arguments, folder):
    """Runs one file on the embedded servers and on MinIO in turns."""
    servers = Servers(folder, arguments.binaries)
    flits = f"{arguments.binaries}/flits"
    rows = {"embedded": [], "MinIO": []}
    pump = None
    try:
        pump = subprocess.Popen([flits, "pump", "--dir", str(folder / "pump")], env=servers.environment | {"FLITS__LOG__FILTER": "warn"},
                                stdout=subprocess.DEVNULL)
        for _ in range(arguments.rounds):
            for name, environment, options in [
                ("embedded", os.environ, ["--dir", str(folder / "embedded")]),
                ("MinIO", servers.environment, ["--dir", str(folder / "client"), "--store", f"http://127.0.0.1:{servers.store}/flits",
                                                "--queue", servers.proxy.url]),
            ]:
                began = time.monotonic()
                ran = subprocess.run([flits, "run", arguments.file, "--force", "--json", *options], env=environment, check=True,
                                     capture_output=True, text=True)
                rows[name].append(stages(ran.stdout) | {"whole": time.monotonic() - began})
    finally:
        if pump:
            pump.terminate()
            pump.wait(timeout=60)
        servers.stop()
    for name, runs in rows.items():
        median = {stage: sorted(run.get(stage, 0) for run in runs)[len(runs) // 2] for stage in runs[0]}
        print(f"{name:9}" + "".join(f"  {stage} {seconds:.3f} s" for stage, seconds in median.items()))


def main():
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True, help="the directory of the release binaries")
    parser.add_argument("--tools", default=os.environ.get("FLITS_TOOLS", f"{cache}/flits-tools"))
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--copies", action="store_true", help="upload copies of FILE under the default spec instead of small ones")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--limit", type=float, default=1800, help="seconds until the uploads count as hung")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", default="examples/retail_sales.csv")
    arguments = parser.parse_args()
    arguments.binaries = pathlib.Path(arguments.binaries).resolve()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.uploads:
            many(arguments, pathlib.Path(folder, "many"))
        if arguments.rounds:
            beside(arguments, pathlib.Path(folder, "beside"))


main()
