"""Prophet as it is usually run beside Prometheus: fitted once, on a coarser step, and read off its
interval.

Source: Taylor & Letham (2018), Forecasting at Scale. Defaults, with the interval of .95 that
Grafana's forecasts have.
"""

import numpy as np
import pandas as pd
from prophet import Prophet
from prophet.serialize import model_to_json

from tests.benchmarks.quality.data import FloatArray, IntArray, Series
from tests.benchmarks.quality.peers.verdict import FLOOR, Verdict

# seconds: the sample that a query with this step would give, not a mean, so that the noise stays
# what it is
STEP = 300
INTERVAL = 0.95
DRAWS = 300  # of the trend, for the interval


def prophet(series: Series) -> Verdict:
    """|value - expected| over the half of the interval on that side."""
    coarse = max(1, STEP // series.step)
    model = fitted(series, 0, series.split, INTERVAL)
    lower, expected, upper = predicted(
        model,
        series,
        np.arange(series.split, len(series.values), coarse),
        np.arange(len(series.values)),
    )
    floor = FLOOR * series.scale
    above = (series.values - expected) / np.maximum(upper - expected, floor)
    below = (expected - series.values) / np.maximum(expected - lower, floor)
    score = np.where(np.arange(len(above)) < series.split, np.nan, np.maximum(above, below))
    return Verdict(score, len(model_to_json(model)))


def fitted(series: Series, begin: int, end: int, interval: float) -> Prophet:
    """A model of the samples begin..end, every five minutes."""
    at = np.arange(begin, end, max(1, STEP // series.step))
    history = pd.DataFrame({"ds": _stamps(series, at), "y": series.values[at]}).dropna()
    return Prophet(interval_width=interval, uncertainty_samples=DRAWS).fit(history, seed=0)


def predicted(model: Prophet, series: Series, at: IntArray, wanted: IntArray) -> list[FloatArray]:
    """Lower, expected and upper at the samples `wanted`, drawn straight between those asked for,
    `at`."""
    np.random.seed(0)  # Prophet draws its interval from numpy's global generator
    table = model.predict(pd.DataFrame({"ds": _stamps(series, at)}))
    return [
        np.interp(wanted, at, table[name].to_numpy(np.float64))
        for name in ("yhat_lower", "yhat", "yhat_upper")
    ]


def _stamps(series: Series, at: IntArray) -> pd.DatetimeIndex:
    stamps: pd.DatetimeIndex = pd.to_datetime(series.times[at], unit="s")
    return stamps
