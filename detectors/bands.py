"""The only place where a band and a score are made.

A sample is judged in two ways. *Fast*: its distances from the forecast of the model and from the
mean of the last minutes, multiplied, so that only a sample far from both is far out. *Slow*: the
mean of the last samples, and a value that does not change (see `detectors.recent_stats`). Each has
a limit per series and side. The band is where no limit is crossed.

Limits start from the body of the series' own history (the .99 quantile) and never from its far
tail, because histories contain incidents. A tail that is the same for all series extends them to
the alert budget. At the end everything is rounded to a power of two, so that it compresses well.
The score is computed from the rounded band: it is > 1 exactly outside, bit for bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detectors.api import Band, BoolArray, FloatArray
from detectors.recent_stats import MEAN_CLIP_SPREADS, RecentStats, mean_bound
from detectors.scaling import quantile, quantile_of_sorted, sort_gaps_last
from detectors.state_arrays import stored_as

BODY_SHARE = 0.01  # of the samples lie beyond the body, on either side
BODY_SPREADS = 2.5  # at which the body of a series usually ends
BODY_PRIOR_SAMPLES = 50  # of a series weigh as much as that usual value
TAIL_INDEX = 3.0  # P(distance > x) falls with this power
MEAN_POWER = 0.85  # of a stretch, for means: their tail is lighter
MIN_MEAN_SPREADS = 1.0  # no mean below is an alarm
# The same for a series with a habit of bursts: only a burst that does not end gets there.
BURST_MEAN_SPREADS = 0.9 * MEAN_CLIP_SPREADS
CLUSTER_SECONDS = 90 * 60  # neighbouring samples outside are one alarm for so long
# A value is stuck when it repeats so many times as often as it usually does at most,
STUCK_FACTOR = 6.0
MIN_REPEATS = 20.0  # and so often at least.
MIN_QUANTA = 256.0  # of a half-width: so fine is the rounding
MAX_SCORE = 1000.0  # scores are clipped here
MIN_BURSTS = 5  # separate excursions that are a habit of the series, not an incident
PINBALL_QUANTILE = 0.02  # the lower one of the two outer quantiles that compare forecasts
MIN_OUTSIDE_SCORE = float(np.nextafter(1.0, 2.0))


@dataclass(frozen=True)
class Limits:
    """What the history of each series allows, in spreads."""

    fast_limit: FloatArray = stored_as("reach")  # [S, 2] below and above: of one sample
    mean_limit: FloatArray = stored_as("lasting")  # [S, 2] the same: of the mean of the last ones
    stuck_limit: FloatArray = stored_as("patience")  # [S] samples that one value may repeat


def calibrate(
    deviation: FloatArray,
    stats: RecentStats,
    train_mask: BoolArray,
    quiet_mask: BoolArray,
    alert_budget: float,
    step: int,
) -> Limits:
    """Limits that keep the budget, from a history scored as the service does.

    deviation: [S, T] the samples in spreads from the trend. train_mask: [S, T] those to learn from.
    quiet_mask: [S, T] the same without alarms; only whether bursts are a habit is asked of all.
    alert_budget: alarms per series and second.
    """
    fast = fast_evidence(deviation, stats)
    probability = sample_probability(alert_budget, step)
    stretch = tail_stretch(probability, step)
    fast_limit = np.empty((len(fast), 2))
    mean_limit = np.empty((len(fast), 2))
    for column, side in enumerate((-1.0, 1.0)):
        burst_limit = _burst_limit(side * fast, train_mask, quiet_mask, probability)
        bursting = burst_limit > 0
        body_limit = _body(side * fast, quiet_mask) * stretch
        fast_limit[:, column] = np.where(bursting, burst_limit, body_limit)
        body_mean = _body(side * stats.mean_after, quiet_mask) * stretch**MEAN_POWER
        min_mean = np.where(bursting, BURST_MEAN_SPREADS, MIN_MEAN_SPREADS)
        mean_limit[:, column] = np.maximum(body_mean, min_mean)
    usual_repeats = np.nan_to_num(quantile(stats.repeats, quiet_mask, 1 - BODY_SHARE))
    return Limits(
        fast_limit=np.maximum(fast_limit, min_fast_limit(probability)),
        mean_limit=mean_limit,
        stuck_limit=np.maximum(STUCK_FACTOR * usual_repeats, MIN_REPEATS),
    )


def sample_probability(alert_budget: float, step: int) -> float:
    """Alarms per sample and side; alert_budget: alarms per series and second."""
    return min(alert_budget * step / 2, 0.4)


def tail_stretch(probability: float, step: int) -> float:
    """Factor from the end of the body to the limit that so many alarms cross; at least 1.

    A regularly varying tail, thinned by the extremal index (Leadbetter, 1983): the share of samples
    outside that begin a new alarm.
    """
    extremal_index = min(1.0, step / CLUSTER_SECONDS) ** (1 / 3)
    return float(max(1.0, extremal_index * BODY_SHARE / probability) ** (1 / TAIL_INDEX))


def fast_evidence(deviation: FloatArray, stats: RecentStats) -> FloatArray:
    """[S, T] geometric mean of the distances from the forecast and from the recent mean, signed; 0
    between the two.

    deviation: [S, T] the sample. All in spreads from the trend.
    """
    product = (deviation - stats.forecast) * (deviation - stats.recent)
    side = np.sign(deviation - 0.5 * (stats.forecast + stats.recent))
    return np.asarray(side * np.sqrt(np.maximum(product, 0.0)))


def _body(residual: FloatArray, mask: BoolArray) -> FloatArray:
    """[S] the conformal .99 quantile; of few samples the largest, drawn towards the usual body."""
    ordered, count = sort_gaps_last(residual, mask)
    share = np.maximum(BODY_SHARE, 1.0 / (count + 1))
    rank = np.clip(np.ceil((count + 1) * (1 - share)), 1, np.maximum(count, 1))
    index = rank.astype(np.int64) - 1
    body = np.maximum(np.take_along_axis(ordered, index[:, None], -1)[:, 0], 0.0)
    body = np.where(count > 0, body, 0.0)
    weight = count / (count + BODY_PRIOR_SAMPLES)
    shrunk: FloatArray = body**weight * BODY_SPREADS ** (1 - weight)
    return np.where((body > 0) | (count == 0), shrunk, 0.0)


def min_fast_limit(probability: float) -> float:
    """Spreads that normal noise needs: no limit is lower, however quiet the history was."""
    return float(np.sqrt(2 * np.log(0.5 / min(probability, 0.4))))


def _burst_limit(
    residual: FloatArray, train_mask: BoolArray, quiet_mask: BoolArray, probability: float
) -> FloatArray:
    """[S] fast limit of a series that is still for .99 of its quiet time, but bursts by habit.

    Exponential over what its bursts show. 0 where it is not so still, or bursts are not a habit.
    """
    outside = train_mask & (residual > 1.0)
    starts = outside & ~np.pad(outside, ((0, 0), (1, 0)))[:, :-1]
    rate = outside.sum(axis=1) / np.maximum(train_mask.sum(axis=1), 1)
    middle = quantile(residual, outside, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = middle / np.log(2) * np.log(rate / probability)
    habit = (_body(residual, quiet_mask) < 0.5) & (starts.sum(axis=1) >= MIN_BURSTS)
    return np.where(habit & np.isfinite(limit), limit, 0.0)


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
    mean_below = -widening * mean_bound(stats, -1, limits.mean_limit[:, 0])
    mean_above = widening * mean_bound(stats, 1, limits.mean_limit[:, 1])
    lower = np.maximum(np.minimum(middle - below, 0.0), mean_below)
    upper = np.minimum(np.maximum(middle + above, 0.0), mean_above)
    expected = np.clip(offset, 0.5 * lower, 0.5 * upper)
    # A stuck value moves its bound between itself and what is expected.
    excess = np.maximum(stats.repeats / limits.stuck_limit[:, None], 1.0)
    stuck_bound = expected + (last - expected) / excess
    lower = np.where((excess > 1) & (last < expected), np.maximum(lower, stuck_bound), lower)
    upper = np.where((excess > 1) & (last > expected), np.minimum(upper, stuck_bound), upper)
    return Band(lower, expected, upper)


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
