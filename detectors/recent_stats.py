"""What the last samples say together, and how they move the band of the next one.

Their recent mean follows any new level within minutes, trusted or not, so a sample near that mean
is no surprise.

A single sample must be far out to be an alarm. Samples that have stayed on one side for a quarter
of an hour need not be that far out, because their mean is less noisy than each of them. So the
bound on that side comes closer the further the mean has gone, and stays close as long as the
samples stay away. A value that repeats far longer than it ever did moves the bound between itself
and the expected value.

All of it is made of samples before the one that is judged. A sample that is not usable counts as a
gap, so what follows planned work is judged by what was before it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, FloatArray, SeriesBatch
from detectors.regime import ACCEPT_SECONDS, ewma_weight
from detectors.stepping import MAX_AGE_STEPS, ages
from detectors.trend_view import TrendView

# Time constants of the four means; each spans at least so many steps.
MEAN_SECONDS = 10 * 60
MEAN_STEPS = 6
LONG_SECONDS = 40 * 60
LONG_STEPS = 24
ACCEPTED_REPEATS = 1e6  # how often an accepted value counts as repeated: it may stay
RECENT_SECONDS = 20 * 60
RECENT_STEPS = 8
FORECAST_SECONDS = 60 * 60
FORECAST_STEPS = 8
MEAN_CLIP_SPREADS = 8.0  # that one sample may count for in the mean
RECENT_CLIP_SPREADS = 12.0  # the same in the recent mean
PEAK_DECAY = 0.93  # factor of a peak from sample to sample
# A peak beyond this fades faster: a burst must be measured by its own height, not by the last one.
BURST_SPREADS = 30.0
BURST_DECAY = 0.5
LIMIT_BOUND_SHARE = 0.95  # of the recent peak: the bound when a mean reaches its limit
MAX_MEAN_SHARE = 1.1  # of its limit: beyond it, the bound comes no closer
APPROACH_POWER = 3.0  # of that share, with which it comes closer
MEAN_KEYS = ("mean", "long_mean", "recent", "forecast")
STORED_KEYS = (*MEAN_KEYS, "below", "above", "repeats", "last", "gap")

Carry = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class RecentStats:
    """Before each sample, [S, T]; in spreads of the trend unless a field says otherwise."""

    mean: FloatArray  # of the last deviations, each clipped
    long_mean: FloatArray  # the same over a longer time
    recent: FloatArray  # the same over a little longer, hardly clipped
    # Mean of the last forecasts and that of the sample, so that a single sample does not lead it.
    forecast: FloatArray
    below: FloatArray  # how far out the last samples have been on that side, fading
    above: FloatArray
    repeats: FloatArray  # how many times in a row the last value has come
    last: FloatArray  # that value, in units of the series; NaN = none yet
    gap: FloatArray  # steps since the last sample, 1 = the one just before
    mean_after: FloatArray  # the mean with the sample itself
    long_mean_after: FloatArray  # the long mean with the sample itself
    accept_steps: float  # steps after which a value that repeats is a new level
    carry: Carry


def recent_stats(
    view: TrendView, batch: SeriesBatch, offset: FloatArray, carry: Arrays | None
) -> RecentStats:
    """Walks the batch in time order. Gaps and samples that are not usable change nothing.

    Where a new level is accepted, the means and peaks start anew: they belong to the old level.

    offset: [S, T] the forecasts, in spreads from the trend. carry: None = a cold start.
    """
    rows = len(view.deviation)
    cold = {name: np.zeros(rows) for name in STORED_KEYS}
    cold |= {"last": np.full(rows, np.nan), "gap": np.full(rows, MAX_AGE_STEPS)}
    state = {name: np.array(cold[name] if carry is None else carry[name]) for name in STORED_KEYS}
    usable = batch.observed & batch.usable
    before, after = _means(view, usable, offset, state)
    below, above = _peaks(view, usable, state)
    repeats, last = _repeats(view, batch, usable, state)
    gap, state["gap"] = ages(usable, state["gap"])
    return RecentStats(
        mean=before[0],
        long_mean=before[1],
        recent=before[2],
        forecast=after[3],
        below=below,
        above=above,
        repeats=repeats,
        last=last,
        gap=gap,
        mean_after=after[0],
        long_mean_after=after[1],
        carry=state,
        accept_steps=ACCEPT_SECONDS / view.step,
    )


def _means(
    view: TrendView, usable: BoolArray, offset: FloatArray, state: Carry
) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
    """The means MEAN_KEYS [S, T] before each sample, and with it.

    Updates `state`. They lie side by side in one array, so that the loop is one for all.
    """
    short = ewma_weight(MEAN_SECONDS, view.step, MEAN_STEPS)
    long = ewma_weight(LONG_SECONDS, view.step, LONG_STEPS)
    recent = ewma_weight(RECENT_SECONDS, view.step, RECENT_STEPS)
    slow = ewma_weight(FORECAST_SECONDS, view.step, FORECAST_STEPS)
    clipped = np.clip(view.deviation, -MEAN_CLIP_SPREADS, MEAN_CLIP_SPREADS)
    values = _side_by_side(
        clipped, clipped, np.clip(view.deviation, -RECENT_CLIP_SPREADS, RECENT_CLIP_SPREADS), offset
    )
    weights = _side_by_side(
        short * usable, long * usable, recent * usable, np.full(offset.shape, slow)
    )
    no_row = np.zeros(len(offset), bool)  # an accepted level leaves the mean of forecasts as it is
    means = np.empty((len(values) + 1, values.shape[1]))
    mean: FloatArray = np.concatenate([state[name] for name in MEAN_KEYS])
    means[0] = mean
    for t in range(len(values)):
        mean = mean + weights[t] * (values[t] - mean)
        if t in view.acceptances:
            accepted = view.acceptances[t]
            mean = mean * ~np.concatenate([accepted, accepted, accepted, no_row])
        means[t + 1] = mean
    state.update(zip(MEAN_KEYS, np.split(mean, len(MEAN_KEYS)), strict=True))
    return tuple(np.split(means[:-1].T, 4)), tuple(np.split(means[1:].T, 4))


def _peaks(view: TrendView, usable: BoolArray, state: Carry) -> list[FloatArray]:
    """How far out [S, T] the samples before each have been below and above, fading.

    Updates `state`.
    """
    sides = _side_by_side(-view.deviation, view.deviation)
    counted = _side_by_side(usable, usable)
    peaks = np.empty((len(sides) + 1, sides.shape[1]))
    peak: FloatArray = np.concatenate([state["below"], state["above"]])
    peaks[0] = peak
    for t in range(len(sides)):
        decay = np.where(peak > BURST_SPREADS, BURST_DECAY, PEAK_DECAY)
        peak = np.where(counted[t] > 0, np.maximum(peak * decay, sides[t]), peak)
        if t in view.acceptances:
            peak = peak * ~np.tile(view.acceptances[t], 2)
        peaks[t + 1] = peak
    state["below"], state["above"] = np.split(peak, 2)
    return np.split(peaks[:-1].T, 2)


def _side_by_side(*arrays: NDArray[Any]) -> FloatArray:
    """[T, N S] N arrays [S, T] side by side, in order of time."""
    return np.concatenate([array.T for array in arrays], axis=1, dtype=np.float64)


def _repeats(
    view: TrendView, batch: SeriesBatch, usable: BoolArray, state: Carry
) -> tuple[FloatArray, FloatArray]:
    """How often in a row the last value has come before each sample, and that value; [S, T], NaN =
    none yet. Updates `state`."""
    rows, steps = batch.shape
    # Column 0 is the last value from before the batch.
    present = np.concatenate([np.ones((rows, 1), bool), usable], axis=1)
    values = np.concatenate([state["last"][:, None], batch.values], axis=1)
    values = np.where(present, values, np.nan)
    columns = np.where(present, np.arange(steps + 1), 0)
    last_column = np.maximum.accumulate(columns, axis=1)  # [S, T + 1] of the last sample
    last = np.take_along_axis(values, last_column, 1)
    changed = present.copy()
    changed[:, 1:] &= last[:, 1:] != last[:, :-1]
    rank = np.cumsum(present, axis=1)  # of a sample among the samples
    run_start = np.maximum.accumulate(np.where(changed, rank, 0), axis=1)
    count = rank - run_start + np.where(run_start == 1, state["repeats"][:, None], 1.0)
    if view.acceptances:
        accepted = np.zeros((rows, steps + 1), bool)
        for t, series in view.acceptances.items():
            accepted[:, t + 1] = series
        accepted_rank = np.maximum.accumulate(np.where(accepted, rank, -1), axis=1)
        count = count + np.where(accepted_rank >= run_start, ACCEPTED_REPEATS, 0.0)
    state.update(repeats=count[:, -1], last=last[:, -1])
    return count[:, :-1], last[:, :-1]


def mean_bound(
    stats: RecentStats, side: int, mean: FloatArray, mean_limit: FloatArray
) -> FloatArray:
    """How far out [S, T] a sample may be on a side (-1 below, 1 above) by a mean; spreads.

    A mean tells that something lasts, not how grave it is. So the bound never comes far below the
    recent peak, and a score that is far above 1 is that of a sample.

    mean: [S, T] before the sample, > 0 on that side. mean_limit: [S] where it is an alarm.
    """
    share = np.clip(mean / mean_limit[:, None], 1e-3, MAX_MEAN_SHARE)
    peak = np.maximum(stats.above if side > 0 else stats.below, mean_limit[:, None])
    return np.asarray(LIMIT_BOUND_SHARE * peak / share**APPROACH_POWER)


def lasting(mean: FloatArray, long_mean: FloatArray, side: float) -> FloatArray:
    """[S, T] the long mean on a side, as far as the last minutes confirm it: what is over must not
    hold the band for an hour."""
    return np.minimum(side * mean, side * long_mean)
