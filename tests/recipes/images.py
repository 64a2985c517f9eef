"""Checks images that `infra/images/build.sh` has left: what they hold, how they run, what their bills of materials list.
Then it plants a fault of each kind and must find it. Usage: images.py CHECK|RUN|FAULTS|REVISION|EXTRACT DIR [BINARY…]"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra/images"))
import image  # noqa: E402

IMAGES = image.SETTINGS["images"]
LABELS = ["title", "description", "version", "revision", "source", "licenses", "vendor"]
SECRET = re.compile(r"token|secret|password|key|credential", re.IGNORECASE)
TOKEN = "a-token-for-this-check"
# What every host gives a function that stands behind HTTP.
SERVED = {
    "PORT": "8080",
    "FLITS__HTTP__TOKEN": TOKEN,
    "FLITS__STORE__ENDPOINT": "http://127.0.0.1:9",
    "FLITS__STORE__REGION": "us-east-1",
    "FLITS__STORE__ACCESS_KEY": "nobody",
    "FLITS__STORE__SECRET_KEY": "nothing",
    "FLITS__QUEUE__ENDPOINT": "http://127.0.0.1:9",
    "FLITS__QUEUE__REGION": "us-east-1",
    "FLITS__QUEUE__ACCESS_KEY": "nobody",
    "FLITS__QUEUE__SECRET_KEY": "nothing",
}


class Archive:
    """An image read back from its archive, by the index of OCI."""

    def __init__(self, path):
        with tarfile.open(path) as tar:
            self.blobs = {member.name: tar.extractfile(member).read() for member in tar}
        index = json.loads(self.blobs["index.json"])
        (self.manifest,) = (json.loads(self.blob(entry)) for entry in index["manifests"])
        self.name = index["manifests"][0]["annotations"]["io.containerd.image.name"]
        self.image = json.loads(self.blob(self.manifest["config"]))
        self.config = self.image["config"]
        self.layers = [gzip.decompress(self.blob(layer)) for layer in self.manifest["layers"]]
        self.files, self.members = {}, {}
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
                for member in tar:
                    self.members[member.name] = member
                    if member.isfile():
                        self.files[member.name] = tar.extractfile(member).read()

    def blob(self, entry):
        """Returns a blob; its bytes must have the digest that names it."""
        content = self.blobs["blobs/sha256/" + entry["digest"].partition(":")[2]]
        assert image.sha256(content) == entry["digest"] and len(content) == entry["size"], "a blob is not what its name says"
        return content

    def extract(self, directory):
        """Writes the files into a directory."""
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
                tar.extractall(directory)


def problems(path, binary, bill):
    """Returns what is wrong with an image and its bill of materials."""
    archive, settings, found = Archive(path), IMAGES[binary], []

    def need(holds, text):
        if not holds:
            found.append(text)

    config = archive.config
    need(re.fullmatch(r"[1-9]\d*:[1-9]\d*", config.get("User", "")), f"user `{config.get('User', '')}` is not a number, or root")
    need(config.get("Entrypoint") == [f"/{binary}"], f"entrypoint {config.get('Entrypoint')}")
    for label in LABELS:
        need(config["Labels"].get(f"org.opencontainers.image.{label}"), f"label `{label}` is missing")
    for setting in config.get("Env") or []:
        need(not SECRET.search(setting.partition("=")[0]), f"the environment holds `{setting.partition('=')[0]}`")
    diffs = [image.sha256(layer) for layer in archive.layers]
    need(diffs == archive.image["rootfs"]["diff_ids"], "layers and configuration disagree")

    expected = {"etc", "etc/ssl", "etc/ssl/certs", "etc/ssl/certs/ca-certificates.crt", "tmp", binary}
    for name in sorted(set(archive.members) ^ expected):
        found.append(f"`/{name}` is {'not wanted' if name in archive.members else 'missing'}")
    for name, member in archive.members.items():
        mode = 0o1777 if name == "tmp" else 0o755 if member.isdir() or name == binary else 0o644
        need(member.mode == mode, f"`/{name}` has mode {member.mode:o}")
        need(member.uid == member.gid == member.mtime == 0, f"`/{name}` has another owner or time")
    authorities = archive.files.get("etc/ssl/certs/ca-certificates.crt", b"").count(b"BEGIN CERTIFICATE")
    need(authorities >= 100, f"{authorities} certificates of authorities")

    size = sum(len(layer) for layer in archive.layers)
    need(size <= settings["bound"] * 1e6, f"{size / 1e6:.1f} MB, {settings['bound']} are allowed")
    found += wrong_binary(archive.files.get(binary, b""))
    found += wrong_bill(archive, binary, bill)
    return found


def wrong_binary(content):
    """Returns what keeps a binary from running FROM scratch, and paths of this machine in it."""
    if content[:4] != b"\x7fELF":
        return ["the binary is no ELF file"]
    found = []
    start, size, count = struct.unpack_from("<Q", content, 32)[0], *struct.unpack_from("<HH", content, 54)
    kinds = {struct.unpack_from("<I", content, start + size * number)[0] for number in range(count)}
    if 3 in kinds:
        found.append("the binary is dynamic: it has a segment INTERP")
    for path in {str(ROOT), str(pathlib.Path.home() / ".cargo")}:
        if path.encode() + b"/" in content:
            found.append(f"the binary holds the path `{path}`")
    return found


def trees(binary):
    """Returns the crates of a binary built alone, and of all binaries, as `cargo tree` lists them."""

    def crates(packages):
        words = [word for package in packages for word in ("--package", package)]
        printed = subprocess.run(
            ["cargo", "tree", "--locked", *words, "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}",
             "--target", os.environ["FLITS_TARGET"]],
            check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        ).stdout  # fmt: skip
        return {tuple(line.split()[:2]) for line in printed.splitlines() if line}

    return crates([binary]), crates(IMAGES)


def wrong_bill(archive, binary, bill):
    """Returns what is wrong with a bill of materials."""
    found = []
    digest = archive.config["Labels"].get("flits.sbom")
    if digest != image.sha256(bill):
        found.append(f"the label `flits.sbom` is {digest}, the bill of materials has another digest")
    bill = json.loads(bill)
    content = archive.files.get(binary, b"")
    if bill["metadata"]["component"]["hashes"][0]["content"] != hashlib.sha256(content).hexdigest():
        found.append("the bill of materials is one of another binary")
    crates = [entry for entry in bill["components"] if entry["purl"].startswith("pkg:cargo/")]
    listed = {(entry["name"], "v" + entry["version"]) for entry in [*crates, bill["metadata"]["component"]]}
    found += [f"no licence of {entry['name']}" for entry in bill["components"] if not entry.get("licenses")]
    alone, together = trees(binary)
    found += [f"the bill of materials lacks {' '.join(crate)}" for crate in sorted(alone - listed)]
    found += [f"the bill of materials lists {' '.join(crate)}" for crate in sorted(listed - together)]
    # Where a crate may panic, the binary names its source.
    for crate in sorted(set(re.findall(rb"/registry/src/[^/]+/([A-Za-z0-9_-]+?)-(\d+\.\d+\.\d+[^/]*)/", content))):
        name, version = (word.decode() for word in crate)
        if (name, "v" + version) not in listed:
            found.append(f"the binary holds {name} v{version}, the bill of materials does not")
    return found


def files(directory, binary):
    """Returns the archive and the bill of materials of a binary."""
    name = IMAGES[binary]["name"]
    return directory / f"{name}.tar", (directory / f"{name}.cdx.json").read_bytes()


def check(directory, binaries):
    """Checks all images."""
    failed = False
    for binary in binaries:
        path, bill = files(directory, binary)
        found = problems(path, binary, bill)
        size = sum(len(layer) for layer in Archive(path).layers) / 1e6
        crates = len(json.loads(bill)["components"])
        print(f"{binary:<11}{size:5.1f} MB, packed {path.stat().st_size / 1e6:5.1f} MB, {crates} components: {'; '.join(found) or 'ok'}")
        failed |= bool(found)
    sys.exit(failed)


class Box:
    """Runs an image as a strict host does: root read-only, user 65532, no capabilities, nothing in the environment, no
    network but loopback. By an engine where one answers, else with namespaces."""

    def __init__(self, path, engine):
        archive = Archive(path)
        self.name, self.entrypoint, self.engine = archive.name, archive.config["Entrypoint"], engine
        self.user = archive.config["User"]
        self.root = None
        if engine:
            subprocess.run(["docker", "load", "-q", "-i", path], check=True, stdout=subprocess.DEVNULL)
        else:
            self.root = tempfile.mkdtemp()
            os.chmod(self.root, 0o755)
            archive.extract(self.root)
            os.makedirs(f"{self.root}/proc")

    def close(self):
        """Removes what was extracted."""
        if self.root:
            shutil.rmtree(self.root)

    def run(self, words, environment, probe=None, seconds=20):
        """Runs the image, with a `curl` on its loopback where `probe` is a path. Returns exit code and output, of `curl` if
        it was asked."""
        if self.engine:
            return self.by_engine(words, environment, probe, seconds)
        inside = " ".join(map(subprocess.list2cmdline, [[word] for word in [*self.entrypoint, *words]]))
        settings = " ".join(f"{name}={value}" for name, value in environment.items())
        # Without this, `wait` below would wait for a server that serves on.
        ask = f"""
            for _ in $(seq 100); do curl -s -o /dev/null http://127.0.0.1:8080/healthz && break; sleep 0.1; done
            curl -s -m 5 -w '%{{http_code}}\\n' -H 'Authorization: Bearer {TOKEN}' http://127.0.0.1:8080{probe}
            kill $server; wait $server; exit 0"""
        script = f"""
            mount --bind {self.root} {self.root}
            mount -o remount,bind,ro {self.root}
            mount -t tmpfs -o mode=1777 tmpfs {self.root}/tmp
            mount --bind /proc {self.root}/proc
            ip link set lo up
            env -i PATH="$PATH" {settings} setpriv --no-new-privs \\
              chroot --userspec={self.user} --groups= {self.root} {inside} </dev/null {'>/dev/null 2>&1' if probe else ''} &
            server=$!
            {ask if probe else 'wait $server'}"""
        command = ["timeout", "-k", "2", str(seconds), "unshare", "--mount", "--net", "bash", "-c", script]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout

    def by_engine(self, words, environment, probe, seconds):
        options = [word for pair in environment.items() for word in ("--env", "=".join(pair))]
        strict = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none", "--tmpfs", "/tmp"]
        if not probe:
            command = ["timeout", "-k", "2", str(seconds), "docker", "run", "--rm", *strict, *options, self.name, *words]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
            return done.returncode, done.stdout
        start = ["docker", "run", "--detach", *strict, *options, self.name, *words]
        container = subprocess.run(start, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        try:
            state = ["docker", "inspect", "-f", "{{.State.Pid}}", container]
            pid = subprocess.run(state, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
            url = f"http://127.0.0.1:8080{probe}"
            ask = ["nsenter", "-t", pid, "-n", "curl", "-s", "-m", "5", "--retry", "50", "--retry-delay", "1",
                   "--retry-connrefused", "-w", "%{http_code}\n", "-H", f"Authorization: Bearer {TOKEN}", url]  # fmt: skip
            done = subprocess.run(ask, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            return done.returncode, done.stdout
        finally:
            subprocess.run(["docker", "rm", "-f", container], stdout=subprocess.DEVNULL)


def run(directory, binaries):
    """Runs all images: with what they need, and without."""
    engine = os.environ.get("FLITS_ENGINE") == "docker"
    failed = False
    for binary in binaries:
        box, told = Box(files(directory, binary)[0], engine), []
        try:
            if binary == "flits":
                code, out = box.run(["--version"], {})
                told.append(("--version", code == 0 and out.startswith("flits "), out))
                code, out = box.run(["pump"], {})
            else:
                code, out = box.run([], SERVED, probe="/healthz")
                told.append(("GET /healthz", out.strip().endswith("200"), out))
                # `K_SERVICE` is Knative: whoever calls, calls from outside of the pod.
                code, out = box.run([], {"K_SERVICE": "flits", "PORT": "8080"})
            told.append(("without its configuration", one_clear_line(binary, code, out), f"exit {code}: {out}"))
            if binary in ("preprocess", "train"):
                code, out = box.run([], {name: value for name, value in SERVED.items() if name != "PORT"})
                told.append(("without an event", one_clear_line(binary, code, out), f"exit {code}: {out}"))
        finally:
            box.close()
        for what, holds, out in told:
            print(f"{binary:<11}{what}: {'ok' if holds else 'NOT OK'}: {' | '.join(out.strip().splitlines())[:300]}")
            failed |= not holds
    sys.exit(failed)


def one_clear_line(binary, code, out):
    """Whether a program ended with a failure, and one line of its own says why."""
    lines = out.strip().splitlines()
    return code not in (0, 124, 137) and len(lines) == 1 and lines[0].startswith(f"{binary}: ") and len(lines[0]) < 300


def faults(directory, _):
    """Plants one fault at a time into a good image; each must be found, and nothing be found before."""
    binary = "sweep"
    path, bill = files(directory, binary)
    good = Archive(path)
    base, own = image.base(), image.Layer()
    own.file(binary, good.files[binary], 0o755)

    def planted(expected, config=None, change=None, bill=bill):
        layer = image.Layer()
        layer.entries = dict(own.entries)
        if change:
            change(layer)
        settings = json.loads(json.dumps(good.config))
        settings["Labels"]["flits.sbom"] = image.sha256(bill)
        if config:
            config(settings)
        with tempfile.TemporaryDirectory() as scratch:
            bad = pathlib.Path(scratch) / "bad.tar"
            image.write(bad, good.name, [base, layer], settings, "amd64", 0)
            found = problems(bad, binary, bill)
        hit = any(expected in text for text in found) if expected else not found
        print(f"planted: {expected or 'nothing'}: {'found' if hit else f'NOT FOUND among {found}'}")
        return hit

    def bill_with(change):
        document = json.loads(bill)
        change(document)
        return json.dumps(document).encode()

    with open("/bin/true", "rb") as file:
        dynamic = file.read()
    oversized = good.files[binary] + bytes(int(IMAGES[binary]["bound"] * 1e6))
    elsewhere = good.files[binary] + f"{ROOT}/functions/".encode()
    named = re.search(rb"/registry/src/[^/]+/tokio-(\d[^/]*)/", good.files[binary])
    assert named, "the binary names no source of tokio"
    crates = json.loads(bill)["components"]
    hits = [
        planted(""),
        planted("user `0:0`", lambda config: config.update(User="0:0")),
        planted("user `nonroot`", lambda config: config.update(User="nonroot")),
        planted("user ``", lambda config: config.pop("User")),
        planted("entrypoint", lambda config: config.update(Entrypoint=["/bin/sh"])),
        planted("label `revision`", lambda config: config["Labels"].pop("org.opencontainers.image.revision")),
        planted("`FLITS__HTTP__TOKEN`", lambda config: config.update(Env=["FLITS__HTTP__TOKEN=0123456789abcdef"])),
        planted("INTERP", change=lambda layer: layer.file(binary, dynamic, 0o755)),
        planted("MB, 25 are allowed", change=lambda layer: layer.file(binary, oversized, 0o755)),
        planted("holds the path", change=lambda layer: layer.file(binary, elsewhere, 0o755)),
        planted("`/bin/sh` is not wanted", change=lambda layer: layer.file("bin/sh", b"", 0o755)),
        planted("has mode 4755", change=lambda layer: layer.file(binary, good.files[binary], 0o4755)),
        planted("has mode 777", change=lambda layer: layer.directory("tmp", 0o777)),
        planted("0 certificates", change=lambda layer: layer.file("etc/ssl/certs/ca-certificates.crt", b"")),
        planted("another binary", change=lambda layer: layer.file(binary, good.files[binary] + b"x", 0o755)),
        planted("`flits.sbom`", lambda config: config["Labels"].pop("flits.sbom")),
        planted("lacks serde v", bill=bill_with(lambda d: d.update(components=[c for c in crates if c["name"] != "serde"]))),
        planted("the binary holds tokio", bill=bill_with(lambda d: d.update(components=[c for c in crates if c["name"] != "tokio"]))),
        planted("lists openssl", bill=bill_with(lambda d: d["components"].append(
            {"name": "openssl", "version": "1.0.0", "purl": "pkg:cargo/openssl@1.0.0", "licenses": []}))),
        planted("no licence of", bill=bill_with(lambda d: d["components"][0].pop("licenses"))),
        one_clear_line("train", 1, "train: no region")
        and not any(
            one_clear_line("train", code, out)
            for code, out in [(0, "train: x"), (124, "train: x"), (1, ""), (1, "train: x\nand more"), (101, "thread 'main' panicked")]
        ),
    ]  # fmt: skip
    print(f"{sum(hits) - 1} of {len(hits) - 1} planted faults are found, and nothing in the good image")
    sys.exit(not all(hits))


def revision(directory, binaries):
    """Prints the commit of the images, or `several`."""
    labels = [Archive(path).config["Labels"] for path in sorted(directory.glob("flits*.tar"))]
    found = {label["org.opencontainers.image.revision"] for label in labels}
    print(found.pop() if len(found) == 1 else "several")


def extract(directory, binaries):
    """Prints a binary."""
    sys.stdout.buffer.write(Archive(files(directory, binaries[0])[0]).files[binaries[0]])


if __name__ == "__main__":
    verb, directory, *binaries = sys.argv[1:]
    {"CHECK": check, "RUN": run, "FAULTS": faults, "REVISION": revision, "EXTRACT": extract}[verb](pathlib.Path(directory), binaries or list(IMAGES))
