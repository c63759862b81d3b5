"""What every detector stands on: season plus a slow level, and a slow spread around both, carried causally.

Nothing here follows an incident. The level is a mean over trusted samples alone: whatever lies beyond the gate moves
it not at all. It is held near its anchor, a mean over days: what grows too slowly for the gate takes it no farther
than it goes by itself. A new regime is accepted deliberately: when samples have stayed away on one side for half a day
and stand still by then, or when someone says so. The spread follows the median of |residual| by equal steps up and
down, and has a rhythm of its own over the day. A model then forecasts `deviation`, the residual in spreads, from
trusted samples; the others are gaps to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, FloatArray, IntArray, SeriesBatch
from detectors.regime import BLOCK_SECONDS, REGIME, Anchor, Regime, share
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

LEVEL_SECONDS, LEVEL_STEPS = 90 * 60, 12  # time constant of the level, and at least so many steps
SPREAD_SECONDS = 12 * 3600  # time in which the spread can change by a factor e
GATE = 4.0  # spreads; a sample beyond is scored, and steers nothing
ORDINARY, RARE = 0.75, 0.001  # quantile of the level's distances from its anchor; the share of time beyond the leash
SELDOM = ((1 - ORDINARY) / RARE) ** (1 / 3)  # leash by that quantile, as a tail of the third power has it
CHUNK = 256  # columns whose profile is held at once


@dataclass(frozen=True)
class Trend:
    """S fitted trends; `floor`, `usual`, `leash` and `profile` are in units of `scale`."""

    centre: FloatArray  # [S] units of the series
    scale: FloatArray  # [S] units of the series
    resolution: FloatArray  # [S] units of the series
    profile: Profile  # [S, KNOTS]
    rhythm: Rhythm  # [S, BEATS] share of the spread at that time of the day
    period: IntArray  # [S] seconds; 0 = no season known
    floor: FloatArray  # [S] the spread never falls below
    usual: FloatArray  # [S] the spread of a cold start
    leash: FloatArray  # [S] how far the level may be from its anchor

    @property
    def state(self) -> dict[str, NDArray[np.generic]]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def restore(cls, state: Arrays) -> "Trend":
        return cls(**{item.name: state[item.name] for item in fields(cls)})

    def cold(self) -> dict[str, NDArray[np.float64]]:
        """The carry of a series of which no sample has been seen."""
        zero = np.zeros(len(self.scale))
        return {"level": zero, "median": self.usual / NORMAL_MAD,
                **{name: zero.copy() for name in ("anchor", "anchored", *REGIME)}}


@dataclass(frozen=True)
class Course:
    """A batch seen against its trend; the trend at t is made of samples before t."""

    deviation: FloatArray  # [S, T] (value - expected) / spread; 0 where not observed
    observed: BoolArray  # [S, T]
    seen: BoolArray  # [S, T] trusted: observed, usable and within the gate; may steer what follows
    expected: FloatArray  # [S, T] in units of `scale`, without the centre
    spread: FloatArray  # [S, T] in units of `scale`
    profile: FloatArray  # [S, T] in units of `scale`
    calendar: NDArray[np.float32]  # [T, FEATURES]
    known: NDArray[np.float32]  # [S, FEATURES] 0 or 1
    step: int  # seconds
    carry: dict[str, NDArray[np.float64]]
    covariates: FloatArray  # [S, C, T] as the batch has them
    accepted: Mapping[int, BoolArray] = field(default_factory=dict)  # t -> [S] who accepted a new level with sample t
    first: int = 0  # number of column 0 on the grid of time: steps since the epoch

    def steps(self, begin: int, end: int) -> "Course":
        """The columns begin..end as a view; the carry stays that of the end."""
        cut = np.s_[:, begin:end]
        return replace(self, deviation=self.deviation[cut], observed=self.observed[cut], seen=self.seen[cut],
                       expected=self.expected[cut], spread=self.spread[cut], profile=self.profile[cut],
                       calendar=self.calendar[begin:end], covariates=self.covariates[:, :, begin:end],
                       accepted={t - begin: rows for t, rows in self.accepted.items()
                                 if begin <= t < end},
                       first=self.first + begin)

    def rows(self, index: NDArray[np.generic]) -> "Course":
        """The series chosen by an index or a mask."""
        return replace(self, deviation=self.deviation[index], observed=self.observed[index], seen=self.seen[index],
                       expected=self.expected[index], spread=self.spread[index], profile=self.profile[index],
                       known=self.known[index], covariates=self.covariates[index],
                       accepted={t: rows[index] for t, rows in self.accepted.items()},
                       carry={name: array[index] for name, array in self.carry.items()})


def fit_trend(batch: SeriesBatch, kept: BoolArray) -> Trend:
    """Learns from the `kept` samples [S, T] of a batch."""
    scale = fit_scale(batch.values, kept)
    scaled = (np.where(kept, batch.values, 0.0) - scale.centre[:, None]) / scale.scale[:, None]
    profile, period = fit_profile(scaled, kept, batch.local_times)
    distance = scaled - profile_at(profile, batch.local_times)
    length = max(1, BLOCK_SECONDS // batch.step)
    place = _block_medians(distance, kept, length)
    residual = np.abs(distance - place)
    smallest = np.maximum(0.5 * scale.resolution / scale.scale, 1e-4)
    floor = np.maximum(0.5 * quantile(residual, kept, 0.9), smallest)
    usual = np.maximum(NORMAL_MAD * quantile(residual, kept, 0.5), floor)
    rhythm = fit_rhythm(residual, kept, batch.local_times, period)
    begins = np.arange(0, batch.shape[1], length)
    known = np.add.reduceat(kept, begins, axis=1) > 0
    leash = np.maximum(_wandering(place[:, begins], known, length * batch.step), usual)
    return Trend(scale.centre, scale.scale, scale.resolution, profile, rhythm, period, floor, usual, leash)


def _wandering(place: FloatArray, known: BoolArray, seconds: int) -> FloatArray:
    """[S] how far the level seldom is from its anchor, by the body of its distances and a tail of the third power.

    place: [S, B] where the samples of each block lay. known: [S, B] True = there were some. seconds: of a block.
    """
    rows, blocks = place.shape
    free, distances = np.full(rows, np.inf), np.empty_like(place)
    anchor = Anchor(place[:, 0] * known[:, 0], np.zeros(rows), free, seconds)
    for b in range(blocks):
        distances[:, b] = np.abs(place[:, b] - anchor.place)
        anchor.hold(place[:, b], known[:, b])
    return np.asarray(SELDOM * quantile(distances, known, ORDINARY))


def _block_medians(distance: FloatArray, kept: BoolArray, length: int) -> FloatArray:
    """[S, T] the median of the kept entries of each block of `length` columns; 0 where it has none."""
    rows, steps = distance.shape
    blocks = -(-steps // length)
    padded = np.full((rows, blocks * length), np.inf)
    padded[:, :steps] = np.where(kept, distance, np.inf)
    ordered = np.sort(padded.reshape(rows, blocks, length), axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    middle = np.take_along_axis(ordered, (np.maximum(count, 1) - 1)[..., None] // 2, -1)[..., 0]
    return np.repeat(np.where(count > 0, middle, 0.0), length, axis=1)[:, :steps]


def follow(trend: Trend, batch: SeriesBatch, carry: Arrays | None) -> Course:
    """Walks the batch in time order, all series at once."""
    rows, steps = batch.shape
    cold = trend.cold()
    now = {name: np.array(cold[name] if carry is None else carry.get(name, cold[name])) for name in cold}
    scaled = (np.where(batch.observed, batch.values, 0.0) - trend.centre[:, None]) / trend.scale[:, None]
    profile, rhythm = np.empty((steps, rows)), np.empty((steps, rows))
    for begin in range(0, steps, CHUNK):
        local = batch.local_times[begin:begin + CHUNK]
        profile[begin:begin + CHUNK] = profile_at(trend.profile, local).T
        rhythm[begin:begin + CHUNK] = rhythm_at(trend.rhythm, local).T
    distance = np.ascontiguousarray(scaled.T - profile)
    settled = batch.settled.T if batch.settled is not None and batch.settled.any() else None
    levels, spreads, accepted = _walk(trend, distance, rhythm, (batch.observed & batch.usable).T, now, batch.times,
                                      batch.step, settled)
    deviation = np.where(batch.observed, ((distance - levels) / spreads).T, 0.0)
    seen = batch.observed & batch.usable & (np.abs(deviation) <= GATE)
    return Course(deviation, batch.observed, seen, (profile + levels).T, spreads.T, profile.T,
                  features(batch.local_times), known_features(trend.period), batch.step, now,
                  batch.covariates, accepted, batch.start // batch.step)


def _walk(trend: Trend, distance: FloatArray, rhythm: FloatArray, usable: BoolArray,
          now: dict[str, NDArray[np.float64]], times: IntArray, step: int, settled: BoolArray | None,
          ) -> tuple[FloatArray, FloatArray, dict[int, BoolArray]]:
    """Level and spread [T, S] before each sample of distance [T, S] from the profile, and who [S] has accepted a new
    level with the sample t, by t; `now` is moved on.

    times: [T] unix seconds. settled: [T, S] as of the batch; None = nowhere.
    """
    pull = usable * share(LEVEL_SECONDS, step, LEVEL_STEPS)
    rate = min(step / SPREAD_SECONDS, 0.1)
    wider, narrower = np.where(usable, np.exp(rate), 1.0), np.where(usable, np.exp(-rate), 1.0)
    gate = GATE * rhythm
    regime = Regime(now["regime"], now["course"], now["away"], now["since"], now["accepted"], trend.leash, step)
    anchor = Anchor(now["anchor"], now["anchored"], trend.leash, step)
    level, median = now["level"], now["median"]
    levels, spreads = np.empty_like(distance), np.empty_like(distance)
    lowest, accepted = 0.1 * trend.floor, dict[int, BoolArray]()
    for t in range(len(distance)):
        usual = np.maximum(NORMAL_MAD * median, trend.floor)
        levels[t], spreads[t] = level, usual
        residual = distance[t] - level
        size = np.abs(residual)
        beyond = size > gate[t] * usual
        level, strained = anchor.hold(level + pull[t] * residual * ~beyond, usable[t] & ~beyond)
        growth = np.where(size > rhythm[t] * median, wider[t], narrower[t])
        median = np.where(strained, median, np.maximum(median * growth, lowest))
        away = beyond | strained
        if regime.concerns(away):
            level, new = regime.settle(level, distance[t], residual, away, usable[t], int(times[t]),
                                       None if settled is None else settled[t])
            if new is not None:
                accepted[t] = new
                anchor.move(level, new)
    now.update(level=level, median=median, anchor=anchor.place, anchored=anchor.seen, regime=regime.place,
               course=regime.course, away=regime.away, since=regime.since, accepted=regime.accepted)
    return levels, spreads * rhythm, accepted
