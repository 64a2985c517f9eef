#!/usr/bin/env bash
# Drives the embedded S3 and SQS of a running `flits up` with boto3. Needs Python 3 and PyPI the first time.
# Says at the end whether it ran. Usage: tests/recipes/boto3.sh [FLITS_BINARY]
set -euo pipefail
cd "$(dirname "$0")/../.."
flits=${1:-target/debug/flits}
venv=target/boto3-venv
version=1.44.5

if ! command -v python3 >/dev/null; then
  echo "boto3: NOT RUN, there is no python3"
  exit 0
fi
if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "$version" ]; then
  python3 -m venv "$venv"
  if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "boto3==$version"; then
    echo "boto3: NOT RUN, boto3 $version could not be installed"
    exit 0
  fi
  echo "$version" > "$venv/.version"
fi
[ -x "$flits" ] || cargo build -p flits

dir=$(mktemp -d)
"$flits" up --dir "$dir" --json >"$dir.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir" "$dir.log"' EXIT
for _ in $(seq 200); do
  [ -s "$dir/address.json" ] && break
  sleep 0.05
done
value() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$dir/address.json" "$1"; }
AWS_ACCESS_KEY_ID=$(value access_key) AWS_SECRET_ACCESS_KEY=$(value secret_key) AWS_DEFAULT_REGION=$(value region)
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION
AWS_ENDPOINT_URL_S3=$(value s3) AWS_ENDPOINT_URL_SQS=$(value sqs)
export AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL_SQS
"$venv/bin/python" tests/recipes/boto3_s3.py
"$venv/bin/python" tests/recipes/boto3_sqs.py --endpoint "$AWS_ENDPOINT_URL_SQS" \
  --access-key "$AWS_ACCESS_KEY_ID" --secret-key "$AWS_SECRET_ACCESS_KEY"
echo "boto3: RAN against $flits"
