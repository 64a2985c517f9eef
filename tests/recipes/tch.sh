#!/usr/bin/env bash
# Lints the libtorch backend and runs its tests, up to a `flits run` whose nets have `backend = "tch"`, on a pinned CPU
# libtorch cut out of PyTorch's wheels (410 MiB, once; 1 GB free while it is made). Needs Python 3 with pip, a C++ compiler,
# and PyPI the first time. Says at the end whether it ran.
# Usage: tests/recipes/tch.sh [COMMAND...]    (with a command: runs that instead, with libtorch to be found)
set -euo pipefail
cd "$(dirname "$0")/../.."
pins=tests/recipes/libtorch.txt
libtorch=$(realpath -m "${FLITS_LIBTORCH:-${CARGO_TARGET_DIR:-target}/libtorch}")
wanted=$(cat "$pins" tests/recipes/libtorch.py | sha256sum | cut -c1-16)

for tool in python3 c++ strip; do
  if ! command -v "$tool" >/dev/null; then
    echo "tch: NOT RUN, there is no $tool"
    exit 0
  fi
done
if [ "$(uname -sm)" != "Linux x86_64" ]; then
  echo "tch: NOT RUN, the pinned libtorch is for Linux x86_64, this is $(uname -sm)"
  exit 0
fi
if [ "$(cat "$libtorch/.pin" 2>/dev/null || true)" != "$wanted" ]; then
  mkdir -p "$(dirname "$libtorch")"
  wheels=$(mktemp -d "$libtorch.wheels.XXXXXX")
  trap 'rm -rf "$wheels" "$libtorch.new"' EXIT
  # The C++ libraries do not depend on the version of Python that a wheel names, so any Python here may fetch them.
  if ! python3 -m pip --disable-pip-version-check download --quiet --no-cache-dir --no-deps --require-hashes \
    --only-binary=:all: --implementation cp --python-version 311 --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 --dest "$wheels" --requirement "$pins"; then
    echo "tch: NOT RUN, the pinned libtorch could not be downloaded"
    exit 0
  fi
  python3 tests/recipes/libtorch.py "$wheels" "$libtorch.new"
  strip --strip-unneeded "$libtorch.new/lib/libtorch_cpu.so"
  echo "$wanted" > "$libtorch.new/.pin"
  rm -rf "$libtorch"
  mv "$libtorch.new" "$libtorch"
fi

# With more threads than free cores, OpenMP's spin while they wait: seconds become minutes.
export LIBTORCH="$libtorch" LD_LIBRARY_PATH="$libtorch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" OMP_NUM_THREADS=1
if [ "$#" -gt 0 ]; then
  exec "$@"
fi
# One selection of packages and features, so that all build the same once: fits alone, then `flits run` from upload to scores.
cargo clippy --workspace --features flits/tch --all-targets --locked -- -D warnings
cargo test --workspace --features flits/tch --locked --test parity --test backend
cargo test --workspace --features flits/tch --locked --test command -- backend --nocapture
echo "tch: RAN, the libtorch backend agrees with our own on $(cat "$libtorch/build-version")"
