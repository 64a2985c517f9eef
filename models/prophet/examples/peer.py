"""Times the Python package `prophet` and this crate on the same series, in turn, and prints the median of each.

Usage: peer.py --bin DIR --train TRAIN.csv --test TEST.csv [--rounds N] [--series N]

DIR holds the release examples `columns` and `many`. Forecasts are made without intervals on both sides; imports and the
reading of files do not count. Stan and we have one thread each; of many series the package fits `--series`, we 10,000.
"""

import argparse
import json
import logging
import statistics
import subprocess
import time

import cmdstanpy
import numpy as np
import pandas as pd
from prophet import Prophet

cmdstanpy.utils.get_logger().setLevel(logging.CRITICAL)
logging.getLogger("prophet").setLevel(logging.CRITICAL)


def package(times, values, future, **settings):
    cap = {} if settings.get("growth") != "logistic" else {"cap": 1.2 * values.max()}
    clock = time.perf_counter()
    model = Prophet(uncertainty_samples=0, **settings)
    model.fit(pd.DataFrame({"ds": times, "y": values, **cap}))
    fitted = time.perf_counter()
    model.predict(pd.DataFrame({"ds": future, **cap}))
    return (fitted - clock) * 1e3, (time.perf_counter() - fitted) * 1e3


def ours(binary, *arguments):
    return [json.loads(line) for line in subprocess.run([binary, *arguments], check=True, capture_output=True).stdout.splitlines()]


def show(what, package_ms, our_ms):
    middle = [statistics.median(values) for values in (package_ms, our_ms)]
    spread = [f"{min(values):.2f}-{max(values):.2f}" for values in (package_ms, our_ms)]
    print(f"{what}: package {middle[0]:.2f} ms ({spread[0]}), ours {middle[1]:.2f} ms ({spread[1]}), {middle[0] / middle[1]:.0f}x", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--series", type=int, default=20)
    args = parser.parse_args()
    train, test = (pd.read_csv(path, parse_dates=["time"]) for path in (args.train, args.test))
    columns = [column for column in train.columns if column != "time"]
    for kind, names, settings in (
        ("linear", columns, {}),
        ("multiplicative", columns[:1], {"seasonality_mode": "multiplicative"}),
        ("logistic", columns[:1], {"growth": "logistic"}),
    ):
        files = (args.train, args.test)
        if len(names) == 1:
            files = tuple(f"{args.bin}/{part}-{kind}.csv" for part in ("train", "test"))
            for table, path in zip((train, test), files):
                table[["time", *names]].to_csv(path, index=False)
        fits, predictions, our_fits, our_predictions = [], [], [], []
        for _ in range(args.rounds):
            timed = [package(train["time"], train[name].to_numpy(), test["time"], **settings) for name in names]
            fits.append(sum(fit for fit, _ in timed))
            predictions.append(sum(predict for _, predict in timed))
            for line in ours(f"{args.bin}/columns", *files, "1", "7", kind)[2:]:
                our_fits.append(line["fit_ms"])
                our_predictions.append(line["predict_ms"])
        show(f"{kind}, {len(names)} x {len(train)} rows, fit", fits, our_fits)
        show(f"{kind}, {len(names)} x {len(test)} rows, forecast", predictions, our_predictions)
    rng = np.random.default_rng(0)
    days, ahead = pd.date_range("2019-04-14", periods=500), pd.date_range("2020-08-26", periods=30)
    t = np.arange(500)
    made = lambda: 100 + np.cumsum(rng.normal(0, 0.2, 500)) + 5 * np.sin(2 * np.pi * t / 7) + rng.normal(0, 2, 500)
    each = [sum(package(days, made(), ahead)) for _ in range(args.series)]
    lines = [ours(f"{args.bin}/many", "10000", "500", "2")[0] for _ in range(3)]
    print(f"many: package {1e3 / statistics.median(each):.1f} series a second, ours {statistics.median(line['per_second'] for line in lines):.0f}")


if __name__ == "__main__":
    main()
