"""Maintenance windows: which series they are about, and when. Pure.

Whole days of a window that recurs end at the same local time; every other duration is exact.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from plugin import selectors
from plugin.domain import recurrence, wording
from plugin.domain.recurrence import Occurrences, Span, local_time, unix
from plugin.errors import SelectorError, WindowRefused
from plugin.selectors import Matcher

DAY = 86_400
LONGEST = 366 * DAY  # of one occurrence and of a margin, seconds
YEARS = range(1990, 9001)
TIME = "a time such as 2026-11-21T02:00, in the time zone of the window, or 2026-11-21T01:00Z"
IDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f]+"
)  # could move the cursor of a terminal that lists windows
RULE = "a rule of iCalendar such as FREQ=WEEKLY;BYDAY=SA, hourly at the most"


@dataclass(frozen=True)
class Window:
    """Planned work on some series. Made by `window`, which checks it."""

    id: str
    name: str
    match: str  # a selector over the labels of the series; "" = any
    watch: tuple[str, ...]  # names; none = any
    begin: str  # ISO 8601 of the first occurrence: local time of the zone, or with an offset
    seconds: int  # how long an occurrence lasts
    rule: str = ""  # "" = it occurs once
    timezone: str = "UTC"
    before: int = 0  # seconds by which each occurrence is widened
    after: int = 0
    comment: str = ""
    by: str = ""
    created: int = 0  # unix seconds; 0 = not known
    ended: int | None = None  # unix seconds at which someone has ended it
    source: str = (
        "api"  # where it is from: api, config, the path of a calendar, the url of an Alertmanager
    )
    alerts: bool = False  # `match` is over the labels that alerts have: it is a silence
    ended_by: str = ""  # who has ended it; "" = nobody, or not known

    @cached_property
    def matchers(self) -> tuple[Matcher, ...]:
        return selectors.parse(self.match) if self.match else ()

    def spans(self, start: int, end: int) -> list[Span]:
        """Occurrences with their margins that touch start..end, both included."""
        touching = map(
            self._effective, self._occurrences.between(start - self.after, end + self.before)
        )
        return [each for each in touching if each[0] <= end and each[1] > max(start, each[0])]

    def nearest(self, now: int) -> Span | None:
        """The occurrence that runs, else the next one, else the last one; None where it was ended
        before any."""
        running = self.spans(now, now)
        if running:
            return running[0]
        following = self._occurrences.first_after(now + self.before)
        if following is not None and (
            self.ended is None or following[0] - self.before < self.ended
        ):
            return self._effective(following)
        past = map(self._effective, reversed(self._occurrences.until(now + self.before)))
        return next((each for each in past if each[1] > each[0]), None)

    def state(self, now: int) -> str:
        """`active`, `pending` or `ended`."""
        nearest = self.nearest(now)
        if nearest is None or nearest[1] <= now:
            return "ended"
        return "active" if nearest[0] <= now else "pending"

    @property
    def first(self) -> int:
        """Unix seconds at which it first takes effect."""
        found = self._occurrences.first_after(-1)
        assert found is not None, "`window` refuses what never occurs"
        return found[0] - self.before

    def _effective(self, span: Span) -> Span:
        begin = span[0] - self.before
        end = span[1] + self.after
        return begin, end if self.ended is None else min(end, self.ended)

    @cached_property
    def _occurrences(self) -> Occurrences:
        return Occurrences(self._all())

    def _all(self) -> Iterator[Span]:
        zone = ZoneInfo(self.timezone)
        given = datetime.fromisoformat(self.begin)
        if not self.rule:
            yield unix(given, zone), unix(given, zone) + self.seconds
            return
        days = timedelta(seconds=self.seconds) if self.seconds % DAY == 0 else None
        for local in recurrence.expanded(self.rule, local_time(given, zone), zone):
            begin = unix(local, zone)
            yield begin, begin + self.seconds if days is None else unix(local + days, zone)


def window(
    *,
    name: str,
    begin: str,
    end: str = "",
    duration: int | None = None,
    rule: str = "",
    timezone: str = "UTC",
    match: str = "",
    watch: tuple[str, ...] = (),
    before: int = 0,
    after: int = 0,
    comment: str = "",
    by: str = "",
    created: int = 0,
    source: str = "api",
    id: str = "",
    now: int = 0,
) -> Window:
    """A window as someone has written it; durations in seconds. Raises WindowRefused naming the
    field.

    id: "" = made from what the window says, so that the same window given twice is one. now: unix
    seconds, to refuse what has occurred too often by then.
    """
    if not name.strip():
        raise WindowRefused("name", "nothing", "a name for people")
    if id and not IDS.fullmatch(id):
        raise WindowRefused(
            "id",
            json.dumps(id[:80]),
            "1 to 64 letters, digits, _, . and -, beginning with a letter or digit",
        )
    match = match.strip()
    zone = _zone(timezone)
    _check_match(match, watch)
    first = _time("begin", begin)
    seconds = _seconds(first, end, duration, zone, recurs=bool(rule.strip()))
    for margin, given in (("before", before), ("after", after)):
        if not 0 <= given <= LONGEST:
            raise WindowRefused(margin, f"{given} s", "a margin of at most a year")
    if rule.strip():
        try:
            rule = recurrence.checked(rule, local_time(first, zone), zone, now)
        except ValueError as error:
            raise WindowRefused("rule", f'"{rule}" ({error})', RULE) from error
    content = [name, match, sorted(watch), begin, seconds, rule, timezone, before, after, comment]
    made = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
    return Window(
        id or made,
        name,
        match,
        tuple(watch),
        begin,
        seconds,
        rule.strip(),
        timezone,
        before,
        after,
        comment,
        by,
        created,
        source=source,
    )


def plain(text: str) -> str:
    """On one line, of what others have written."""
    return CONTROL.sub(" ", text).strip()


def _check_match(match: str, watch: tuple[str, ...]) -> None:
    if not match and not watch:
        raise WindowRefused(
            "match",
            "neither match nor watch",
            "one of them; match: '{}' stands for every series there is",
        )
    try:
        selectors.parse(match) if match else ()
    except SelectorError as error:
        raise WindowRefused(
            "match", f"{match!r} ({error})", 'a Prometheus selector such as {job="api"}'
        ) from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise WindowRefused(
            "timezone", f'"{name}"', "an IANA time zone such as UTC or Europe/Vienna"
        ) from error


def _time(field: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise WindowRefused(field, f'"{text}"', TIME) from error
    if found.year not in YEARS:
        raise WindowRefused(field, f'"{text}"', f"a time in the years {YEARS[0]} to {YEARS[-1]}")
    return found


def _seconds(
    first: datetime, end: str, duration: int | None, zone: ZoneInfo, *, recurs: bool
) -> int:
    """How long it lasts; of what recurs, whole days whatever the clocks do meanwhile.

    Raises WindowRefused.
    """
    if bool(end) == (duration is not None):
        raise WindowRefused(
            "end", "end and duration together" if end else "neither end nor duration", "one of them"
        )
    if duration is not None:
        nominal = duration
        field = "duration"
        found = wording.duration(duration) if duration > 0 else f"{duration} s"
        last = (
            local_time(first, zone) + timedelta(seconds=duration) if duration % DAY == 0 else None
        )
        exact = duration if last is None else unix(last, zone) - unix(first, zone)
    else:
        given = _time("end", end)
        field = "end"
        found = f'"{end}"'
        nominal = int((local_time(given, zone) - local_time(first, zone)).total_seconds())
        exact = unix(given, zone) - unix(first, zone)
    if exact <= 0:
        begin = datetime.fromtimestamp(unix(first, zone), zone).isoformat(timespec="minutes")
        raise WindowRefused(
            field, found, f"later than begin, {begin}" if field == "end" else "at least 1 s"
        )
    if exact > LONGEST:
        raise WindowRefused(field, found, "at most a year" + " after begin" * (field == "end"))
    return nominal if recurs and nominal % DAY == 0 else exact
