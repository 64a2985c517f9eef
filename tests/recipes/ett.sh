#!/usr/bin/env bash
# The standard protocol of long-horizon forecasting on ETTh1: ours beside the published figures.
# Usage: tests/recipes/ett.sh [FILE]   (default: ETTh1.csv in $FLITS_DATA, else in ../shared/data)
# Passes where the test error of every horizon is at most its bound.
set -euo pipefail
cd "$(dirname "$0")/../.."
file="${1:-${FLITS_DATA:-../shared/data}/ETTh1.csv}"
[ -f "$file" ] || { echo "skipped: no $file (set FLITS_DATA or give the file)"; exit 0; }
cargo build --quiet --release -p linear --example ett
cargo run --quiet --release -p linear --example ett -- "$file" | python3 -c '
import json, sys
# Zeng et al. 2022 (arXiv:2205.13504), Nie et al. 2023 (arXiv:2211.14730), Das et al. 2024 (arXiv:2310.10688).
published = {
    "DLinear (336)": [0.375, 0.405, 0.439, 0.472],
    "NLinear (336)": [0.374, 0.408, 0.429, 0.440],
    "PatchTST/64 (512)": [0.370, 0.413, 0.422, 0.447],
    "TimesFM zero-shot": [0.414, 0.465, 0.503, 0.511],
}
bounds = {96: 0.367, 192: 0.400, 336: 0.421, 720: 0.426}
ours = {row["horizon"]: row for row in map(json.loads, sys.stdin)}
print(f"{str():26}" + "".join(f"{horizon:>8}" for horizon in bounds))
for name, figures in published.items():
    print(f"{name:26}" + "".join(f"{figure:8.3f}" for figure in figures))
for name, key, form in [("linear, MSE", "mse", ".4f"), ("linear, MAE", "mae", ".4f"), ("  context", "context", "d"), ("  fit, ms", "fit_ms", ".1f")]:
    print(f"{name:26}" + "".join(f"{ours[horizon][key]:8{form}}" for horizon in bounds))
worse = [horizon for horizon, bound in bounds.items() if not ours[horizon]["mse"] <= bound]
print(f"{str():26}" + "".join(f"  <={bound:.3f}" for bound in bounds.values()))
sys.exit(f"worse than its bound at {worse}" if worse else 0)
'
