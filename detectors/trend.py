"""What is learnt of a series: its scale, its shape, its rhythm, and how far its level wanders.

`detectors.trend_walk` follows it sample by sample.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, FloatArray, IntArray, SeriesBatch
from detectors.profile import Profile, beyond_jitter, fit_profile, jitter_at, profile_at
from detectors.regime import BLOCK_SECONDS, REGIME_KEYS, SlowLevel
from detectors.rhythm import Rhythm, fit_rhythm
from detectors.scaling import NORMAL_MAD, Scale, fit_scale, quantile
from detectors.season import DAY, Clock
from detectors.state_arrays import from_arrays, stored_as, to_arrays
from detectors.transform import Transform, fit_transform
from detectors.votes import daily_lowest

BODY_QUANTILE = 0.75  # of the level's distances from its slow level
EXCESS_SHARE = 0.001  # of the time, in which the level may be beyond its largest drift
# Largest drift over that quantile: the tail of the distances falls with the third power.
DRIFT_FACTOR = ((1 - BODY_QUANTILE) / EXCESS_SHARE) ** (1 / 3)
LOWEST_DAY = 3  # the day, from the lowest one on, whose lowest sample counts
LOWEST_SHARE = 0.5  # of it: no band reaches lower
MIN_SPREAD = 1e-4  # in units of the scale
MIN_START_STEPS = 8  # of a history, at whose level it starts


@dataclass(frozen=True)
class Trend:
    """S fitted trends; `profile` and what follows `period` are in units of `scale`."""

    power: FloatArray  # [S] of the transform: 1, 0.5, or 0 = logarithm
    shift: FloatArray  # [S] of the transform, units of the series
    centre: FloatArray  # [S] transformed
    scale: FloatArray  # [S] transformed
    unit: FloatArray  # [S] robust scale of the series itself, units of the series
    resolution: FloatArray  # [S] units of the series
    lowest: FloatArray  # [S] units of the series; no band reaches lower. -inf = it was negative
    profile: Profile  # [S, PROFILE_COLUMNS]
    rhythm: Rhythm  # [S, SLOTS] share of the spread at that time of the day
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

    @property
    def transform(self) -> Transform:
        return Transform(self.power, self.shift)

    def scaled(self, batch: SeriesBatch) -> FloatArray:
        """[S, T] the samples of a batch, transformed, in units of `scale` from the centre."""
        return self.scale_values(np.where(batch.observed, batch.values, 0.0))

    def scale_values(self, values: FloatArray) -> FloatArray:
        """[S, T] the same of values in units of the series."""
        return (self.transform.forward(values) - self.centre[:, None]) / self.scale[:, None]

    def unscaled(self, scaled: FloatArray) -> FloatArray:
        """[S, T] the inverse of `scaled`, in units of the series."""
        return self.transform.inverse(scaled * self.scale[:, None] + self.centre[:, None])

    def cold(self) -> dict[str, NDArray[np.float64]]:
        """The carry of a series of which no sample has been seen."""
        zero = np.zeros(len(self.scale))
        return {
            "level": zero,
            "median": self.cold_spread / NORMAL_MAD,
            **{name: zero.copy() for name in ("anchor", "anchored", *REGIME_KEYS)},
        }

    def start(self, batch: SeriesBatch) -> dict[str, NDArray[np.float64]]:
        """The carry with which a known history starts: at the level of its first day, not at that
        of its last."""
        first = batch.steps(0, max(MIN_START_STEPS, DAY // batch.step))
        distance = self.scaled(first) - profile_at(self.profile, Clock.of(first))
        level = np.nan_to_num(quantile(distance, first.observed & first.usable, 0.5))
        return {**self.cold(), "level": level, "anchor": level.copy()}


def fit_trend(batch: SeriesBatch, train_mask: BoolArray) -> Trend:
    """Learns from the samples of a batch that `train_mask` [S, T] marks."""
    clock = Clock.of(batch)
    series_scale = fit_scale(batch.values, train_mask)
    transform = fit_transform(batch.values, train_mask, clock, series_scale)
    values = transform.forward(np.where(train_mask, batch.values, 0.0))
    scale = fit_scale(values, train_mask)
    scaled = (values - scale.centre[:, None]) / scale.scale[:, None]
    profile, period = fit_profile(scaled, train_mask, clock)
    distance = scaled - profile_at(profile, clock)
    jitter = jitter_at(profile, clock)
    length = max(1, BLOCK_SECONDS // batch.step)
    position = _block_medians(distance, train_mask, length)
    residual = np.abs(beyond_jitter(distance - position, *jitter))
    surprise = np.abs(beyond_jitter(distance - _block_before(position, length), *jitter))
    floor, cold_spread = _spreads(residual, train_mask, scale)
    starts = np.arange(0, batch.shape[1], length)
    sampled = np.add.reduceat(train_mask, starts, axis=1) > 0
    drift_limits = _drift_limits(position[:, starts], sampled, length * batch.step)
    return Trend(
        power=transform.power,
        shift=transform.shift,
        centre=scale.centre,
        scale=scale.scale,
        unit=series_scale.scale,
        resolution=series_scale.resolution,
        lowest=_lowest(batch, train_mask, clock),
        profile=profile,
        rhythm=fit_rhythm(residual, surprise, train_mask, clock, period >= DAY, cold_spread),
        period=period,
        floor=floor,
        cold_spread=cold_spread,
        max_drift=np.maximum(drift_limits, cold_spread),
    )


def _spreads(residual: FloatArray, mask: BoolArray, scale: Scale) -> tuple[FloatArray, FloatArray]:
    """(the spread never falls below [S], the spread of a cold start [S]) of |residual| [S, T]."""
    floor = np.maximum(0.5 * quantile(residual, mask, 0.9), 0.5 * scale.resolution / scale.scale)
    floor = np.maximum(floor, MIN_SPREAD)
    return floor, np.maximum(NORMAL_MAD * quantile(residual, mask, 0.5), floor)


def _lowest(batch: SeriesBatch, train_mask: BoolArray, clock: Clock) -> FloatArray:
    """[S] half of what a series reached on its third lowest day, so that one incident is no habit;
    -inf where it ever was negative."""
    daily = np.sort(daily_lowest(batch.values, train_mask, clock), axis=1)  # NaN last
    seen = (~np.isnan(daily)).sum(axis=1)
    rank = np.clip(seen - 1, 0, LOWEST_DAY - 1)
    usual = np.take_along_axis(daily, rank[:, None], axis=1)[:, 0]
    return np.where(daily[:, 0] >= 0, LOWEST_SHARE * usual, -np.inf)


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
        slow_level.clamp(position[:, b], sampled[:, b], np.zeros(rows))
    return np.asarray(DRIFT_FACTOR * quantile(drift, sampled, BODY_QUANTILE))


def _block_before(position: FloatArray, length: int) -> FloatArray:
    """[S, T] the position of the block before, from which a new sample is seen; the first block
    has its own."""
    moved = np.concatenate([position[:, :length], position[:, :-length]], axis=1)
    return moved[:, : position.shape[1]]


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
