#!/usr/bin/env bash
# Compares our additive model with the Python package `prophet` on its own examples, on PobleSec and on made cases.
# Needs Python 3 and PyPI the first time. Prints `N passed, N failed`.
# Usage: tests/recipes/prophet.sh [DATA_DIR] [--write]   (--write renews the numbers that the crate's tests compare)
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${FLITS_DATA:-../shared/data}
write=()
for argument in "$@"; do
  case $argument in
    --write) write=(--write models/prophet/tests/fixtures) ;;
    *) data=$argument ;;
  esac
done
venv=${CARGO_TARGET_DIR:-target}/prophet-venv
packages="prophet==1.5.0 cmdstanpy==1.3.2 numpy==2.4.6 pandas==3.1.1"

if ! command -v python3 >/dev/null; then
  echo "prophet: NOT RUN, there is no python3"
  exit 0
fi
if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "$packages" ]; then
  python3 -m venv "$venv"
  # shellcheck disable=SC2086
  if ! "$venv/bin/pip" install --quiet --disable-pip-version-check $packages; then
    echo "prophet: NOT RUN, $packages could not be installed"
    exit 0
  fi
  echo "$packages" > "$venv/.version"
fi
cargo build --release --quiet -p prophet --example agree
"$venv/bin/python" models/prophet/tests/fixtures/make.py \
  --agree "${CARGO_TARGET_DIR:-target}/release/examples/agree" --data "$data" "${write[@]}"
