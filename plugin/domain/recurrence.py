"""When something recurs: rules of iCalendar (RFC 5545, 3.3.10), expanded in local time by dateutil.
Pure.

02:00 stays 02:00 all year. A local time that a change of the clocks leaves out counts by the offset
before the change (02:30 is then 03:30); one that comes twice is its first (RFC 5545, 3.3.5).
"""

import re
import threading
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rruleset, rrulestr

HOUR = 3600
MOST = 100_000  # occurrences from the begin until now, or in the first year
ENDLESS_YEARS = 100  # that a rule without an end is followed
UNORDERED = 2 * HOUR  # at a change of the clocks, times in local order may be out of order by less
Span = tuple[int, int]  # unix seconds; the end does not belong to it


class Occurrences:
    """What a rule has come to so far, by begin; further ones are made as they are asked for."""

    def __init__(self, spans: Iterator[Span]) -> None:
        """spans: in order of time but for a change of the clocks."""
        self._spans = spans
        self._known = list[Span]()
        self._longest = 0
        self._lock = threading.Lock()  # jobs of several watches ask

    def until(self, time: int) -> list[Span]:
        """Those that begin at this time at the latest."""
        with self._lock:
            self._go_on(time)
            return self._known[: bisect_left(self._known, (time + 1,))]

    def between(self, start: int, end: int) -> list[Span]:
        """Those that touch start..end, both included."""
        with self._lock:
            self._go_on(end)
            first = bisect_left(self._known, (start - self._longest,))
            last = bisect_left(self._known, (end + 1,))
            return [each for each in self._known[first:last] if each[1] > start]

    def first_after(self, time: int) -> Span | None:
        """The first that begins later."""
        with self._lock:
            self._go_on(time)
            first = bisect_left(self._known, (time + 1,))
            return self._known[first] if first < len(self._known) else None

    def _go_on(self, time: int) -> None:
        while not self._known or self._known[-1][0] <= time + UNORDERED:
            span = next(self._spans, None)
            if span is None:
                return
            self._longest = max(self._longest, span[1] - span[0])
            self._known.append(span)
            if self._known[-2:] != sorted(self._known[-2:]):
                self._known.sort()


def checked(rule: str, local: datetime, zone: ZoneInfo, now: int) -> str:
    """The rule in one spelling: `FREQ=...`, and lines EXDATE and RDATE. Raises ValueError saying
    what is wrong.

    local: the first time, without an offset.
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
        until = max(
            datetime.fromtimestamp(now, UTC).replace(tzinfo=None), local + timedelta(days=366)
        )
        until_now = takewhile(lambda each: each <= until, expanded(text, local, zone))
        count = sum(1 for _ in islice(until_now, MOST))
        first = next(iter(expanded(text, local, zone)), None)
    except (TypeError, OverflowError, KeyError, IndexError) as error:
        raise ValueError(str(error)) from error
    if first is None:
        raise ValueError(f"it never comes after {local.isoformat(timespec='minutes')}")
    if count == MOST:
        raise ValueError(f"it has come more than {MOST:,} times until now: begin later")
    return text


def expanded(rule: str, local: datetime, zone: ZoneInfo) -> rruleset:
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
            r"UNTIL=(\w+)", lambda found: f"UNTIL={_in_zone(found[1], zone, whole_day=True)}", line
        )
        if not re.search(r"UNTIL=|COUNT=", line):
            line += f";UNTIL={local.year + ENDLESS_YEARS}0101T000000"
        lines.append(f"RRULE:{line}")
    found: rruleset = rrulestr("\n".join(lines), dtstart=local, forceset=True)
    return found


def _in_zone(text: str, zone: ZoneInfo, *, whole_day: bool = False) -> str:
    """A date-time of iCalendar as local time: one in UTC is moved, a date alone stands for its
    begin, or its end."""
    if re.fullmatch(r"\d{8}", text):
        return text + ("T235959" if whole_day else "T000000")
    if not text.endswith("Z"):
        return text
    utc = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return utc.astimezone(zone).strftime("%Y%m%dT%H%M%S")


def local_time(given: datetime, zone: ZoneInfo) -> datetime:
    """Wall clock time without an offset."""
    return given.astimezone(zone).replace(tzinfo=None) if given.tzinfo else given


def in_doubt(given: datetime, zone: ZoneInfo) -> str:
    """What becomes of a local time that a change of the clocks leaves out or repeats, in words; ""
    = it is plain."""
    if given.tzinfo:
        return ""
    first, second = (given.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    counted = datetime.fromtimestamp(first, zone)
    if counted.replace(tzinfo=None) != given:
        return (
            f"{given:%H:%M} does not exist in {zone.key} on {given:%Y-%m-%d}: it counts as"
            f" {counted:%H:%M}"
        )
    return (
        ""
        if first == second
        else (
            f"{given:%H:%M} comes twice in {zone.key} on {given:%Y-%m-%d}: its first is "
            "meant; the second is written with an offset"
        )
    )


def unix(given: datetime, zone: ZoneInfo) -> int:
    """Unix seconds of a time with an offset, or of a local one."""
    return int((given if given.tzinfo else given.replace(tzinfo=zone, fold=0)).timestamp())
