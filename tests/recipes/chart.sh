#!/usr/bin/env bash
# Checks infra/helm/flits without a cluster: Helm lints and renders it under all its values, kubeconform holds what comes out
# against strict schemas, tests/recipes/chart/rules.py against rules of our own, and every planted fault must be found.
# Needs Python 3 and PyPI, and Go for Helm, kubeconform and the CRDs, each the first time only.
# Says at the end whether it ran. Usage: tests/recipes/chart.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=${FLITS_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/flits-tools}
here=tests/recipes/chart
venv=target/chart-venv
packages="kubernetes-validate==1.37.0 PyYAML==6.0.3"
helm=v3.19.5
kubeconform=v0.7.0
serving=knative.dev/serving@v0.42.2
keda=github.com/kedacore/keda/v2@v2.16.1
prometheus=github.com/prometheus-operator/prometheus-operator@v0.79.2

not_run() {
  echo "chart: NOT RUN, $1"
  exit 0
}

# install NAME MODULE: builds a tool that is not there yet.
install() {
  [ -x "$tools/bin/$1" ] && return
  command -v go >/dev/null || not_run "there is no $1 in $tools/bin, and no Go to build it"
  mkdir -p "$tools/bin"
  GOBIN="$tools/bin" go install -ldflags='-s -w' "$2" || not_run "$2 could not be built"
}

# module MODULE: prints the folder of a Go module, which is downloaded if need be.
module() {
  (cd target && GOFLAGS=-mod=mod go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}

command -v python3 >/dev/null || not_run "there is no python3"
if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "$packages" ]; then
  python3 -m venv "$venv"
  # shellcheck disable=SC2086 # A list of words.
  "$venv/bin/pip" install --quiet --disable-pip-version-check $packages || not_run "$packages could not be installed"
  echo "$packages" > "$venv/.version"
fi
install helm "helm.sh/helm/v3/cmd/helm@$helm"
install kubeconform "github.com/yannh/kubeconform/cmd/kubeconform@$kubeconform"

key=$( (echo "$packages $serving $keda $prometheus"; cat "$here/schemas.py" "$here"/schemas/*.json) | sha256sum | cut -c1-16)
schemas=$tools/chart-schemas/$key
if [ ! -e "$schemas/.complete" ]; then
  command -v go >/dev/null || not_run "the schemas are not cached in $schemas, and there is no Go to fetch the CRDs"
  folders=()
  for name in "$serving" "$keda" "$prometheus"; do
    folder=$(module "$name") || true
    [ -n "$folder" ] || not_run "$name could not be downloaded"
    folders+=("$folder")
  done
  "$venv/bin/python" "$here/schemas.py" "$schemas" "${folders[@]}"
  touch "$schemas/.complete"
fi

result=$("$venv/bin/python" "$here/check.py" "$tools/bin/helm" "$tools/bin/kubeconform" "$schemas")
echo "chart: RAN, $result"
