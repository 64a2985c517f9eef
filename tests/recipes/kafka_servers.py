"""The servers of the Kafka cases, each a process on loopback that can be stopped and started again."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

KEY, SECRET, REGION = "flits-lab", "flits-lab-secret", "us-east-1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(seconds, what, ask):
    """Returns what `ask` returns as soon as that is true; an error of the network is not true yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = ask()
        except OSError as error:
            found, trouble = None, error
        else:
            trouble = found
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {trouble!r}")
        time.sleep(0.1)


class Process:
    """A program with its output in a file."""

    def __init__(self, name, command, folder, environment=None):
        self.name, self.command, self.log = name, [str(part) for part in command], folder / f"{name}.log"
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        return self

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def end(self, by=signal.SIGTERM, within=30):
        """Sends a signal and returns the exit code."""
        if self.runs():
            self.process.send_signal(by)
            try:
                self.process.wait(within)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not end within {within} s after {by.name}") from None
        return self.process.returncode if self.process else None

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Gate:
    """A port before another one, which can be closed, or keep the answers to itself."""

    def __init__(self, behind):
        self.behind, self.port, self.keeps = behind, free_port(), False
        self.listener, self.open_ones = None, []
        self.open()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.open_ones:
            one.close()
        self.open_ones = []

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.behind))
            except OSError:
                return
            self.open_ones += [client, server]
            threading.Thread(target=self.pass_on, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, True), daemon=True).start()

    def pass_on(self, source, sink, is_answer):
        try:
            while data := source.recv(1 << 16):
                if not (is_answer and self.keeps):
                    sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            one.close()


class Kafka:
    """One broker that is its own controller."""

    def __init__(self, jars, folder):
        self.port, self.folder, self.jars = free_port(), folder, jars
        self.address = f"127.0.0.1:{self.port}"
        ones = [
            "offsets.topic.replication.factor", "transaction.state.log.replication.factor",
            "transaction.state.log.min.isr", "share.coordinator.state.topic.replication.factor",
            "share.coordinator.state.topic.min.isr",
        ]
        controller = f"127.0.0.1:{free_port()}"
        self.settings = folder / "server.properties"
        self.settings.write_text("\n".join([
            "process.roles=broker,controller", "node.id=1", f"controller.quorum.voters=1@{controller}",
            f"listeners=PLAINTEXT://{self.address},CONTROLLER://{controller}",
            f"advertised.listeners=PLAINTEXT://{self.address}", "controller.listener.names=CONTROLLER",
            "inter.broker.listener.name=PLAINTEXT",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            f"log.dirs={folder}/kafka", "group.initial.rebalance.delay.ms=0", "auto.create.topics.enable=false",
            *[f"{name}=1" for name in ones],
        ]))
        (folder / "log4j2.properties").write_text(
            "rootLogger.level=WARN\nrootLogger.appenderRef.c.ref=C\nappender.c.type=Console\nappender.c.name=C\n"
            "appender.c.layout.type=PatternLayout\nappender.c.layout.pattern=%d %p %c: %m%n\n"
        )
        subprocess.run(
            self.java("kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", self.settings),
            check=True, capture_output=True, timeout=60,
        )
        self.process = Process("kafka", self.java("kafka.Kafka", self.settings), folder)

    def java(self, *arguments):
        options = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        logs = f"-Dlog4j2.configurationFile=file:{self.folder}/log4j2.properties"
        return ["java", *options, logs, "-cp", f"{self.jars}/*", *map(str, arguments)]

    def start(self):
        self.process.start()
        until(60, "Kafka answers", lambda: self.process.runs() and socket.create_connection(("127.0.0.1", self.port)))
        return self


def moto(folder):
    """Starts moto and returns it with its port."""
    port = free_port()
    program = pathlib.Path(sys.executable).parent / "moto_server"
    process = Process("moto", [program, "-H", "127.0.0.1", "-p", port], folder).start()
    url = f"http://127.0.0.1:{port}/moto-api/"
    until(30, "moto answers", lambda: urllib.request.urlopen(url, timeout=2).read())
    return process, port


def minio(binary, broker, topic, folder):
    """Starts MinIO, which announces uploads in a topic, and returns it with its port."""
    port = free_port()
    process = Process(
        "minio", [binary, "server", folder / "minio", "--address", f"127.0.0.1:{port}"], folder,
        {
            "MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off",
            "MINIO_NOTIFY_KAFKA_ENABLE_flits": "on", "MINIO_NOTIFY_KAFKA_BROKERS_flits": broker,
            "MINIO_NOTIFY_KAFKA_TOPIC_flits": topic,
            # Without it, uploads are announced to nobody while no broker answers.
            "MINIO_NOTIFY_KAFKA_QUEUE_DIR_flits": str(folder / "minio-events"),
        },
    ).start()
    url = f"http://127.0.0.1:{port}/minio/health/ready"
    until(30, "MinIO answers", lambda: urllib.request.urlopen(url, timeout=2).status == 200)
    return process, port
