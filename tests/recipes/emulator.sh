#!/usr/bin/env bash
# Runs cases of our own against the embedded S3 and SQS of a running `flits up`: what the well-known suites of both ask of
# a server and a client of flits meets, and clients that people have. Needs Python 3 and PyPI the first time. Says at the
# end whether it ran and how many cases passed; emulator/README.md tells that count.
# Usage: tests/recipes/emulator.sh [FLITS_BINARY]
set -euo pipefail
cd "$(dirname "$0")/../.."
flits=${1:-target/debug/flits}
venv=target/emulator-venv
packages=(boto3==1.44.5 awscli==1.46.3 s3cmd==2.4.0 minio==7.2.20 pyarrow==26.0.1)

if ! command -v python3 >/dev/null; then
  echo "emulator: NOT RUN, there is no python3"
  exit 0
fi
if [ "$(cat "$venv/.packages" 2>/dev/null || true)" != "${packages[*]}" ]; then
  python3 -m venv "$venv"
  if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"; then
    echo "emulator: NOT RUN, ${packages[*]} could not be installed"
    exit 0
  fi
  echo "${packages[*]}" > "$venv/.packages"
fi
[ -x "$flits" ] || cargo build -p flits

dir=$(mktemp -d)
"$flits" up --dir "$dir" --json >"$dir.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir" "$dir.log" "$dir.cases"' EXIT
for _ in $(seq 200); do
  [ -s "$dir/address.json" ] && break
  sleep 0.05
done
value() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$dir/address.json" "$1"; }
AWS_ACCESS_KEY_ID=$(value access_key) AWS_SECRET_ACCESS_KEY=$(value secret_key) AWS_DEFAULT_REGION=$(value region)
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION
AWS_ENDPOINT_URL_S3=$(value s3) AWS_ENDPOINT_URL_SQS=$(value sqs)
export AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL_SQS
export PYTHONDONTWRITEBYTECODE=1
unset AWS_PROFILE AWS_SESSION_TOKEN

for suite in s3 sqs clients; do
  echo "== $suite"
  "$venv/bin/python" "tests/recipes/emulator_$suite.py" | tee -a "$dir.cases" || true
done
# A suite that broke off has no line with its count.
python3 - "$dir.cases" <<'PY'
import re, sys

counts = re.findall(r"^(\d+) passed, (\d+) failed$", open(sys.argv[1]).read(), re.M)
passed, failed = (sum(int(count[at]) for count in counts) for at in (0, 1))
print(f"{passed} passed, {failed} failed")
if failed or len(counts) != 3:
    sys.exit(f"emulator: FAILED, {len(counts)} of 3 suites ended")
PY
echo "emulator: RAN against $flits"
