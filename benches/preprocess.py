#!/usr/bin/env python3
"""preprocess + sample against the Python peer's preprocess, alternating in one run.

    benches/preprocess.py --flits target/release/flits --peer ../shared/reference/peer.py --python PYTHON \
        --train ../shared/data/PobleSec.csv --test ../shared/data/PobleSec_test.csv [--runs 20]

PYTHON needs pandas, scikit-learn and pyarrow. Ours are the two stages' own `seconds`, with the store on loopback: reading
and writing objects is in them, claims, commits and queues are not. The peer prints its own seconds, imports not counted.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name in ("flits", "peer", "python", "train", "test"):
    p.add_argument(f"--{name}", required=True)
p.add_argument("--runs", type=int, default=20)
a = p.parse_args()


def ours(directory):
    command = [a.flits, "run", a.train, "--test", a.test, "--dir", directory, "--json", "--force", "--set", 'models=["naive"]']
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    stages = json.loads(lines[-1])["stages"]
    return {s["stage"]: s["seconds"] for s in stages if s["stage"] in ("preprocess", "sample")}


def theirs(directory):
    command = [a.python, a.peer, "preprocess", "--train", a.train, "--test", a.test, "--out", directory]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])["seconds"]


def row(name, values):
    print(f"{name:28} median {statistics.median(values) * 1e3:7.1f} ms   min {min(values) * 1e3:7.1f}   max {max(values) * 1e3:7.1f}")


with tempfile.TemporaryDirectory() as directory:
    ours(os.path.join(directory, "flits")), theirs(os.path.join(directory, "peer"))  # not counted
    both, peer = [], []
    for _ in range(a.runs):
        both.append(ours(os.path.join(directory, "flits")))
        peer.append(theirs(os.path.join(directory, "peer")))
    row("preprocess", [b["preprocess"] for b in both])
    row("sample", [b["sample"] for b in both])
    sums = [b["preprocess"] + b["sample"] for b in both]
    row("preprocess + sample", sums)
    row("peer", peer)
    ratios = [t / o for o, t in zip(sums, peer)]
    print(f"peer / ours                  median {statistics.median(ratios):5.2f}   min {min(ratios):5.2f}   max {max(ratios):5.2f}")
