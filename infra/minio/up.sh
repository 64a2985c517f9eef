#!/usr/bin/env bash
# Runs flits on MinIO and ElasticMQ until Ctrl-C: MinIO's webhook tells `preprocess` over HTTP about new objects, which puts
# them on its queue, and `flits pump` runs the functions. Everything is kept in DIR (.flits-minio) and goes on from there.
# Usage: infra/minio/up.sh [DIR]. FLITS_BIN holds the binaries; they are built unless it is set.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/minio/servers.sh
. infra/minio/servers.sh
fetch_minio
fetch_elasticmq
binaries=${FLITS_BIN:-}
if [ -z "$binaries" ]; then
  cargo build -p flits -p preprocess --bins
  binaries=${CARGO_TARGET_DIR:-target}/debug
fi

mkdir -p "${1:-.flits-minio}"
dir=$(cd "${1:-.flits-minio}" && pwd)
chmod 700 "$dir"
store=${FLITS_MINIO_PORT:-9000} queue=${FLITS_ELASTICMQ_PORT:-9324} hook=${FLITS_HOOK_PORT:-9080}
# Credentials and token are made once, for this folder.
random() { head -c 24 /dev/urandom | base64 | tr -d '+/='; }
if [ ! -e "$dir/env" ]; then
  (
    umask 077
    echo "export MINIO_ROOT_USER=flits MINIO_ROOT_PASSWORD=$(random) FLITS__HTTP__TOKEN=$(random)" >"$dir/env"
  )
fi
# shellcheck source=/dev/null
. "$dir/env"
export FLITS__STORE__ENDPOINT=http://127.0.0.1:$store FLITS__QUEUE__ENDPOINT=http://127.0.0.1:$queue
export FLITS__STORE__ACCESS_KEY=$MINIO_ROOT_USER FLITS__STORE__SECRET_KEY=$MINIO_ROOT_PASSWORD
# ElasticMQ checks no credentials, but a request has some.
export FLITS__QUEUE__ACCESS_KEY=$MINIO_ROOT_USER FLITS__QUEUE__SECRET_KEY=$MINIO_ROOT_PASSWORD
export FLITS__HTTP__ADDRESS=127.0.0.1

trap stop_servers EXIT
start_elasticmq "$dir" "$queue"
start "$dir/preprocess.log" env PORT="$hook" "$binaries/preprocess"
answers preprocess "http://127.0.0.1:$hook/healthz" "$dir/preprocess.log"
start_minio "$dir" "$store" "http://127.0.0.1:$hook/" "$FLITS__HTTP__TOKEN"
"$binaries/flits" setup --notify arn:minio:sqs::FLITS:webhook

cat <<TEXT

MinIO      http://127.0.0.1:$store  (bucket flits)
ElasticMQ  http://127.0.0.1:$queue
Upload, in another shell:
  . $dir/env
  $tools/bin/mc alias set flits http://127.0.0.1:$store "\$MINIO_ROOT_USER" "\$MINIO_ROOT_PASSWORD"
  $tools/bin/mc cp examples/retail_sales.csv flits/flits/raw/retail_sales/
  $tools/bin/mc cat flits/flits/forecasts/retail_sales/0-of-1/latest.json
TEXT
"$binaries/flits" pump --dir "$dir"
