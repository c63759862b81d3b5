"""The only place where a band and a score are made.

A sample is judged in two ways. *Fast*: its distances from the forecast of the model and from the
mean of the last minutes, multiplied, so that only a sample far from both is far out. *Slow*: the
means of the last samples, and a value that does not change (see `detectors.recent_stats`). Each has
a limit per series and side (see `detectors.limits`). The band is where no limit is crossed.

At the end everything is rounded to a power of two, so that it compresses well. The score is
computed from the rounded band: it is > 1 exactly outside, bit for bit.
"""

from collections.abc import Iterator

import numpy as np

from detectors.api import Band, BoolArray, FloatArray
from detectors.limits import Limits
from detectors.recent_stats import RecentStats, lasting, mean_bound
from detectors.scaling import quantile_of_sorted, sort_gaps_last

MIN_QUANTA = 256.0  # of a half-width: so fine is the rounding
USUAL_SHARE = 1.5  # of the lowest bound: an expected value beyond that is a usual one
MAX_SCORE = 1000.0  # scores are clipped here
PINBALL_QUANTILE = 0.02  # the lower one of the two outer quantiles that compare forecasts
MIN_OUTSIDE_SCORE = float(np.nextafter(1.0, 2.0))


def bounds(
    offset: FloatArray, widening: FloatArray, stats: RecentStats, last: FloatArray, limits: Limits
) -> Band:
    """The band in spreads from the trend, [S, T]: where no fast and no slow limit is crossed.

    offset: the forecast. widening: >= 1, how many times as wide as usual the band is (gaps, an
    unsure model). last: where the last value would lie now.
    """
    middle = 0.5 * (stats.forecast + stats.recent)
    apart = 0.5 * (stats.forecast - stats.recent)
    below, above = (
        np.sqrt(apart**2 + (widening * limits.fast_limit[:, side, None]) ** 2) for side in (0, 1)
    )
    mean_below, mean_above = (widening * _slow_bound(stats, side, limits) for side in (-1, 1))
    lower = np.maximum(np.minimum(middle - below, 0.0), -mean_below)
    upper = np.minimum(np.maximum(middle + above, 0.0), mean_above)
    expected = np.clip(offset, 0.5 * lower, 0.5 * upper)
    # A stuck value moves its bound between itself and what is expected.
    excess = np.maximum(stats.repeats / limits.stuck_limit[:, None], 1.0)
    # One that has stayed for half a day, or was accepted, is normal.
    excess = np.where(stats.repeats > stats.accept_steps, 1.0, excess)
    stuck_bound = expected + (last - expected) / excess
    lower = np.where((excess > 1) & (last < expected), np.maximum(lower, stuck_bound), lower)
    upper = np.where((excess > 1) & (last > expected), np.minimum(upper, stuck_bound), upper)
    return Band(lower, expected, upper)


def _slow_bound(stats: RecentStats, side: int, limits: Limits) -> FloatArray:
    """How far out [S, T] a sample may be on a side (-1 below, 1 above) by both means; spreads."""
    column = max(side, 0)
    long_mean = lasting(stats.mean, stats.long_mean, side)
    by_mean = mean_bound(stats, side, side * stats.mean, limits.mean_limit[:, column])
    by_long_mean = mean_bound(stats, side, long_mean, limits.long_mean_limit[:, column])
    return np.minimum(by_mean, by_long_mean)


def round_band(band: Band, resolution: FloatArray) -> Band:
    """The band, in units of the series, rounded to a power of two.

    resolution: [S] the least half-width. NaN where the band is not known.
    """
    least = np.maximum(resolution[:, None], np.finfo(np.float64).tiny)
    below = np.maximum(band.expected - band.lower, least)
    above = np.maximum(band.upper - band.expected, least)
    quantum = _quantum(np.minimum(below, above), band)
    centre = np.round(band.expected / quantum) * quantum
    return Band(
        lower=centre - np.ceil(below / quantum) * quantum,
        expected=centre,
        upper=centre + np.ceil(above / quantum) * quantum,
    )


def keep_above(band: Band, lowest: FloatArray) -> Band:
    """The band with a lower bound of at least `lowest` [S], or 0 where the expected
    value itself is about as low. -inf changes nothing."""
    usual = band.expected > USUAL_SHARE * lowest[:, None]
    least = np.where(usual, lowest[:, None], 0.0)
    kept = np.where(np.isfinite(lowest)[:, None], np.maximum(band.lower, least), band.lower)
    return Band(np.minimum(kept, band.expected), band.expected, band.upper)


