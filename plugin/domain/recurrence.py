"""Recurring times: rules of iCalendar (RFC 5545, 3.3.10), expanded in local time by dateutil. Pure.

02:00 stays 02:00 all year. A local time that a change of the clocks skips counts with the offset
before the change (02:30 is then 03:30). Of a local time that occurs twice the first one counts (RFC
5545, 3.3.5).
"""

import heapq
import re
from bisect import bisect_left
from collections.abc import Iterator
from datetime import MAXYEAR, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from dateutil.parser import isoparse
from dateutil.rrule import rrulestr

MAX_COUNTED = 100_000  # times of a line with a COUNT, which older versions did not limit
MAX_YEARS = 100  # for which a rule is expanded
MAX_RULES = 4  # of one window
# dateutil looks for the next time until the year 9999, which takes seconds for a rule that never
# comes. The calendar repeats itself, so rules are expanded near that end of its world: after 400
# years exactly, and in the last decades every year has its like within 28.
CYCLE_YEARS = 400
CYCLE = timedelta(days=146_097)
LIKE_YEARS = 28
INTERVAL = re.compile(r"0*[1-9][0-9]{0,5}")
COUNT = re.compile(r"0*[1-9][0-9]{0,3}")
LOCAL_FORMAT = "%Y%m%dT%H%M%S"
PERIODS = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}
MONTHS = {"MONTHLY": 1, "YEARLY": 12}


def normalize_rule(rule: str, local: datetime, zone: ZoneInfo) -> str:
    """The rule in one spelling: `FREQ=...`, and lines EXDATE and RDATE.

    local: the first time, without an offset. Raises ValueError with the reason.
    """
    lines = [
        line.strip().removeprefix("RRULE:") for line in rule.upper().splitlines() if line.strip()
    ]
    text = "\n".join(lines)
    _check_lines(lines, text)
    try:
        comes = _can_come(text, local) and next(Recurrence(text, local, zone).times(), None)
    except (TypeError, OverflowError, KeyError, IndexError) as error:
        raise ValueError(str(error)) from error
    if not comes:
        raise ValueError(f"it never comes after {local.isoformat(timespec='minutes')}")
    return text


def _check_lines(lines: list[str], text: str) -> None:
    """Raises ValueError for what dateutil would take, and should not."""
    if not all(re.match(r"FREQ=|(EXDATE|RDATE)[:;]", line) for line in lines):
        raise ValueError("it has a line that is neither FREQ=... nor EXDATE or RDATE")
    if re.search(r"FREQ=(SECOND|MINUTE)LY|BYSECOND=|BYMINUTE=[^;\n]*,", text):
        raise ValueError("it comes too often: hourly is the most")
    if not all(map(INTERVAL.fullmatch, re.findall(r"INTERVAL=([^;\n]*)", text))):
        raise ValueError("its INTERVAL is less than 1, or not a whole number up to 999999")
    if not all(map(COUNT.fullmatch, re.findall(r"COUNT=([^;\n]*)", text))):
        raise ValueError("its COUNT is less than 1, or not a whole number up to 9999")
    if "BYEASTER" in text and not text.startswith("FREQ=YEARLY"):
        raise ValueError("BYEASTER goes with FREQ=YEARLY alone")
    if len(re.findall(r"^FREQ=", text, re.MULTILINE)) > MAX_RULES:
        raise ValueError(f"it has more than {MAX_RULES} lines FREQ=...")


def _can_come(text: str, local: datetime) -> bool:
    """Whether each line comes at least once when its interval, count and end are left out."""
    start = local.replace(year=MAXYEAR - LIKE_YEARS, month=1, day=1)
    lines = [line for line in text.splitlines() if line.startswith("FREQ=")]
    for line in lines:
        places = re.findall(r"BYSETPOS=([^;]*)", line)
        if (
            _frequency(line) == "HOURLY"
            and places
            and not re.search(r"(^|[,+-])1(,|$)", places[-1])
        ):
            return False  # an hour has one time; dateutil would look for another in every hour
    wider = [re.sub(r";(INTERVAL|COUNT|UNTIL)=[^;]*", "", line) for line in lines]
    return all(next(iter(rrulestr(line, dtstart=start)), None) is not None for line in wider)


