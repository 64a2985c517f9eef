#!/usr/bin/env bash
# Copies the shared libraries that programs link, from this machine into a root file system.
# Usage: infra/kind/libraries.sh ROOT PROGRAM...
set -euo pipefail
root=$1
shift
# `ldd` fails where a program is static, which needs nothing.
{ ldd "$@" 2>/dev/null || true; } |
  sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\s*\(\/[^ ]*ld-linux[^ ]*\).*/\1/p' | { grep -v "^$root" || true; } | sort -u |
  while read -r library; do
    install -D -m 755 "$(realpath "$library")" "$root$library"
  done
