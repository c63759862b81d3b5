"""What can be said about a series at one time, from stored numbers alone. Pure.

`812 req/s; expected 1,020 to 1,310 at this hour; below since 03:05 UTC (12 min); lowest in 14 d; a
level shift; ...` The rows and the command line show the same text. docs/explanations.md says how
each part is decided.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from plugin.domain import wording
from plugin.domain.alarms import Alarm
from plugin.domain.deviation import DeviationKind, classify
from plugin.domain.number_text import expected_range
from plugin.domain.past_behaviour import PastBehaviour
from plugin.domain.times import DAY, HOUR, MINUTE
from plugin.series import Samples

PAST_SECONDS = 14 * DAY  # before an alarm, that it is compared with
LEAD_SECONDS = 12 * HOUR  # before an alarm, from which its kind is decided
RELATED_SECONDS = 30 * MINUTE  # series whose alarms start at most so much earlier are related
MIN_RANK_SECONDS = HOUR  # a record over less time is not mentioned
KIND_TEXTS = {
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
    """How unusual a value is among the samples before the alarm."""

    lowest: bool  # False = it is the highest
    seconds: int  # since the last sample that was as far out
    whole: bool  # no known sample was: `seconds` is the age of the oldest one


@dataclass(frozen=True)
class Related:
    """Series that alarmed together with an alarm, or shortly before it."""

    count: int
    first: str  # name of the series that alarmed first
    before: int  # seconds by which it was earlier than the alarm; negative = later


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
    alarm: Alarm | None = None  # as it was at that time; None = no alarm
    back_inside: bool = False  # its latest sample is inside; this one is the peak
    kind: DeviationKind = DeviationKind.OUTSIDE
    rank: Rank | None = None  # None = not unusual enough to mention
    rhythmic: bool = False  # the expected value depends on the hour
    related: Related | None = None
    # Unix seconds since when it is at a new level, and when this level is accepted if it stays.
    new_level: tuple[int, int] | None = None
    learning_until: int | None = None  # unix seconds; None = it is not learning
    changes: str = ""  # what was changed when it began, in words; it need not be the cause

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
        """The parts of the text, in order."""
        alarm = self.alarm
        if alarm is None:
            sentence = wording.explanation(
                self.value, self.expected, self.lower, self.upper, self.score, self.unit
            )
            return [*sentence.split("; "), *self._notes]
        value, band = expected_range(self.value, self.expected, self.lower, self.upper, self.unit)
        parts = [
            value or "no sample",
            f"{band} at this hour" if band and self.rhythmic else band,
            wording.alarm_span(alarm.direction, alarm.start, alarm.end, is_open=alarm.open),
            "inside its band again" if self.back_inside else "",
            self.rank_text,
            KIND_TEXTS[self.kind],
            self.related_text,
            self.changes,
            wording.new_level(*self.new_level, self.time) if self.new_level else "",
        ]
        return [part for part in parts if part]

    @property
    def _notes(self) -> list[str]:
        """What else is to be known of a series that does not alarm."""
        if self.learning_until is None:
            return []
        return [wording.learning(self.learning_until, self.time)]

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


def explain_sample(samples: Samples, unit: str, learning_end: int = 0) -> Explanation | None:
    """The last sample of a series that does not alarm; None where there is none.

    learning_end: unix seconds; samples before are provisional.
    """
    if not len(samples):
        return None
    explanation = _explanation_at(samples, len(samples) - 1, unit)
    learning = explanation.time < learning_end
    return replace(explanation, learning_until=learning_end) if learning else explanation


def explain_alarm(
    alarm: Alarm,
    samples: Samples,
    behaviour: PastBehaviour | None,
    unit: str,
    *,
    related: Related | None = None,
    new_level: tuple[int, int] | None = None,
) -> Explanation | None:
    """An alarm by its last sample as long as that is outside, then by its peak; None where that is
    not stored.

    samples: from `LEAD_SECONDS` before the alarm to the time of the explanation, at least those of
    the alarm. behaviour: over the `PAST_SECONDS` before the alarm.
    """
    position = _told_position(alarm, samples)
    if not 0 <= position < len(samples):
        return None
    kind = classify(behaviour, samples, alarm.start, alarm.end, alarm.direction)
    explanation = _explanation_at(samples, position, unit)
    rank = None
    if behaviour is not None:
        rank = rank_of(behaviour, explanation.value, explanation.time, alarm.direction)
    return replace(
        explanation,
        alarm=alarm,
        back_inside=alarm.open and position < len(samples) - 1,
        kind=kind,
        rank=rank,
        related=related,
        rhythmic=behaviour is not None and behaviour.rhythmic,
        new_level=new_level if kind is DeviationKind.LEVEL else None,
    )


def _told_position(alarm: Alarm, samples: Samples) -> int:
    """Where the sample is that tells of an alarm."""
    if not alarm.open:
        return int(np.searchsorted(samples.times, alarm.peak_time))
    first = int(np.searchsorted(samples.times, alarm.start))
    scores = samples.score[first:]
    back_inside = len(scores) > 0 and scores[-1] <= 1
    return first + int(np.nanargmax(scores)) if back_inside else len(samples) - 1


def rank_of(behaviour: PastBehaviour, value: float, time: int, direction: int) -> Rank | None:
    """How long no sample was as far out on the side of the alarm; None where that is too short to
    mention. time: unix seconds."""
    times, values = behaviour.highs if direction > 0 else behaviour.lows
    farther = np.flatnonzero(values <= -direction * value)
    seconds = time - (int(times[farther[0]]) if len(farther) else behaviour.start)
    whole = not len(farther) and behaviour.end - behaviour.start < PAST_SECONDS - DAY
    return Rank(direction < 0, seconds, whole) if seconds >= MIN_RANK_SECONDS else None


def find_related(alarm: Alarm, alarms: Sequence[tuple[int, int, str]]) -> Related | None:
    """The other series that alarmed, of all alarms of the watch or the incident; None where there
    is no other.

    alarms: (start, series id, name of the series), sorted; a series may have several.
    """
    first = bisect_left(alarms, (alarm.start - RELATED_SECONDS,))
    other_alarms = [other for other in alarms[first:] if other[1] != alarm.series_id]
    if not other_alarms:
        return None
    start, _, name = other_alarms[0]
    return Related(len({series_id for _, series_id, _ in other_alarms}), name, alarm.start - start)


def alarm_as_of(alarm: Alarm, time: int) -> Alarm:
    """The alarm as it was at a time, unix seconds, that is within it or after it."""
    return alarm if time >= alarm.end else replace(alarm, end=time, open=True)


def _explanation_at(samples: Samples, position: int, unit: str) -> Explanation:
    return Explanation(
        time=int(samples.times[position]),
        value=float(samples.value[position]),
        expected=float(samples.expected[position]),
        lower=float(samples.lower[position]),
        upper=float(samples.upper[position]),
        score=float(samples.score[position]),
        unit=unit,
    )
