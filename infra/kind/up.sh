#!/usr/bin/env bash
# Makes a Kind cluster with Knative Serving, MinIO, ElasticMQ and the chart in it. Needs Docker, and the images of
# `infra/images/build.sh`. Usage: infra/kind/up.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/kind/env.sh
. infra/kind/env.sh

# Images of another commit are built again, unless they were named.
revision=$([ ! -s "$IMAGES/images.txt" ] || python3 tests/recipes/images.py REVISION "$IMAGES")
if [ -z "$revision" ] || { [ -z "${FLITS_IMAGES:-}" ] && [[ $revision != $(git rev-parse HEAD)* ]]; }; then
  infra/images/build.sh
fi

if [ -n "$OFFLINE" ]; then
  if ! [ -x "$KINDLAB/bin/kingress" ]; then
    for part in prepare build-k8s build-etcd build-knative; do "$FLITS_KIND_LAB/$part.sh"; done
  fi
  "$FLITS_KIND_LAB/start-dockerd.sh"
  docker image inspect "local/node:${K8S_VERSION:-v1.34.4}" >/dev/null 2>&1 || "$FLITS_KIND_LAB/build-node-image.sh"
  say "cluster"
  KIND_FLAGS="--config $PWD/infra/kind/cluster.yaml" "$FLITS_KIND_LAB/up.sh"
  say "Knative Serving"
  "$FLITS_KIND_LAB/knative.sh"
else
  say "cluster"
  kind create cluster --name "$CLUSTER" --config infra/kind/cluster.yaml --wait 180s
  infra/kind/knative.sh
fi

say "images"
infra/kind/load.sh

say "MinIO and ElasticMQ"
random() { head -c 24 /dev/urandom | base64 | tr -d '/+=\n'; }
kubectl create namespace flits --dry-run=client -o yaml | kubectl apply -f - >/dev/null
if ! kubectl -n flits get secret flits-access >/dev/null 2>&1; then
  user=$(random) password=$(random) token=$(random)
  # From standard input, so that no secret stands in a command line.
  kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Secret
metadata: { name: flits-access, namespace: flits }
stringData: { access-key: "$user", secret-key: "$password" }
---
apiVersion: v1
kind: Secret
metadata: { name: flits-token, namespace: flits }
stringData: { token: "$token" }
---
apiVersion: v1
kind: Secret
metadata: { name: minio, namespace: flits }
stringData:
  MINIO_ROOT_USER: "$user"
  MINIO_ROOT_PASSWORD: "$password"
  MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_FLITS: "Bearer $token"
YAML
fi
kubectl apply -f infra/kind/services.yaml >/dev/null
kubectl -n flits rollout status deploy/minio --timeout=180s
kubectl -n flits rollout status deploy/queue --timeout=180s
within 30 "MinIO's port" curl -fsS -m 2 "$STORE/minio/health/ready"

say "chart"
# Knative's webhook may lag its rollout a little.
for try in 1 2 3 4 5; do
  helm upgrade --install flits infra/helm/flits --namespace flits --values infra/helm/flits/values-kind.yaml \
    --timeout 5m && break
  [ "$try" -lt 5 ] || exit 1
  sleep 3
done
kubectl -n flits wait ksvc --all --for=condition=Ready --timeout=240s
kubectl -n flits rollout status deploy/flits-pump --timeout=120s
say "up: kubectl --kubeconfig $KUBECONFIG -n flits get pods"
