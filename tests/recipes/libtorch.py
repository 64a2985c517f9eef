"""Cuts what a CPU program needs out of PyTorch's wheels: headers and six libraries. Usage: libtorch.py WHEELS DESTINATION"""

import pathlib
import re
import shutil
import sys
import zipfile

LIBRARIES = {"libtorch.so", "libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}


def place(name: str):
    """Says where a wheel's file belongs, if anywhere."""
    path = pathlib.PurePosixPath(name)
    if path.parent.name == "lib" and path.name in LIBRARIES:
        return pathlib.Path("lib", path.name)
    if path.parts[:2] == ("torch", "include"):
        return pathlib.Path(*path.parts[1:])
    return None


def main(wheels: pathlib.Path, destination: pathlib.Path):
    shutil.rmtree(destination, ignore_errors=True)
    found = set()
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                if entry.filename == "torch/version.py":
                    text = archive.read(entry).decode()
                    version = re.search(r"__version__\s*=\s*['\"]([^'\"]+)", text).group(1)
                    destination.mkdir(parents=True, exist_ok=True)
                    # Where this file is, a build against another PyTorch than the bindings' own is refused.
                    (destination / "build-version").write_text(version + "\n")
                target = None if entry.is_dir() else place(entry.filename)
                if target is None:
                    continue
                found.add(target.name)
                (destination / target).parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, open(destination / target, "wb") as into:
                    shutil.copyfileobj(source, into, 1 << 20)
    missing = sorted(LIBRARIES - found)
    if missing:
        sys.exit(f"not in the wheels: {missing}")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
