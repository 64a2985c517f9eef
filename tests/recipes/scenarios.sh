#!/usr/bin/env bash
# Runs the scenarios of tests/e2e/scenarios on servers that are not ours, with functions in processes of their own. Says at
# the end whether it ran. Needs Python 3. Usage: tests/recipes/scenarios.sh moto|minio [--cached]
#   moto   notifies queues of its own. Needs PyPI the first time.
#   minio  MinIO, whose webhook is `preprocess` over HTTP, and ElasticMQ. Needs Java, and Go and Maven the first time.
#   --cached  does not run with servers that were not built here before.
set -euo pipefail
cd "$(dirname "$0")/../.."
servers=${1:-} cached=${2:-}
case "$servers$cached" in moto | minio | moto--cached | minio--cached) ;; *) echo "usage: $0 moto|minio [--cached]" >&2; exit 2 ;; esac

# shellcheck source=infra/minio/servers.sh
. infra/minio/servers.sh
binaries=${CARGO_TARGET_DIR:-target}/debug
work=$PWD/target/scenarios-$servers
export MINIO_ROOT_USER=flits MINIO_ROOT_PASSWORD=not-a-secret
trap stop_servers EXIT

not_run() {
  echo "scenarios on $servers: NOT RUN, $1"
  exit 0
}

# stand_at S3 SQS: says where the servers stand. What begins with "${ours[@]}" knows them.
stand_at() {
  s3=$1 sqs=$2
  ours=(env FLITS__STORE__ENDPOINT="$s3" FLITS__STORE__ACCESS_KEY="$MINIO_ROOT_USER" FLITS__STORE__SECRET_KEY="$MINIO_ROOT_PASSWORD"
    FLITS__QUEUE__ENDPOINT="$sqs" FLITS__QUEUE__ACCESS_KEY="$MINIO_ROOT_USER" FLITS__QUEUE__SECRET_KEY="$MINIO_ROOT_PASSWORD")
}

moto() {
  local venv=target/moto-venv version=5.2.5 port
  if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "$version" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$version" ||
      not_run "moto[server] $version could not be installed"
    echo "$version" >"$venv/.version"
  fi
  port=$(free_port)
  stand_at "http://127.0.0.1:$port" "http://127.0.0.1:$port"
  start "$work/moto.log" "$venv/bin/moto_server" -H 127.0.0.1 -p "$port"
  answers moto "$s3/moto-api/" "$work/moto.log"
  "${ours[@]}" "$binaries/flits" setup
}

minio() {
  local hook store queue token=scenarios-token-0123456789
  [ -z "$cached" ] || [ -x "$tools/bin/minio" ] || not_run "MinIO was not built here before"
  [ -z "$cached" ] || [ -d "$elasticmq_jars" ] || not_run "ElasticMQ was not taken from Maven before"
  fetch_minio || not_run "MinIO cannot be built"
  fetch_elasticmq || not_run "ElasticMQ cannot be had"
  hook=$(free_port) store=$(free_port) queue=$(free_port)
  stand_at "http://127.0.0.1:$store" "http://127.0.0.1:$queue"
  start_elasticmq "$work" "$queue"
  # The target of the webhook stands before MinIO does, which asks for it when it starts.
  start "$work/preprocess.log" "${ours[@]}" PORT="$hook" FLITS__HTTP__ADDRESS=127.0.0.1 FLITS__HTTP__TOKEN=$token \
    "$binaries/preprocess"
  answers preprocess "http://127.0.0.1:$hook/healthz" "$work/preprocess.log"
  start_minio "$work" "$store" "http://127.0.0.1:$hook/" "$token"
  "${ours[@]}" "$binaries/flits" setup --notify arn:minio:sqs::FLITS:webhook
}

command -v python3 >/dev/null || not_run "there is no python3"
rm -rf "$work"
mkdir -p "$work"
cargo build --workspace --exclude recurrent-tch --bins --locked
"$servers"

FLITS_TEST_S3=$s3 FLITS_TEST_SQS=$sqs FLITS_TEST_ACCESS_KEY=$MINIO_ROOT_USER FLITS_TEST_SECRET_KEY=$MINIO_ROOT_PASSWORD \
  cargo test --workspace --exclude recurrent-tch --features tests/endpoints --test e2e --locked -- \
  --nocapture on_servers_elsewhere | tee "$work/test.log"
echo "scenarios on $servers: RAN, $(grep -c '^scenario: ' "$work/test.log") scenarios, equal digests"
