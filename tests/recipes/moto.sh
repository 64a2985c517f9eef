#!/usr/bin/env bash
# Runs the port suites against moto, a second opinion on S3 and SQS. Needs Python 3 and PyPI the first time.
# Says at the end whether it ran. Usage: tests/recipes/moto.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=target/moto-venv
version=5.2.5

if ! command -v python3 >/dev/null; then
  echo "moto: NOT RUN, there is no python3"
  exit 0
fi
if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "$version" ]; then
  python3 -m venv "$venv"
  if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$version"; then
    echo "moto: NOT RUN, moto[server] $version could not be installed"
    exit 0
  fi
  echo "$version" > "$venv/.version"
fi

port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$venv/bin/moto_server" -H 127.0.0.1 -p "$port" >target/moto.log 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
"$venv/bin/python" - "$port" <<'PY'
import sys, time, urllib.request
for _ in range(150):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/moto-api/", timeout=2).read()
        break
    except OSError:
        time.sleep(0.2)
else:
    sys.exit("moto does not answer, see target/moto.log")
PY

# moto lets a handle delete although its message was received again since.
FLITS_TEST_S3="http://127.0.0.1:$port" FLITS_TEST_SQS="http://127.0.0.1:$port" FLITS_TEST_KEEPS_OLD_HANDLES=1 \
  cargo test -p tests --features endpoints --test ports-endpoints
echo "moto: RAN, moto $version passes the port suites"
