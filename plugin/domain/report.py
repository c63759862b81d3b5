"""The figures of a noise report as typed values, and the sentences that tell them. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from plugin.domain.number_text import expected_range
from plugin.domain.times import duration

MIN_PROMISED = 1 - 1e-6  # alarms, below which nothing can be judged yet: one, a sum of parts
WHOLE_BUDGET = 1.0  # share of a budget from which on too much is spent
FULLY_SCORED_SHARE = 0.99  # of the time; the rest may be the edge of the range


@dataclass(frozen=True)
class WatchLine:
    """What one watch made of its budget in the range, and its state now."""

    watch: str
    state: str
    reason: str
    series: int
    alarms: int
    promised: float
    spent: float  # share of the budget; 1 = as many alarms as promised
    scored: float  # share of the time of its series, 0 to 1
    incidents: int  # whose worst alarm was in this watch
    per_day: tuple[int, ...]  # alarms
    # series now
    missing: int
    stale: int
    warming_up: int
    learning: int
    # models
    stale_models: int
    refused: int  # new ones that did not become active
    unusable: int  # given up


@dataclass(frozen=True)
class Point:
    """One sample in its band; None = not known, or no bound on that side."""

    time: int  # ms
    value: float | None
    lower: float | None
    upper: float | None
    outside: bool


@dataclass(frozen=True)
class NoisySeries:
    """One of the noisiest series."""

    watch: str
    series: str
    alarms: int
    promised: float
    minutes_outside: float
    worst_score: float
    last: int  # ms at which its latest alarm started
    suggestion: str  # a setting that would make it quieter; "" = none
    unit: str
    points: tuple[Point, ...] = ()  # of the very noisiest; others are not drawn


@dataclass(frozen=True)
class AbsentSeries:
    """A series whose samples have stopped."""

    watch: str
    series: str
    age_seconds: float


@dataclass(frozen=True)
class Report:
    """A report over the days before `end`."""

    url: str
    days: int
    start: int  # ms
    end: int  # ms
    watches: tuple[WatchLine, ...]
    noisy: tuple[NoisySeries, ...]
    absent: tuple[AbsentSeries, ...]

    @property
    def alarms(self) -> int:
        return sum(line.alarms for line in self.watches)

    @property
    def promised(self) -> float:
        return sum(line.promised for line in self.watches)


def counted(number: float, noun: str) -> str:
    """`1 alarm`, `2.5 alarms`."""
    return f"{number:,g} {noun}{'' if number == 1 else 's'}"


def promised(number: float) -> str:
    """A promise of alarms: as few digits as tell it from none."""
    if 0 < number < 0.005:
        return "<0.01"
    decimals = 0 if number >= 10 else 1 if number >= 0.1 or not number else 2
    return f"{number:,.{decimals}f}"


def share(part: float) -> str:
    """A part of 1 in percent."""
    return "<1%" if 0 < part < 0.005 else f"{part:.0%}"


def values_text(series: NoisySeries) -> str:
    """The lowest and the highest value that are drawn of a series, with their unit."""
    values = [point.value for point in series.points if point.value is not None]
    if not values:
        return "no value"
    return " to ".join(
        expected_range(value, math.nan, math.nan, math.nan, series.unit)[0]
        for value in dict.fromkeys((min(values), max(values)))
    )


def summary(report: Report) -> str:
    """The one sentence to read."""
    alarms = f"{counted(report.alarms, 'alarm')} in {report.days} days"
    if not is_scoring_known(report):
        return f"{alarms}; how many were promised is not known yet"
    return f"{alarms}, {promised(report.promised)} promised; {'; '.join(_verdicts(report))}"


def _verdicts(report: Report) -> Iterator[str]:
    """What can be said of the budgets. Below one promised alarm, one by chance is already more."""
    young = [line.watch for line in report.watches if line.series and line.promised < MIN_PROMISED]
    old = [line for line in report.watches if line.watch not in young]
    overspent = [line.watch for line in old if line.spent > WHOLE_BUDGET]
    if overspent:
        pronoun = "its" if len(overspent) == 1 else "their"
        yield f"{' and '.join(overspent)} spent more than {pronoun} budget"
    elif old or not young:
        yield f"every {'other ' if young else ''}watch kept its budget"
    if young:
        names = "" if not old else f" {' and '.join(young)}"
        yield f"too early to judge{names}: less than one alarm was promised"


def is_scoring_known(report: Report) -> bool:
    """Whether the service has counted for how long its series were scored."""
    return any(line.scored for line in report.watches) or not any(
        line.series for line in report.watches
    )


def unscored_notes(report: Report) -> list[str]:
    """What could not be scored, and which models are not as they should be: a sentence each."""
    return [
        *_scored_time(report),
        *(note for line in report.watches for note in _watch_notes(line)),
    ]


def _scored_time(report: Report) -> list[str]:
    if not is_scoring_known(report):
        return [
            "for how long the series were scored is not known yet: the service counts it within a"
            " minute of its first scores"
        ]
    partly = [
        f"{line.watch} {share(line.scored)}"
        for line in report.watches
        if line.series and line.scored < FULLY_SCORED_SHARE
    ]
    if not partly:
        return []
    return [
        f"scored of {report.days} days: {', '.join(partly)}; the rest are gaps, outages, or from"
        " before a series was known or while it was learning"
    ]


def _watch_notes(line: WatchLine) -> list[str]:
    notes = []
    if line.state != "ok":
        notes.append(f"{line.watch} is {line.state}{': ' + line.reason if line.reason else ''}")
    for number, text in (
        (line.missing, "missing: the samples have stopped"),
        (line.stale, "stale: their query fails"),
        (line.warming_up, "without a model yet"),
        (line.learning, "learning: new, without alerts yet"),
    ):
        if number:
            notes.append(f"{line.watch}: {number:,} of {line.series:,} series {text}")
    for number, text in (
        (line.stale_models, "out of date, because fits fail or are refused"),
        (line.refused, "refused after a fit; the one before stayed"),
        (line.unusable, "given up, as it could not be used"),
    ):
        if number:
            notes.append(f"{line.watch}: {counted(number, 'model')} {text}")
    return notes


def moment(milliseconds: int) -> str:
    """`2026-11-21 02:00 UTC`."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def duration_text(seconds: float) -> str:
    """`1 h 5 min`."""
    return duration(int(seconds))
