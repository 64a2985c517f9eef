#!/usr/bin/env bash
# Puts the images of flits, MinIO and ElasticMQ into the cluster's node. Offline, the last two are made of MinIO's Go module
# and of ElasticMQ's Maven jars. Usage: infra/kind/load.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/kind/env.sh
. infra/kind/env.sh

# shellcheck source=infra/minio/servers.sh
. infra/minio/servers.sh

minio() {
  fetch_minio
  local root
  root=$(mktemp -d)
  install -m 755 "$tools/bin/minio" "$root/minio"
  infra/kind/libraries.sh "$root" "$root/minio"
  python3 infra/images/image.py --root "$root" --out "$IMAGES/minio.tar" --name dev.local/minio:dev --entrypoint /minio
  rm -rf "$root"
}

if [ -n "$OFFLINE" ]; then
  [ -s "$IMAGES/minio.tar" ] || minio
  [ -s "$IMAGES/elasticmq.tar" ] || infra/kind/elasticmq.sh dev.local/elasticmq:dev "$IMAGES/elasticmq.tar"
  others=("$IMAGES/minio.tar" "$IMAGES/elasticmq.tar")
else
  docker pull "${MINIO_IMAGE:=minio/minio:RELEASE.2025-09-07T16-13-09Z}"
  docker pull "${ELASTICMQ_IMAGE:=softwaremill/elasticmq-native:1.7.1}"
  docker tag "$MINIO_IMAGE" dev.local/minio:dev
  docker tag "$ELASTICMQ_IMAGE" dev.local/elasticmq:dev
  kind load docker-image --name "$CLUSTER" dev.local/minio:dev dev.local/elasticmq:dev
  others=()
fi
for archive in "$IMAGES"/flits*.tar ${others[@]+"${others[@]}"}; do
  kind load image-archive --name "$CLUSTER" "$archive"
done
