"""How far out a sample, and the mean of the last ones, may be: limits from the history of a series.

They start from the body of its own history and are continued to the alert budget, see
`detectors.tails`. The tail of means is the same for all series; that of samples is heavier where
the upper part of the body already is.
"""

from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.recent_stats import RecentStats, lasting
from detectors.scaling import quantile
from detectors.state_arrays import stored_as
from detectors.tails import (
    BODY_SHARE,
    BODY_SPREADS,
    CLUSTER_SECONDS,
    USUAL_TAIL_SLOPE,
    Body,
    sample_probability,
    tail_rarity,
)

MEAN_TAIL_SLOPE = 0.343  # of the tail of means, the same for all series: about the third power
LONG_MEAN_POWER = 1.2  # of a stretch, for the long mean: series do move for an hour
MIN_MEAN_SPREADS = 1.0  # no mean below is an alarm
# The same for a series with a habit of bursts: only a burst that does not end gets there.
BURST_MEAN_SPREADS = 5.4
# A value is stuck when it repeats so many times as often as it usually does at most,
STUCK_FACTOR = 6.0
MIN_REPEATS = 20.0  # and so often at least.
STILL_SHARE = 0.01  # of the quiet time, in which a series that is still otherwise may move
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
    stretch = tail_rarity(probability, step) ** MEAN_TAIL_SLOPE
    fast_limit, mean_limit, long_mean_limit = (np.empty((len(fast), 2)) for _ in range(3))
    for column, side in enumerate((-1.0, 1.0)):
        body = Body.of(side * fast, quiet_mask)
        burst_limit = _burst_limit(side * fast, train_mask, body, probability)
        bursting = burst_limit > 0
        body_limit = _sample_limit(side * fast, quiet_mask, body, probability, step)
        fast_limit[:, column] = np.where(bursting, burst_limit, body_limit)
        least = np.where(bursting, BURST_MEAN_SPREADS, MIN_MEAN_SPREADS)
        long_mean = lasting(stats.mean_after, stats.long_mean_after, side)
        for limit, mean, power in (
            (mean_limit, side * stats.mean_after, 1.0),
            (long_mean_limit, long_mean, LONG_MEAN_POWER),
        ):
            usual = _mean_limit(mean, quiet_mask, stretch**power)
            limit[:, column] = np.maximum(usual, least)
    usual_repeats = np.nan_to_num(quantile(stats.repeats, quiet_mask, 1 - STILL_SHARE))
    return Limits(
        fast_limit=np.maximum(fast_limit, min_fast_limit(probability)),
        mean_limit=mean_limit,
        long_mean_limit=long_mean_limit,
        stuck_limit=np.maximum(STUCK_FACTOR * usual_repeats, MIN_REPEATS),
    )


def _mean_limit(mean: FloatArray, quiet_mask: BoolArray, stretch: float) -> FloatArray:
    """[S] where a mean [S, T] is an alarm on its positive side. That of a series which never moved
    is the usual one: it says nothing of what moves later."""
    body = Body.of(mean, quiet_mask).end()
    usual = min(BODY_SPREADS * stretch, BURST_MEAN_SPREADS)
    return np.asarray(np.where(body > 0, body * stretch, usual))


def _sample_limit(
    residual: FloatArray, mask: BoolArray, body: Body, probability: float, step: int
) -> FloatArray:
    """[S] how far out one sample may be on the positive side of residuals [S, T], of which `body`
    has the marked ones.

    Where the history itself goes beyond by habit, bursts are usual there: the limit is as far as
    the last percent of the samples asks for.
    """
    rarity = tail_rarity(probability, step)
    limit = body.end() * rarity ** body.tail_slope()
    burst_rarity = max(1.0, rarity * STILL_SHARE / BODY_SHARE)
    burst_limit = body.end(STILL_SHARE) * burst_rarity**USUAL_TAIL_SLOPE
    alarms = _count_alarms(mask & (residual > limit[:, None]), CLUSTER_SECONDS // step)
    is_habit = alarms >= MIN_BURSTS + 2 * probability * body.count
    return np.where(is_habit, np.maximum(limit, burst_limit), limit)


def _count_alarms(outside: BoolArray, steps: int) -> IntArray:
    """[S] stretches of samples outside [S, T] that are more than so many steps apart."""
    columns = np.arange(outside.shape[1])
    last = np.maximum.accumulate(np.where(outside, columns, -steps - 1), axis=1)
    before = np.pad(last, ((0, 0), (1, 0)), constant_values=-steps - 1)[:, :-1]
    return np.asarray((outside & (columns - before > steps)).sum(axis=1))


def fast_evidence(deviation: FloatArray, stats: RecentStats) -> FloatArray:
    """[S, T] geometric mean of the distances from the forecast and from the recent mean, signed; 0
    between the two.

    deviation: [S, T] the sample. All in spreads from the trend.
    """
    product = (deviation - stats.forecast) * (deviation - stats.recent)
    side = np.sign(deviation - 0.5 * (stats.forecast + stats.recent))
    return np.asarray(side * np.sqrt(np.maximum(product, 0.0)))


def min_fast_limit(probability: float) -> float:
    """Spreads that normal noise needs: no limit is lower, however quiet the history was."""
    return float(np.sqrt(2 * np.log(0.5 / min(probability, 0.4))))


def _burst_limit(
    residual: FloatArray, train_mask: BoolArray, body: Body, probability: float
) -> FloatArray:
    """[S] fast limit of a series that is still for .99 of its quiet time, whose residuals `body`
    has, but bursts by habit.

    Exponential over what its bursts show. 0 where it is not so still, or bursts are not a habit.
    """
    outside = train_mask & (residual > 1.0)
    starts = outside & ~np.pad(outside, ((0, 0), (1, 0)))[:, :-1]
    rate = outside.sum(axis=1) / np.maximum(train_mask.sum(axis=1), 1)
    middle = quantile(residual, outside, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = middle / np.log(2) * np.log(rate / probability)
    habit = (body.end(STILL_SHARE) < 0.5) & (starts.sum(axis=1) >= MIN_BURSTS)
    return np.where(habit & np.isfinite(limit), limit, 0.0)
