#!/usr/bin/env bash
# Checks infra/aws/template.yaml without AWS: cfn-lint, the SAM transform for both processors and both packages of train, every right
# of every role against a table of what the code does, and the settings of all resources. Then plants faults, each of which must be
# found. Where MinIO is in the cache, it enforces the roles as a second opinion. Needs Python 3 and PyPI the first time. Says at the
# end whether it ran. Usage: tests/recipes/aws.sh [TEMPLATE]
set -euo pipefail
template=$(realpath "${1:-"$(dirname "$0")/../../infra/aws/template.yaml"}")
cd "$(dirname "$0")/../.."
venv=target/aws-venv
# Later versions of cfn-lint let misspelt properties of SAM functions pass.
packages=(cfn-lint==1.51.0 aws-sam-translator==1.115.0 pyyaml==6.0.4)

if ! command -v python3 >/dev/null; then
  echo "aws: NOT RUN, there is no python3"
  exit 0
fi
if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "${packages[*]}" ]; then
  mkdir -p target
  if ! python3 -m venv --clear "$venv" || ! "$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"; then
    echo "aws: NOT RUN, ${packages[*]} could not be installed"
    exit 0
  fi
  echo "${packages[*]}" > "$venv/.version"
fi

# The transform wants a region; nothing is asked of it.
export AWS_DEFAULT_REGION=eu-central-1 PYTHONDONTWRITEBYTECODE=1
"$venv/bin/python" tests/recipes/aws/check.py "$template"

tools="${XDG_CACHE_HOME:-$HOME/.cache}/flits-tools/bin"
if [ -x "$tools/minio" ] && [ -x "$tools/mc" ]; then
  "$venv/bin/python" tests/recipes/aws/enforced.py "$template" "$tools/minio" "$tools/mc"
  enforced="MinIO enforces the roles alike"
else
  enforced="the roles were NOT tried on MinIO, which is not in $tools"
fi
echo "aws: RAN, ${packages[0]} and our checks pass, every planted fault is found; $enforced"
