#!/usr/bin/env bash
# Deletes the cluster; with --dockerd also stops the engine that `up.sh` started. Usage: infra/kind/down.sh [--dockerd]
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/kind/env.sh
. infra/kind/env.sh

if [ -n "$OFFLINE" ]; then
  "$FLITS_KIND_LAB/down.sh" "$@"
else
  kind delete cluster --name "$CLUSTER"
fi
