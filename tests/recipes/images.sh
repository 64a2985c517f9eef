#!/usr/bin/env bash
# Checks the images that `infra/images/build.sh` has left: user, labels, files, size, static binary, bill of materials; packs
# one again, for equal bytes; plants faults that must be found; and runs each image with its root read-only, with and without
# its configuration: with Docker where an engine answers, else in namespaces, as root. Where there are no images of this
# commit, all but the last is done with a program that stands in for a binary.
# Says at the end whether it ran. Usage: tests/recipes/images.sh [DIR [BINARY...]]
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=${1:-${CARGO_TARGET_DIR:-target}/images}
shift $(($# > 0 ? 1 : 0))
FLITS_TARGET=${FLITS_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}
export FLITS_TARGET

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# pack BINARY FROM OUT: packs one binary.
pack() {
  mkdir -p "$3"
  python3 infra/images/image.py --binaries "$2" --out "$3" --target "$FLITS_TARGET" "$1"
}
of_this_commit() {
  [ -s "$dir/images.txt" ] && [[ $(python3 tests/recipes/images.py REVISION "$dir") = $(git rev-parse HEAD)* ]]
}

if of_this_commit; then
  mapfile -t built < <(sed -E 's/^[^ ]*\/(flits-)?([a-z]+):.*/\2/' "$dir/images.txt")
  binaries=("${@:-${built[@]}}")
  stand_in=
else
  # It names a source as binaries of ours do.
  tokio=$(cargo tree --locked --package sweep --invert tokio --depth 0 --prefix none --format '{p}' | sed 's/tokio v//')
  mkdir "$work/static"
  rustc -C target-feature=+crt-static --target "$FLITS_TARGET" --crate-name sweep -o "$work/static/sweep" - <<RUST
fn main() { println!("/cargo/registry/src/index/tokio-$tokio/src/lib.rs"); }
RUST
  dir=$work/stand-in binaries=(sweep) stand_in=yes
  pack sweep "$work/static" "$dir"
fi

python3 tests/recipes/images.py CHECK "$dir" "${binaries[@]}"
python3 tests/recipes/images.py FAULTS "$dir"

mkdir "$work/binary"
python3 tests/recipes/images.py EXTRACT "$dir" sweep >"$work/binary/sweep"
pack sweep "$work/binary" "$work/once" >/dev/null
touch -d '2001-01-01' "$work/binary/sweep"
(umask 077 && TZ=Asia/Tokyo pack sweep "$work/binary" "$work/again" >/dev/null)
diff -r "$work/once" "$work/again"
echo "packed twice, sweep has equal bytes"

if [ -n "$stand_in" ]; then
  echo "images: NOT RUN, there are none of this commit (infra/images/build.sh makes them); a program that stands in for a binary" \
    "was packed, checked, and all planted faults were found"
  exit 0
fi
if docker info >/dev/null 2>&1; then
  export FLITS_ENGINE=docker how="docker"
elif [ "$(id -u)" = 0 ] && unshare --mount --net true 2>/dev/null; then
  export FLITS_ENGINE=none how="namespaces"
else
  echo "images: RAN, ${#binaries[@]} images are as they should be; none was started: no engine answers, and namespaces need root"
  exit 0
fi
python3 tests/recipes/images.py RUN "$dir" "${binaries[@]}"
echo "images: RAN, ${#binaries[@]} images are as they should be and run read-only ($how); all planted faults were found"
