"""What a watch says about its alarms, applied to the band, so that band and score still agree.

In this order: `direction`, `min_deviation`, `min_relative_deviation`, what answered false alarms
tolerate, `valid_range`. `persistence` and `missing_data` change no band: they decide what alert
rules read.
"""

import numpy as np

from detectors.api import Band
from detectors.bands import rescore, stretch_band, widen_band
from plugin.config import Watch
from plugin.domain.tolerances import BandWidening
from plugin.series import FloatArray


def move_band(band: Band, watch: Watch, widening: BandWidening | None = None) -> Band:
    """The band after the watch's policies; bounds may be infinite: no bound on that side.

    widening: what is tolerated of some of its rows; None = nothing of any.

    A value outside `valid_range` is outside the band also on the side that `direction` leaves open.
    """
    if widening is None and not _moves(watch):
        return band
    lower = band.lower
    expected = band.expected
    upper = band.upper
    if watch.direction == "above":
        lower = np.where(np.isnan(lower), np.nan, -np.inf)
    if watch.direction == "below":
        upper = np.where(np.isnan(upper), np.nan, np.inf)
    if watch.min_deviation or watch.min_relative_deviation:
        least = np.maximum(watch.min_deviation, watch.min_relative_deviation * np.abs(expected))
        wide = widen_band(Band(lower, expected, upper), least)
        lower = wide.lower
        upper = wide.upper
    if widening is not None:
        lower = np.array(lower)
        upper = np.array(upper)
        rows = widening.rows
        wide = stretch_band(Band(lower[rows], expected[rows], upper[rows]), *widening.factor)
        lower[rows] = wide.lower
        upper[rows] = wide.upper
    if watch.valid_range is not None:
        low, high = watch.valid_range
        lower, expected, upper = (np.clip(bound, low, high) for bound in (lower, expected, upper))
    return Band(lower, expected, upper)


def _moves(watch: Watch) -> bool:
    """Whether any policy of the watch moves bands."""
    return bool(
        watch.direction != "both"
        or watch.min_deviation
        or watch.min_relative_deviation
        or watch.valid_range is not None
    )


def judge_values(
    values: FloatArray,
    band: Band,
    watch: Watch,
    widening: BandWidening | None = None,
    anomaly: FloatArray | None = None,
) -> tuple[FloatArray, Band]:
    """Anomaly scores [S, T] of the values against the moved band, and that band; NaN = no sample or
    no band.

    anomaly: the scores that the detector gave with this band. They hold where nothing moves it.
    """
    band_after = move_band(band, watch, widening)
    if anomaly is not None and band_after is band:
        return anomaly, band
    return rescore(values, ~np.isnan(values), band_after), band_after


def persistence_score(scores: FloatArray, k: int) -> FloatArray:
    """[S]: the k-th largest of the last n scores [S, n]: above 1 exactly when k of the last n
    samples are outside.

    Where there are fewer than n (NaN), those that are missing count as inside. NaN where there is
    none at all.
    """
    ordered = np.sort(np.where(np.isnan(scores), 0.0, scores), axis=1)
    kth: FloatArray = np.where(np.isnan(scores).all(axis=1), np.nan, ordered[:, -k])
    return kth


def persistent_scores(score: FloatArray, persistence: tuple[int, int]) -> FloatArray:
    """[T] the same for each of the scores [T] of one series; NaN where there is none."""
    k, n = persistence
    scored = np.flatnonzero(~np.isnan(score))
    padded = np.concatenate([np.full(n - 1, np.nan), score[scored]])
    persistent = np.full(len(score), np.nan)
    if len(scored):
        windows = np.lib.stride_tricks.sliding_window_view(padded, n)
        persistent[scored] = persistence_score(windows, k)
    return persistent
