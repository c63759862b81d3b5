"""Recurring times: rules of iCalendar (RFC 5545, 3.3.10), expanded in local time by dateutil. Pure.

02:00 stays 02:00 all year. A local time that a change of the clocks skips counts with the offset
before the change (02:30 is then 03:30). Of a local time that occurs twice the first one counts (RFC
5545, 3.3.5).
"""

import re
import threading
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rruleset, rrulestr

from plugin.domain.times import HOUR

MAX_OCCURRENCES = 100_000  # from the start until now, or in the first year
MAX_YEARS = 100  # for which a rule without an end is expanded
# At a change of the clocks, times in local order may be out of order by less than this.
DISORDER_SECONDS = 2 * HOUR
Span = tuple[int, int]  # unix seconds, the end excluded


class Occurrences:
    """The occurrences of a rule by start. More of them are computed when they are needed."""

    def __init__(self, spans: Iterator[Span]) -> None:
        """spans: in order of time, except around a change of the clocks."""
        self._spans = spans
        self._known = list[Span]()
        self._longest = 0
        self._lock = threading.Lock()  # the jobs of several watches share it

    def until(self, time: int) -> list[Span]:
        """Those that start at this time or earlier."""
        with self._lock:
            self._extend_to(time)
            return self._known[: bisect_left(self._known, (time + 1,))]

    def between(self, start: int, end: int) -> list[Span]:
        """Those that touch start..end, both included."""
        with self._lock:
            self._extend_to(end)
            first = bisect_left(self._known, (start - self._longest,))
            last = bisect_left(self._known, (end + 1,))
            return [span for span in self._known[first:last] if span[1] > start]

    def first_after(self, time: int) -> Span | None:
        """The first that starts later; None if there is none."""
        with self._lock:
            self._extend_to(time)
            first = bisect_left(self._known, (time + 1,))
            return self._known[first] if first < len(self._known) else None

    def _extend_to(self, time: int) -> None:
        while not self._known or self._known[-1][0] <= time + DISORDER_SECONDS:
            span = next(self._spans, None)
            if span is None:
                return
            self._longest = max(self._longest, span[1] - span[0])
            self._known.append(span)
            if self._known[-2:] != sorted(self._known[-2:]):
                self._known.sort()


def normalize_rule(rule: str, local: datetime, zone: ZoneInfo, now: int) -> str:
    """The rule in one spelling: `FREQ=...`, and lines EXDATE and RDATE.

    local: the first time, without an offset. now: unix seconds. Raises ValueError with the reason.
    """
    lines = [
        line.strip().removeprefix("RRULE:") for line in rule.upper().splitlines() if line.strip()
    ]
    text = "\n".join(lines)
    if not all(re.match(r"FREQ=|(EXDATE|RDATE)[:;]", line) for line in lines):
        raise ValueError("it has a line that is neither FREQ=... nor EXDATE or RDATE")
    if re.search(r"FREQ=(SECOND|MINUTE)LY|BYSECOND=|BYMINUTE=\d+,", text):
        raise ValueError("it comes too often: hourly is the most")
    if re.search(r"INTERVAL=(0+(;|$)|-)", text, re.MULTILINE):
        raise ValueError("its INTERVAL is less than 1")
    try:
        last_time = max(
            datetime.fromtimestamp(now, UTC).replace(tzinfo=None), local + timedelta(days=366)
        )
        times = takewhile(lambda time: time <= last_time, expand_rule(text, local, zone))
        count = sum(1 for _ in islice(times, MAX_OCCURRENCES))
        first = next(iter(expand_rule(text, local, zone)), None)
    except (TypeError, OverflowError, KeyError, IndexError) as error:
        raise ValueError(str(error)) from error
    if first is None:
        raise ValueError(f"it never comes after {local.isoformat(timespec='minutes')}")
    if count == MAX_OCCURRENCES:
        raise ValueError(f"it has come more than {MAX_OCCURRENCES:,} times until now: begin later")
    return text


def expand_rule(rule: str, local: datetime, zone: ZoneInfo) -> rruleset:
    """Local times without an offset, from the first one on. Raises ValueError."""
    lines = []
    for line in rule.splitlines():
        head, _, dates = line.partition(":")
        if head.partition(";")[0] in ("EXDATE", "RDATE"):
            lines.append(
                f"{head.partition(';')[0]}:"
                + ",".join(_in_zone(date, zone) for date in dates.split(","))
            )
            continue
        line = re.sub(
            r"UNTIL=(\w+)", lambda until: f"UNTIL={_in_zone(until[1], zone, whole_day=True)}", line
        )
        if not re.search(r"UNTIL=|COUNT=", line):
            line += f";UNTIL={local.year + MAX_YEARS}0101T000000"
        lines.append(f"RRULE:{line}")
    rules: rruleset = rrulestr("\n".join(lines), dtstart=local, forceset=True)
    return rules


def _in_zone(text: str, zone: ZoneInfo, *, whole_day: bool = False) -> str:
    """A date-time of iCalendar as local time. UTC is converted; a date stands for its start, or for
    its end with `whole_day`."""
    if re.fullmatch(r"\d{8}", text):
        return text + ("T235959" if whole_day else "T000000")
    if not text.endswith("Z"):
        return text
    utc = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return utc.astimezone(zone).strftime("%Y%m%dT%H%M%S")


def local_time(time: datetime, zone: ZoneInfo) -> datetime:
    """Wall clock time without an offset."""
    return time.astimezone(zone).replace(tzinfo=None) if time.tzinfo else time


def describe_clock_change(time: datetime, zone: ZoneInfo) -> str:
    """How a local time counts that a change of the clocks skips or repeats, in words; "" = neither
    happens."""
    if time.tzinfo:
        return ""
    first, second = (time.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    counted = datetime.fromtimestamp(first, zone)
    if counted.replace(tzinfo=None) != time:
        return (
            f"{time:%H:%M} does not exist in {zone.key} on {time:%Y-%m-%d}: it counts as"
            f" {counted:%H:%M}"
        )
    if first == second:
        return ""
    return (
        f"{time:%H:%M} comes twice in {zone.key} on {time:%Y-%m-%d}: its first is "
        "meant; the second is written with an offset"
    )


def unix_time(time: datetime, zone: ZoneInfo) -> int:
    """Unix seconds of a time with an offset, or of a local one."""
    return int((time if time.tzinfo else time.replace(tzinfo=zone, fold=0)).timestamp())
