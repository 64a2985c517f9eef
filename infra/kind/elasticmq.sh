#!/usr/bin/env bash
# Makes an image of ElasticMQ from its Maven jars, a Java runtime cut out of this machine's JDK and the shared libraries that
# it links, FROM scratch. Usage: infra/kind/elasticmq.sh NAME:TAG FILE.tar
set -euo pipefail
cd "$(dirname "$0")/../.."
name=$1 file=$2
# shellcheck source=infra/minio/servers.sh
. infra/minio/servers.sh
fetch_elasticmq

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
jlink --add-modules java.base,java.logging,java.management,java.naming,java.sql,java.xml,jdk.unsupported \
  --strip-debug --no-header-files --no-man-pages --output "$root/jre"
find "$root/jre" -type f \( -name '*.so' -o -path '*/bin/java' \) -print0 | xargs -0 infra/kind/libraries.sh "$root"
install -d "$root/jars"
install -m 644 "$elasticmq_jars"/*.jar "$root/jars/"
python3 infra/images/image.py --root "$root" --out "$file" --name "$name" \
  --env LD_LIBRARY_PATH=/jre/lib:/jre/lib/server \
  --entrypoint "/jre/bin/java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m -Dconfig.file=/opt/elasticmq.conf -cp /jars/* org.elasticmq.server.Main"
