"""The median of the same time of day in the last seven days, and a robust deviation around it."""

import warnings

import numpy as np
import pandas as pd

from tests.benchmarks.quality.data import DAY, FloatArray, Series
from tests.benchmarks.quality.peers.verdict import Verdict, distance

DAYS = 7
SIGMAS = 3.0
TO_SIGMA = 1.4826  # from a median absolute deviation to the standard deviation of normal noise


def seasonal_median(series: Series) -> Verdict:
    """Expected is the median of seven days; the deviation is that of the last day, 3 sigma."""
    expected = median_of_days(series.values, series.samples(DAY))
    day = series.samples(DAY)
    error = pd.Series(np.abs(series.values - expected))
    deviation = (
        error.rolling(day, min_periods=max(1, day // 10)).median().shift(1).to_numpy(np.float64)
    )
    return Verdict(distance(series, expected, SIGMAS * TO_SIGMA * deviation), (DAYS + 1) * day * 8)


def median_of_days(values: FloatArray, day: int) -> FloatArray:
    """[T] median of the samples 1 to 7 days before each; NaN where there is none."""
    before = np.full((DAYS, len(values)), np.nan)
    for back in range(1, DAYS + 1):
        before[back - 1, back * day :] = values[: max(0, len(values) - back * day)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        median: FloatArray = np.nanmedian(before, axis=0)
    return median
