#!/usr/bin/env bash
# Checks the HTTP face of a running `flits up`: its metrics with promtool, and its OpenAPI document with schemathesis, which
# sends what the document allows and what it forbids and accepts no 5xx. promtool comes with Debian's `prometheus`,
# schemathesis from PyPI. Says at the end what ran. Usage: tests/recipes/http.sh [FLITS_BINARY]
set -euo pipefail
cd "$(dirname "$0")/../.."
flits=${1:-target/debug/flits}
venv=target/schemathesis-venv
version=4.32.5

[ -x "$flits" ] || cargo build -p flits
dir=$(mktemp -d)
"$flits" up --dir "$dir" --json >"$dir.log" 2>"$dir.err" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir" "$dir.log" "$dir.err"' EXIT
for _ in $(seq 200); do
  [ -s "$dir/address.json" ] && break
  sleep 0.05
done
url=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["http"])' "$dir/address.json")

# A champion, so that more than refusals is seen.
curl --silent --show-error --fail -T examples/retail_sales.csv "$url/upload/retail_sales/retail_sales.csv" >/dev/null
for _ in $(seq 240); do
  curl --silent --fail "$url/forecasts/retail_sales" >/dev/null && break
  sleep 0.5
done
curl --silent --show-error --fail "$url/v1/models/retail_sales" >/dev/null

if command -v promtool >/dev/null; then
  curl --silent --fail "$url/metrics" | promtool check metrics
  echo "promtool: RAN, $(curl --silent "$url/metrics" | grep -c '^# TYPE') metrics have names and units by the conventions"
else
  echo "promtool: NOT RUN, it is not installed (Debian: apt-get install prometheus)"
fi

if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "$version" ]; then
  python3 -m venv "$venv"
  if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"; then
    echo "schemathesis: NOT RUN, schemathesis $version could not be installed"
    exit 0
  fi
  echo "$version" > "$venv/.version"
fi
"$venv/bin/schemathesis" run "$url/openapi.json" --checks not_a_server_error --max-examples "${EXAMPLES:-50}" \
  --phases examples,coverage,fuzzing --seed 1 --request-timeout 30
echo "schemathesis: RAN against $flits, no answer was 5xx"
