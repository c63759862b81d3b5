"""What people say about an alarm, and what a false one teaches: a tolerance of its series. Pure.

A false alarm moves the band outward on the side on which it was, just beyond its peak, so that its
like is inside. It is bounded, so that nothing large hides behind it, and it fades: at its own time
of the day later, as what comes at one time is one thing, a job that runs every night or week. Only
a brief one is remembered: an excursion that lasts is a state, not noise, and a tolerance of its
size would hide every brief incident; it is tolerated for half a day, by which its series has
accepted the level by itself. docs/feedback.md has the measurements behind the numbers.

Everything follows from the answers and the time of a sample, so that a restart or a second reader
finds the same.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from plugin.domain.alarms import JOIN
from plugin.series import BoolArray, FloatArray, IntArray, Samples

MAX_FACTOR = 4.0  # half-widths: no tolerance moves a bound farther
# of what is beyond the band: an alarm exactly like the answered one stays inside for two days
MARGIN = 1.05
MAX_BRIEF_SAMPLES = 16  # samples outside; an alarm that has more is no noise
# seconds in which a tolerance of a brief alarm loses half of its excess
DAY = 86_400
HALF_LIFE = 28 * 86_400
# so near to its time of day it fades only after that time, and is so much more
SAME_HOUR_SECONDS = 3600
RETURN_SECONDS = 14 * DAY
RETURN_MARGIN = 1.15
HOLD_SECONDS = (
    12 * 3600
)  # seconds after a lasting alarm, as it was answered, that its like is tolerated; not longer
SIDES = (-1, 1)  # columns of an array by side: below, above


class Verdict(StrEnum):
    """What an alarm was."""

    FALSE_ALARM = "false_alarm"  # nothing had happened: the like of it need not be told again
    REAL = "real"  # something had: it is never learnt as normal
    NEW_NORMAL = "new_normal"  # it is to stay: accept it now


@dataclass(frozen=True)
class FeedbackSpan:
    """What an answer says of one series. The factors are those of half-widths, 1 = no tolerance."""

    series_id: int
    start: int  # unix seconds, both ends included
    end: int
    brief: tuple[float, float] = (1.0, 1.0)  # below and above; fades
    lasting: tuple[float, float] = (1.0, 1.0)  # below and above; holds, then ends
    ended_at: int | None = None  # unix seconds from which it has no effect: withdrawn or replaced


@dataclass(frozen=True)
class FeedbackEntry:
    """One row of what people have said."""

    id: int
    verdict: Verdict
    incident: str  # "" = given by series and range
    comment: str
    by: str
    at: int  # unix seconds
    parts: tuple[FeedbackSpan, ...]
    withdrawn_at: int | None = None  # unix seconds; of a replaced one, when it was replaced
    withdrawn_by: str = ""

    @property
    def in_force(self) -> bool:
        return self.withdrawn_at is None

    @property
    def reason(self) -> str:
        """By which an accepted level tells the answer that it is from."""
        return f"feedback {self.id}" + (f": {self.comment}" if self.comment else "")


@dataclass(frozen=True)
class Widening:
    """By how much the bounds of some rows of a batch move outward: factors of their distance from
    what is expected."""

    rows: IntArray  # [K]
    factor: FloatArray  # [2, K, T] below and above, 1 to LIMIT


@dataclass(frozen=True)
class Tolerances:
    """The tolerances of some series; row i belongs to series ids[i], which may come more than
    once."""

    ids: IntArray  # [N]
    since: IntArray  # [N] unix seconds; holds for samples after it
    until: FloatArray  # [N] unix seconds; holds for samples before it, inf = not withdrawn
    brief: FloatArray  # [N, 2]
    lasting: FloatArray  # [N, 2]
    held: IntArray  # [N] unix seconds of the last sample for which `lasting` holds
    start: IntArray  # [N] unix seconds of the first sample of what was answered
    end: IntArray  # [N] and of the last

    @classmethod
    def of(cls, answers: Sequence[FeedbackEntry]) -> "Tolerances":
        """Of those that say false alarm."""
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

    def widening(self, ids: IntArray, times: IntArray) -> Widening | None:
        """Of a batch of series ids [S] at times [T]; None where no bound moves. ids need no
        order."""
        near = (
            np.flatnonzero(
                (self.since < times[-1]) & (self.until > times[0]) & np.isin(self.ids, ids)
            )
            if len(self.ids) and len(times)
            else np.empty(0, np.int64)
        )
        if not len(near):
            return None
        order = np.argsort(ids)
        at = order[np.searchsorted(ids[order], self.ids[near])]
        rows, place = np.unique(at, return_inverse=True)
        factor = np.ones((2, len(rows), len(times)))
        for row, tolerance in zip(place.tolist(), near.tolist(), strict=True):
            factor[:, row] = np.maximum(factor[:, row], self._factor(tolerance, times))
        return Widening(rows.astype(np.int64), factor)

    def _factor(self, row: int, times: IntArray) -> FloatArray:
        """[2, T] of one tolerance."""
        since = self.since[row]
        age = np.maximum(times - self.since[row], 0)
        holds = (times > since) & (times < self.until[row])
        begin = self.start[row] - SAME_HOUR_SECONDS
        length = self.end[row] - self.start[row] + 2 * SAME_HOUR_SECONDS
        same_hour = (times - begin) % DAY <= length
        left = np.where(
            same_hour,
            RETURN_MARGIN * np.exp2(-np.maximum(age - RETURN_SECONDS, 0) / HALF_LIFE),
            np.exp2(-age / HALF_LIFE),
        )
        fading = np.minimum(1 + (self.brief[row][:, None] - 1) * left, MAX_FACTOR)
        held = np.where(times <= self.held[row], self.lasting[row][:, None], 1.0)
        return np.where(holds, np.maximum(fading, held), 1.0)

    def at(self, series_id: int, time: int) -> tuple[float, float]:
        """Below and above at one instant."""
        found = self.widening(np.array([series_id]), np.array([time]))
        return (
            (1.0, 1.0)
            if found is None
            else (float(found.factor[0, 0, 0]), float(found.factor[1, 0, 0]))
        )


NO_TOLERANCES = Tolerances.of([])


def false_alarm(
    series_id: int, start: int, end: int, samples: Samples, known: Tolerances
) -> FeedbackSpan | None:
    """The part of a false alarm, sized from what is stored of its range; None where nothing was
    outside.

    known: the tolerances that the scores of these samples had, which are part of how far out they
    were.
    """
    above = samples.value > samples.upper
    outside = above | (samples.value < samples.lower)
    if not outside.any():
        return None
    moved = known.widening(np.array([series_id]), samples.times)
    side = above.astype(np.int64)
    reached = (
        samples.score
        if moved is None
        else samples.score * moved.factor[side, 0, np.arange(len(side))]
    )
    factors = np.ones((2, 2))  # brief and lasting, below and above
    for run in _runs(outside, samples.times):
        peak = run[int(np.argmax(reached[run]))]
        kind = int(len(run) > MAX_BRIEF_SAMPLES)
        column = int(side[peak])
        needed = min(MAX_FACTOR, 1 + MARGIN * (float(reached[peak]) - 1))
        factors[kind, column] = max(factors[kind, column], needed)
    (below, over), (below_lasting, over_lasting) = factors.tolist()
    return FeedbackSpan(series_id, start, end, (below, over), (below_lasting, over_lasting))


def _runs(outside: BoolArray, times: IntArray) -> Iterator[IntArray]:
    """The samples outside of each alarm."""
    at = np.flatnonzero(outside)
    step = int(np.diff(times).min()) if len(times) > 1 else 1
    yield from np.split(at, np.flatnonzero(np.diff(times[at]) > (JOIN + 1) * step) + 1)


def covers(one: FeedbackSpan, other: FeedbackSpan) -> bool:
    """Whether the range of one holds that of the other, of the same series."""
    return one.series_id == other.series_id and one.start <= other.start and other.end <= one.end


def overlap(one: FeedbackSpan, other: FeedbackSpan) -> bool:
    """Whether both speak of the same samples."""
    return one.series_id == other.series_id and one.start <= other.end and other.start <= one.end
