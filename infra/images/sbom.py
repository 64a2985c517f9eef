"""Writes the bill of materials of each binary, as CycloneDX 1.5: the crates that are linked into it, the Rust standard
library and glibc. What a build script or a macro uses is not in the binary and not listed.

The crates are those of one `cargo build` over all binaries, as `build.sh` does it, because cargo joins their features."""

import datetime
import functools
import hashlib
import json
import re
import subprocess
import tomllib
import uuid

# The binaries that are built together.
BINARIES = ["preprocess", "sample", "train", "eval", "infer", "sweep", "gateway", "flits"]

LINE = re.compile(r"(\d+)(\S+) v(\S+)((?: \([^)]*\))*)$")


def run(*command):
    """Returns what a command prints; its errors go to the terminal."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@functools.cache
def linked(target):
    """Returns which crate links which, as `{(name, version): {(name, version), …}}`."""
    packages = [word for binary in BINARIES for word in ("--package", binary)]
    tree = run(
        "cargo", "tree", "--locked", *packages, "--target", target,
        "--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "{p}",
    )  # fmt: skip
    edges, path = {}, []
    for line in filter(None, tree.splitlines()):
        # A crate that stands higher up already is marked with `(*)`, without what it links.
        depth, name, version, _ = LINE.match(line).groups()
        crate = (name, version)
        del path[int(depth) :]
        edges.setdefault(crate, set())
        if path:
            edges[path[-1]].add(crate)
        path.append(crate)
    return edges


@functools.cache
def about(target):
    """Returns licence and repository of each crate, from its manifest, and checksums, from the lock file."""
    metadata = json.loads(
        run("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target)
    )
    with open("Cargo.lock", "rb") as lock:
        locked = tomllib.load(lock)["package"]
    sums = {(package["name"], package["version"]): package.get("checksum") for package in locked}
    return {
        (package["name"], package["version"]): {
            # An old form of `OR`.
            "licence": (package["license"] or "").replace("/", " OR ") or None,
            "repository": package["repository"],
            "checksum": sums.get((package["name"], package["version"])),
            "registry": package["source"] is not None,
        }
        for package in metadata["packages"]
    }


def reachable(edges, root):
    """Returns a crate and all that it links."""
    seen, left = {root}, [root]
    while left:
        for crate in edges[left.pop()] - seen:
            seen.add(crate)
            left.append(crate)
    return seen


def purl(crate):
    """Returns the package URL of a crate."""
    return f"pkg:cargo/{crate[0]}@{crate[1]}"


def component(crate, target):
    """Returns the entry of one crate."""
    known = about(target)[crate]
    entry = {"type": "library", "bom-ref": purl(crate), "name": crate[0], "version": crate[1], "purl": purl(crate)}
    if known["licence"]:
        entry["licenses"] = [{"expression": known["licence"]}]
    if known["checksum"]:
        entry["hashes"] = [{"alg": "SHA-256", "content": known["checksum"]}]
    if known["repository"]:
        entry["externalReferences"] = [{"type": "vcs", "url": known["repository"]}]
    return entry


@functools.cache
def runtime():
    """Returns what the toolchain links in: the standard library and, where it is linked statically, glibc."""
    rust = run("rustc", "--version").split()[1]
    glibc = run("getconf", "GNU_LIBC_VERSION").split()[1]
    return [
        {
            "type": "library", "bom-ref": f"pkg:generic/{name}@{version}", "name": name, "version": version,
            "purl": f"pkg:generic/{name}@{version}", "licenses": [{"expression": licence}],
        }
        for name, version, licence in [
            ("glibc", glibc, "LGPL-2.1-or-later"),
            ("rust-std", rust, "MIT OR Apache-2.0"),
        ]
    ]  # fmt: skip


def sbom(binary, digest, target, epoch):
    """Returns the bill of materials of a binary with this SHA-256. Equal binaries of one commit have equal ones."""
    edges = linked(target)
    (root,) = (crate for crate in edges if crate[0] == binary and not about(target)[crate]["registry"])
    crates = sorted(reachable(edges, root) - {root})
    main = component(root, target) | {"type": "application", "hashes": [{"alg": "SHA-256", "content": digest}]}
    beside = [entry["bom-ref"] for entry in runtime()]
    when = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest + str(epoch))}",
        "version": 1,
        "metadata": {
            "timestamp": when.isoformat().replace("+00:00", "Z"),
            "component": main,
            "properties": [{"name": "flits:target", "value": target}],
        },
        "components": [component(crate, target) for crate in crates] + runtime(),
        "dependencies": [
            {
                "ref": purl(crate),
                "dependsOn": sorted(purl(other) for other in edges[crate]) + (beside if crate == root else []),
            }
            for crate in [root, *crates]
        ],
    }


def digest_of(path):
    """Returns the SHA-256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
