# Sourced by the scripts beside it, at the root of the repository: where tools, cluster and images are.
# shellcheck shell=bash

# Scripts that make a Kind cluster with Knative without pulling an image; where they are missing, public images are used.
FLITS_KIND_LAB=${FLITS_KIND_LAB:-../shared/tools/kind}
CLUSTER=${FLITS_KIND_CLUSTER:-flits}
TOOLS=${FLITS_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/flits-tools}
KINDLAB=${KINDLAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kindlab}
IMAGES=${FLITS_IMAGES:-${CARGO_TARGET_DIR:-target}/images}
PATH=$TOOLS/bin:$KINDLAB/bin:$PATH

if [ -d "$FLITS_KIND_LAB" ]; then
  OFFLINE=yes
  KUBECONFIG=$KINDLAB/kubeconfig
else
  OFFLINE=
  KUBECONFIG=$TOOLS/kind.kubeconfig
fi
NODE=$CLUSTER-control-plane
# The ingress of Knative and MinIO, as cluster.yaml maps them.
INGRESS=http://127.0.0.1:18080
STORE=http://127.0.0.1:18081
DOMAIN=flits.example.com
export CLUSTER KINDLAB KUBECONFIG PATH OFFLINE NODE INGRESS STORE DOMAIN IMAGES

begin=$(date +%s)
say() { printf '[%3d s] %s\n' $(($(date +%s) - begin)) "$*"; }

# Tries a command until it succeeds: within SECONDS what COMMAND...
within() {
  local end=$(($(date +%s) + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ "$(date +%s)" -ge "$end" ]; then
      echo "$what: not within its time" >&2
      return 1
    fi
    sleep 0.5
  done
}

# A value of a secret: secret NAME KEY
secret() { kubectl -n flits get secret "$1" -o "go-template={{index .data \"$2\"}}" | base64 -d; }