def widen_band(band: Band, least: FloatArray) -> Band:
    """The band with bounds at least `least` [S, T] away from expected, rounded outwards."""
    quantum = _quantum(least, band)
    least = np.ceil(least / quantum) * quantum
    return Band(
        lower=np.minimum(band.lower, band.expected - least),
        expected=band.expected,
        upper=np.maximum(band.upper, band.expected + least),
    )


def stretch_band(band: Band, below: FloatArray, above: FloatArray) -> Band:
    """The band with each bound so many times as far from expected, rounded outwards.

    below, above: [S, T] factors, at least 1. A bound stays as it is where its factor is 1, or where
    it is infinite.
    """
    lower = band.expected - _stretch_half(band.expected - band.lower, below, band)
    upper = band.expected + _stretch_half(band.upper - band.expected, above, band)
    return Band(
        lower=np.where(_is_stretched(band.lower, below), lower, band.lower),
        expected=band.expected,
        upper=np.where(_is_stretched(band.upper, above), upper, band.upper),
    )


def _is_stretched(bound: FloatArray, factor: FloatArray) -> BoolArray:
    return np.isfinite(bound) & (factor > 1)


def _stretch_half(half: FloatArray, factor: FloatArray, band: Band) -> FloatArray:
    with np.errstate(invalid="ignore"):
        wide = half * factor
        quantum = _quantum(wide, band)
        return np.asarray(np.ceil(wide / quantum) * quantum)


def _quantum(half: FloatArray, band: Band) -> FloatArray:
    """The unit [S, T] in which bounds with that half-width are rounded."""
    fine = _power_of_two(half) / MIN_QUANTA
    return np.asarray(np.maximum(fine, np.spacing(np.abs(band.expected))))


def rescore(values: FloatArray, observed: BoolArray, band: Band) -> FloatArray:
    """[S, T] anomaly scores of values against any band, also one that a policy has moved.

    NaN where not observed or without a band. A bound of ±inf is no bound: 0 on that side. More than
    1 exactly where value < lower or value > upper.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        above = (values - band.expected) / (band.upper - band.expected)
        below = (band.expected - values) / (band.expected - band.lower)
        score = np.clip(np.where(values >= band.expected, above, below), 0.0, MAX_SCORE)
        score = np.nan_to_num(score, nan=0.0)  # 0/0: on the edge of a band without width
        outside = (values < band.lower) | (values > band.upper)
        # The division may have rounded across 1.
        score = np.where(outside, np.maximum(score, MIN_OUTSIDE_SCORE), np.minimum(score, 1.0))
        known = observed & ~np.isnan(band.expected) & ~np.isnan(band.lower) & ~np.isnan(band.upper)
    return np.where(known, score, np.nan)


def pinball(residual: FloatArray, mask: BoolArray) -> FloatArray:
    """[S] mean pinball loss of (value - expected) over the marked samples, at the .02, .5 and .98
    quantiles.

    The outer two are the best constant offsets, so that a forecaster is judged by the residuals
    that it leaves.
    """
    count = mask.sum(axis=1)
    total = np.zeros(len(residual))
    for losses in pinball_losses(residual, mask):
        total += losses.sum(axis=1)
    return np.where(count > 0, total / np.maximum(3 * count, 1), np.nan)


def pinball_losses(residual: FloatArray, mask: BoolArray) -> Iterator[FloatArray]:
    """[S, T] what `pinball` is the mean of, quantile by quantile: the loss of each marked sample, 0
    elsewhere."""
    ordered, count = sort_gaps_last(residual, mask)
    for share in (PINBALL_QUANTILE, 0.5, 1 - PINBALL_QUANTILE):
        offset = (
            np.zeros(len(residual)) if share == 0.5 else quantile_of_sorted(ordered, count, share)
        )
        error = np.where(mask, residual - offset[:, None], 0.0)
        yield np.maximum(share * error, (share - 1) * error)


def _power_of_two(values: FloatArray) -> FloatArray:
    """The largest power of two that is not above."""
    powers: FloatArray = np.ldexp(1.0, np.frexp(values)[1] - 1)
    return powers
