# Every command a person or CI runs. `just` lists them.

_default:
    @just --list

# Format, lints, docs and licences
check:
    cargo fmt --all -- --check
    cargo clippy --workspace --exclude recurrent-tch --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --exclude recurrent-tch --no-deps
    cargo deny --offline check licenses bans sources

# Everything without services
test:
    cargo test

# What CI runs
ci:
    .ci/run

# Embedded servers and functions until Ctrl-C
up *ARGS:
    cargo run --release -p flits -- up {{ARGS}}

# Upload a file and follow it to its forecast
run FILE *ARGS:
    cargo run --release -p flits -- run {{FILE}} {{ARGS}}

# The functions as processes of their own
functions:
    cargo build --release -p preprocess -p sample -p train -p eval -p infer

# The libtorch backend; cuts a libtorch out of PyTorch's wheels, once
tch:
    tests/recipes/tch.sh

# The port suite on moto, and boto3 on the embedded servers; installs both from PyPI
ports:
    tests/recipes/moto.sh
    tests/recipes/boto3.sh
    tests/recipes/emulator.sh
