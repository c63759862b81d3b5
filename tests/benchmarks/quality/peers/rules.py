"""The adaptive rules of grafana/promql-anomaly-detection (rules/adaptive.yml, 2026-02), on the grid
of the series.

An approximation: Prometheus evaluates the rules at its own interval (the long-term bands every five
minutes), here each sample is an evaluation. Constants, windows and the filter on values above 0 are
those of the file. Its alert also waits for five minutes (`for: 5m`); that is left out, because most
labelled incidents are over by then.
"""

import numpy as np
import pandas as pd

from tests.benchmarks.quality.data import FloatArray, Series
from tests.benchmarks.quality.peers.verdict import FLOOR, Verdict

HOUR = 3600
VARIATION = 0.5  # anomaly:adaptive:threshold_by_covar
SIGMAS = 2.0  # anomaly:adaptive:stddev_multiplier
MARGIN = 0.5  # anomaly:adaptive:margin_multiplier
SMOOTHED = 26 * HOUR
LOOK_BACK = (
    24 * HOUR - HOUR // 2,
    168 * HOUR - HOUR // 2,
)  # the hour around now, a day and a week ago


def adaptive_rules(series: Series) -> Verdict:
    """The band is the widest of short-term, margin and long-term bands."""
    level = pd.Series(np.where(series.values > 0, series.values, np.nan))
    hour = series.samples(HOUR)
    smoothed = series.samples(SMOOTHED)
    mean = level.rolling(hour, min_periods=1).mean()
    deviation = level.rolling(hour, min_periods=1).std(ddof=0)
    lively = deviation.where(deviation > VARIATION * mean)
    short = SIGMAS * lively.rolling(smoothed, min_periods=1).mean()
    upper = [mean + short, mean + MARGIN * mean]
    lower = [mean - short, mean - MARGIN * mean]
    for offset in LOOK_BACK:
        back = series.samples(offset)
        upper.append((mean + SIGMAS * deviation).shift(back))
        lower.append((mean - SIGMAS * deviation).shift(back))
    top = np.fmax.reduce([part.to_numpy() for part in upper])
    bottom = np.maximum(np.fmin.reduce([part.to_numpy() for part in lower]), 0.0)
    score = _against(
        series, np.asarray(level, np.float64), np.asarray(mean, np.float64), bottom, top
    )
    kept = (
        series.samples(LOOK_BACK[1] + HOUR) * 4 * 8
    )  # level, mean, deviation and its filtered form, as far back
    return Verdict(score, kept)


def _against(
    series: Series, level: FloatArray, middle: FloatArray, bottom: FloatArray, top: FloatArray
) -> FloatArray:
    floor = FLOOR * series.scale
    above = (level - middle) / np.maximum(top - middle, floor)
    below = (middle - level) / np.maximum(middle - bottom, floor)
    return np.maximum(above, below)
