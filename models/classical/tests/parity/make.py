"""Writes peers.json: what statsforecast and statsmodels make of one series, to compare with.

Run: python make.py ../../../../examples/retail_sales.csv > peers.json, with the packages of the "versions" entry.
"""

import json
import sys
import warnings

import numpy as np
import pandas as pd
import statsforecast
import statsmodels
from statsforecast.models import AutoETS, MSTL, Theta
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

warnings.filterwarnings("ignore")
SEASON, TRAINING, HORIZON = 12, 240, 12
# In units in which the values are of size 1, as scaled values are.
y = pd.read_csv(sys.argv[1]).iloc[:, 1].to_numpy(float) / 1e5
train = y[:TRAINING]


def smoothed(model, damped, season):
    fit = AutoETS(season_length=season, model=model, damped=damped).fit(train)
    errors = train - fit.model_["fitted"]
    later = AutoETS(season_length=season, model=model, damped=damped)
    later.model_ = fit.model_
    return {
        "sse": float(np.sum(errors**2)),
        "end": fit.predict(HORIZON)["mean"].tolist(),
        "later": later.forward(y[: TRAINING + 20], HORIZON)["mean"].tolist(),
    }


def filtered():
    """The recursion alone: given parameters and start, forecasts from two origins."""
    start = {"level": 2.0, "slope": 0.01, "season": [0.1 * ((i % 5) - 2) for i in range(SEASON)]}
    alpha, beta, gamma, phi = 0.35, 0.02, 0.15, 0.93
    out = {"start": start, "rule": [alpha, beta, gamma, phi]}
    for name, rows in (("end", TRAINING), ("later", TRAINING + 20)):
        model = ETSModel(
            y[:rows], error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=SEASON,
            initialization_method="known", initial_level=start["level"], initial_trend=start["slope"],
            initial_seasonal=start["season"],
        )
        # statsmodels keeps beta and gamma as they stand in the error form; initial seasons are given last first.
        names = model.param_names
        values = {"smoothing_level": alpha, "smoothing_trend": beta, "smoothing_seasonal": gamma, "damping_trend": phi,
                  "initial_level": start["level"], "initial_trend": start["slope"]}
        values |= {f"initial_seasonal.{i}": s for i, s in enumerate(start["season"])}
        fit = model.smooth([values[n] for n in names])
        out[name] = fit.forecast(HORIZON).tolist()
        out[f"{name}_sse"] = float(fit.sse)
    return out


peers = {
    "versions": {m.__name__: m.__version__ for m in (statsforecast, statsmodels, np)},
    "training": TRAINING,
    "ets": {
        "none": smoothed("ANN", False, 1),
        "additive": smoothed("AAN", False, 1),
        "damped": smoothed("AAN", True, 1),
        "none-season": smoothed("ANA", False, SEASON),
        "additive-season": smoothed("AAA", False, SEASON),
    },
    "theta": Theta(season_length=SEASON, decomposition_type="additive").fit(train).predict(HORIZON)["mean"].tolist(),
    "mstl": MSTL(season_length=SEASON, trend_forecaster=AutoETS(model="ANN")).fit(train).predict(HORIZON)["mean"].tolist(),
    "filter": filtered(),
}
json.dump(peers, sys.stdout, indent=1)
print()
