"""Triple exponential smoothing, additive trend and day, by statsmodels. Source: Winters (1960),
Forecasting Sales by Exponentially Weighted Moving Averages."""

import warnings

import numpy as np
from statsmodels.tsa.holtwinters import ExponentialSmoothing

from tests.benchmarks.quality.data import DAY, FloatArray, Series
from tests.benchmarks.quality.peers.verdict import Verdict, carried_forward, distance, spread

BUCKET = 600  # seconds: a day of one-minute samples as season would take minutes to fit
SIGMAS = 3.0


def holt_winters(series: Series) -> Verdict:
    """One-step forecasts of means over ten minutes; 3 sigma of what the first half leaves at the
    series' own step."""
    width = max(1, BUCKET // series.step)
    means = bucket_means(series.values, width)
    forecast, states = one_step_forecasts(
        means, series.split // width, DAY // (width * series.step)
    )
    expected = np.repeat(forecast, width)[: len(series.values)]
    sigma = spread((series.values - expected)[: series.split])
    return Verdict(distance(series, expected, SIGMAS * sigma), 8 * states)


def bucket_means(values: FloatArray, width: int) -> FloatArray:
    """[ceil(T / width)] means of neighbours; an empty bucket takes the one before: the method knows
    no gaps."""
    padded = np.pad(values, (0, -len(values) % width), constant_values=np.nan).reshape(-1, width)
    count = np.isfinite(padded).sum(axis=1)
    means = np.where(count > 0, np.nansum(padded, axis=1) / np.maximum(count, 1), np.nan)
    return carried_forward(means)


def one_step_forecasts(means: FloatArray, known: int, season: int) -> tuple[FloatArray, int]:
    """[N] the forecast of each bucket from those before it, parameters fitted on the first `known`;
    states kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the optimizer did not converge is part of the method
        first = ExponentialSmoothing(
            means[:known],
            trend="add",
            damped_trend=True,
            seasonal="add",
            seasonal_periods=season,
            initialization_method="heuristic",
        ).fit()
        parameters = first.params
        whole = ExponentialSmoothing(
            means,
            trend="add",
            damped_trend=True,
            seasonal="add",
            seasonal_periods=season,
            initialization_method="known",
            initial_level=parameters["initial_level"],
            initial_trend=parameters["initial_trend"],
            initial_seasonal=parameters["initial_seasons"],
        )
        smoothed = whole.fit(
            smoothing_level=parameters["smoothing_level"],
            damping_trend=parameters["damping_trend"],
            smoothing_trend=parameters["smoothing_trend"],
            smoothing_seasonal=parameters["smoothing_seasonal"],
            optimized=False,
        )
    return np.asarray(smoothed.fittedvalues, np.float64), season + 2
