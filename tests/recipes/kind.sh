#!/usr/bin/env bash
# Runs flits on Kind: a cluster with Knative Serving, MinIO, ElasticMQ and the chart, then the scenario of
# `infra/kind/scenario.sh`, then down again. Needs Docker, kubectl, kind, helm, jq and curl, and either the scripts that
# FLITS_KIND_LAB names or the internet. Says at the end whether it ran. Usage: tests/recipes/kind.sh [--keep]
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/kind/env.sh
. infra/kind/env.sh

not_run() {
  echo "kind: NOT RUN, $1"
  exit 0
}
# The offline scripts install and build what is missing.
needed=(helm jq curl)
[ -n "$OFFLINE" ] || needed+=(docker kind kubectl)
for program in "${needed[@]}"; do
  command -v "$program" >/dev/null || not_run "there is no $program"
done
if [ -n "$OFFLINE" ]; then
  [ "$(id -u)" = 0 ] || not_run "its scripts start an engine of their own, as root"
else
  docker info >/dev/null 2>&1 || not_run "no Docker engine answers"
  curl -sIL --max-time 10 -o /dev/null https://github.com || not_run "no scripts in $FLITS_KIND_LAB, and no internet"
fi

log=${CARGO_TARGET_DIR:-target}/kind.log
finish() {
  local code=$?
  if [ "$code" -ne 0 ]; then
    kubectl -n flits get pods,ksvc,jobs >>"$log" 2>&1 || true
    kubectl -n flits get events --sort-by=.lastTimestamp >>"$log" 2>&1 || true
    echo "kind: FAILED; pods and events are at the end of $log" >&2
  fi
  [ "${keep:-}" = --keep ] || timeout 180 infra/kind/down.sh --dockerd >>"$log" 2>&1 || true
}
keep=${1:-}
trap finish EXIT
timeout 2400 infra/kind/up.sh 2>&1 | tee "$log"
timeout 2400 infra/kind/scenario.sh 2>&1 | tee -a "$log"
echo "kind: RAN, $(grep '^scenario: ' "$log" | tail -n 1 | sed 's/^scenario: //')"