class Recurrence:
    """The times of a rule."""

    def __init__(self, rule: str, local: datetime, zone: ZoneInfo) -> None:
        """rule: as `normalize_rule` spells it. local: the first time, without an offset. Raises
        ValueError."""
        self._local = local
        self._zone = zone
        self._last_time = local.replace(year=local.year + MAX_YEARS, month=1, day=1)
        self._lines = list[str]()  # FREQ=... without a COUNT
        self._excluded = set[datetime]()
        fixed = list[datetime]()
        for line in rule.splitlines():
            head, _, dates = line.partition(":")
            kind = head.partition(";")[0]
            if kind == "EXDATE":
                self._excluded.update(_in_zone(date, zone) for date in dates.split(","))
            elif kind == "RDATE":
                fixed += (_in_zone(date, zone) for date in dates.split(","))
            elif "COUNT=" in line:
                fixed += islice(self._expand(line, local), MAX_COUNTED)
            else:
                self._lines.append(line)
        self._fixed = sorted(fixed)

    def times(self, since: datetime = datetime.min) -> Iterator[datetime]:
        """Local times without an offset, in order, from `since` on, for MAX_YEARS from the first
        one."""
        later = [self._fixed[bisect_left(self._fixed, since) :]]
        previous = None
        for time in heapq.merge(*later, *(self._expand(line, since) for line in self._lines)):
            if time >= since and time != previous and time not in self._excluded:
                yield time
            previous = time

    def _expand(self, line: str, since: datetime) -> Iterator[datetime]:
        """The times of one FREQ=..., in order, all of those from `since` on."""
        last_time = self._last_time
        cycles = 0 if "BYEASTER" in line else (MAXYEAR - 1 - last_time.year) // CYCLE_YEARS
        until = re.search(r"UNTIL=(\w+)", line)
        if until:
            last_time = min(last_time, _in_zone(until[1], self._zone, whole_day=True))
            line = re.sub(r";UNTIL=\w+", "", line)
        if since > last_time:
            return iter(())
        counted = "COUNT=" in line
        local = self._local
        if not counted:  # dateutil takes one of the two
            line, local = _begun_near(line, local, since)
            line += f";UNTIL={(last_time + cycles * CYCLE).strftime(LOCAL_FORMAT)}"
        shift = cycles * CYCLE
        times = (time - shift for time in rrulestr(line, dtstart=local + shift))
        return takewhile(lambda time: time <= last_time, times) if counted else times


def _begun_near(line: str, local: datetime, since: datetime) -> tuple[str, datetime]:
    """The line, and a first time with which it has the same times from `since` on: later by whole
    intervals, and at least one interval before `since`, as the first week or month may differ."""
    if since <= local:
        return line, local
    frequency = _frequency(line)
    interval = int(([1, *re.findall(r"INTERVAL=(\d+)", line)])[-1])
    if frequency in PERIODS:
        period = interval * PERIODS[frequency]
        return line, local + max(0, (since - local) // period - 1) * period
    months = interval * MONTHS[frequency]
    passed = 12 * (since.year - local.year) + since.month - local.month
    moved = max(0, passed // months - 1) * months
    if moved == 0:
        return line, local
    if not re.search(r"BY(MONTHDAY|YEARDAY|WEEKNO|(WEEK)?DAY|EASTER)=", line):
        if frequency == "YEARLY" and "BYMONTH=" not in line:
            line += f";BYMONTH={local.month}"
        line += f";BYMONTHDAY={local.day}"  # what the first time stands for
    year, month = divmod(12 * local.year + local.month - 1 + moved, 12)
    return line, local.replace(year=year, month=month + 1, day=1)


def _frequency(line: str) -> str:
    """Of several that a line has, dateutil takes the last."""
    return str(re.findall(r"FREQ=(\w*)", line)[-1])


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
