#!/usr/bin/env bash
# Checks the images that `infra/images/build.sh` has left: user, labels, files, size, static binary, bill of materials; runs
# each one with its root read-only, with and without its configuration; builds one again, for equal bytes; and plants faults
# that must be found. Runs them with Docker where an engine answers, else in namespaces, as root.
# Says at the end whether it ran. Usage: tests/recipes/images.sh [DIR [BINARY...]]
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=${1:-${CARGO_TARGET_DIR:-target}/images}
shift $(($# > 0 ? 1 : 0))

if [ ! -s "$dir/images.txt" ]; then
  echo "images: NOT RUN, no images in $dir: infra/images/build.sh makes them"
  exit 0
fi
mapfile -t built < <(sed -E 's/^[^ ]*\/(flits-)?([a-z]+):.*/\2/' "$dir/images.txt")
binaries=("${@:-${built[@]}}")
FLITS_TARGET=${FLITS_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}
export FLITS_TARGET

python3 tests/recipes/images.py CHECK "$dir" "${binaries[@]}"
python3 tests/recipes/images.py FAULTS "$dir"

again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
binary=${binaries[0]}
python3 - "$dir" "$binary" "$again" <<'PY'
import pathlib, sys
sys.path.insert(0, "tests/recipes")
import images
source, binary, out = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
(out / binary).write_bytes(images.Archive(images.files(source, binary)[0]).files[binary])
PY
python3 infra/images/image.py --binaries "$again" --out "$again" --target "$FLITS_TARGET" "$binary" >/dev/null
for file in "$again"/*.tar "$again"/*.json; do
  cmp "$file" "$dir/$(basename "$file")" || { echo "built again, $binary has other bytes (or the checkout has changed)" >&2; exit 1; }
done
echo "built again, $binary has equal bytes"

if docker info >/dev/null 2>&1; then
  export FLITS_ENGINE=docker how="docker"
elif [ "$(id -u)" = 0 ] && unshare --mount --net true 2>/dev/null; then
  export FLITS_ENGINE=none how="namespaces"
else
  echo "images: RAN, ${#binaries[@]} images are as they should be; none was RUN: no engine answers, and namespaces need root"
  exit 0
fi
python3 tests/recipes/images.py RUN "$dir" "${binaries[@]}"
echo "images: RAN, ${#binaries[@]} images are as they should be and run read-only ($how); all planted faults were found"
