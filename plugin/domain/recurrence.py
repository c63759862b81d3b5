"""Recurring times: rules of iCalendar (RFC 5545, 3.3.10), expanded in local time by dateutil. Pure.

02:00 stays 02:00 all year. A local time that a change of the clocks skips counts with the offset
before the change (02:30 is then 03:30). Of a local time that occurs twice the first one counts (RFC
5545, 3.3.5).
"""

import heapq
import re
import threading
from bisect import bisect_left
from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from dateutil.parser import isoparse
from dateutil.rrule import rrulestr

from plugin.domain.times import HOUR

MAX_OCCURRENCES = 100_000  # from the start until now, or in the first year
MAX_KNOWN = 2 * MAX_OCCURRENCES  # occurrences of one rule that are ever computed
MAX_YEARS = 100  # for which a rule is expanded
MAX_RULES = 4  # of one window
# dateutil looks for the next time until the year 9999, which takes seconds for a rule that never
# comes. The calendar repeats itself, so rules are expanded near that end of its world: after 400
# years exactly, and in the last decades every year has its like within 28.
CYCLE_YEARS = 400
CYCLE = timedelta(days=146_097)
LIKE_YEARS = 28
INTERVAL = re.compile(r"0*[1-9][0-9]{0,5}")
# At a change of the clocks, times in local order may be out of order by less than this.
DISORDER_SECONDS = 2 * HOUR
LOCAL_FORMAT = "%Y%m%dT%H%M%S"
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
            span = next(self._spans, None) if len(self._known) < MAX_KNOWN else None
            if span is None:
                return
            self._longest = max(self._longest, span[1] - span[0])
            self._known.append(span)
            if len(self._known) > 1 and span < self._known[-2]:
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
    if not all(map(INTERVAL.fullmatch, re.findall(r"INTERVAL=([^;\n]*)", text))):
        raise ValueError("its INTERVAL is less than 1, or not a whole number up to 999999")
    if "BYEASTER" in text and not text.startswith("FREQ=YEARLY"):
        raise ValueError("BYEASTER goes with FREQ=YEARLY alone")
    if len(re.findall(r"^FREQ=", text, re.MULTILINE)) > MAX_RULES:
        raise ValueError(f"it has more than {MAX_RULES} lines FREQ=...")
    try:
        count = _count(text, local, zone, now) if _can_come(text, local) else 0
    except (TypeError, OverflowError, KeyError, IndexError) as error:
        raise ValueError(str(error)) from error
    if count == 0:
        raise ValueError(f"it never comes after {local.isoformat(timespec='minutes')}")
    if count == MAX_OCCURRENCES:
        raise ValueError(f"it has come more than {MAX_OCCURRENCES:,} times until now: begin later")
    return text


def _can_come(text: str, local: datetime) -> bool:
    """Whether each line comes at least once when its interval, count and end are left out."""
    start = local.replace(year=MAXYEAR - LIKE_YEARS, month=1, day=1)
    lines = [line for line in text.splitlines() if line.startswith("FREQ=")]
    wider = [re.sub(r";(INTERVAL|COUNT|UNTIL)=[^;]*", "", line) for line in lines]
    return all(next(iter(rrulestr(line, dtstart=start)), None) is not None for line in wider)


def _count(text: str, local: datetime, zone: ZoneInfo, now: int) -> int:
    """How often it comes until now and in its first year, or 1 if it comes later; at most
    MAX_OCCURRENCES."""
    last_time = max(
        datetime.fromtimestamp(now, UTC).replace(tzinfo=None), local + timedelta(days=366)
    )
    count = 0
    for time in expand_rule(text, local, zone):
        if count and time > last_time:
            break
        count += 1
        if time > last_time or count == MAX_OCCURRENCES:
            break
    return count


def expand_rule(rule: str, local: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Local times without an offset, from the first one on, for MAX_YEARS. Raises ValueError."""
    last_time = local.replace(year=local.year + MAX_YEARS, month=1, day=1)
    sources = list[Iterator[datetime]]()
    excluded = set[datetime]()
    for line in rule.splitlines():
        head, _, dates = line.partition(":")
        kind = head.partition(";")[0]
        if kind == "EXDATE":
            excluded.update(_in_zone(date, zone) for date in dates.split(","))
        elif kind == "RDATE":
            sources.append(iter(sorted(_in_zone(date, zone) for date in dates.split(","))))
        else:
            sources.append(_expand_line(line, local, last_time, zone))
    previous = None
    for time in sources[0] if len(sources) == 1 else heapq.merge(*sources):
        if time != previous and time not in excluded:
            yield time
        previous = time


def _expand_line(
    line: str, local: datetime, last_time: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """The times of one FREQ=... until the last time, all in order."""
    cycles = 0 if "BYEASTER" in line else (MAXYEAR - MAX_YEARS - 1 - local.year) // CYCLE_YEARS
    until = re.search(r"UNTIL=(\w+)", line)
    if until:
        last_time = min(last_time, _in_zone(until[1], zone, whole_day=True))
        line = re.sub(r";UNTIL=\w+", "", line)
    counted = "COUNT=" in line
    if not counted:  # dateutil takes one of the two
        line += f";UNTIL={(last_time + cycles * CYCLE).strftime(LOCAL_FORMAT)}"
    shift = cycles * CYCLE
    times = (time - shift for time in rrulestr(line, dtstart=local + shift))
    return takewhile(lambda time: time <= last_time, times) if counted else times


def _in_zone(text: str, zone: ZoneInfo, *, whole_day: bool = False) -> datetime:
    """A date-time of iCalendar as local time. UTC is converted; a date stands for its start, or for
    its end with `whole_day`. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{8}(T[0-9]{4}([0-9]{2})?Z?)?", text):
        raise ValueError(f"{text} is not a date such as 20261231, 20261231T0200 or 20261231T0100Z")
    time = local_time(isoparse(text), zone)
    return time.replace(hour=23, minute=59, second=59) if whole_day and len(text) == 8 else time


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
