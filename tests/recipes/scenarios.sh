#!/usr/bin/env bash
# Runs the scenarios of tests/e2e/scenarios on servers that are not ours, with functions in processes of their own. Says at
# the end whether it ran. Usage: tests/recipes/scenarios.sh moto|minio
#   moto   notifies queues of its own. Needs Python 3, and PyPI the first time.
#   minio  MinIO, whose webhook is `preprocess` over HTTP, and ElasticMQ. Needs Python 3, Java, and both of them in the
#          cache of tools; ElasticMQ comes from Maven the first time.
set -euo pipefail
cd "$(dirname "$0")/../.."
servers=${1:-}
case "$servers" in moto | minio) ;; *) echo "usage: $0 moto|minio" >&2; exit 2 ;; esac

tools=${FLITS_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/flits-tools}
binaries=${CARGO_TARGET_DIR:-target}/debug
logs=target/scenarios-$servers
key=flits secret=not-a-secret
work=$(mktemp -d)
started=()
end() {
  for server in "${started[@]}"; do kill "$server" 2>/dev/null || true; done
  rm -rf "$work"
}
trap end EXIT

not_run() {
  echo "scenarios on $servers: NOT RUN, $1"
  exit 0
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start NAME COMMAND...: runs a server in the background.
start() {
  local name=$1
  shift
  "$@" >"$logs/$name.log" 2>&1 &
  started+=($!)
}

# answers NAME URL: waits until a server answers.
answers() {
  for _ in $(seq 300); do
    if curl --silent --fail --output /dev/null --max-time 2 "$2"; then return; fi
    sleep 0.1
  done
  echo "$1 does not answer, see $logs/$1.log" >&2
  exit 1
}

# setup ARGUMENTS...: makes bucket, notifications and queues.
setup() {
  FLITS__STORE__REGION=us-east-1 FLITS__STORE__ACCESS_KEY=$key FLITS__STORE__SECRET_KEY=$secret \
    FLITS__QUEUE__REGION=us-east-1 FLITS__QUEUE__ACCESS_KEY=$key FLITS__QUEUE__SECRET_KEY=$secret \
    "$binaries/flits" setup --store "$s3/flits" --queue "$sqs" "$@"
}

moto() {
  local venv=target/moto-venv version=5.2.5
  if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "$version" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$version" ||
      not_run "moto[server] $version could not be installed"
    echo "$version" >"$venv/.version"
  fi
  local port
  port=$(free_port)
  s3=http://127.0.0.1:$port sqs=http://127.0.0.1:$port
  start moto "$venv/bin/moto_server" -H 127.0.0.1 -p "$port"
  answers moto "$s3/moto-api/"
  setup
}

minio() {
  local version=1.7.1 hook store queue
  local jars=$tools/elasticmq-$version
  [ -x "$tools/bin/minio" ] || not_run "there is no $tools/bin/minio"
  command -v java >/dev/null || not_run "there is no java"
  [ -e "$jars/jars.done" ] || elasticmq_jars "$jars" "$version"
  hook=$(free_port) store=$(free_port) queue=$(free_port)
  s3=http://127.0.0.1:$store sqs=http://127.0.0.1:$queue

  cat >"$work/elasticmq.conf" <<CONF
node-address { protocol = http, host = "127.0.0.1", port = $queue, context-path = "" }
rest-sqs { enabled = true, bind-port = $queue, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
generate-node-address = false
queues-storage { enabled = false }
messages-storage { enabled = false }
aws { region = us-east-1, accountId = 000000000000 }
CONF
  start elasticmq java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m -Dconfig.file="$work/elasticmq.conf" \
    -cp "$jars/jars/*" org.elasticmq.server.Main
  answers elasticmq "$sqs/?Action=ListQueues"

  # The target of the webhook stands before MinIO does, which asks for it when it starts.
  local token=scenarios-token-0123456789
  start preprocess env PORT="$hook" FLITS__HTTP__ADDRESS=127.0.0.1 FLITS__HTTP__TOKEN=$token \
    FLITS__STORE__ENDPOINT="$s3" FLITS__STORE__REGION=us-east-1 FLITS__STORE__ACCESS_KEY=$key \
    FLITS__STORE__SECRET_KEY=$secret FLITS__QUEUE__ENDPOINT="$sqs" FLITS__QUEUE__REGION=us-east-1 \
    FLITS__QUEUE__ACCESS_KEY=$key FLITS__QUEUE__SECRET_KEY=$secret "$binaries/preprocess"
  answers preprocess "http://127.0.0.1:$hook/healthz"

  mkdir "$work/events"
  start minio env MINIO_ROOT_USER=$key MINIO_ROOT_PASSWORD=$secret MINIO_BROWSER=off \
    MINIO_NOTIFY_WEBHOOK_ENABLE_FLITS=on MINIO_NOTIFY_WEBHOOK_ENDPOINT_FLITS="http://127.0.0.1:$hook/" \
    MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_FLITS="Bearer $token" MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_FLITS="$work/events" \
    "$tools/bin/minio" server "$work/minio" --address "127.0.0.1:$store"
  answers minio "$s3/minio/health/ready"
  setup --notify arn:minio:sqs::FLITS:webhook
}

# elasticmq_jars FOLDER VERSION: takes ElasticMQ from Maven.
elasticmq_jars() {
  command -v mvn >/dev/null || not_run "there is no $1/jars, and no mvn to get ElasticMQ"
  mkdir -p "$1"
  cat >"$1/pom.xml" <<POM
<project><modelVersion>4.0.0</modelVersion><groupId>flits</groupId><artifactId>elasticmq</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>$2</version>
  </dependency></dependencies>
</project>
POM
  mvn -B -q -f "$1/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1/jars" ||
    not_run "ElasticMQ $2 could not be taken from Maven"
  touch "$1/jars.done"
}

command -v python3 >/dev/null || not_run "there is no python3"
mkdir -p "$logs"
cargo build --workspace --exclude recurrent-tch --bins --locked
"$servers"

FLITS_TEST_S3=$s3 FLITS_TEST_SQS=$sqs FLITS_TEST_ACCESS_KEY=$key FLITS_TEST_SECRET_KEY=$secret \
  cargo test --workspace --exclude recurrent-tch --features tests/endpoints --test e2e --locked -- \
  --nocapture on_servers_elsewhere | tee "$logs/test.log"
echo "scenarios on $servers: RAN, $(grep -c '^scenario: ' "$logs/test.log") scenarios, equal digests"
