#!/usr/bin/env bash
# Runs the functions behind Lambda's API, as `cargo lambda watch` serves it, on moto: invokes each with the payloads of
# infra/aws/events, and walks an upload to its forecast, which must be that of `flits run`. Needs Python 3, and PyPI the first
# time. Says at the end whether it ran. Usage: tests/recipes/lambda.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/minio/servers.sh
. infra/minio/servers.sh
venv=target/lambda-venv packages=(cargo-lambda==1.9.2 'moto[server]==5.2.5')
work=$PWD/target/lambda
trap stop_servers EXIT

not_run() {
  echo "lambda: NOT RUN, $1"
  exit 0
}

command -v python3 >/dev/null || not_run "there is no python3"
if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "${packages[*]}" ]; then
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" || not_run "${packages[*]} could not be installed"
  echo "${packages[*]}" >"$venv/.version"
fi
rm -rf "$work"
mkdir -p "$work"
cargo build --workspace --exclude recurrent-tch --bins --locked
flits=${CARGO_TARGET_DIR:-target}/debug/flits
"$flits" run examples/retail_sales.csv --dir "$work/here" >"$work/here.log" 2>&1
"$flits" lineage retail_sales --dir "$work/here" --json >"$work/here.json"

moto=$(free_port) api=$(free_port)
export FLITS__STORE__ENDPOINT=http://127.0.0.1:$moto FLITS__QUEUE__ENDPOINT=http://127.0.0.1:$moto
export FLITS__STORE__ACCESS_KEY=any FLITS__STORE__SECRET_KEY=any FLITS__QUEUE__ACCESS_KEY=any FLITS__QUEUE__SECRET_KEY=any
start "$work/moto.log" "$venv/bin/moto_server" -H 127.0.0.1 -p "$moto"
answers moto "http://127.0.0.1:$moto/moto-api/" "$work/moto.log"
at=(--store "http://127.0.0.1:$moto/flits" --queue "http://127.0.0.1:$moto")
"$flits" setup "${at[@]}" >"$work/setup.log"
"$flits" upload examples/retail_sales.csv "${at[@]}"

PATH=$PWD/$venv/bin:$PATH
start "$work/watch.log" cargo lambda watch --ignore-changes --invoke-address 127.0.0.1 --invoke-port "$api"
for _ in $(seq 100); do
  if (: <"/dev/tcp/127.0.0.1/$api") 2>/dev/null; then break; fi
  sleep 0.1
done
answered=$("$venv/bin/python" tests/recipes/lambda.py events "$api")
walked=$("$venv/bin/python" tests/recipes/lambda.py walk "$api" "http://127.0.0.1:$moto")
"$flits" lineage retail_sales "${at[@]}" --json >"$work/there.json"
diff "$work/here.json" "$work/there.json"
echo "lambda: RAN, $answered; $walked; the same forecast as \`flits run\`, with all that it was made from"
