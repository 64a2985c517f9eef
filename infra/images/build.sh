#!/usr/bin/env bash
# Builds the images: one static binary each, FROM scratch, without a Docker engine. Equal binaries give equal images.
# Leaves NAME.tar and NAME.cdx.json per image, and images.txt, in OUT (default: images/ in the target directory).
# Usage: infra/images/build.sh [--binaries DIR] [--out DIR] [BINARY...]
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
triple=${FLITS_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}
out=$target/images
binaries=
names=()
while [ $# -gt 0 ]; do
  case $1 in
    --binaries) binaries=${2:?--binaries wants a directory}; shift 2 ;;
    --out) out=${2:?--out wants a directory}; shift 2 ;;
    -*) echo "usage: infra/images/build.sh [--binaries DIR] [--out DIR] [BINARY...]" >&2; exit 2 ;;
    *) names+=("$1"); shift ;;
  esac
done
all=(preprocess sample train eval infer sweep gateway flits)
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")

if [ -z "$binaries" ]; then
  # Static glibc: names are resolved without shared libraries. No paths of this machine stand in the binaries.
  RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$PWD=/flits" \
    cargo build --profile dist --locked --target "$triple" --bins "${names[@]/#/--package=}"
  binaries=$target/$triple/dist
fi

python3 infra/images/image.py --binaries "$binaries" --out "$out" --target "$triple" "${names[@]}"
