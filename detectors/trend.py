"""What every detector stands on: season plus a slow level, and a slow spread around both, carried causally.

Nothing here follows an incident. The level takes clipped steps, so that a sample far away moves it as little as one
nearby; only when the samples lie on one side for hours does the clip open, and a new regime is accepted after a time
that grows with the logarithm of its size. The spread follows the median of |residual| by equal steps up and down.
A network then models `deviation`, the residual in units of the spread.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, FloatArray, IntArray, SeriesBatch
from detectors.scaling import NORMAL_MAD, fit_scale, quantile
from detectors.season import Profile, features, fit_profile, known_features, profile_at

LEVEL_SECONDS = 6 * 3600  # time constant of the level
LEAN_SECONDS = 2 * 3600  # of the share of samples above minus below: how fast a new regime opens the clip
SPREAD_SECONDS = 12 * 3600  # time in which the spread can change by a factor e
CLIP = 2.0  # spreads that one sample may count for
CHUNK = 256  # columns whose profile is held at once


@dataclass(frozen=True)
class Trend:
    """S fitted trends; `floor`, `usual` and `profile` are in units of `scale`."""

    centre: FloatArray  # [S] units of the series
    scale: FloatArray  # [S] units of the series
    resolution: FloatArray  # [S] units of the series
    profile: Profile  # [S, KNOTS]
    period: IntArray  # [S] seconds; 0 = no season known
    floor: FloatArray  # [S] the spread never falls below
    usual: FloatArray  # [S] the spread of a cold start

    @property
    def state(self) -> dict[str, NDArray[np.generic]]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def restore(cls, state: Arrays) -> "Trend":
        return cls(**{item.name: state[item.name] for item in fields(cls)})

    def cold(self) -> dict[str, NDArray[np.float64]]:
        """The carry of a series of which no sample has been seen."""
        zero = np.zeros(len(self.scale))
        return {"level": zero, "lean": zero.copy(), "median": self.usual / NORMAL_MAD}


@dataclass(frozen=True)
class Course:
    """A batch seen against its trend; the trend at t is made of samples before t."""

    deviation: FloatArray  # [S, T] (value - expected) / spread; 0 where not observed
    seen: BoolArray  # [S, T] observed and usable: may steer what follows
    expected: FloatArray  # [S, T] in units of `scale`, without the centre
    spread: FloatArray  # [S, T] in units of `scale`
    profile: FloatArray  # [S, T] in units of `scale`
    calendar: NDArray[np.float32]  # [T, FEATURES]
    known: NDArray[np.float32]  # [S, FEATURES] 0 or 1
    carry: dict[str, NDArray[np.float64]]


def fit_trend(batch: SeriesBatch, kept: BoolArray) -> Trend:
    """Learns from the `kept` samples [S, T] of a batch."""
    scale = fit_scale(batch.values, kept)
    scaled = (np.where(kept, batch.values, 0.0) - scale.centre[:, None]) / scale.scale[:, None]
    profile, period = fit_profile(scaled, kept, batch.local_times)
    distance = np.abs(scaled - profile_at(profile, batch.local_times))
    smallest = np.maximum(0.5 * scale.resolution / scale.scale, 1e-4)
    usual = np.maximum(NORMAL_MAD * quantile(distance, kept, 0.5), smallest)
    draft = Trend(scale.centre, scale.scale, scale.resolution, profile, period, smallest, usual)
    tail = slice(batch.shape[1] // 3, None)  # the level has settled there
    course = follow(draft, batch, None)
    late = kept.copy()
    late[:, :tail.start] &= ~kept[:, tail].any(axis=1, keepdims=True)
    residual = np.abs(course.deviation * course.spread)
    floor = np.maximum(0.5 * quantile(residual, late, 0.9), smallest)
    usual = np.maximum(NORMAL_MAD * quantile(residual, late, 0.5), floor)
    return Trend(scale.centre, scale.scale, scale.resolution, profile, period, floor, usual)


def follow(trend: Trend, batch: SeriesBatch, carry: Arrays | None) -> Course:
    """Walks the batch in time order, all series at once."""
    rows, steps = batch.shape
    now = {name: np.array(value) for name, value in (trend.cold() if carry is None else carry).items()
           if name in ("level", "lean", "median")}
    scaled = (np.where(batch.observed, batch.values, 0.0) - trend.centre[:, None]) / trend.scale[:, None]
    seen = batch.observed & batch.usable
    profile = np.empty((steps, rows))
    for begin in range(0, steps, CHUNK):
        profile[begin:begin + CHUNK] = profile_at(trend.profile, batch.local_times[begin:begin + CHUNK]).T
    levels, spreads = _walk(trend, np.ascontiguousarray(scaled.T - profile), seen.T, now, batch.step)
    expected = (profile + levels).T
    deviation = np.where(batch.observed, (scaled - expected) / spreads.T, 0.0)
    return Course(deviation, seen, expected, spreads.T, profile.T, features(batch.local_times),
                  known_features(trend.period), now)


def _walk(trend: Trend, distance: FloatArray, seen: BoolArray, now: dict[str, NDArray[np.float64]],
          step: int) -> tuple[FloatArray, FloatArray]:
    """Level and spread [T, S] before each sample of distance [T, S] from the profile; `now` is moved on."""
    to_level, to_lean = (1 - np.exp(-step / seconds) for seconds in (LEVEL_SECONDS, LEAN_SECONDS))
    growth = min(step / SPREAD_SECONDS, 0.1)
    level, lean, median = now["level"], now["lean"], now["median"]
    levels, spreads = np.empty_like(distance), np.empty_like(distance)
    counts = seen.astype(np.float64)
    for t in range(len(distance)):
        levels[t] = level
        spread = np.maximum(NORMAL_MAD * median, trend.floor)
        spreads[t] = spread
        residual = distance[t] - level
        reach = CLIP * spread / (1.001 - np.abs(lean))
        level = level + to_level * counts[t] * np.minimum(np.maximum(residual, -reach), reach)
        lean = lean + to_lean * counts[t] * (np.sign(residual) - lean)
        size = np.abs(residual)
        median = median * np.exp(growth * counts[t] * np.sign(size - median))
        median = np.maximum(median, 0.1 * trend.floor)
    now.update(level=level, lean=lean, median=median)
    return levels, spreads
