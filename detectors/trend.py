"""The base of every detector: season plus a slowly moving level, and a slowly moving spread.

Nothing here follows an incident. The level is a mean over trusted samples alone: a sample beyond
the gate does not move it at all. The level also stays near its slow level, a mean over days. So a
fault that grows too slowly for the gate takes the level no farther than it goes without a fault.

A new regime is accepted on purpose only, see `detectors.regime`. The spread follows the median of
|residual| by equal steps up and down, and has a rhythm over the day. A model then forecasts
`deviation`, the residual in spreads, from trusted samples; all other samples are gaps to it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, FloatArray, IntArray, SeriesBatch
from detectors.regime import (
    BLOCK_SECONDS,
    REGIME_KEYS,
    RegimeSample,
    RegimeTracker,
    SlowLevel,
    ewma_weight,
)
from detectors.scaling import NORMAL_MAD, fit_scale, quantile
from detectors.season import (
    Profile,
    Rhythm,
    features,
    fit_profile,
    fit_rhythm,
    known_features,
    profile_at,
    rhythm_at,
)
from detectors.state_arrays import from_arrays, stored_as, to_arrays
from detectors.trend_view import TrendView

# time constant of the level, and at least so many steps
LEVEL_SECONDS = 90 * 60
LEVEL_STEPS = 12
SPREAD_SECONDS = 12 * 3600  # time in which the spread can change by a factor e
GATE_SPREADS = 4.0  # a sample beyond is scored, but moves neither level nor spread
BODY_QUANTILE = 0.75  # of the level's distances from its slow level
EXCESS_SHARE = 0.001  # of the time, in which the level may be beyond its largest drift
# Largest drift over that quantile: the tail of the distances falls with the third power.
DRIFT_FACTOR = ((1 - BODY_QUANTILE) / EXCESS_SHARE) ** (1 / 3)
CHUNK_COLUMNS = 256  # whose profile is held in memory at once


@dataclass(frozen=True)
class Trend:
    """S fitted trends; `profile` and what follows `period` are in units of `scale`."""

    centre: FloatArray  # [S] units of the series
    scale: FloatArray  # [S] units of the series
    resolution: FloatArray  # [S] units of the series
    profile: Profile  # [S, KNOTS]
    rhythm: Rhythm  # [S, BEATS] share of the spread at that time of the day
    period: IntArray  # [S] seconds; 0 = no season known
    floor: FloatArray  # [S] the spread never falls below
    cold_spread: FloatArray = stored_as("usual")  # [S] the spread of a cold start
    max_drift: FloatArray = stored_as("leash")  # [S] how far the level may be from its slow level

    @property
    def state(self) -> dict[str, NDArray[np.generic]]:
        return to_arrays(self)

    @classmethod
    def restore(cls, state: Arrays) -> "Trend":
        return from_arrays(cls, state)

    def cold(self) -> dict[str, NDArray[np.float64]]:
        """The carry of a series of which no sample has been seen."""
        zero = np.zeros(len(self.scale))
        return {
            "level": zero,
            "median": self.cold_spread / NORMAL_MAD,
            **{name: zero.copy() for name in ("anchor", "anchored", *REGIME_KEYS)},
        }


def fit_trend(batch: SeriesBatch, train_mask: BoolArray) -> Trend:
    """Learns from the samples of a batch that `train_mask` [S, T] marks."""
    scale = fit_scale(batch.values, train_mask)
    scaled = np.where(train_mask, batch.values, 0.0) - scale.centre[:, None]
    scaled = scaled / scale.scale[:, None]
    profile, period = fit_profile(scaled, train_mask, batch.local_times)
    distance = scaled - profile_at(profile, batch.local_times)
    length = max(1, BLOCK_SECONDS // batch.step)
    position = _block_medians(distance, train_mask, length)
    residual = np.abs(distance - position)
    min_spread = np.maximum(0.5 * scale.resolution / scale.scale, 1e-4)
    floor = np.maximum(0.5 * quantile(residual, train_mask, 0.9), min_spread)
    cold_spread = np.maximum(NORMAL_MAD * quantile(residual, train_mask, 0.5), floor)
    starts = np.arange(0, batch.shape[1], length)
    sampled = np.add.reduceat(train_mask, starts, axis=1) > 0
    drift_limits = _drift_limits(position[:, starts], sampled, length * batch.step)
    return Trend(
        centre=scale.centre,
        scale=scale.scale,
        resolution=scale.resolution,
        profile=profile,
        rhythm=fit_rhythm(residual, train_mask, batch.local_times, period),
        period=period,
        floor=floor,
        cold_spread=cold_spread,
        max_drift=np.maximum(drift_limits, cold_spread),
    )


def _drift_limits(position: FloatArray, sampled: BoolArray, seconds: int) -> FloatArray:
    """How far [S] the level is from its slow level at most, but for `EXCESS_SHARE` of the time.

    position: [S, B] where the samples of each block lay. sampled: [S, B] True = the block has
    samples. seconds: length of a block.
    """
    rows, blocks = position.shape
    drift = np.empty_like(position)
    unlimited = np.full(rows, np.inf)
    slow_level = SlowLevel(position[:, 0] * sampled[:, 0], np.zeros(rows), unlimited, seconds)
    for b in range(blocks):
        drift[:, b] = np.abs(position[:, b] - slow_level.level)
        slow_level.clamp(position[:, b], sampled[:, b])
    return np.asarray(DRIFT_FACTOR * quantile(drift, sampled, BODY_QUANTILE))


def _block_medians(distance: FloatArray, mask: BoolArray, length: int) -> FloatArray:
    """[S, T] the median of the marked samples of each block of `length` columns; 0 where a block
    has none."""
    rows, steps = distance.shape
    blocks = -(-steps // length)
    padded = np.full((rows, blocks * length), np.inf)
    padded[:, :steps] = np.where(mask, distance, np.inf)
    ordered = np.sort(padded.reshape(rows, blocks, length), axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    middle = np.take_along_axis(ordered, (np.maximum(count, 1) - 1)[..., None] // 2, -1)[..., 0]
    return np.repeat(np.where(count > 0, middle, 0.0), length, axis=1)[:, :steps]


def follow(trend: Trend, batch: SeriesBatch, carry: Arrays | None) -> TrendView:
    """Walks the batch in time order, all series at once; carry None = a cold start."""
    cold = trend.cold()
    source = cold if carry is None else carry
    start = {name: np.array(source.get(name, cold[name])) for name in cold}
    scaled = np.where(batch.observed, batch.values, 0.0) - trend.centre[:, None]
    scaled = scaled / trend.scale[:, None]
    profile, rhythm = _calendar_columns(trend, batch)
    usable = batch.observed & batch.usable
    settled = batch.settled.T if batch.settled is not None and batch.settled.any() else None
    columns = _Columns(
        distance=np.ascontiguousarray(scaled.T - profile),
        rhythm=rhythm,
        usable=usable.T,
        settled=settled,
        times=batch.times,
        step=batch.step,
    )
    walk = _walk(trend, columns, start)
    deviation = np.where(batch.observed, ((columns.distance - walk.levels) / walk.spreads).T, 0.0)
    return TrendView(
        deviation=deviation,
        observed=batch.observed,
        seen=usable & (np.abs(deviation) <= GATE_SPREADS),
        expected=(profile + walk.levels).T,
        spread=walk.spreads.T,
        profile=profile.T,
        calendar=features(batch.local_times),
        known=known_features(trend.period),
        step=batch.step,
        carry=walk.carry,
        covariates=batch.covariates,
        acceptances=walk.acceptances,
        first=batch.start // batch.step,
    )


def _calendar_columns(trend: Trend, batch: SeriesBatch) -> tuple[FloatArray, FloatArray]:
    """Profile and rhythm [T, S] at the columns of a batch; in chunks, to bound the memory."""
    rows, steps = batch.shape
    profile = np.empty((steps, rows))
    rhythm = np.empty((steps, rows))
    for first in range(0, steps, CHUNK_COLUMNS):
        chunk = slice(first, first + CHUNK_COLUMNS)
        profile[chunk] = profile_at(trend.profile, batch.local_times[chunk]).T
        rhythm[chunk] = rhythm_at(trend.rhythm, batch.local_times[chunk]).T
    return profile, rhythm


class _Columns(NamedTuple):
    """A batch as `_walk` reads it, a row for each column: rows of an array lie together."""

    distance: FloatArray  # [T, S] from the profile
    rhythm: FloatArray  # [T, S]
    usable: BoolArray  # [T, S] observed and usable
    settled: BoolArray | None  # [T, S] as of the batch; None = nowhere
    times: IntArray  # [T] unix seconds
    step: int  # seconds


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
        residual = distance[t] - level
        size = np.abs(residual)
        beyond = size > gate[t] * spread
        level, clamped = slow_level.clamp(level + pull[t] * residual * ~beyond, usable[t] & ~beyond)
        growth = np.where(size > rhythm[t] * median, rise[t], fall[t])
        median = np.where(clamped, median, np.maximum(median * growth, min_median))
        away = beyond | clamped
        if regime.is_concerned(away):
            settled = None if columns.settled is None else columns.settled[t]
            sample = RegimeSample(
                distance[t], residual, away, usable[t], int(columns.times[t]), settled
            )
            level, accepted = regime.settle(level, sample)
            if accepted is not None:
                acceptances[t] = accepted
                slow_level.move(level, accepted)
    last = {"level": level, "median": median}
    last |= {"anchor": slow_level.level, "anchored": slow_level.samples, **regime.carry}
    return _Walk(levels, spreads * rhythm, acceptances, last)
