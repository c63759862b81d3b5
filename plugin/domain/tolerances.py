"""Feedback about alarms, and the tolerance that a false alarm gives its series. Pure.

A false alarm moves the band outward on its side, to just beyond its peak, so that the same
deviation is inside from then on. The tolerance is bounded, so that nothing large hides behind it.
It also fades, and it fades later around its own time of the day, because a nightly or weekly job
comes back at that time.

Only a brief alarm gets such a tolerance. A long one is a change of state, not noise: a tolerance of
its size would hide every brief incident. It is tolerated for half a day; by then the series has
accepted the new level by itself. docs/feedback.md has the measurements behind the numbers.

A tolerance depends only on the feedback and on the time of a sample, so it is the same after a
restart and for every reader.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from detectors.episodes import hold_seconds
from plugin.domain.times import DAY, HOUR
from plugin.series import BoolArray, FloatArray, IntArray, Samples

MAX_FACTOR = 4.0  # half-widths: no tolerance moves a bound farther
# Of the distance beyond the band: the same alarm again stays inside for two days.
MARGIN = 1.05
MAX_BRIEF_SAMPLES = 16  # samples outside; an alarm with more of them is not noise
HALF_LIFE = 28 * DAY  # seconds in which the tolerance of a brief alarm loses half of its excess
# Around its own time of the day a tolerance starts to fade later, and is a little larger.
SAME_HOUR_SECONDS = HOUR  # before and after the range of the alarm
RETURN_SECONDS = 14 * DAY  # before it starts to fade
RETURN_MARGIN = 1.15
HOLD_SECONDS = 12 * HOUR  # for which a lasting alarm is tolerated after its end


class Verdict(StrEnum):
    """What an alarm was."""

    FALSE_ALARM = "false_alarm"  # nothing was wrong: do not alert on the same deviation again
    REAL = "real"  # something was wrong: its samples are never learnt as normal
    NEW_NORMAL = "new_normal"  # the new level stays: accept it now


@dataclass(frozen=True)
class FeedbackSpan:
    """The part of an answer that concerns one series. Factors are in half-widths of the band, 1 =
    no tolerance."""

    series_id: int
    start: int  # unix seconds, both ends included
    end: int
    brief: tuple[float, float] = (1.0, 1.0)  # below and above; fades
    lasting: tuple[float, float] = (1.0, 1.0)  # below and above; holds, then ends
    ended_at: int | None = None  # unix seconds from which it has no effect: withdrawn or replaced

    def covers(self, other: "FeedbackSpan") -> bool:
        """Whether both are about one series and this range holds the other one."""
        return (
            self.series_id == other.series_id
            and self.start <= other.start
            and other.end <= self.end
        )

    def overlaps(self, other: "FeedbackSpan") -> bool:
        """Whether both are about at least one common sample."""
        return (
            self.series_id == other.series_id
            and self.start <= other.end
            and other.start <= self.end
        )


@dataclass(frozen=True)
class FeedbackEntry:
    """One answer to an alarm or an incident."""

    id: int
    verdict: Verdict
    incident: str  # "" = the answer names a series and a range
    comment: str
    by: str
    at: int  # unix seconds
    parts: tuple[FeedbackSpan, ...]
    withdrawn_at: int | None = None  # unix seconds at which it was withdrawn or replaced
    withdrawn_by: str = ""

    @property
    def in_force(self) -> bool:
        return self.withdrawn_at is None

    @property
    def reason(self) -> str:
        """How an accepted level refers to the answer that accepted it."""
        return f"feedback {self.id}" + (f": {self.comment}" if self.comment else "")


@dataclass(frozen=True)
class BandWidening:
    """How far the bounds of some rows of a batch move outward: factors of their distance from the
    expected value."""

    rows: IntArray  # [K]
    factor: FloatArray  # [2, K, T] below and above, 1 to MAX_FACTOR


@dataclass(frozen=True)
class Tolerances:
    """The tolerances of some series. Row i belongs to series ids[i]; an id may occur more than
    once."""

    ids: IntArray  # [N]
    since: IntArray  # [N] unix seconds; holds for samples after it
    until: FloatArray  # [N] unix seconds; holds for samples before it, inf = not withdrawn
    brief: FloatArray  # [N, 2]
    lasting: FloatArray  # [N, 2]
    held: IntArray  # [N] unix seconds of the last sample for which `lasting` holds
    start: IntArray  # [N] unix seconds of the first sample in the answered range
    end: IntArray  # [N] of the last one

    @classmethod
    def of(cls, answers: Sequence[FeedbackEntry]) -> "Tolerances":
        """The tolerances from the answers that say false alarm."""
        rows = [
            (answer, part)
            for answer in answers
            if answer.verdict is Verdict.FALSE_ALARM
            for part in answer.parts
        ]
        return cls(
            np.array([part.series_id for _, part in rows], np.int64),
            np.array([answer.at for answer, _ in rows], np.int64),
            np.array([math.inf if part.ended_at is None else part.ended_at for _, part in rows]),
            np.array([part.brief for _, part in rows]).reshape(-1, 2),
            np.array([part.lasting for _, part in rows]).reshape(-1, 2),
            np.array([part.end + HOLD_SECONDS for _, part in rows], np.int64),
            np.array([part.start for _, part in rows], np.int64),
            np.array([part.end for _, part in rows], np.int64),
        )

    def widening(self, ids: IntArray, times: IntArray) -> BandWidening | None:
        """The widening for a batch of series ids [S], in any order, at times [T].

        None where no bound moves.
        """
        in_force = (
            np.flatnonzero(
                (self.since < times[-1]) & (self.until > times[0]) & np.isin(self.ids, ids)
            )
            if len(self.ids) and len(times)
            else np.empty(0, np.int64)
        )
        if not len(in_force):
            return None
        order = np.argsort(ids)
        batch_rows = order[np.searchsorted(ids[order], self.ids[in_force])]
        rows, factor_rows = np.unique(batch_rows, return_inverse=True)
        factor = np.ones((2, len(rows), len(times)))
        for row, tolerance in zip(factor_rows.tolist(), in_force.tolist(), strict=True):
            factor[:, row] = np.maximum(factor[:, row], self._factor(tolerance, times))
        return BandWidening(rows.astype(np.int64), factor)

    def _factor(self, row: int, times: IntArray) -> FloatArray:
        """The factors [2, T] of one tolerance."""
        age = np.maximum(times - self.since[row], 0)
        holds = (times > self.since[row]) & (times < self.until[row])
        start = self.start[row] - SAME_HOUR_SECONDS
        length = self.end[row] - self.start[row] + 2 * SAME_HOUR_SECONDS
        same_hour = (times - start) % DAY <= length
        remaining = np.where(
            same_hour,
            RETURN_MARGIN * np.exp2(-np.maximum(age - RETURN_SECONDS, 0) / HALF_LIFE),
            np.exp2(-age / HALF_LIFE),
        )
        fading = np.minimum(1 + (self.brief[row][:, None] - 1) * remaining, MAX_FACTOR)
        lasting = np.where(times <= self.held[row], self.lasting[row][:, None], 1.0)
        return np.where(holds, np.maximum(fading, lasting), 1.0)

    def at(self, series_id: int, time: int) -> tuple[float, float]:
        """The factors of one series at one time: below and above."""
        widening = self.widening(np.array([series_id]), np.array([time]))
        return (
            (1.0, 1.0)
            if widening is None
            else (float(widening.factor[0, 0, 0]), float(widening.factor[1, 0, 0]))
        )


NO_TOLERANCES = Tolerances.of([])


def false_alarm(
    series_id: int, start: int, end: int, samples: Samples, tolerances: Tolerances
) -> FeedbackSpan | None:
    """The tolerance that a false alarm of one series needs; None where no sample was outside.

    samples: what is stored of the range. tolerances: the tolerances that were in force when these
    samples were scored; their factors are multiplied into the distance from the band.
    """
    above = samples.value > samples.upper
    is_outside = above | (samples.value < samples.lower)
    if not is_outside.any():
        return None
    widening = tolerances.widening(np.array([series_id]), samples.times)
    side = above.astype(np.int64)
    distance = (
        samples.score
        if widening is None
        else samples.score * widening.factor[side, 0, np.arange(len(side))]
    )
    factors = np.ones((2, 2))  # brief and lasting, below and above
    for run in _runs(is_outside, samples.times):
        peak = run[int(np.argmax(distance[run]))]
        row = int(len(run) > MAX_BRIEF_SAMPLES)
        column = int(side[peak])
        needed = min(MAX_FACTOR, 1 + MARGIN * (float(distance[peak]) - 1))
        factors[row, column] = max(factors[row, column], needed)
    brief_factors, lasting = ((below, above) for below, above in factors.tolist())
    return FeedbackSpan(series_id, start, end, brief_factors, lasting)


def _runs(is_outside: BoolArray, times: IntArray) -> Iterator[IntArray]:
    """Positions of the samples outside, one array for each alarm."""
    positions = np.flatnonzero(is_outside)
    step = int(np.diff(times).min()) if len(times) > 1 else 1
    apart = np.diff(times[positions]) > hold_seconds(step)
    yield from np.split(positions, np.flatnonzero(apart) + 1)
