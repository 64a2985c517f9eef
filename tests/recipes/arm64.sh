#!/usr/bin/env bash
# Runs the functions of the arm64 zips (`just zips arm64`) under qemu-user: one upload through all models ends with the
# forecast of this machine, made from the same bytes at each step. Needs Linux, root (to tell the kernel of the emulator), and from Debian
# qemu-user, libc6-arm64-cross and libgcc-s1-arm64-cross. Says at the end whether it ran. Usage: tests/recipes/arm64.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
zips=target/lambda libraries=/usr/aarch64-linux-gnu
work=$PWD/target/arm64
registry=/proc/sys/fs/binfmt_misc entry=flits-aarch64

not_run() {
  echo "arm64: NOT RUN, $1"
  exit 0
}
[ "$(uname -sm)" = "Linux x86_64" ] || not_run "this is no Linux on x86_64"
[ "$(cat "$zips/architecture" 2>/dev/null || true)" = arm64 ] || not_run "there are no arm64 zips in $zips: \`just zips arm64\` builds them"
command -v qemu-aarch64 >/dev/null || not_run "there is no qemu-aarch64 (qemu-user)"
[ -e "$libraries/lib/ld-linux-aarch64.so.1" ] || not_run "there is no C library in $libraries (libc6-arm64-cross)"
[ "$(id -u)" = 0 ] || not_run "only root can tell the kernel of the emulator"
[ -e "$registry/register" ] || mount -t binfmt_misc binfmt_misc "$registry" || not_run "the kernel has no binfmt_misc"

rm -rf "$work"
mkdir -p "$work"
# `preprocess` starts itself again without environment, so the emulator is told of the libraries here.
printf '#!/bin/sh\nexec %s -L %s "$@"\n' "$(command -v qemu-aarch64)" "$libraries" >"$work/emulator"
chmod +x "$work/emulator"
trap '[ ! -e "$registry/$entry" ] || echo -1 >"$registry/$entry"' EXIT
header='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf '%s' ":$entry:M::$header:$mask:$work/emulator:" >"$registry/register"

cat >"$work/spec.toml" <<'SPEC'
[[models]]
kind = "ets"
[[models]]
kind = "theta"
[[models]]
kind = "mstl"
[[models]]
kind = "arima"
[[models]]
kind = "linear"
[[models]]
kind = "prophet"
[[models]]
kind = "gru"
hidden = 8
epochs = 3
[[models]]
kind = "lstm"
hidden = 8
epochs = 3
SPEC
cargo build --workspace --exclude recurrent-tch --bins --locked
flits=${CARGO_TARGET_DIR:-target}/debug/flits
sets=()
for stage in preprocess sample train eval infer; do
  python3 -m zipfile -e "$zips/$stage.zip" "$work/$stage"
  chmod +x "$work/$stage/bootstrap"
  sets+=(--set "host.command.$stage=$work/$stage/bootstrap")
done
# walk NAME OPTIONS...: runs the upload, and writes what its forecast was made from.
walk() {
  "$flits" run examples/retail_sales.csv --spec "$work/spec.toml" --dir "$work/$1" "${@:2}" >"$work/$1.log" 2>&1 ||
    { tail -n 20 "$work/$1.log" >&2; exit 1; }
  "$flits" lineage retail_sales --dir "$work/$1" --json >"$work/$1.json"
  "$flits" scores retail_sales --dir "$work/$1" --json >"$work/$1.scores.json"
}
walk here
# An emulated fit takes ten times as long, and is no reason to lose a lease.
walk there --isolated --set host.lease=600s "${sets[@]}"
diff "$work/here.json" "$work/there.json"
diff "$work/here.scores.json" "$work/there.scores.json"
echo "arm64: RAN, $(grep -c '^eval ' "$work/there.log") models under $(qemu-aarch64 --version | head -n 1): the scores and the forecast of this machine"
