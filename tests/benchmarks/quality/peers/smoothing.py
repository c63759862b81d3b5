"""Rolling statistics of the last samples, without a season. The scored sample is never part of
them.

An hour, for both, was the best of 10 minutes to a day on the one-minute series that this was
written with.
"""

import numpy as np
import pandas as pd

from tests.benchmarks.quality.data import Series
from tests.benchmarks.quality.peers.verdict import Verdict, distance

HOUR = 3600
SIGMAS = 3.0
MODIFIED_Z = 3.5  # Iglewicz & Hoaglin (1993), How to Detect and Handle Outliers
NORMAL = 0.6745  # median |x| of the standard normal distribution


def ewma(series: Series) -> Verdict:
    """Exponentially weighted mean and deviation with a span of an hour, 3 sigma.

    Source: Roberts (1959), Control Chart Tests Based on Geometric Moving Averages.
    """
    weighted = pd.Series(series.values).ewm(span=max(2, series.samples(HOUR)), min_periods=10)
    mean, deviation = (part.shift(1).to_numpy() for part in (weighted.mean(), weighted.std()))
    return Verdict(distance(series, mean, SIGMAS * deviation), 2 * 8)


def rolling_mad(series: Series) -> Verdict:
    """Modified z-score against the median and the median absolute deviation of the last hour."""
    window = max(5, series.samples(HOUR))
    least = max(3, window // 6)
    values = pd.Series(series.values)
    median = values.rolling(window, min_periods=least).median().shift(1)
    deviation = (values - median).abs().rolling(window, min_periods=least).median().shift(1)
    half_width = MODIFIED_Z / NORMAL * deviation.to_numpy()
    return Verdict(distance(series, median.to_numpy(dtype=np.float64), half_width), 2 * 8 * window)
