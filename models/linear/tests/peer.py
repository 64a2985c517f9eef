"""The same fit as `cargo run --release -p linear --example ett`, in NumPy and scikit-learn, on the same windows.

Usage: peer.py FILE [CONTEXT] [HORIZON] [RUNS]     needs numpy and scikit-learn

Both search the same lambdas on the validation windows of the standard protocol, all columns pooled. `numpy` makes the
Gram matrix from all windows, one eigendecomposition and the validation error from a second Gram matrix; `sklearn` fits
`Ridge(solver="cholesky")` once per lambda and forecasts the validation windows.
"""
import csv, json, statistics, sys, time
import numpy as np
from sklearn.linear_model import Ridge

file = sys.argv[1]
context, horizon, runs = [int(given or default) for given, default in zip((sys.argv[2:] + [""] * 3)[:3], (512, 96, 3))]
LAMBDAS = [100, 31.6, 10, 5.62, 3.16, 1.78, 1, .562, .316, .178, .1, .0562, .0316, .0178, .01, 3.16e-3, 1e-3, 1e-4, 1e-5, 1e-6]
rows = np.array([[float(v) for v in row[1:]] for row in list(csv.reader(open(file)))[1:]])[:14_400]
rows = (rows - rows[:8_640].mean(0)) / rows[:8_640].std(0)


def windows(first, last):
    """Normalised contexts and forecasts of all origins in a range, all columns one after the other."""
    parts = []
    for column in rows.T:
        all_windows = np.lib.stride_tricks.sliding_window_view(column, context + horizon)
        part = all_windows[first - context:last - horizon - context + 1]
        parts.append(part - part[:, context - 1:context])
    joined = np.concatenate(parts)
    return joined[:, :context - 1], joined[:, context:]


def numpy_fit():
    (x, y), (vx, vy) = windows(context, 8_640), windows(8_640, 11_520)
    gram, cross, vgram, vcross, vyy = x.T @ x, x.T @ y, vx.T @ vx, vx.T @ vy, (vy * vy).sum()
    unit = np.trace(gram) / len(gram)
    values, vectors = np.linalg.eigh(gram)
    rotated = vectors.T @ cross
    solutions = [vectors @ (rotated / (values + unit * l)[:, None]) for l in LAMBDAS]
    errors = [vyy - 2 * (w * vcross).sum() + (w * (vgram @ w)).sum() for w in solutions]
    return LAMBDAS[int(np.argmin(errors))], min(errors) / vy.size


def sklearn_fit():
    (x, y), (vx, vy) = windows(context, 8_640), windows(8_640, 11_520)
    unit = (x * x).sum() / x.shape[1]
    def error(l):
        model = Ridge(alpha=l * unit, fit_intercept=False, solver="cholesky").fit(x, y)
        return ((model.predict(vx) - vy) ** 2).mean()
    errors = [error(l) for l in LAMBDAS]
    return LAMBDAS[int(np.argmin(errors))], min(errors)


for name, fit, times in (("numpy", numpy_fit, runs), ("sklearn", sklearn_fit, 1)):
    ms = []
    for _ in range(times):
        start = time.perf_counter()
        best, mse = fit()
        ms.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"peer": name, "context": context, "horizon": horizon, "lambda": best, "select_mse": round(float(mse), 4),
                      "fit_ms": round(statistics.median(ms), 1), "least_ms": round(min(ms), 1), "most_ms": round(max(ms), 1)}), flush=True)
