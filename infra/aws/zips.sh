#!/usr/bin/env bash
# Builds the zips that infra/aws/template.yaml names: target/lambda/{function}.zip, for `provided.al2023`. Prints their sizes and fails
# above the bounds. Needs Python 3, PyPI the first time, and rustup for the standard library of another processor.
# Usage: infra/aws/zips.sh [arm64 | x86_64]
set -euo pipefail
cd "$(dirname "$0")/../.."
architecture=${1:-arm64}
case "$architecture" in
  arm64) target=aarch64-unknown-linux-gnu ;;
  x86_64) target=x86_64-unknown-linux-gnu ;;
  *) echo "zips: \`$architecture\` is neither arm64 nor x86_64" >&2; exit 2 ;;
esac
functions=(preprocess sample train eval infer sweep)
venv=target/zips-venv
# Zig links against the C library of Amazon Linux 2023 from any machine.
packages=(cargo-lambda==1.9.2 ziglang==0.17.1)

if ! command -v python3 >/dev/null; then
  echo "zips: NOT RUN, there is no python3"
  exit 0
fi
if [ "$(cat "$venv/.version" 2>/dev/null || true)" != "${packages[*]}" ]; then
  mkdir -p target
  if ! python3 -m venv --clear "$venv" || ! "$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"; then
    echo "zips: NOT RUN, ${packages[*]} could not be installed"
    exit 0
  fi
  echo "${packages[*]}" > "$venv/.version"
fi
sysroot=$(rustc --print sysroot)
if [ ! -d "$sysroot/lib/rustlib/$target" ]; then
  if ! command -v rustup >/dev/null || ! rustup target add "$target"; then
    echo "zips: NOT RUN, the standard library for $target cannot be had here: \`rustup target add $target\` failed"
    exit 0
  fi
fi

out=target/lambda
packed=()
for function in "${functions[@]}"; do packed+=(-p "$function" --bin "$function"); done
# Zips of another processor must not be taken for these.
for function in "${functions[@]}"; do rm -f "$out/$function.zip"; done
PATH="$PWD/$venv/bin:$PATH" cargo lambda build --profile dist --locked --target "$target" --output-format zip --lambda-dir "$out" "${packed[@]}"

failed=0
for function in "${functions[@]}"; do
  bound=$((10 * 1000 * 1000))
  if [ "$function" = preprocess ]; then bound=$((30 * 1000 * 1000)); fi
  mv "$out/$function/bootstrap.zip" "$out/$function.zip"
  bytes=$(wc -c < "$out/$function.zip")
  printf '%-12s %6.2f MB, at most %d MB\n' "$function" "$(awk "BEGIN { print $bytes / 1e6 }")" $((bound / 1000000))
  if [ "$bytes" -gt "$bound" ]; then
    echo "zips: $function.zip has $bytes bytes, its bound is $bound" >&2
    failed=1
  fi
done
echo "$architecture" > "$out/architecture"
if [ "$failed" != 0 ]; then exit 1; fi
echo "zips: RAN, ${#functions[@]} zips for $architecture in $out"
