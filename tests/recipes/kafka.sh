#!/usr/bin/env bash
# Runs `flits source kafka` against a real Kafka: uploads become forecasts; poison, kills, rebalances, a broker and a queue
# that are gone for a while lose nothing. The bucket is MinIO, which announces uploads in the topic by itself, where its
# binary is in the tools; otherwise it is moto's. The queues are moto's. Everything is on loopback.
# Needs Java 17, Maven, a C compiler with make, Python 3, and their registries the first time; takes about three minutes.
# Says at the end whether it ran. Usage: tests/recipes/kafka.sh [FLITS_BINARY]
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=${FLITS_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/flits-tools}
target=${CARGO_TARGET_DIR:-target}
kafka=$tools/kafka-4.4.0
venv=$target/kafka-venv
packages=(kafka-python==3.0.12 boto3==1.44.5 "moto[server]==5.2.5")

for program in java mvn cc make python3; do
  if ! command -v "$program" >/dev/null; then
    echo "kafka: NOT RUN, there is no $program"
    exit 0
  fi
done
if [ ! -e "$kafka/jars.done" ]; then
  mkdir -p "$kafka"
  cat >"$kafka/pom.xml" <<'XML'
<project><modelVersion>4.0.0</modelVersion><groupId>flits</groupId><artifactId>kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.4.0</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.5</version></dependency>
  </dependencies></project>
XML
  if ! mvn -B -q -f "$kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$kafka/jars"; then
    echo "kafka: NOT RUN, Maven could not fetch Kafka 4.4.0"
    exit 0
  fi
  touch "$kafka/jars.done"
fi
if [ "$(cat "$venv/.packages" 2>/dev/null || true)" != "${packages[*]}" ]; then
  python3 -m venv "$venv"
  if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"; then
    echo "kafka: NOT RUN, ${packages[*]} could not be installed"
    exit 0
  fi
  echo "${packages[*]}" >"$venv/.packages"
fi
flits=${1:-$target/debug/flits}
[ $# -gt 0 ] || cargo build -p flits --features kafka --locked

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# It ends all that it starts, and says what ran.
"$venv/bin/python" -B tests/recipes/kafka_cases.py "$flits" "$kafka/jars" "$tools/bin/minio" "$dir"
