"""What the level of a series may do: wander near its slow level, and move to a new regime.

A regime is a new level that is normal from now on. It is accepted when samples have stayed away on
one side for half a day and stand still by then, or when a person says so.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detectors.api import Arrays, BoolArray, FloatArray, IntArray

# A level counts as constant over one block. A slow level of fewer samples clamps nothing yet.
BLOCK_SECONDS = 3 * 3600
SLOW_LEVEL_SECONDS = 48 * 3600  # time constant of the slow level
REGIME_SECONDS = 3600  # time constant of the mean of samples that are away, trusted or not
SLOW_MEAN_SECONDS = 6 * 3600  # time constant of the slow mean of the same samples
MIN_STEPS = 12  # that both means span
ACCEPT_SECONDS = 12 * 3600  # away on one side for so long is a new regime
STILL_SHARE = 1 / 3  # of the largest drift; means that are no farther apart stand still
FORMER_SECONDS = 30 * 60  # away, but at the former level, for so long is a return to it
MEMORY_SECONDS = 3 * 24 * 3600  # after an acceptance, in which the former level is known
MEDIAN_OF_MEAN = 0.8453  # of |x|, for normal values
RETURN_STEPS = 2.0  # a sample that is back takes so many steps off the time away
# Stored keys of what is carried of a new level, see RegimeTracker.
REGIME_KEYS = ("regime", "course", "stray", "former", "away", "since", "accepted")


def ewma_weight(seconds: int, step: int, steps: int = 0) -> float:
    """The weight of a new sample in a mean with that time constant, over `steps` steps at least."""
    return float(1 - np.exp(-step / max(seconds, steps * step)))


class SlowLevel:
    """The mean of the level over days, and how far the level may be from it."""

    def __init__(
        self, level: FloatArray, samples: FloatArray, max_drift: FloatArray, step: int
    ) -> None:
        """All [S]; step in seconds."""
        self.level = level
        self.samples = samples  # trusted ones that the mean is made of
        self._max_drift = max_drift
        self._weight = ewma_weight(SLOW_LEVEL_SECONDS, step)
        self._min_samples = BLOCK_SECONDS / step
        self._growing = self._any_growing()

    @property
    def carry(self) -> dict[str, FloatArray]:
        return {"anchor": self.level, "anchored": self.samples}

    def _any_growing(self) -> bool:
        """Whether any slow level is still a plain mean of all its samples."""
        return bool((self.samples * self._weight < 1).any())

    def clamp(
        self, level: FloatArray, trusted: BoolArray, spread: FloatArray
    ) -> tuple[FloatArray, BoolArray]:
        """The level [S], held within the largest drift, and where it had to be held [S].

        spread: [S] of the series now; a drift of that size is none.

        The slow level follows trusted levels that did not have to be held.
        """
        limit = np.maximum(self._max_drift, spread)
        # A new slow level knows too little to clamp. The branch saves time on every later sample.
        if self._growing:
            limit = np.where(self.samples > self._min_samples, limit, np.inf)
        drift = level - self.level
        clamped = np.abs(drift) >= limit
        counted = trusted
        if clamped.any():
            counted = trusted & ~clamped
            level = np.where(clamped, self.level + np.copysign(limit, drift), level)
        if self._growing:
            self.samples = self.samples + counted
            weight = np.maximum(self._weight, 1 / np.maximum(self.samples, 1))
            self.level = self.level + counted * weight * drift
            self._growing = self._any_growing()
        else:
            self.level = self.level + counted * (self._weight * drift)
        return level, clamped

    def move(self, level: FloatArray, rows: BoolArray) -> None:
        """To a level that has been accepted, in the rows [S] where it was."""
        self.level = np.where(rows, level, self.level)


class RegimeSample(NamedTuple):
    """One sample of every series, as the tracker sees it; all [S]."""

    distance: FloatArray  # from the profile
    residual: FloatArray  # from the level
    away: BoolArray  # beyond the gate, or where the level may not follow
    usable: BoolArray
    time: int  # unix seconds
    settled: BoolArray | None  # True = a person accepts the level now; None = nowhere


class RegimeTracker:
    """Where samples lie that are away, and for how long."""

    def __init__(self, carry: Arrays, max_drift: FloatArray, step: int) -> None:
        """carry: the arrays [S] of REGIME_KEYS. max_drift: [S]. step: seconds."""
        self._mean = carry["regime"]  # of the distance from the profile since samples went away
        self._slow_mean = carry["course"]  # the same over a longer time: it lags behind a move
        self._stray = carry["stray"]  # mean distance of these samples from that mean
        self._former = carry["former"]  # the level before the last accepted one
        self._away_steps = carry["away"]  # signed: steps that they have been away on one side
        self._since = carry["since"]  # unix seconds of the first sample away; 0 = none yet
        self._accepted = carry["accepted"]  # unix seconds of the last acceptance; 0 = none
        self._max_drift = max_drift
        self._weight = ewma_weight(REGIME_SECONDS, step, MIN_STEPS)
        self._slow_weight = ewma_weight(SLOW_MEAN_SECONDS, step, MIN_STEPS)
        self._accept_steps = ACCEPT_SECONDS / step
        self._former_steps = max(FORMER_SECONDS / step, MIN_STEPS)
        # Steps beyond this are not counted, so that a return takes no longer after weeks away.
        self._max_steps = self._accept_steps + 1
        self._any_away = bool(self._away_steps.any())

    @property
    def carry(self) -> dict[str, FloatArray]:
        arrays = (
            self._mean,
            self._slow_mean,
            self._stray,
            self._former,
            self._away_steps,
            self._since,
            self._accepted,
        )
        return dict(zip(REGIME_KEYS, arrays, strict=True))

    @property
    def median(self) -> FloatArray:
        """[S] the median distance of the samples away from their mean, if it is normal noise."""
        return MEDIAN_OF_MEAN * self._stray

    def is_concerned(self, away: BoolArray) -> bool:
        """Whether any series is away, or was until now: only then is there anything to settle."""
        return self._any_away or bool(away.any())

    def settle(
        self, level: FloatArray, sample: RegimeSample
    ) -> tuple[FloatArray, BoolArray | None]:
        """The level [S] after the sample, and where it is a newly accepted one [S]; None = nowhere.

        The rule accepts no level that still moves by more than levels do.
        """
        self._update_means(sample)
        self._count_steps(sample)
        steps = np.abs(self._away_steps)
        self._any_away = bool(steps.any())
        if steps.max(initial=0.0) <= self._former_steps and sample.settled is None:
            return level, None
        accepted = sample.usable & sample.away & self._is_normal(steps, sample.time)
        if sample.settled is not None:
            accepted |= sample.settled & (steps > 0)
        if not accepted.any():
            return level, None
        self._former = np.where(accepted, level, self._former)
        self._away_steps = np.where(accepted, 0.0, self._away_steps)
        self._accepted = np.where(accepted, sample.time, self._accepted)
        return np.where(accepted, self._mean, level), accepted

    def _is_normal(self, steps: FloatArray, time: int) -> BoolArray:
        """[S] away for long enough and still, or back at the level before the last accepted one:
        what ends a long incident is no second one."""
        # Lively samples make a mean that moves by itself.
        still = np.maximum(STILL_SHARE * self._max_drift, self._stray)
        stands = np.abs(self._mean - self._slow_mean) <= still
        is_former = np.abs(self._mean - self._former) <= np.maximum(self._max_drift, self._stray)
        new = (steps > self._accept_steps) & stands
        is_known = (self._accepted > 0) & (time - self._accepted <= MEMORY_SECONDS)
        former = (steps > self._former_steps) & is_known & is_former
        return np.asarray(new | former)

    def _update_means(self, sample: RegimeSample) -> None:
        """Both means start at the first sample that is away."""
        fresh = self._away_steps == 0
        size = np.abs(sample.distance - self._mean)
        weight = np.maximum(self._weight, 1 / np.maximum(np.abs(self._away_steps), 1))
        followed = self._stray + sample.usable * weight * (size - self._stray)
        self._stray = np.where(fresh, 0.0, followed)
        self._mean = self._mean + sample.usable * np.where(fresh, sample.away, self._weight) * (
            sample.distance - self._mean
        )
        self._slow_mean = self._slow_mean + sample.usable * np.where(
            fresh, sample.away, self._slow_weight
        ) * (sample.distance - self._slow_mean)

    def _count_steps(self, sample: RegimeSample) -> None:
        previous = self._away_steps
        back = np.minimum(np.maximum(previous, -RETURN_STEPS), RETURN_STEPS)
        self._away_steps = np.clip(
            previous + sample.usable * np.where(sample.away, np.sign(sample.residual), -back),
            -self._max_steps,
            self._max_steps,
        )
        changed_side = np.sign(previous) != np.sign(self._away_steps)
        self._since = np.where((self._away_steps != 0) & changed_side, sample.time, self._since)


@dataclass(frozen=True)
class SettlingLevels:
    """What a carry tells of new levels; all [S] unix seconds."""

    # Of the first sample that lies away now, or lay away last; 0 = none yet.
    since: IntArray
    # Of the sample that accepts the level, if all samples stay away until then; 0 = none is away.
    due: IntArray
    accepted: IntArray  # of the sample that accepted the last one; 0 = none yet


def settling(carry: Arrays, time: int, step: int) -> SettlingLevels | None:
    """New levels as of `time`, the last sample seen; None if the detector carries no levels."""
    if not set(REGIME_KEYS) <= carry.keys():
        return None
    steps = np.maximum(np.floor(ACCEPT_SECONDS / step - np.abs(carry["away"])), 0) + 1
    due = np.where(carry["away"] != 0, time + steps * step, 0)
    return SettlingLevels(
        since=np.asarray(carry["since"], np.int64),
        due=np.asarray(due, np.int64),
        accepted=np.asarray(carry["accepted"], np.int64),
    )
