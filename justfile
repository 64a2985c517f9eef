# Every command a person or CI runs. `just` lists them.

_default:
    @just --list

# Format, lints, docs and licences
check:
    cargo fmt --all -- --check
    cargo clippy --workspace --exclude recurrent-tch --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --exclude recurrent-tch --no-deps
    cargo deny check licenses bans sources

# Everything without services
test:
    cargo test

# What CI runs
ci:
    .ci/run

# Embedded servers and functions until Ctrl-C
up *ARGS:
    cargo run -p flits -- up {{ARGS}}

# MinIO and ElasticMQ with the functions, until Ctrl-C; builds MinIO and gets ElasticMQ the first time
minio *ARGS:
    infra/minio/up.sh {{ARGS}}

# Upload a file and follow it to its forecast
run FILE *ARGS:
    cargo run -p flits -- run {{FILE}} {{ARGS}}

# The functions as processes of their own
functions:
    cargo build -p preprocess -p sample -p train -p eval -p infer -p sweep -p gateway

# The libtorch backend; cuts a libtorch out of PyTorch's wheels, once
tch:
    tests/recipes/tch.sh

# The port suite on moto, and boto3 on the embedded servers; installs both from PyPI
ports:
    tests/recipes/moto.sh
    tests/recipes/boto3.sh
    tests/recipes/emulator.sh

# The functions behind Lambda's API, by cargo lambda watch and invoke, on moto
lambda:
    tests/recipes/lambda.sh

# One suite of scenarios on moto, and on MinIO with ElasticMQ
scenarios:
    tests/recipes/scenarios.sh moto
    tests/recipes/scenarios.sh minio

# Kafka as a source, against a broker from Maven
kafka:
    tests/recipes/kafka.sh

# The zips of the functions for AWS Lambda: arm64 or x86_64
zips ARCH="arm64":
    infra/aws/zips.sh {{ARCH}}

# The arm64 zips under qemu-user: the digests of this machine
arm64:
    tests/recipes/arm64.sh

# The AWS template: cfn-lint, SAM's transform, every right of every role, planted faults
aws:
    tests/recipes/aws.sh

# One image per binary, without an engine, and their checks
images *ARGS:
    infra/images/build.sh {{ARGS}}
    tests/recipes/images.sh

# A cluster on this machine with Knative, MinIO and the chart; a file through it, pods killed; and down again
kind *ARGS:
    tests/recipes/kind.sh {{ARGS}}

# The Helm chart: every rendering, strict schemas, planted faults
chart:
    tests/recipes/chart.sh

# The HTTP face of `flits up` under promtool and schemathesis; the latter comes from PyPI
http:
    tests/recipes/http.sh

# Measurements: BENCHMARKS.md says what each promises. PYTHON is a Python with the peer's packages.
data := env("FLITS_DATA", "../shared/data")
peer := env("FLITS_PEER", "../shared/reference/peer.py")

# preprocess and sample beside pandas and scikit-learn
bench-preprocess PYTHON="python3":
    cargo build --release -p flits
    python3 benches/preprocess.py --flits target/release/flits --peer {{peer}} --python {{PYTHON}} \
        --train {{data}}/PobleSec.csv --test {{data}}/PobleSec_test.csv

# Reading of PobleSec, a million rows of telemetry and ten million values beside pandas
bench-reading PYTHON="python3" OUT="target/bench":
    cargo build --release -p flits
    mkdir -p {{OUT}}
    target/release/flits generate --rows 1000000 --out {{OUT}}/million.csv
    seq 1 10000000 | awk 'BEGIN { print "load" } { print ($1 * 7919) % 10007 / 100 }' > {{OUT}}/values.csv
    python3 benches/reading.py --flits target/release/flits --python {{PYTHON}} \
        {{data}}/PobleSec.csv,{{data}}/PobleSec_test.csv {{OUT}}/million.csv {{OUT}}/values.csv

# An epoch of each net beside PyTorch
bench-training PYTHON="python3" OUT="target/bench":
    cargo build --release -p recurrent --examples
    {{PYTHON}} {{peer}} preprocess --train {{data}}/PobleSec.csv --test {{data}}/PobleSec_test.csv --out {{OUT}}
    python3 models/recurrent/examples/compare.py --peer {{peer}} --python {{PYTHON}} --out {{OUT}} --rounds 5

# What a fit of a net costs beside its arithmetic
bench-fits:
    cargo run --release -p recurrent --example costs -- {{data}}/PobleSec.csv

# Forecasts of each net; `peer.py infer --model gru --threads 1` is PyTorch's
bench-forecasts:
    cargo run --release -p recurrent --example latency

# The ridge beside NumPy and scikit-learn
bench-ridge PYTHON="python3":
    cargo run --release -p linear --example ett -- {{data}}/ETTh1.csv 512
    {{PYTHON}} models/linear/tests/peer.py {{data}}/ETTh1.csv 512 96

# Default forecasts of M3 and M4 beside the published methods and statsforecast, which PYTHON has for every EVERY-th series (0: none)
bench-accuracy EVERY="20" PYTHON="python3":
    cargo build --release -p infer --example accuracy
    python3 benches/accuracy.py --accuracy target/release/examples/accuracy --data {{data}}/m --every {{EVERY}} --python {{PYTHON}}

# Requests for forecasts beside FastAPI, uvicorn and PyTorch; needs `wrk`
bench-serving PYTHON="python3":
    cargo build --release -p flits -p infer --bins
    python3 benches/serving.py --flits target/release/flits --infer target/release/infer --peer {{data}}/../reference \
        --python {{PYTHON}} --data {{data}}/PobleSec.csv

# A thousand small uploads on MinIO and ElasticMQ, and one file beside the embedded servers
bench-uploads:
    cargo build --release -p flits -p preprocess --bins
    python3 benches/uploads.py --binaries target/release

# From exec to the first answer of each function, through the Runtime API
bench-cold-start:
    cargo build --release --bins
    python3 benches/cold_start.py --binaries target/release

# A sweep over 100,000 ledgers: seconds and requests
bench-sweep:
    cargo run --release -p sweep --example ledgers

# Test errors of the ridge on ETTh1 beside published ones; fails above its bounds
bench-ett:
    tests/recipes/ett.sh {{data}}/ETTh1.csv

# Prophet beside the Python package
bench-prophet PYTHON="python3":
    cargo build --release -p prophet --examples
    {{PYTHON}} models/prophet/examples/peer.py --bin target/release/examples \
        --train {{data}}/PobleSec.csv --test {{data}}/PobleSec_test.csv

# ETS, Theta and MSTL beside statsforecast
bench-classical PYTHON="python3":
    cargo run --release -p classical --example smooth -- {{data}}/PobleSec.csv {{data}}/PobleSec_test.csv 2
    {{PYTHON}} models/classical/tests/parity/time.py {{data}}/PobleSec.csv 1

# PobleSec from upload to forecast, nets in f32 or bf16
bench-round PRECISION="f32":
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --release -p flits
    time target/release/flits run {{data}}/PobleSec.csv --test {{data}}/PobleSec_test.csv --dir target/bench-round --force \
        --set 'models=["linear",{name="gru",kind="gru",precision="{{PRECISION}}"},{name="lstm",kind="lstm",precision="{{PRECISION}}"},"prophet","ensemble"]'

# The memory of an idle `flits up`
bench-memory:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --release -p flits
    directory=$(mktemp -d)
    target/release/flits up --dir "$directory" >/dev/null & up=$!
    trap 'kill $up; rm -rf "$directory"' EXIT
    sleep 35
    grep VmRSS /proc/$up/status
