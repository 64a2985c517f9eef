#!/usr/bin/env bash
# What a user sees on the cluster of `up.sh`: an upload through a port becomes a forecast; a function at zero pods wakes for a
# request; a pod that is killed while it trains, and one that is evicted, cost no result. Each forecast is the one that
# `flits run` makes of the same file on this machine. Ends with a line of figures. Usage: infra/kind/scenario.sh [STEP...]
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/kind/env.sh
. infra/kind/env.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
FLITS=${FLITS:-$(dirname "$IMAGES")/$(rustc -vV | sed -n 's/^host: //p')/dist/flits}
user=$(secret flits-access access-key) password=$(secret flits-access secret-key)
(umask 077 && printf 'Authorization: Bearer %s\n' "$(secret flits-token token)" >"$work/token")
export MC_CONFIG_DIR=$work/mc MC_HOST_flits="${STORE/:\/\//:\/\/$user:$password@}"
export AWS_ACCESS_KEY_ID=$user AWS_SECRET_ACCESS_KEY=$password AWS_REGION=us-east-1
figures=()

# Puts a file into the bucket, with the client that is here: put FILE KEY
put() {
  if command -v mc >/dev/null; then
    mc --quiet cp "$1" "flits/flits/$2" >/dev/null
  elif command -v aws >/dev/null; then
    aws --endpoint-url "$STORE" s3 cp --only-show-errors "$1" "s3://flits/$2"
  else
    printf 'user = "%s:%s"\n' "$user" "$password" |
      curl --config - --fail --silent --show-error --aws-sigv4 aws:amz:us-east-1:s3 -T "$1" "$STORE/flits/$2"
  fi
}

# Asks a function through the ingress: ask FUNCTION PATH [OPTION...]
ask() {
  curl --silent --show-error --max-time 60 -H "Host: flits-$1.$DOMAIN" -H "@$work/token" "$INGRESS$2" "${@:3}"
}

# Waits for the newest forecast of a dataset: forecast DATASET SECONDS
forecast() { within "$2" "the forecast of $1" ask infer "/forecasts/$1" --fail; }

# The key of the newest forecast in the cluster.
newest() { ask gateway "/status/$1" --fail | jq -r '.[0].forecast'; }
is_newest() { [ "$(newest "$1")" = "$2" ]; }

# Waits until the newest forecast is the one that `flits run` makes here; a refit brings a second one:
# same DATASET SECONDS FILE [OPTION...]
same() {
  local here
  if ! [ -x "$FLITS" ]; then
    figures+=("${1%-*} not compared, there is no $FLITS")
    return
  fi
  here=$("$FLITS" run "$3" --dir "$work/here" --json "${@:4}" 2>/dev/null | tail -n 1 | jq -r .forecast)
  if ! within "$2" "the forecast of a local run of $1" is_newest "$1" "$here"; then
    echo "the cluster has $(newest "$1"), a local run made $here" >&2
    return 1
  fi
  figures+=("${1%-*} equals a local run")
}

pods() { kubectl -n flits get pods -l "$1" --field-selector=status.phase=Running -o name; }
none() { [ -z "$(kubectl -n flits get pods -l "serving.knative.dev/service=flits-$1" -o name)" ]; }
# The container of a pod that is not Knative's: container POD
container() {
  kubectl -n flits get "$1" -o json |
    jq -r '.status.containerStatuses[] | select(.name != "queue-proxy") | .containerID' | sed 's/.*:\/\///'
}
millis() { echo $(($(date -d "$1" +%s%N) / 1000000)); }

upload() {
  say "an upload through MinIO's port"
  local start
  start=$(date +%s)
  put examples/retail_sales.csv raw/retail_sales/retail_sales.csv
  forecast retail_sales 420
  figures+=("upload to forecast $(($(date +%s) - start)) s")
  ask infer /forecasts/retail_sales -H 'Accept: text/csv' --fail | head -n 3
  same retail_sales 240 examples/retail_sales.csv
  [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Host: flits-infer.$DOMAIN" "$INGRESS/forecasts/retail_sales")" = 401 ]
}

zero() {
  local whole share pod id begun listening warm try
  for try in 1 2 3; do
    say "infer goes to zero pods ($try of 3)"
    within 180 "zero pods of infer" none infer
    docker exec "$NODE" timeout 60 ctr --namespace k8s.io events >"$work/events" 2>/dev/null &
    sleep 2
    whole=$(ask infer /forecasts/retail_sales --fail -o /dev/null -w '%{time_total}')
    warm=$(ask infer /forecasts/retail_sales --fail -o /dev/null -w '%{time_total}')
    pod=$(pods serving.knative.dev/service=flits-infer | head -n 1)
    id=$(container "$pod")
    # From the runtime's start of the process to the line that says where it listens.
    within 10 "the start of $pod" grep -aq "/tasks/start.*$id" "$work/events"
    begun=$(grep -a "/tasks/start.*$id" "$work/events" | head -n 1 | cut -d' ' -f1,2)
    listening=$(kubectl -n flits logs "$pod" -c infer --timestamps | grep -m 1 listening | cut -d' ' -f1)
    share=$(($(millis "$listening") - $(millis "$begun UTC")))
    figures+=("from zero $whole s whole, $share ms ours, $warm s warm")
  done
}

# A dataset whose net trains for about a minute, another one in each run: slow DATASET
slow() {
  cat >"$work/slow.toml" <<'TOML'
models = ["linear", { kind = "gru", epochs = 60, patience = 60 }]
TOML
  "$FLITS" generate --rows 4000 --seed "$begin" --out "$work/$1.csv" >/dev/null 2>&1
  put "$work/slow.toml" "specs/$1.toml"
  put "$work/$1.csv" "raw/$1/$1.csv"
}

# The lines that a pod logs about the fit of a dataset's net: net POD DATASET
net() { kubectl -n flits logs "$1" | grep "stage=\"train\" dataset=$2 .*model=gru"; }

# The pod that fits the net of a dataset: training DATASET
training() {
  local pod
  for pod in $(pods app.kubernetes.io/component=train); do
    if net "$pod" "$1" | tail -n 1 | grep -q ': started '; then
      echo "$pod"
      return
    fi
  done
  return 1
}

# What happens to a pod that has trained for a few seconds, and what follows: lost HOW COMMAND...
lost() {
  local how=$1 pod start dataset=$1-$begin
  say "a pod is $how while it trains"
  slow "$dataset"
  within 240 "a pod that trains" training "$dataset"
  pod=$(training "$dataset")
  sleep 5
  start=$(date +%s)
  "$2" "$pod"
  forecast "$dataset" 600
  figures+=("$how in training, forecast $(($(date +%s) - start)) s later")
  same "$dataset" 300 "$work/$dataset.csv" --spec "$work/slow.toml"
}

# As the kernel does where memory is short: no SIGTERM, nothing is saved.
kill_pod() { docker exec "$NODE" ctr --namespace k8s.io tasks kill --signal SIGKILL "$(container "$1")"; }

evict_pod() {
  kubectl create --raw "/api/v1/namespaces/flits/pods/${1#pod/}/eviction" -f - >/dev/null <<JSON
{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "${1#pod/}", "namespace": "flits"}}
JSON
}

killed() { lost killed kill_pod; }
evicted() { lost evicted evict_pod; }

steps=("${@:-upload}")
[ $# -gt 0 ] || steps=(upload zero killed evicted)
for step in "${steps[@]}"; do "$step"; done
printf 'scenario: %s\n' "$(IFS=';' && echo "${figures[*]}")"
