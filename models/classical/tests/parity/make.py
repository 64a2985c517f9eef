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
from statsforecast.models import MSTL, AutoETS, DynamicOptimizedTheta, DynamicTheta
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


def judged(model, damped, season):
    """The likelihood of a form with multiplicative parts, as theirs minimises it: `n ln Σe² + 2 Σ ln |μ|`."""
    fit = AutoETS(season_length=season, model=model, damped=damped).fit(train)
    expected = fit.model_["fitted"]
    errors = train / expected - 1
    return {
        "value": float(TRAINING * np.log(np.sum(errors**2)) + 2 * np.sum(np.log(np.abs(expected)))),
        "end": fit.predict(HORIZON)["mean"].tolist(),
    }


def filtered():
    """The recursion alone, additive: given parameters and start, forecasts from two origins."""
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


def filtered_product():
    """The same with a multiplicative season, of statsforecast: statsmodels divides by the level after a row, R by that before."""
    fit = AutoETS(season_length=SEASON, model="MAM", damped=True).fit(train)
    later = AutoETS(season_length=SEASON, model="MAM", damped=True)
    later.model_ = fit.model_
    state = fit.model_["states"][0]
    # The last place of the season comes first.
    return {
        "start": {"level": float(state[0]), "slope": float(state[1]), "season": state[:1:-1].tolist()},
        "rule": [float(fit.model_["par"][i]) for i in range(4)],
        "end": fit.predict(HORIZON)["mean"].tolist(),
        "later": later.forward(y[: TRAINING + 20], HORIZON)["mean"].tolist(),
        "end_sse": float(np.sum((train - fit.model_["fitted"]) ** 2)),
    }


def theta(model):
    fit = model.fit(train)
    return {
        "alpha": float(fit.model_["par"]["alpha"]),
        "theta": float(fit.model_["par"]["theta"]),
        "sse": float(np.sum(fit.model_["residuals"][2:] ** 2)),
        "end": fit.predict(HORIZON)["mean"].tolist(),
    }


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
    "multiplicative": {
        "none": judged("MNN", False, 1),
        "damped": judged("MAN", True, 1),
        "none-season": judged("MNM", False, SEASON),
        "damped-season": judged("MAM", True, SEASON),
    },
    "theta": {
        "given": theta(DynamicTheta(season_length=SEASON, decomposition_type="multiplicative")),
        "auto": theta(DynamicOptimizedTheta(season_length=SEASON, decomposition_type="multiplicative")),
    },
    "mstl": MSTL(season_length=SEASON, trend_forecaster=AutoETS(model="ANN")).fit(train).predict(HORIZON)["mean"].tolist(),
    "filter": filtered(),
    "filter-product": filtered_product(),
}
json.dump(peers, sys.stdout, indent=1)
print()
