#!/usr/bin/env bash
# Weights go from our nets to PyTorch's and back, and give the same forecasts. Needs Python 3 and PyPI the
# first time; PYTHON=… takes a Python that has torch and safetensors instead. Says at the end whether it ran.
# Usage: tests/recipes/torch_state.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/torch-venv
version="torch==2.13.0 safetensors==0.8.0 numpy==2.4.6"

if [ -z "${PYTHON:-}" ]; then
  if ! command -v python3 >/dev/null; then
    echo "torch: NOT RUN, there is no python3"
    exit 0
  fi
  if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "$version" ]; then
    python3 -m venv "$venv"
    # shellcheck disable=SC2086 # three packages
    if ! "$venv/bin/pip" install --quiet --disable-pip-version-check $version; then
      echo "torch: NOT RUN, $version could not be installed"
      exit 0
    fi
    echo "$version" > "$venv/.version"
  fi
  PYTHON=$venv/bin/python
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cargo build --quiet --release -p recurrent --example state
state=$target/release/examples/state
"$state" write "$dir"
"$PYTHON" tests/recipes/torch_state.py first "$dir"
"$state" read "$dir"
"$PYTHON" tests/recipes/torch_state.py second "$dir" | tee "$dir/report"
passed=$(grep -c '^ok: ' "$dir/report" || true)
failed=$((4 - passed))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
