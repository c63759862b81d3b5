"""Windows from iCalendar files (RFC 5545): each VEVENT that says which series it is about.

An event says so in lines of its DESCRIPTION: `match: {job="api"}`, `watch: web, node`, and margins
as `before: 5m`. Other events are left out: a calendar may hold anything. Times without a zone are
in that of the calendar (X-WR-TIMEZONE), else in UTC; a zone that nobody knows is refused, as it
would be an hour wrong or more.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypedDict

import icalendar

from plugin.config import parse_duration
from plugin.domain.windows import DAY, Window, plain, window
from plugin.errors import SourceFailed, WindowRefused

MAX_BYTES = 4 << 20
MAX_EVENTS = 10_000
SUFFIX = ".ics"
LINE = re.compile(
    r"^[ \t]*(match|watch|before|after)[ \t]*:[ \t]*(.*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE
)
STAMP = "%Y%m%dT%H%M%S"
USED = ("DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE", "RDATE", "RECURRENCE-ID")
ZONE = "write its times in an IANA time zone such as Europe/Vienna, or in UTC"


def files(path: Path) -> list[Path]:
    """A file itself, or the .ics files of a folder. Raises SourceFailed."""
    try:
        if path.is_dir():
            return sorted(each for each in path.iterdir() if each.suffix.lower() == SUFFIX)
        path.stat()
    except OSError as error:
        raise SourceFailed(
            "unreadable", f"{path}: {error.strerror}: name an .ics file or a folder of them"
        ) from error
    return [path]


def read(path: Path, now: int) -> list[Window]:
    """The windows of a file. Raises SourceFailed."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceFailed("unreadable", f"{path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise SourceFailed(
            "invalid", f"{path}: {len(content)} bytes; {MAX_BYTES} are the most: split it"
        )
    if content.upper().count(b"BEGIN:VCALENDAR") == 0:
        raise SourceFailed("invalid", f"{path}: is not a calendar: it has no BEGIN:VCALENDAR")
    try:
        text = content.decode("utf-8-sig")
        parsed = [
            each
            for each in icalendar.Calendar.from_ical(text, multiple=True)
            if each.name == "VCALENDAR"
        ]
    except UnicodeDecodeError as error:
        raise SourceFailed(
            "invalid", f"{path}: is not UTF-8 (byte {error.start + 1}): export it as UTF-8"
        ) from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise SourceFailed(
            "invalid", f"{path}: is not a calendar that can be read: {plain(str(error))}"
        ) from error
    if len(parsed) < content.upper().count(b"BEGIN:VCALENDAR"):
        raise SourceFailed(
            "invalid",
            f"{path}: ends before its END:VCALENDAR: export or copy it again, it was cut off",
        )
    events = [
        (event, _zone_of(calendar)) for calendar in parsed for event in calendar.walk("VEVENT")
    ]
    if len(events) > MAX_EVENTS:
        raise SourceFailed(
            "invalid", f"{path}: {len(events)} events; {MAX_EVENTS} are the most: split it"
        )
    moved = _moved(event for event, _ in events)
    return [made for event, zone in events for made in _windows(event, zone, moved, path, now)]


def _windows(
    event: Any, zone: str, moved: Mapping[str, list[datetime | date]], path: Path, now: int
) -> Iterator[Window]:
    said = {name.lower(): text for name, text in LINE.findall(str(event.get("DESCRIPTION", "")))}
    if not said.keys() & {"match", "watch"} or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    uid = str(event.get("UID", ""))
    name = plain(str(event.get("SUMMARY", ""))) or "maintenance"
    try:
        _check(event)
        begin = event.decoded("DTSTART")
        again = event.get("RECURRENCE-ID")
        key = getattr(getattr(begin, "tzinfo", None), "key", None) or zone
        if not key and getattr(begin, "tzinfo", None) and "RRULE" in event and not again:
            raise ValueError(
                f"it recurs in {event['DTSTART'].params.get('TZID')}, a time zone of its own:"
                f" {ZONE}"
            )
        key = key or "UTC"
        rule = "" if again else _rule(event, moved.get(uid, []), key)
        whose = (
            uid or event.to_ical().decode()
        )  # without a UID, events are told apart by what they say
        identity = hashlib.sha256(
            "\n".join([whose, str(again and again.dt), str(begin)]).encode()
        ).hexdigest()[:12]
        yield window(
            id=identity,
            name=name,
            begin=_text(begin, key),
            **_length(event, begin, key, recurs=bool(rule)),
            rule=rule,
            timezone=key,
            match=said.get("match", ""),
            watch=tuple(re.findall(r"[^\s,]+", said.get("watch", ""))),
            before=_margin("before", said),
            after=_margin("after", said),
            comment=plain(LINE.sub("", str(event.get("DESCRIPTION", "")))),
            by=plain(str(event.get("ORGANIZER", "")).removeprefix("mailto:")),
            source=str(path),
            now=now,
        )
    except (WindowRefused, ValueError, KeyError, AttributeError, TypeError) as error:
        raise SourceFailed(
            "invalid", f"{path}: event {name!r} ({uid or 'without a UID'}): {error}"
        ) from error


def _check(event: Any) -> None:
    """Raises ValueError for what icalendar reads silently, and we would get wrong."""
    for name, why in event.errors:
        if name in USED:
            raise ValueError(f"{name}: {why}")
    if "DTSTART" not in event:
        raise ValueError("it has no DTSTART: when does it begin?")
    for name in ("DTSTART", "DTEND", "RECURRENCE-ID"):
        zone = event[name].params.get("TZID") if name in event else None
        if zone and isinstance(event[name].dt, datetime) and event[name].dt.tzinfo is None:
            raise ValueError(f"{name}: nobody knows the time zone {zone}: {ZONE}")


def _margin(name: str, said: Mapping[str, str]) -> int:
    try:
        return parse_duration(said.get(name, "0s"))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _zone_of(calendar: Any) -> str:
    """ "" where it has none."""
    return str(calendar.get("X-WR-TIMEZONE", ""))


def _text(given: datetime | date, zone: str) -> str:
    """As `window` reads it: local time where the rule is local, too."""
    if not isinstance(given, datetime):
        return datetime.combine(given, time()).isoformat()
    exact = given.tzinfo is not None and getattr(given.tzinfo, "key", None) != zone
    return given.isoformat() if exact else given.replace(tzinfo=None).isoformat()


class _Length(TypedDict, total=False):
    end: str
    duration: int


def _length(event: Any, begin: datetime | date, zone: str, *, recurs: bool) -> _Length:
    """How `window` is told it; a date without an end is that day (RFC 5545, 3.6.1)."""
    if "DTEND" in event:
        end = event.decoded("DTEND")
        if not recurs:
            return {"end": _text(end, zone)}
        return {
            "duration": int((end - begin).total_seconds())
        }  # of one zone: by the clock on the wall
    if "DURATION" in event:
        return {"duration": int(event.decoded("DURATION").total_seconds())}
    if isinstance(begin, datetime):
        raise ValueError("it has neither DTEND nor DURATION: when does it end?")
    return {"duration": DAY}


def _rule(event: Any, moved: Iterable[datetime | date], zone: str) -> str:
    if "RRULE" not in event and "RDATE" not in event:
        return ""
    rules = event.get("RRULE", [])
    lines = [each.to_ical().decode() for each in (rules if isinstance(rules, list) else [rules])]
    if not lines:
        raise ValueError("RDATE without RRULE: write an event for each date")
    if not all(lines):
        raise ValueError("RRULE: it is empty: write FREQ=..., or leave it out")
    for name, more in (("EXDATE", list(moved)), ("RDATE", [])):
        given = event.get(name, [])
        dates = [
            each.dt
            for entry in (given if isinstance(given, list) else [given])
            for each in entry.dts
        ] + more
        if dates:
            lines.append(f"{name}:{','.join(_stamp(each) for each in dates)}")
    return "\n".join(lines)


def _stamp(given: datetime | date) -> str:
    """Local time; UTC stays UTC, for `window` to move."""
    if not isinstance(given, datetime):
        return given.strftime("%Y%m%d")
    return given.strftime(STAMP) + "Z" * (
        given.utcoffset() == timedelta(0) and str(given.tzinfo) == "UTC"
    )


def _moved(events: Iterable[Any]) -> dict[str, list[datetime | date]]:
    """UID -> occurrences that an event of their own replaces."""
    found: dict[str, list[datetime | date]] = {}
    for event in events:
        if "RECURRENCE-ID" in event:
            found.setdefault(str(event.get("UID", "")), []).append(event["RECURRENCE-ID"].dt)
    return found
