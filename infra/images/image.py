#!/usr/bin/env python3
"""Writes images without a Docker engine: one archive per image, in the layout of OCI and with the index that `docker load`
of older engines reads. Equal files give equal bytes: entries are sorted, times and owners are fixed.

Usage: image.py --binaries DIR --out DIR --target TRIPLE [--tag TAG] BINARY…
       image.py --root DIR --out FILE --name NAME:TAG --entrypoint WORDS [--env K=V]…   (any other root file system)"""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import pathlib
import stat
import struct
import subprocess
import sys
import tarfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
SETTINGS = json.loads((HERE / "images.json").read_text())
MACHINES = {62: "amd64", 183: "arm64"}
CA_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]


class Layer:
    """A layer: its files in a fixed order, with fixed times and owners."""

    def __init__(self):
        self.entries = {}

    def directory(self, path, mode=0o755):
        """Adds a directory."""
        self.entries[path] = (tarfile.DIRTYPE, mode, b"", "")

    def file(self, path, content, mode=0o644):
        """Adds a file, and the directories above it."""
        for parent in list(pathlib.PurePosixPath(path).parents)[:-1]:
            self.entries.setdefault(str(parent), (tarfile.DIRTYPE, 0o755, b"", ""))
        self.entries[path] = (tarfile.REGTYPE, mode, content, "")

    def tree(self, root):
        """Adds a directory of the machine."""
        for path in sorted(root.rglob("*")):
            name, mode = str(path.relative_to(root)), path.lstat().st_mode
            if stat.S_ISLNK(mode):
                self.entries[name] = (tarfile.SYMTYPE, 0o777, b"", os.readlink(path))
            elif stat.S_ISDIR(mode):
                self.directory(name, stat.S_IMODE(mode))
            else:
                self.file(name, path.read_bytes(), stat.S_IMODE(mode))

    def tar(self):
        """Returns the layer as bytes."""
        return archive({name: entry for name, entry in sorted(self.entries.items())})


