"""Samples, alarms and incidents in plain words: `24 req/s at 03:05 UTC; expected -1 to 9; outside
for 12 min`. Pure."""

import math
from functools import lru_cache
from typing import NamedTuple

from plugin.domain.number_text import digits, expected_range
from plugin.domain.times import DAY, HOUR, MINUTE, clock_time, duration, time_of_day

MARGINAL_SCORE = 1.05  # up to this score a sample is "just" outside


class AlarmPeak(NamedTuple):
    """The sample of an alarm with the highest score, and its band."""

    time: int  # unix seconds
    value: float
    expected: float
    lower: float  # -inf = no bound on that side
    upper: float
    unit: str  # a unit id of Grafana


def explanation(
    value: float, expected: float, lower: float, upper: float, score: float, unit: str
) -> str:
    """One sample against its band. NaN = not known; an infinite bound = no bound on that side.

    unit: a unit id of Grafana; one that is not in UNITS is written behind the number.
    """
    value_text, band = expected_range(value, expected, lower, upper, unit)
    if math.isnan(value):
        return f"no sample; {band}" if band else "no sample"
    if not band:
        return f"{value_text}; no band yet"
    if not score > 1:
        return f"{value_text}; {band}"
    side = "above" if value > upper else "below"
    if score <= MARGINAL_SCORE:
        return f"{value_text}; {band}; just {side} its band"
    return f"{value_text}; {band}; {side} its band (score {digits(score, 2)})"


def alarm_title(series: str, direction: int) -> str:
    """What happened, for a list or the head of a tooltip. direction: 1 = above, -1 = below."""
    return f"{series} {'above' if direction > 0 else 'below'} its band"


# Ended alarms never change, and a month of incidents is requested again and again.
@lru_cache(16_384)
def alarm_text(peak: AlarmPeak, *, seconds: int, is_open: bool, last: int | None = None) -> str:
    """An alarm by its peak. seconds: from its first to its last sample outside.

    last: unix seconds of the last sample outside, if the alarm is open but no sample is outside any
    more.
    """
    value_text, band = expected_range(peak.value, peak.expected, peak.lower, peak.upper, peak.unit)
    length = f"outside for {duration(seconds)}" if seconds else "outside for one sample"
    if is_open:
        length += " so far" if last is None else f", last outside at {clock_time(last, peak.time)}"
    return f"{value_text} at {time_of_day(peak.time)}; {band}; {length}"


def peak_text(peak: AlarmPeak) -> str:
    """The sample of an alarm with the highest score, without its time."""
    value_text, band = expected_range(peak.value, peak.expected, peak.lower, peak.upper, peak.unit)
    return f"{value_text}; {band}" if band else value_text


def incident_title(group: str, size: int, among: int, worst: str, direction: int) -> str:
    """What happened: how many series are outside; a single series is named."""
    return (
        alarm_title(worst, direction)
        if size == 1
        else f"{size} of {among} series of {group} outside their band"
    )


def incident_text(first: str, worst: str, score: float, peak: str) -> str:
    """Which series was first, and which is the worst. peak: `alarm_text` of the worst series."""
    names = f"first and worst {worst}" if first == worst else f"first {first}; worst {worst}"
    return f"{names}: {peak}; score {digits(score, 2)}"


def alarm_span(direction: int, start: int, end: int, *, is_open: bool) -> str:
    """`below since 03:05 UTC (12 min)`. start, end: unix seconds of the first and the last sample
    outside."""
    side = "above" if direction > 0 else "below"
    length = duration(end - start) if end > start else "one sample"
    if not is_open:
        return f"{side} from {clock_time(start, end)}, {length}"
    return f"{side} since {clock_time(start, end)} ({length})"


def rank(lowest: bool, seconds: int, *, whole: bool) -> str:
    """`lowest in 14 d`. seconds: since the last sample as far out; whole: there is no such sample,
    and `seconds` is all the time that is known."""
    extreme = "lowest" if lowest else "highest"
    size, name = next(
        ((size, name) for size, name in ((DAY, "d"), (HOUR, "h")) if seconds >= 2 * size),
        (MINUTE, "min"),
    )
    time = f"{seconds // size} {name}"
    return f"{extreme} in the {time} that are known" if whole else f"{extreme} in {time}"


def related(count: int, first: str, lead_seconds: int) -> str:
    """`3 related series, first cpu{...} 2 min before`; "" if there is none. lead_seconds: seconds,
    negative = after."""
    if not count:
        return ""
    when = (
        f"{duration(abs(lead_seconds))} {'before' if lead_seconds > 0 else 'after'}"
        if lead_seconds
        else "at the same time"
    )
    return f"{count} related series, {'first ' if count > 1 else ''}{first} {when}"


def new_level(start: int, due: int, now: int) -> str:
    """A level that may be accepted as normal. start, due, now: unix seconds."""
    return (
        f"at a new level since {clock_time(start, now)}; accepted as normal at"
        f" {clock_time(due, now)} if it stays"
    )


def learning(end: int, now: int) -> str:
    """A series that is new. end, now: unix seconds."""
    return f"learning until {clock_time(end, now)}, no alert before"


def regime(
    start: int, accepted: int, old_value: float, new_value: float, unit: str, author: str
) -> str:
    """A level that was accepted as normal. old_value, new_value: the levels, NaN = not known."""
    change = (
        f"{expected_range(old_value, math.nan, math.nan, math.nan, unit)[0]} -> "
        + expected_range(new_value, math.nan, math.nan, math.nan, unit)[0]
    )
    return (
        f"new level since {clock_time(start, accepted)}: {change}, accepted"
        f" {clock_time(accepted, accepted)}{f' by {author}' if author else ''}"
    )
