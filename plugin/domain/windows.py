"""Maintenance windows: which series they are about, and when. Pure.

A recurring window that lasts whole days ends at the same local time, also across a change of the
clocks. Every other duration is exact.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from plugin import selectors
from plugin.domain.occurrences import Occurrences, Span
from plugin.domain.recurrence import Recurrence, local_time, normalize_rule, unix_time
from plugin.domain.times import DAY
from plugin.domain.times import duration as duration_text
from plugin.errors import SelectorError, WindowRefused
from plugin.selectors import Matcher

MAX_SECONDS = 366 * DAY  # of one occurrence and of a margin
VALID_YEARS = range(1990, 9001)
MAX_TIME = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
TIME_FORMAT = (
    "a time such as 2026-11-21T02:00, in the time zone of the window, or 2026-11-21T01:00Z"
)
ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# These could move the cursor of a terminal that lists windows.
# Half of a surrogate pair is no character at all.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
RULE_FORMAT = "a rule of iCalendar such as FREQ=WEEKLY;BYDAY=SA, hourly at the most"


@dataclass(frozen=True)
class Window:
    """Planned work on some series. `WindowRequest.window` makes one and checks it."""

    id: str
    name: str
    match: str  # a selector over the labels of the series; "" = all series
    watch: tuple[str, ...]  # names; () = all watches
    start: str  # ISO 8601 of the first occurrence: local time of the zone, or with an offset
    seconds: int  # how long an occurrence lasts
    rule: str = ""  # "" = it occurs once
    timezone: str = "UTC"
    before: int = 0  # seconds that each occurrence starts earlier
    after: int = 0  # seconds that it ends later
    comment: str = ""
    by: str = ""
    created: int = 0  # unix seconds; 0 = not known
    ended: int | None = None  # unix seconds at which a person ended it
    source: str = "api"  # or config, the path of a calendar, the url of an Alertmanager
    alerts: bool = False  # a silence: `match` is over the labels of alerts
    ended_by: str = ""  # who ended it; "" = not ended, or not known

    @cached_property
    def matchers(self) -> tuple[Matcher, ...]:
        return selectors.parse(self.match) if self.match else ()

    def spans(self, start: int, end: int) -> list[Span]:
        """Occurrences with their margins that touch start..end, unix seconds, both included."""
        spans = map(
            self._effective, self._occurrences.between(start - self.after, end + self.before)
        )
        return [span for span in spans if span[0] <= end and span[1] > max(start, span[0])]

    def nearest(self, now: int) -> Span | None:
        """The occurrence that is active, else the next one, else the last one.

        None if the window was ended before its first occurrence.
        """
        if self.ended is not None and self.ended <= now:
            return self._last(self.ended - 1)
        active = self.spans(now, now)
        if active:
            return active[0]
        following = self._occurrences.first_after(now + self.before)
        if following is not None and (
            self.ended is None or following[0] - self.before < self.ended
        ):
            return self._effective(following)
        return self._last(now)

    def state(self, now: int) -> str:
        """`active`, `pending` or `ended`."""
        nearest = self.nearest(now)
        if nearest is None or nearest[1] <= now:
            return "ended"
        return "active" if nearest[0] <= now else "pending"

    @property
    def first(self) -> int:
        """Unix seconds at which it first takes effect."""
        occurrence = next(self._spans_from(0), None)
        assert occurrence is not None, "`WindowRequest.window` refuses what never occurs"
        return occurrence[0] - self.before

    def _last(self, time: int) -> Span | None:
        """The last occurrence that takes effect at this time or earlier; None if there is none."""
        last = self._occurrences.last_until(time + self.before)
        return None if last is None else self._effective(last)

    def _effective(self, span: Span) -> Span:
        """An occurrence with its margins, cut where the window was ended."""
        start = span[0] - self.before
        end = span[1] + self.after
        return start, end if self.ended is None else min(end, self.ended)

    @cached_property
    def _occurrences(self) -> Occurrences:
        # A day more: one that lasts whole local days is longer when its zone moves.
        return Occurrences(self._spans_from, self.seconds + DAY)

    @cached_property
    def _recurrence(self) -> Recurrence:
        zone = ZoneInfo(self.timezone)
        return Recurrence(self.rule, local_time(datetime.fromisoformat(self.start), zone), zone)

    def _spans_from(self, time: int) -> Iterator[Span]:
        """The occurrences without margins from two days before a time on, unix seconds."""
        zone = ZoneInfo(self.timezone)
        if not self.rule:
            start = unix_time(datetime.fromisoformat(self.start), zone)
            yield start, start + self.seconds
            return
        days = timedelta(seconds=self.seconds) if self.seconds % DAY == 0 else None
        utc = datetime.fromtimestamp(min(max(time, 2 * DAY), MAX_TIME), UTC).replace(tzinfo=None)
        for local in self._recurrence.times(utc - timedelta(days=2)):
            start = unix_time(local, zone)
            yield start, start + self.seconds if days is None else unix_time(local + days, zone)


@dataclass(frozen=True, kw_only=True)
class WindowRequest:
    """A window as a person has written it; durations in seconds."""

    name: str
    start: str  # `begin` in files and in the API
    end: str = ""  # "" = `duration` says how long it lasts
    duration: int | None = None
    rule: str = ""
    timezone: str = "UTC"
    match: str = ""
    watch: tuple[str, ...] = ()
    before: int = 0
    after: int = 0
    comment: str = ""
    by: str = ""
    created: int = 0
    source: str = "api"
    id: str = ""  # "" = made from the content, so that the same window twice is one window

    def window(self) -> Window:
        """The window. Raises WindowRefused with the field that is wrong."""
        self._check_names()
        match = self.match.strip()
        zone = _zone(self.timezone)
        _check_match(match, self.watch)
        first = _time("begin", self.start)
        seconds = self._seconds(first, zone)
        rule = self._normalized_rule(first, zone)
        content = [self.name, match, sorted(self.watch), self.start, seconds, rule, self.timezone]
        content += [self.before, self.after, self.comment]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        return Window(
            id=self.id or digest,
            name=self.name,
            match=match,
            watch=tuple(self.watch),
            start=self.start,
            seconds=seconds,
            rule=rule.strip(),
            timezone=self.timezone,
            before=self.before,
            after=self.after,
            comment=self.comment,
            by=self.by,
            created=self.created,
            source=self.source,
        )

    def _check_names(self) -> None:
        """Raises WindowRefused for a wrong name or id."""
        if not self.name.strip():
            raise WindowRefused("name", "nothing", "a name for people")
        if self.id and not ID_PATTERN.fullmatch(self.id):
            raise WindowRefused(
                "id",
                json.dumps(self.id[:80]),
                "1 to 64 letters, digits, _, . and -, beginning with a letter or digit",
            )

    def _normalized_rule(self, first: datetime, zone: ZoneInfo) -> str:
        """The rule in one spelling. Raises WindowRefused for a wrong margin or rule."""
        for name, margin in (("before", self.before), ("after", self.after)):
            if not 0 <= margin <= MAX_SECONDS:
                raise WindowRefused(name, f"{margin} s", "a margin of at most a year")
        if not self.rule.strip():
            return self.rule
        try:
            return normalize_rule(self.rule, local_time(first, zone), zone)
        except ValueError as error:
            raise WindowRefused("rule", f'"{self.rule}" ({error})', RULE_FORMAT) from error

    def _seconds(self, first: datetime, zone: ZoneInfo) -> int:
        """How long an occurrence lasts; whole days of a recurring window count by the local clock.

        Raises WindowRefused.
        """
        if bool(self.end) == (self.duration is not None):
            text = "end and duration together" if self.end else "neither end nor duration"
            raise WindowRefused("end", text, "one of them")
        if self.duration is not None:
            field = "duration"
            nominal = self.duration
            text = duration_text(nominal) if nominal > 0 else f"{nominal} s"
            seconds = _exact_seconds(first, nominal, zone)
        else:
            field = "end"
            text = f'"{self.end}"'
            end = _time("end", self.end)
            nominal = int((local_time(end, zone) - local_time(first, zone)).total_seconds())
            seconds = unix_time(end, zone) - unix_time(first, zone)
        if seconds <= 0:
            start = datetime.fromtimestamp(unix_time(first, zone), zone)
            valid = f"later than begin, {start.isoformat(timespec='minutes')}"
            raise WindowRefused(field, text, valid if field == "end" else "at least 1 s")
        if seconds > MAX_SECONDS:
            raise WindowRefused(field, text, "at most a year" + " after begin" * (field == "end"))
        return nominal if self.rule.strip() and nominal % DAY == 0 else seconds


def one_line(text: str) -> str:
    """Text of other people on one line, without control characters."""
    return CONTROL_CHARACTERS.sub(" ", text).strip()


def _exact_seconds(first: datetime, nominal: int, zone: ZoneInfo) -> int:
    """A duration in seconds; whole days end at the same local time."""
    if nominal % DAY or not 0 < nominal <= MAX_SECONDS:
        return nominal
    last = local_time(first, zone) + timedelta(seconds=nominal)
    return unix_time(last, zone) - unix_time(first, zone)


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
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise WindowRefused(field, f'"{text}"', TIME_FORMAT) from error
    if time.year not in VALID_YEARS:
        raise WindowRefused(
            field, f'"{text}"', f"a time in the years {VALID_YEARS[0]} to {VALID_YEARS[-1]}"
        )
    return time
