"""Prints the seconds in which statsforecast fits the first columns of a CSV file (time first, then numbers), a line a method.

Run: python time.py TRAINING.csv COLUMNS [ets|theta|mstl]..., with statsforecast 2.1.1. Values are min-max scaled, gaps interpolated;
the first column's first rows are fitted once before, so that its compiler has run. ETS is the search over additive forms without a season:
with one of 720 steps it does not end in useful time.
"""

import json
import sys
import time
import warnings

import pandas as pd
from statsforecast.models import MSTL, AutoETS, Theta

warnings.filterwarnings("ignore")
METHODS = {
    "ets": lambda: AutoETS(season_length=1, model="AZN"),
    "theta": lambda: Theta(season_length=720, decomposition_type="additive"),
    "mstl": lambda: MSTL(season_length=[720, 5040], trend_forecaster=AutoETS(model="AZN")),
}
table = pd.read_csv(sys.argv[1]).iloc[:, 1:].apply(pd.to_numeric, errors="coerce").interpolate().bfill()
columns = ((table - table.min()) / (table.max() - table.min())).to_numpy(float).T[: int(sys.argv[2])]
for name in sys.argv[3:] or METHODS:
    METHODS[name]().fit(columns[0, : 3_000 if name != "mstl" else 10_100].copy())
    start = time.perf_counter()
    for column in columns:
        METHODS[name]().fit(column.copy())
    print(json.dumps({"kind": name, "columns": len(columns), "fit_s": round(time.perf_counter() - start, 3)}), flush=True)
