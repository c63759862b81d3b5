"""How far out a sample, and the mean of the last ones, may be: limits from the history of a series.

They start from the body of its own history (the .99 quantile of samples, the .97 quantile of means)
and never from its far tail, because histories contain incidents. A tail that is the same for all
series extends them to the alert budget.
"""

from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, FloatArray
from detectors.recent_stats import MEAN_CLIP_SPREADS, RecentStats, lasting
from detectors.scaling import quantile, sort_gaps_last
from detectors.state_arrays import stored_as

BODY_SHARE = 0.01  # of the samples lie beyond the body, on either side
# The same for means: an incident that lasts is a percent of a fortnight within three hours.
MEAN_BODY_SHARE = 0.03
BODY_SPREADS = 2.5  # at which the body of a series usually ends
BODY_PRIOR_SAMPLES = 50  # of a series weigh as much as that usual value
TAIL_INDEX = 3.1  # P(distance > x) falls with this power
LONG_MEAN_POWER = 1.25  # of a stretch, for the long mean: series do move for an hour
MIN_MEAN_SPREADS = 1.0  # no mean below is an alarm
# The same for a series with a habit of bursts: only a burst that does not end gets there.
BURST_MEAN_SPREADS = 0.9 * MEAN_CLIP_SPREADS
CLUSTER_SECONDS = 90 * 60  # neighbouring samples outside are one alarm for so long
# A value is stuck when it repeats so many times as often as it usually does at most,
STUCK_FACTOR = 6.0
MIN_REPEATS = 20.0  # and so often at least.
MIN_BURSTS = 5  # separate excursions that are a habit of the series, not an incident


@dataclass(frozen=True)
class Limits:
    """What the history of each series allows, in spreads."""

    fast_limit: FloatArray = stored_as("reach")  # [S, 2] below and above: of one sample
    mean_limit: FloatArray = stored_as("lasting")  # [S, 2] the same: of the mean of the last ones
    # [S, 2] the same: of the long mean
    long_mean_limit: FloatArray = stored_as("long_mean_limit")
    stuck_limit: FloatArray = stored_as("patience")  # [S] samples that one value may repeat


def fit_limits(
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
    stretch = tail_stretch(probability, step, MEAN_BODY_SHARE)
    fast_limit, mean_limit, long_mean_limit = (np.empty((len(fast), 2)) for _ in range(3))
    for column, side in enumerate((-1.0, 1.0)):
        burst_limit = _burst_limit(side * fast, train_mask, quiet_mask, probability)
        bursting = burst_limit > 0
        body_limit = _body(side * fast, quiet_mask) * tail_stretch(probability, step, BODY_SHARE)
        fast_limit[:, column] = np.where(bursting, burst_limit, body_limit)
        least = np.where(bursting, BURST_MEAN_SPREADS, MIN_MEAN_SPREADS)
        long_mean = lasting(stats.mean_after, stats.long_mean_after, side)
        for limit, mean, power in (
            (mean_limit, side * stats.mean_after, 1.0),
            (long_mean_limit, long_mean, LONG_MEAN_POWER),
        ):
            usual = _mean_limit(mean, quiet_mask, stretch**power)
            limit[:, column] = np.maximum(usual, least)
    usual_repeats = np.nan_to_num(quantile(stats.repeats, quiet_mask, 1 - BODY_SHARE))
    return Limits(
        fast_limit=np.maximum(fast_limit, min_fast_limit(probability)),
        mean_limit=mean_limit,
        long_mean_limit=long_mean_limit,
        stuck_limit=np.maximum(STUCK_FACTOR * usual_repeats, MIN_REPEATS),
    )


def _mean_limit(mean: FloatArray, quiet_mask: BoolArray, stretch: float) -> FloatArray:
    """[S] where a mean [S, T] is an alarm on its positive side. That of a series which never moved
    is the usual one: it says nothing of what moves later."""
    body = _body(mean, quiet_mask, MEAN_BODY_SHARE)
    usual = min(BODY_SPREADS * stretch, BURST_MEAN_SPREADS)
    return np.asarray(np.where(body > 0, body * stretch, usual))


def sample_probability(alert_budget: float, step: int) -> float:
    """Alarms per sample and side; alert_budget: alarms per series and second."""
    return min(alert_budget * step / 2, 0.4)


def tail_stretch(probability: float, step: int, body_share: float) -> float:
    """Factor from the end of the body to the limit that so many alarms cross; at least 1.

    A regularly varying tail, thinned by the extremal index (Leadbetter, 1983): the share of samples
    outside that begin a new alarm.
    """
    extremal_index = min(1.0, step / CLUSTER_SECONDS) ** (1 / 3)
    return float(max(1.0, extremal_index * body_share / probability) ** (1 / TAIL_INDEX))


def fast_evidence(deviation: FloatArray, stats: RecentStats) -> FloatArray:
    """[S, T] geometric mean of the distances from the forecast and from the recent mean, signed; 0
    between the two.

    deviation: [S, T] the sample. All in spreads from the trend.
    """
    product = (deviation - stats.forecast) * (deviation - stats.recent)
    side = np.sign(deviation - 0.5 * (stats.forecast + stats.recent))
    return np.asarray(side * np.sqrt(np.maximum(product, 0.0)))


def _body(residual: FloatArray, mask: BoolArray, body_share: float = BODY_SHARE) -> FloatArray:
    """[S] the conformal quantile beyond which `body_share` lies; of few samples the largest, drawn
    towards the usual body."""
    ordered, count = sort_gaps_last(residual, mask)
    share = np.maximum(body_share, 1.0 / (count + 1))
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
