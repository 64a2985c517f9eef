#!/usr/bin/env bash
# Installs a release of Knative Serving with Kourier as its ingress on node port 31080, from the network.
# KNATIVE and KOURIER name the folders of the releases' manifests. Usage: infra/kind/knative.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/kind/env.sh
. infra/kind/env.sh

version=${KNATIVE_VERSION:-knative-v1.19.0}
serving=${KNATIVE:-https://github.com/knative/serving/releases/download/$version}
kourier=${KOURIER:-https://github.com/knative-extensions/net-kourier/releases/download/$version}

say "Knative Serving $version"
kubectl apply -f "$serving/serving-crds.yaml" >/dev/null
kubectl wait --for=condition=established --timeout=60s crd/services.serving.knative.dev crd/images.caching.internal.knative.dev
kubectl apply -f "$serving/serving-core.yaml" >/dev/null
kubectl apply -f "$kourier/kourier.yaml" >/dev/null
kubectl -n kourier-system patch service kourier --type merge \
  -p '{"spec":{"type":"NodePort","ports":[{"name":"http2","port":80,"targetPort":8080,"nodePort":31080}]}}' >/dev/null
patch() { kubectl -n knative-serving patch "configmap/$1" --type merge -p "{\"data\":$2}" >/dev/null; }
patch config-network '{"ingress-class":"kourier.ingress.networking.knative.dev"}'
patch config-domain '{"example.com":""}'
patch config-autoscaler '{"scale-to-zero-grace-period":"5s"}'
# Local images have no registry whose digest could be asked for.
patch config-deployment '{"registries-skipping-tag-resolving":"dev.local,kind.local,ko.local"}'
for deployment in webhook controller autoscaler activator; do
  kubectl -n knative-serving rollout status "deploy/$deployment" --timeout=180s
done
kubectl -n kourier-system rollout status deploy/3scale-kourier-gateway --timeout=180s
