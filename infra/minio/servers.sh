# MinIO and ElasticMQ on loopback, for scripts to source: `fetch_minio`, `fetch_elasticmq`, `start_minio`, `start_elasticmq`.
# Both stay in the cache of tools, FLITS_TOOLS. MinIO is built from its Go module, ElasticMQ comes from Maven.
# shellcheck shell=bash

tools=${FLITS_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/flits-tools}
minio_version=v0.0.0-20260212201848-7aac2a2c5b7c
mc_version=v0.0.0-20250313080218-cf909e1063a9
elasticmq_version=1.7.1
elasticmq_jars=$tools/elasticmq-$elasticmq_version/jars

# The processes that were started; the last one first.
started=()

# stop_servers: ends what was started and waits for it.
stop_servers() {
  local server
  for server in "${started[@]}"; do kill "$server" 2>/dev/null || true; done
  for server in "${started[@]}"; do wait "$server" 2>/dev/null || true; done
  started=()
}

# free_port: prints a port that nobody listens on.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start LOG COMMAND...: runs a server in the background.
start() {
  local log=$1
  shift
  # In a session of its own: Ctrl-C ends the script, which then ends its servers in order.
  setsid "$@" >>"$log" 2>&1 &
  started=($! "${started[@]}")
}

# answers NAME URL LOG: waits until a server answers.
answers() {
  for _ in $(seq 300); do
    if curl --silent --fail --output /dev/null --max-time 2 "$2"; then return; fi
    sleep 0.1
  done
  echo "$1 does not answer, see $3" >&2
  return 1
}

# fetch_minio: builds MinIO and its client where they are missing. Takes minutes the first time.
fetch_minio() {
  if [ -x "$tools/bin/minio" ] && [ -x "$tools/bin/mc" ]; then return; fi
  if ! command -v go >/dev/null; then
    echo "there is no $tools/bin/minio, and no go to build it" >&2
    return 1
  fi
  echo "builds MinIO and mc, once" >&2
  mkdir -p "$tools/bin"
  GOBIN=$tools/bin go install -trimpath -ldflags="-s -w" "github.com/minio/minio@$minio_version" &&
    GOBIN=$tools/bin go install -trimpath -ldflags="-s -w" "github.com/minio/mc@$mc_version"
}

# fetch_elasticmq: gets ElasticMQ where it is missing.
fetch_elasticmq() {
  if ! command -v java >/dev/null; then
    echo "there is no java for ElasticMQ" >&2
    return 1
  fi
  if [ -e "$elasticmq_jars/../jars.done" ]; then return; fi
  if ! command -v mvn >/dev/null; then
    echo "there is no $elasticmq_jars, and no mvn to get ElasticMQ" >&2
    return 1
  fi
  local folder=$tools/elasticmq-$elasticmq_version
  mkdir -p "$folder"
  cat >"$folder/pom.xml" <<POM
<project><modelVersion>4.0.0</modelVersion><groupId>flits</groupId><artifactId>elasticmq</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>$elasticmq_version</version>
  </dependency></dependencies></project>
POM
  (cd "$folder" && mvn -B -q dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars) &&
    touch "$folder/jars.done"
}

# start_elasticmq DIR PORT: serves SQS. Queues and messages are kept in DIR.
start_elasticmq() {
  mkdir -p "$1"
  cat >"$1/elasticmq.conf" <<CONF
node-address { protocol = http, host = "127.0.0.1", port = $2, context-path = "" }
rest-sqs { enabled = true, bind-port = $2, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
generate-node-address = false
queues-storage { enabled = true, path = "$1/queues.conf" }
messages-storage {
  enabled = true, driver-class = "org.h2.Driver", uri = "jdbc:h2:$1/messages", username = "", password = "", prune-data-on-init = false
}
aws { region = us-east-1, accountId = 000000000000 }
CONF
  start "$1/elasticmq.log" java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m -Dconfig.file="$1/elasticmq.conf" \
    -cp "$elasticmq_jars/*" org.elasticmq.server.Main
  answers ElasticMQ "http://127.0.0.1:$2/?Action=ListQueues" "$1/elasticmq.log"
}

# start_minio DIR PORT HOOK TOKEN: serves S3 with the credentials of MINIO_ROOT_USER and MINIO_ROOT_PASSWORD, and tells the
# URL HOOK about new objects. Events are kept in DIR until they are accepted. The target is arn:minio:sqs::FLITS:webhook.
start_minio() {
  mkdir -p "$1/events"
  start "$1/minio.log" env MINIO_BROWSER=off MINIO_NOTIFY_WEBHOOK_ENABLE_FLITS=on \
    MINIO_NOTIFY_WEBHOOK_ENDPOINT_FLITS="$3" MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_FLITS="Bearer $4" \
    MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_FLITS="$1/events" "$tools/bin/minio" server "$1/data" --address "127.0.0.1:$2"
  answers MinIO "http://127.0.0.1:$2/minio/health/ready" "$1/minio.log"
}