def archive(entries):
    """Returns a tar archive of `{name: (type, mode, content, link)}`, in the order given."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, (kind, mode, content, link) in entries.items():
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.size, info.linkname, info.mtime = kind, mode, len(content), link, 0
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def sha256(content):
    """Returns the digest of bytes as OCI writes it."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def write(path, name, layers, config, machine, epoch):
    """Writes an image with these layers and this configuration, and returns its digest and its size unpacked."""
    blobs, size = {}, 0

    def blob(content, media):
        blobs[sha256(content)] = content
        return {"mediaType": media, "digest": sha256(content), "size": len(content)}

    def js(document, media):
        return blob(json.dumps(document, sort_keys=True, separators=(",", ":")).encode(), media)

    created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    described, diffs = [], []
    for layer in layers:
        tar = layer.tar()
        size += len(tar)
        diffs.append(sha256(tar))
        packed = gzip.compress(tar, compresslevel=6, mtime=0)
        described.append(blob(packed, "application/vnd.oci.image.layer.v1.tar+gzip"))
    configured = js(
        {
            "architecture": machine,
            "os": "linux",
            "created": created,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": diffs},
            "history": [{"created": created, "created_by": "infra/images/image.py"} for _ in layers],
        },
        "application/vnd.oci.image.config.v1+json",
    )
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = js({"schemaVersion": 2, "mediaType": media, "config": configured, "layers": described}, media)
    manifest["annotations"] = {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
    }
    manifest["platform"] = {"architecture": machine, "os": "linux"}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]}
    inside = {"blobs/sha256/" + digest.partition(":")[2]: content for digest, content in blobs.items()}
    location = {digest: "blobs/sha256/" + digest.partition(":")[2] for digest in blobs}
    docker = [
        {
            "Config": location[configured["digest"]],
            "RepoTags": [name],
            "Layers": [location[layer["digest"]] for layer in described],
        }
    ]
    inside["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    inside["index.json"] = json.dumps(index, sort_keys=True).encode()
    inside["manifest.json"] = json.dumps(docker, sort_keys=True).encode()
    entries = {name: (tarfile.REGTYPE, 0o644, content, "") for name, content in sorted(inside.items())}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(archive(entries))
    part.replace(path)
    return manifest["digest"], size


def machine_of(path):
    """Returns the architecture of a static binary. A dynamic one is refused: nothing would load it FROM scratch."""
    content = path.read_bytes()
    if content[:5] != b"\x7fELF\x02":
        sys.exit(f"{path}: not a 64-bit ELF binary")
    start, size, count = struct.unpack_from("<Q", content, 32)[0], *struct.unpack_from("<HH", content, 54)
    if any(struct.unpack_from("<I", content, start + size * number)[0] == 3 for number in range(count)):
        sys.exit(f"{path}: linked dynamically (it names an interpreter); build it with `-C target-feature=+crt-static`")
    return MACHINES[struct.unpack_from("<H", content, 18)[0]]


def ca_bundle():
    """Returns the certificates of public authorities: `FLITS_CA_BUNDLE`, or those that the machine's distribution ships.
    What the machine's administrator has added to them stays out where it can be told apart."""
    named = os.environ.get("FLITS_CA_BUNDLE")
    mozilla = sorted(pathlib.Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
    if not named and mozilla:
        return b"".join(path.read_bytes().strip() + b"\n" for path in mozilla)
    for path in [named] if named else CA_BUNDLES:
        if os.path.exists(path):
            return pathlib.Path(path).read_bytes()
    sys.exit("no CA certificates; install `ca-certificates`, or name a bundle with FLITS_CA_BUNDLE")


def base():
    """Returns the layer that all images share."""
    layer = Layer()
    layer.file("etc/ssl/certs/ca-certificates.crt", ca_bundle())
    layer.directory("tmp", 0o1777)
    return layer


def git(*words):
    """Returns what git says, or nothing outside a checkout."""
    asked = subprocess.run(["git", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return asked.stdout.strip() if asked.returncode == 0 else ""


def source():
    """Returns where the source is: `FLITS_SOURCE`, or the remote if it is a URL."""
    remote = git("config", "remote.origin.url")
    return os.environ.get("FLITS_SOURCE") or (remote if "://" in remote and "@" not in remote else "local")


def labels(binary, sbom):
    """Returns the labels of an image."""
    with open("Cargo.toml", "rb") as manifest:
        version = tomllib.load(manifest)["workspace"]["package"]["version"]
    revision = git("rev-parse", "HEAD") or "unknown"
    if git("status", "--porcelain", "--untracked-files=no"):
        revision += "-dirty"
    settings = SETTINGS["images"][binary]
    return SETTINGS["labels"] | {
        "org.opencontainers.image.title": settings["name"],
        "org.opencontainers.image.description": settings["description"],
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.revision": revision,
        "org.opencontainers.image.source": source(),
        # The digest of NAME.cdx.json, which is published beside the image.
        "flits.sbom": sbom,
    }


def binaries(arguments, epoch):
    """Writes the image and the bill of materials of each binary."""
    import sbom

    shared, lines = base(), []
    for binary in arguments.binary:
        settings = SETTINGS["images"][binary]
        path = pathlib.Path(arguments.binaries) / binary
        machine = machine_of(path)
        layer = Layer()
        layer.file(binary, path.read_bytes(), 0o755)
        bill = json.dumps(sbom.sbom(binary, sbom.digest_of(path), arguments.target, epoch), indent=1).encode() + b"\n"
        name = f"{SETTINGS['prefix']}{settings['name']}:{arguments.tag}"
        out = pathlib.Path(arguments.out)
        config = {
            "User": SETTINGS["user"],
            "Entrypoint": [f"/{binary}"],
            "WorkingDir": "/",
            "Labels": labels(binary, sha256(bill)),
        }
        file = out / f"{settings['name']}.tar"
        digest, size = write(file, name, [shared, layer], config, machine, epoch)
        (out / f"{settings['name']}.cdx.json").write_bytes(bill)
        packed = file.stat().st_size
        lines.append(f"{name} {machine} {digest} {size / 1e6:.1f} MB, packed {packed / 1e6:.1f} MB")
        print(lines[-1], flush=True)
    (pathlib.Path(arguments.out) / "images.txt").write_text("\n".join(lines) + "\n")


def other(arguments, epoch):
    """Writes an image of a directory, for the services that the Kind recipe needs."""
    layer = Layer()
    layer.tree(pathlib.Path(arguments.root))
    layer.directory("tmp", 0o1777)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    config = {"User": SETTINGS["user"], "Entrypoint": arguments.entrypoint.split(), "WorkingDir": "/", "Env": arguments.env}
    digest, size = write(pathlib.Path(arguments.out), arguments.name, [layer], config, machine, epoch)
    print(f"{arguments.name} {machine} {digest} {size / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries")
    parser.add_argument("--out", required=True)
    parser.add_argument("--target")
    parser.add_argument("--tag", default=SETTINGS["tag"])
    parser.add_argument("--root")
    parser.add_argument("--name")
    parser.add_argument("--entrypoint")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("binary", nargs="*", choices=[*SETTINGS["images"], []])
    arguments = parser.parse_args()
    # The time of the commit, so that equal inputs have equal labels and times.
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or 0)
    if arguments.root:
        other(arguments, epoch)
    else:
        binaries(arguments, epoch)


if __name__ == "__main__":
    main()
