#!/usr/bin/env bash
# Checks that `cargo run -p flits`, the binaries of the functions and `cargo test` take each dependency with the same
# features. Where one differs, the next command builds it again, and all that stands on it. Builds nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Each dependency that is not ours, with its features.
taken() {
  cargo tree --locked --prefix none --format '{p} [{f}]' "$@" | sed 's/ (\*)$//' | grep -v "($PWD" | sort -u
}

others=$(mktemp)
trap 'rm -f "$others"' EXIT
taken --edges normal,build,dev >"$others"

for command in "-p flits" "--workspace --exclude recurrent-tch"; do
  # shellcheck disable=SC2086 # words
  apart=$(taken $command --edges normal,build | comm -23 - "$others")
  if [ -n "$apart" ]; then
    printf '`cargo build %s` takes these with other features than `cargo test` does:\n%s\n' "$command" "$apart" >&2
    exit 1
  fi
done
echo "shared: $(wc -l <"$others") dependencies, each with one set of features"
