"""What a watch says about its alarms, applied to the band, so that band and score still agree.

In this order: `direction`, `min_deviation`, `min_relative_deviation`, what answered false alarms
tolerate, `valid_range`. `persistence` and `missing_data` change no band: they decide what alert
rules read.
"""

import numpy as np

from detectors.api import Band
from detectors.bands import rescore, stretched, widened
from plugin.config import Watch
from plugin.domain.tolerances import Widening
from plugin.series import FloatArray

# that the alert score of a vanished series stays: time for the rule on `missing` to take over
HOLD_SECONDS = 600


def moved(band: Band, watch: Watch, widening: Widening | None = None) -> Band:
    """The band after the watch's policies; bounds may be infinite: no bound on that side.

    widening: what is tolerated of some of its rows; None = nothing of any.

    A value outside `valid_range` is outside the band also on the side that `direction` leaves open.
    """
    lower = band.lower
    expected = band.expected
    upper = band.upper
    if watch.direction == "above":
        lower = np.where(np.isnan(lower), np.nan, -np.inf)
    if watch.direction == "below":
        upper = np.where(np.isnan(upper), np.nan, np.inf)
    if watch.min_deviation or watch.min_relative_deviation:
        least = np.maximum(watch.min_deviation, watch.min_relative_deviation * np.abs(expected))
        wide = widened(Band(lower, expected, upper), least)
        lower = wide.lower
        upper = wide.upper
    if widening is not None:
        lower = np.array(lower)
        upper = np.array(upper)
        at = widening.rows
        wide = stretched(Band(lower[at], expected[at], upper[at]), *widening.factor)
        lower[at] = wide.lower
        upper[at] = wide.upper
    if watch.valid_range is not None:
        low, high = watch.valid_range
        lower, expected, upper = (np.clip(bound, low, high) for bound in (lower, expected, upper))
    return Band(lower, expected, upper)


def judged(
    values: FloatArray, band: Band, watch: Watch, widening: Widening | None = None
) -> tuple[FloatArray, Band]:
    """Anomaly scores [S, T] of the values against the moved band, and that band; NaN = no sample or
    no band."""
    after = moved(band, watch, widening)
    return rescore(values, ~np.isnan(values), after), after


def persistent(scores: FloatArray, k: int) -> FloatArray:
    """[S]: the k-th largest of the last n scores [S, n]: above 1 exactly when k of the last n
    samples are outside.

    Where there are fewer than n (NaN), those that are missing count as inside. NaN where there is
    none at all.
    """
    ordered = np.sort(np.where(np.isnan(scores), 0.0, scores), axis=1)
    kth: FloatArray = np.where(np.isnan(scores).all(axis=1), np.nan, ordered[:, -k])
    return kth
