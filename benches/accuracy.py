#!/usr/bin/env python3
"""Forecasts of competition tables by default, beside the published methods and statsforecast, as one table in Markdown.

    benches/accuracy.py --accuracy target/release/examples/accuracy --data ../shared/data/m --python PYTHON [--every 20]

The program walks each series through the stages, with the competition's horizon and no other setting. All methods are scored on the
same test rows: sMAPE and MASE as the competition has them, and how often an 80 % interval held the truth. PYTHON needs statsforecast;
it forecasts every so many-th series only, because some of its methods need minutes for one. Both use all cores, and times are those of
the same series in the same run.
"""
import argparse, csv, json, os, subprocess, sys

# Name, files, frequency, horizon, season, seasons of MSTL, and the group in the published table.
TABLES = [
    ("M3 monthly", "m3_monthly", "1mo", 18, 12, [12], "M3 monthly"),
    ("M3 other", "m3_other", "1d", 8, 1, [], "M3 other"),
    ("M4 hourly", "m4_hourly", "1h", 48, 24, [24, 168], None),
]
# The first two of the competition, from the organisers' paper (Makridakis, Spiliotis and Assimakopoulos 2020).
HOURLY = [("Smyl, first of M4", 9.328, 0.893), ("Montero-Manso et al., second of M4", 11.506, 0.819)]

PEER = r"""
import json, sys, time, warnings
from concurrent.futures import ProcessPoolExecutor
import numpy as np
from statsforecast.models import MSTL, AutoARIMA, AutoCES, AutoETS, DynamicOptimizedTheta, Naive
warnings.filterwarnings("ignore")

def forecast(job):
    name, values, horizon, season, seasons = job
    model = {
        "AutoETS": lambda: AutoETS(season_length=season),
        "DynamicOptimizedTheta": lambda: DynamicOptimizedTheta(season_length=season),
        "AutoARIMA": lambda: AutoARIMA(season_length=season),
        "AutoCES": lambda: AutoCES(season_length=season),
        "MSTL": lambda: MSTL(season_length=seasons),
    }[name]()
    values = np.array(values, float)
    try:
        out = model.forecast(y=values, h=horizon, level=[80])
        failed = not np.isfinite(out["mean"]).all()
    except Exception:
        failed = True
    if failed:
        out = Naive().forecast(y=values, h=horizon, level=[80])
    return [list(map(float, out[key])) for key in ("mean", "lo-80", "hi-80")] + [failed]

work = json.load(sys.stdin)
with ProcessPoolExecutor(work["cores"]) as pool:
    for name in work["methods"]:
        jobs = [(name, values, work["horizon"], work["season"], work["seasons"]) for values in work["series"]]
        list(pool.map(forecast, jobs[:1] * work["cores"] * 2))  # compiles, not counted
        start = time.perf_counter()
        made = list(pool.map(forecast, jobs))
        print(json.dumps({"method": name, "seconds": time.perf_counter() - start, "forecasts": made}), flush=True)
"""


def series(path):
    found = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["unique_id"], []).append(float(row["y"]))
    return found


def measures(values, truth, mean, low, high, season):
    n = len(truth)
    smape = sum(200 * abs(y - f) / (abs(y) + abs(f)) if y or f else 0 for y, f in zip(truth, mean)) / n
    steps = [abs(b - a) for a, b in zip(values, values[season:])]
    scale = sum(steps) / len(steps) if steps else 0
    mase = sum(abs(y - f) for y, f in zip(truth, mean)) / n / scale if scale else None
    return smape, mase, sum(a <= y <= b for y, a, b in zip(truth, low, high)) / n


def average(rows):
    columns = [[value for value in column if value is not None] for column in zip(*rows)]
    return [sum(column) / len(column) if column else None for column in columns]


def ours(a, table, every):
    _, files, frequency, horizon, season, _, _ = table
    paths = [os.path.join(a.data, files + end) for end in (".csv", "_test.csv")]
    command = [a.accuracy, *paths, frequency, str(horizon), str(season), os.devnull, str(every)]
    lines = [json.loads(line) for line in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()]
    rows = {line["series"]: (line["smape"], line["mase"], line["inside"] / line["steps"]) for line in lines[:-1]}
    return rows, lines[-1]["seconds"]


def theirs(a, table, names, train):
    _, _, _, horizon, season, seasons, _ = table
    methods = [method for method in a.methods.split(",") if method != "MSTL" or seasons]
    work = {"methods": methods, "horizon": horizon, "season": season, "seasons": seasons, "cores": os.cpu_count(),
            "series": [train[name] for name in names]}
    with subprocess.Popen([a.python, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        peer.stdin.write(json.dumps(work))
        peer.stdin.close()
        yield from map(json.loads, peer.stdout)
    if peer.returncode != 0:
        sys.exit(f"{a.python} ended with {peer.returncode}")


def row(name, count, figures, seconds=""):
    cells = ["" if figure is None else format(figure, form) for figure, form in zip(figures, (".3f", ".4f", ".1%"))]
    print("| " + " | ".join([name, str(count), *cells, seconds]) + " |", flush=True)


def published(a, group):
    if group is None:
        return HOURLY
    with open(os.path.join(a.data, "m3_published.csv"), newline="") as file:
        return [(r["method"], float(r["smape"]), float(r["mase"])) for r in csv.DictReader(file) if r["group"] == group]


p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--accuracy", required=True)
p.add_argument("--data", required=True)
p.add_argument("--python", required=True)
p.add_argument("--every", type=int, default=20, help="which series statsforecast forecasts; 0 for none")
p.add_argument("--methods", default="AutoETS,DynamicOptimizedTheta,AutoCES,MSTL,AutoARIMA")
a = p.parse_args()
inside = []
for table in TABLES:
    name, files, _, _, season, _, group = table
    print(f"\n{name}\n\n| Method | Series | sMAPE | MASE | Coverage | Seconds |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    all_rows, seconds = ours(a, table, 1)
    inside.append(([row[2] for row in all_rows.values()]))
    row("flits, defaults", len(all_rows), average(all_rows.values()), f"{seconds:.1f}")
    for method, smape, mase in sorted(published(a, group), key=lambda method: method[2]):
        row(method + ", published", len(all_rows), (smape, mase, None))
    if a.every == 0:
        continue
    train, test = (series(os.path.join(a.data, files + end)) for end in (".csv", "_test.csv"))
    names = list(train)[:: a.every]
    own, seconds = ours(a, table, a.every)
    row("flits, defaults, these series", len(own), average(own.values()), f"{seconds:.2f}")
    both = 0
    for made in theirs(a, table, names, train):
        rows = [measures(train[n], test[n], *f[:3], season) for n, f in zip(names, made["forecasts"])]
        failed = sum(f[3] for f in made["forecasts"])
        note = f", {failed} failed" if failed else ""
        row(f"statsforecast {made['method']}{note}", len(rows), average(rows), f"{made['seconds']:.2f}")
        both += made["seconds"] if made["method"] in ("AutoETS", "DynamicOptimizedTheta") else 0
    print(f"\nAutoETS and DynamicOptimizedTheta together need {both / seconds:.2f} times as long as flits.", flush=True)
shares = [share for shares in inside for share in shares]
print(f"\n80 % intervals held {sum(shares) / len(shares):.1%} of the truth over all {len(shares)} series, each weighing the same.")
