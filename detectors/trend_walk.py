"""The base of every detector: season plus a slowly moving level, and a slowly moving spread.

Nothing here follows an incident. The level is a mean over trusted samples alone: a sample beyond
the gate does not move it at all. The level also stays near its slow level, a mean over days. So a
fault that grows too slowly for the gate takes the level no farther than it goes without a fault.

A new regime is accepted on purpose only, see `detectors.regime`. The spread follows the median of
|residual| by equal steps up and down, and has a rhythm over the day. A model then forecasts
`deviation`, the residual in spreads, from trusted samples; all other samples are gaps to it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, FloatArray, IntArray, SeriesBatch
from detectors.profile import beyond_jitter, jitter_at, profile_at
from detectors.regime import RegimeSample, RegimeTracker, SlowLevel, ewma_weight
from detectors.rhythm import rhythm_at
from detectors.scaling import NORMAL_MAD
from detectors.season import Clock, features, known_features
from detectors.trend import Trend
from detectors.trend_view import TrendView

# time constant of the level, and at least so many steps
LEVEL_SECONDS = 90 * 60
LEVEL_STEPS = 12
SPREAD_SECONDS = 12 * 3600  # time in which the spread can change by a factor e
GATE_SPREADS = 3.0  # a sample beyond is scored, but moves neither level nor spread
CHUNK_COLUMNS = 256  # whose profile is held in memory at once


def follow(trend: Trend, batch: SeriesBatch, carry: Arrays | None) -> TrendView:
    """Walks the batch in time order, all series at once; carry None = a cold start."""
    cold = trend.cold()
    source = cold if carry is None else carry
    start = {name: np.array(source.get(name, cold[name])) for name in cold}
    usable = batch.observed & batch.usable
    columns = _columns(trend, batch, usable)
    walk = _walk(trend, columns, start)
    residual = beyond_jitter(columns.distance - walk.levels, columns.below, columns.above)
    deviation = np.where(batch.observed, (residual / walk.spreads).T, 0.0)
    return TrendView(
        deviation=deviation,
        observed=batch.observed,
        seen=usable & (np.abs(deviation) <= GATE_SPREADS),
        expected=(columns.profile + walk.levels).T,
        spread=walk.spreads.T,
        profile=columns.profile.T,
        below=columns.below.T,
        above=columns.above.T,
        calendar=features(batch.local_times),
        known=known_features(trend.period),
        step=batch.step,
        carry=walk.carry,
        covariates=batch.covariates,
        acceptances=walk.acceptances,
        first=batch.start // batch.step,
    )


def _columns(trend: Trend, batch: SeriesBatch, usable: BoolArray) -> "_Columns":
    """What the walk reads; the calendar in chunks, to bound the memory."""
    rows, steps = batch.shape
    clock = Clock.of(batch)
    profile, rhythm, below, above = (np.empty((steps, rows)) for _ in range(4))
    for first in range(0, steps, CHUNK_COLUMNS):
        chunk = slice(first, first + CHUNK_COLUMNS)
        part = clock.part(chunk)
        jitter = jitter_at(trend.profile, part)
        profile[chunk] = profile_at(trend.profile, part).T
        rhythm[chunk] = rhythm_at(trend.rhythm, part).T
        below[chunk] = jitter[0].T
        above[chunk] = jitter[1].T
    return _Columns(
        distance=np.ascontiguousarray(trend.scaled(batch).T - profile),
        profile=profile,
        rhythm=rhythm,
        below=below,
        above=above,
        usable=usable.T,
        settled=batch.settled.T if batch.settled is not None and batch.settled.any() else None,
        times=batch.times,
        step=batch.step,
    )


class _Columns(NamedTuple):
    """A batch as `_walk` reads it, a row for each column: rows of an array lie together."""

    distance: FloatArray  # [T, S] from the profile
    profile: FloatArray  # [T, S]
    rhythm: FloatArray  # [T, S]
    below: FloatArray  # [T, S] see `jitter_at`
    above: FloatArray  # [T, S]
    usable: BoolArray  # [T, S] observed and usable
    settled: BoolArray | None  # [T, S] as of the batch; None = nowhere
    times: IntArray  # [T] unix seconds
    step: int  # seconds

    def sample(self, t: int, residual: FloatArray, away: BoolArray) -> RegimeSample:
        """Column t; residual and away [S]: as of `RegimeSample`."""
        settled = None if self.settled is None else self.settled[t]
        time = int(self.times[t])
        return RegimeSample(self.distance[t], residual, away, self.usable[t], time, settled)


class _Walk(NamedTuple):
    """What `_walk` returns."""

    levels: FloatArray  # [T, S] before each sample
    spreads: FloatArray  # [T, S] before each sample
    acceptances: dict[int, BoolArray]  # see TrendView
    carry: dict[str, NDArray[np.float64]]


def _walk(trend: Trend, columns: _Columns, carry: dict[str, NDArray[np.float64]]) -> _Walk:
    """Level and spread, sample by sample.

    This loop runs for every sample of every series. It is dense because each array operation in it
    costs more than its arithmetic.
    """
    distance = columns.distance
    rhythm = columns.rhythm
    usable = columns.usable
    pull = usable * ewma_weight(LEVEL_SECONDS, columns.step, LEVEL_STEPS)
    rate = min(columns.step / SPREAD_SECONDS, 0.1)
    rise = np.where(usable, np.exp(rate), 1.0)
    fall = np.where(usable, np.exp(-rate), 1.0)
    gate = GATE_SPREADS * rhythm
    min_median = 0.1 * trend.floor
    regime = RegimeTracker(carry, trend.max_drift, columns.step)
    slow_level = SlowLevel(carry["anchor"], carry["anchored"], trend.max_drift, columns.step)
    level = carry["level"]
    median = carry["median"]
    levels = np.empty_like(distance)
    spreads = np.empty_like(distance)
    acceptances = dict[int, BoolArray]()
    for t in range(len(distance)):
        spread = np.maximum(NORMAL_MAD * median, trend.floor)
        levels[t] = level
        spreads[t] = spread
        residual = beyond_jitter(distance[t] - level, columns.below[t], columns.above[t])
        size = np.abs(residual)
        beyond = size > gate[t] * spread
        level, clamped = slow_level.clamp(
            level + pull[t] * residual * ~beyond, usable[t] & ~beyond, spread
        )
        growth = np.where(size > rhythm[t] * median, rise[t], fall[t])
        median = np.where(clamped, median, np.maximum(median * growth, min_median))
        away = beyond | clamped
        if regime.is_concerned(away):
            sample = columns.sample(t, residual, away)
            level, accepted = regime.settle(level, sample)
            if accepted is not None:
                acceptances[t] = accepted
                slow_level.move(level, accepted)
                lively = np.maximum(regime.median, _least_median(sample, median, min_median))
                median = np.where(accepted, lively, median)
    last = {"level": level, "median": median, **slow_level.carry, **regime.carry}
    return _Walk(levels, spreads * rhythm, acceptances, last)


def _least_median(sample: RegimeSample, median: FloatArray, least: FloatArray) -> FloatArray:
    """[S] of an accepted level. A person may accept what has hardly shown its spread: then it keeps
    that of before."""
    return least if sample.settled is None else np.where(sample.settled, median, least)
