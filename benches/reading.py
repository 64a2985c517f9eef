#!/usr/bin/env python3
"""preprocess against pandas on some files, alternating in one run.

    benches/reading.py --flits target/release/flits --python PYTHON --runs 5 FILE[,TEST_FILE] ...

PYTHON needs pandas and pyarrow. It reads each file, parses the times, sorts, drops repeated times, lays a regular grid, adds the six
calendar columns and writes Parquet; its imports are not counted. Ours is the stage's own `seconds`: the start of its child process
and the store on loopback are in it, claims, commits and queues are not. Memory is that of the largest process.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

PEER = r"""
import json, sys, time
import numpy as np, pandas as pd
start = time.perf_counter()
frames = [pd.read_csv(path) for path in sys.argv[2:]]
frame = pd.concat(frames, ignore_index=True)
name = frame.columns[0]
if frame[name].dtype.kind in "iuf" and frame[name].iloc[0] < 1e8:
    frame = frame.astype(float)
else:
    frame[name] = pd.to_datetime(frame[name])
    frame = frame.sort_values(name, kind="stable").drop_duplicates(name, keep="last").set_index(name)
    step = frame.index.to_series().diff().mode().iloc[0]
    frame = frame.asfreq(step)
    index = frame.index
    for part, values, period in (("min_of_day", index.hour * 60 + index.minute, 1440), ("day_of_week", index.dayofweek, 7),
                                 ("day_of_year", index.dayofyear, 365.25)):
        frame[part + "_sin"] = np.sin(2 * np.pi * values / period)
        frame[part + "_cos"] = np.cos(2 * np.pi * values / period)
frame.to_parquet(sys.argv[1])
print(json.dumps({"seconds": time.perf_counter() - start, "rows": len(frame)}))
"""


def last_line(command):
    """Runs a command. Returns its last line, and the memory of its largest process in MB."""
    read, write = os.pipe()
    with open(os.devnull, "w") as nothing:
        process = subprocess.Popen(command, stdout=write, stderr=nothing)
    os.close(write)
    with os.fdopen(read) as lines:
        text = lines.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command} ended with {status}: {text[-500:]}")
    return json.loads(text.splitlines()[-1]), usage.ru_maxrss / 1024


def ours(a, files, directory):
    command = [a.flits, "run", files[0], "--dir", directory, "--json", "--force", "--set", 'models=["naive"]']
    if len(files) > 1:
        command += ["--test", files[1]]
    result, memory = last_line(command)
    stage = next(stage for stage in result["stages"] if stage["stage"] == "preprocess")
    return stage["seconds"], memory


def theirs(a, files, directory):
    result, memory = last_line([a.python, "-c", PEER, os.path.join(directory, "peer.parquet"), *files])
    return result["seconds"], memory


def inspected(a, files):
    start = time.perf_counter()
    memory = last_line([a.flits, "inspect", files[0], "--json"])[1]
    return time.perf_counter() - start, memory


def row(name, values, unit):
    print(f"  {name:26} median {statistics.median(values):9.3f} {unit}   {min(values):.3f} to {max(values):.3f}")


p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--flits", required=True)
p.add_argument("--python", required=True)
p.add_argument("--runs", type=int, default=5)
p.add_argument("files", nargs="+", help="a file, or a file and its test file with a comma between them")
a = p.parse_args()
for files in (entry.split(",") for entry in a.files):
    size = sum(map(os.path.getsize, files)) / 1e6
    print(f"{' and '.join(os.path.basename(file) for file in files)}: {size:.1f} MB")
    with tempfile.TemporaryDirectory() as directory:
        ours(a, files, directory), theirs(a, files, directory)  # not counted
        pairs = [(ours(a, files, directory), theirs(a, files, directory)) for _ in range(a.runs)]
    row("preprocess", [own[0] for own, _ in pairs], "s")
    row("pandas", [peer[0] for _, peer in pairs], "s")
    row("pandas / preprocess", [peer[0] / own[0] for own, peer in pairs], "")
    inspections = [inspected(a, files) for _ in range(a.runs)]
    row("flits inspect, one process", [seconds for seconds, _ in inspections], "s")
    row("memory of flits inspect", [memory for _, memory in inspections], "MB")
    row("memory of pandas", [peer[1] for _, peer in pairs], "MB")
