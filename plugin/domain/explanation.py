"""What is told of a series at a moment, from numbers alone: the same in rows and on the command
line. Pure.

`812 req/s; expected 1,020 to 1,310 at this hour; below since 03:05 UTC (12 min); lowest in 14 d; a
level shift; ...` Nothing is said that the stored samples do not show; docs/explanations.md tells
how each part is decided.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from plugin.domain import wording
from plugin.domain.alarms import Alarm
from plugin.domain.deviation import DAY, DeviationKind, PastBehaviour, kind_of
from plugin.series import Samples

WINDOW = 14 * 86_400  # seconds of the past that are looked at
LEAD = 12 * 3600  # seconds before an alarm that tell what it is
TOGETHER = 1800  # seconds: who moved so long before, or since, is related
WORTH_TELLING = 3600  # seconds: the lowest of less is not
WORDS = {
    DeviationKind.SPIKE: "a spike",
    DeviationKind.DIP: "a dip",
    DeviationKind.BUMP: "a bump",
    DeviationKind.LEVEL: "a level shift",
    DeviationKind.RAMP: "a ramp",
    DeviationKind.SHAPE: "not the usual shape of the day",
    DeviationKind.FLAT: "the value does not change",
    DeviationKind.NOISE: "its spread has grown",
    DeviationKind.OUTSIDE: "",
}


@dataclass(frozen=True)
class Rank:
    """How unusual a value is among all that was before the alarm."""

    lowest: bool  # else it is the highest
    seconds: int  # in which nothing was like it
    whole: bool  # which is all that is known


@dataclass(frozen=True)
class Related:
    """Series that moved with an alarm, or before it."""

    count: int
    first: str  # name of the one that moved first
    before: int  # seconds that it did so before the alarm; negative = after


@dataclass(frozen=True)
class Explanation:
    """One series at one moment."""

    time: int  # unix seconds of the sample
    value: float
    expected: float
    lower: float
    upper: float
    score: float
    unit: str
    alarm: Alarm | None = None  # as far as it had come then; None = there was none
    kind: DeviationKind = DeviationKind.OUTSIDE
    rank: Rank | None = None  # None = nothing worth telling
    rhythmic: bool = False  # the hour matters
    related: Related | None = None
    new_level: tuple[int, int] | None = (
        None  # unix seconds: since when, and when it is accepted if it stays
    )

    @property
    def direction(self) -> int:
        """1 = above the band, -1 = below, 0 = inside."""
        return (
            self.alarm.direction
            if self.alarm
            else int(self.value > self.upper) - int(self.value < self.lower)
        )

    @property
    def parts(self) -> list[str]:
        """What there is to say, in order."""
        alarm = self.alarm
        if alarm is None:
            return wording.explanation(
                self.value, self.expected, self.lower, self.upper, self.score, self.unit
            ).split("; ")
        shown, known = wording.expected_range(
            self.value, self.expected, self.lower, self.upper, self.unit
        )
        said = [
            shown or "no sample",
            f"{known} at this hour" if known and self.rhythmic else known,
            wording.since(alarm.direction, alarm.start, alarm.end, open=alarm.open),
            self.rank_text,
            WORDS[self.kind],
            self.related_text,
            wording.new_level(*self.new_level, self.time) if self.new_level else "",
        ]
        return [part for part in said if part]

    @property
    def text(self) -> str:
        """One sentence."""
        return "; ".join(self.parts)

    @property
    def rank_text(self) -> str:
        return (
            wording.rank(self.rank.lowest, self.rank.seconds, whole=self.rank.whole)
            if self.rank
            else ""
        )

    @property
    def related_text(self) -> str:
        return (
            wording.related(self.related.count, self.related.first, self.related.before)
            if self.related
            else ""
        )


def quiet(samples: Samples, unit: str) -> Explanation | None:
    """The last sample of a series that does not alarm; None where there is none."""
    return _told(samples, len(samples) - 1, unit) if len(samples) else None


def explained(
    alarm: Alarm,
    samples: Samples,
    past: PastBehaviour | None,
    unit: str,
    *,
    related: Related | None = None,
    new_level: tuple[int, int] | None = None,
) -> Explanation | None:
    """An alarm: while it is open by its last sample, else by its peak.

    samples: from `LEAD` before the alarm up to the moment, at least its own. past: of the `WINDOW`
    before it.
    """
    at = len(samples) - 1 if alarm.open else int(np.searchsorted(samples.times, alarm.peak_time))
    if not 0 <= at < len(samples):
        return None
    kind = kind_of(past, samples, alarm.start, alarm.end, alarm.direction)
    rank = (
        ranked(past, samples.value[at], int(samples.times[at]), alarm.direction)
        if past is not None
        else None
    )
    return replace(
        _told(samples, at, unit),
        alarm=alarm,
        kind=kind,
        rank=rank,
        related=related,
        rhythmic=past is not None and past.rhythmic,
        new_level=new_level if kind is DeviationKind.LEVEL else None,
    )


def ranked(past: PastBehaviour, value: float, time: int, direction: int) -> Rank | None:
    """How long nothing was as far out on the side of an alarm; None where that is not worth
    telling."""
    times, values = past.highs if direction > 0 else past.lows
    like = np.flatnonzero(values <= -direction * value)
    seconds = time - (int(times[like[0]]) if len(like) else past.begin)
    all_known = not len(like) and past.end - past.begin < WINDOW - DAY
    return Rank(direction < 0, seconds, all_known) if seconds >= WORTH_TELLING else None


def moved_with(alarm: Alarm, alarms: Sequence[tuple[int, int, str]]) -> Related | None:
    """Who else moved, of all alarms of the watch or the incident; None where nobody did.

    alarms: (start, series id, name of the series), sorted; a series may have several.
    """
    near = [
        each
        for each in alarms[bisect_left(alarms, (alarm.start - TOGETHER,)) :]
        if each[1] != alarm.series_id
    ]
    if not near:
        return None
    start, _, name = near[0]
    return Related(len({series_id for _, series_id, _ in near}), name, alarm.start - start)


def as_of(alarm: Alarm, time: int) -> Alarm:
    """An alarm as far as it had come at a time, unix seconds, that lies within it or after."""
    return alarm if time >= alarm.end else replace(alarm, end=time, open=True)


def _told(samples: Samples, at: int, unit: str) -> Explanation:
    return Explanation(
        int(samples.times[at]),
        float(samples.value[at]),
        float(samples.expected[at]),
        float(samples.lower[at]),
        float(samples.upper[at]),
        float(samples.score[at]),
        unit,
    )
