#!/usr/bin/env python3
"""Our epochs and PyTorch's on the same work, one after the other in every round; prints medians, spread and ratios.

    cargo build --release -p recurrent --examples
    python3 models/recurrent/examples/compare.py --peer ../shared/reference/peer.py --python PYTHON_WITH_TORCH --out DIR \
        [--ours target/release/examples/epoch] [--rounds 5] [--before COMMAND]

DIR is what `peer.py preprocess --out DIR` left. PyTorch runs two epochs a round with one thread and two with two, and its
better thread count over all rounds is compared; ours runs seven with two, in f32 and in bf16. `--before` is put before each command (`nice …`).
"""

import argparse
import json
import shlex
import statistics
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("--peer", required=True)
parser.add_argument("--python", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--ours", default="target/release/examples/epoch")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--before", default="")
args = parser.parse_args()


def lines(*command):
    ran = subprocess.run([*shlex.split(args.before), *command], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def spread(values):
    return f"{statistics.median(values):.3f} s ({min(values):.3f} to {max(values):.3f})"


for cell in ("gru", "lstm"):
    ours, theirs = {"f32": [], "bf16": []}, {1: [], 2: []}
    for _ in range(args.rounds):
        for precision, epochs in ours.items():
            epochs.append(lines(args.ours, cell, precision, "2")[0]["epoch_s"]["median"])
        for threads, epochs in theirs.items():
            peer = [args.python, args.peer, cell, "--out", args.out, "--epochs", "2", "--threads", str(threads)]
            epochs.append(lines(*peer)[0]["epoch_seconds_median"])
    threads = min(theirs, key=lambda count: statistics.median(theirs[count]))
    print(f"{cell}: PyTorch", "; ".join(f"{count} thread(s) {spread(epochs)}" for count, epochs in theirs.items()))
    for precision, epochs in ours.items():
        ratio = statistics.median(theirs[threads]) / statistics.median(epochs)
        print(f"{cell}: ours in {precision}, 2 threads {spread(epochs)}, best of PyTorch / ours {ratio:.2f}", flush=True)
