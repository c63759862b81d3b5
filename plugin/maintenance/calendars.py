"""Windows from iCalendar files (RFC 5545): each VEVENT that says which series it is about.

An event says so in lines of its DESCRIPTION: `match: {job="api"}`, `watch: web, node`, and margins
as `before: 5m`. Other events are left out: a calendar may hold anything. A time without a zone is
in the zone of the calendar (X-WR-TIMEZONE), else in UTC. An unknown zone is refused, because its
times would be wrong by an hour or more.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypedDict

from plugin.config import parse_duration
from plugin.domain.times import DAY
from plugin.domain.windows import Window, WindowRequest, one_line
from plugin.errors import SourceFailed, WindowRefused

MAX_BYTES = 4 << 20
MAX_EVENTS = 10_000
SUFFIX = ".ics"
DESCRIPTION_LINE = re.compile(
    r"^[ \t]*(match|watch|before|after)[ \t]*:[ \t]*(.*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE
)
LOCAL_TIME_FORMAT = "%Y%m%dT%H%M%S"
DATE_PROPERTIES = ("DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE", "RDATE", "RECURRENCE-ID")
ZONE_REMEDY = "write its times in an IANA time zone such as Europe/Vienna, or in UTC"
# What icalendar raises, sooner or later, for properties that it cannot read.
UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    OSError,  # a time zone that is the name of a folder
)
Times = list[datetime | date]


def calendar_files(path: Path) -> list[Path]:
    """The file itself, or the .ics files of a folder. Raises SourceFailed."""
    try:
        if path.is_dir():
            return sorted(child for child in path.iterdir() if child.suffix.lower() == SUFFIX)
        path.stat()
    except OSError as error:
        raise SourceFailed(
            "unreadable", f"{path}: {error.strerror}: name an .ics file or a folder of them"
        ) from error
    return [path]


def read_calendar(path: Path) -> list[Window]:
    """The windows of a file. Raises SourceFailed."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceFailed("unreadable", f"{path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise SourceFailed(
            "invalid", f"{path}: {len(content)} bytes; {MAX_BYTES} are the most: split it"
        )
    events = [
        (event, str(calendar.get("X-WR-TIMEZONE", "")))
        for calendar in _parse(content, path)
        for event in calendar.walk("VEVENT")
    ]
    if len(events) > MAX_EVENTS:
        raise SourceFailed(
            "invalid", f"{path}: {len(events)} events; {MAX_EVENTS} are the most: split it"
        )
    replaced = _replaced_occurrences((event for event, _ in events), path)
    return [_window(event, zone, replaced, path) for event, zone in events if _is_window(event)]


def _parse(content: bytes, path: Path) -> list[Any]:
    """The calendars of a file. Raises SourceFailed."""
    count = content.upper().count(b"BEGIN:VCALENDAR")
    if count == 0:
        raise SourceFailed("invalid", f"{path}: is not a calendar: it has no BEGIN:VCALENDAR")
    import icalendar  # eighty modules, which only those need who have calendars

    try:
        text = content.decode("utf-8-sig")
        calendars = [
            component
            for component in icalendar.Calendar.from_ical(text, multiple=True)
            if component.name == "VCALENDAR"
        ]
    except UnicodeDecodeError as error:
        raise SourceFailed(
            "invalid", f"{path}: is not UTF-8 (byte {error.start + 1}): export it as UTF-8"
        ) from error
    except UNREADABLE as error:
        raise SourceFailed(
            "invalid", f"{path}: is not a calendar that can be read: {one_line(str(error))}"
        ) from error
    if len(calendars) < count:
        raise SourceFailed(
            "invalid",
            f"{path}: ends before its END:VCALENDAR: export or copy it again, it was cut off",
        )
    return calendars


def _description(event: Any) -> dict[str, str]:
    """What the description of an event says about its window: `match`, `watch`, margins."""
    lines = DESCRIPTION_LINE.findall(str(event.get("DESCRIPTION", "")))
    return {name.lower(): text for name, text in lines}


def _is_window(event: Any) -> bool:
    canceled = str(event.get("STATUS", "")).upper() == "CANCELLED"
    return not canceled and bool(_description(event).keys() & {"match", "watch"})


def _window(event: Any, calendar_zone: str, replaced: Mapping[str, Times], path: Path) -> Window:
    """The window of an event. Raises SourceFailed."""
    name = one_line(str(event.get("SUMMARY", ""))) or "maintenance"
    uid = str(event.get("UID", ""))
    try:
        _check(event)
        return _request(event, name, calendar_zone, replaced.get(uid, []), path).window()
    except (WindowRefused, *UNREADABLE) as error:
        raise SourceFailed(
            "invalid", f"{path}: event {name!r} ({uid or 'without a UID'}): {error}"
        ) from error


def _request(
    event: Any, name: str, calendar_zone: str, replaced: Times, path: Path
) -> WindowRequest:
    """replaced: occurrences that other events replace. Raises what `_window` handles."""
    details = _description(event)
    start = event.decoded("DTSTART")
    recurrence_id = event.get("RECURRENCE-ID")
    zone = _zone(event, start, calendar_zone)
    rule = "" if recurrence_id else _rule(event, replaced, zone)
    # Without a UID, events are told apart by their content.
    uid = str(event.get("UID", "")) or event.to_ical().decode()
    identity = "\n".join([uid, str(recurrence_id and recurrence_id.dt), str(start)])
    return WindowRequest(
        id=hashlib.sha256(identity.encode()).hexdigest()[:12],
        name=name,
        start=_text(start, zone),
        **_length(event, start, zone, recurs=bool(rule)),
        rule=rule,
        timezone=zone,
        match=details.get("match", ""),
        watch=tuple(re.findall(r"[^\s,]+", details.get("watch", ""))),
        before=_margin("before", details),
        after=_margin("after", details),
        comment=one_line(DESCRIPTION_LINE.sub("", str(event.get("DESCRIPTION", "")))),
        by=one_line(str(event.get("ORGANIZER", "")).removeprefix("mailto:")),
        source=str(path),
    )


def _zone(event: Any, start: datetime | date, calendar_zone: str) -> str:
    """The name of the time zone of an event. Raises ValueError where it cannot recur in it."""
    offset = getattr(start, "tzinfo", None)
    zone = getattr(offset, "key", None) or calendar_zone
    if not zone and offset and "RRULE" in event and not event.get("RECURRENCE-ID"):
        raise ValueError(
            f"it recurs in {event['DTSTART'].params.get('TZID')}, a time zone of its own:"
            f" {ZONE_REMEDY}"
        )
    return zone or "UTC"


def _check(event: Any) -> None:
    """Raises ValueError for errors that icalendar ignores and that would give wrong times."""
    for name, reason in event.errors:
        if name in DATE_PROPERTIES:
            raise ValueError(f"{name}: {reason}")
    if "DTSTART" not in event:
        raise ValueError("it has no DTSTART: when does it begin?")
    for name in ("DTSTART", "DTEND", "RECURRENCE-ID"):
        zone = event[name].params.get("TZID") if name in event else None
        if zone and isinstance(event[name].dt, datetime) and event[name].dt.tzinfo is None:
            raise ValueError(f"{name}: the time zone {zone} is unknown: {ZONE_REMEDY}")


def _margin(name: str, details: Mapping[str, str]) -> int:
    """Seconds. Raises ValueError."""
    try:
        return parse_duration(details.get(name, "0s"))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _text(moment: datetime | date, zone: str) -> str:
    """A time as `WindowRequest` reads it: local time where it is in the zone of the window."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time()).isoformat()
    elsewhere = moment.tzinfo is not None and getattr(moment.tzinfo, "key", None) != zone
    return moment.isoformat() if elsewhere else moment.replace(tzinfo=None).isoformat()


class _Length(TypedDict, total=False):
    end: str
    duration: int


def _length(event: Any, start: datetime | date, zone: str, *, recurs: bool) -> _Length:
    """End or duration for `WindowRequest`; a date without an end is that day (RFC 5545, 3.6.1)."""
    if "DTEND" in event:
        end = event.decoded("DTEND")
        if not recurs:
            return {"end": _text(end, zone)}
        # Both are in one zone, so this difference is by the local clock.
        return {"duration": int((end - start).total_seconds())}
    if "DURATION" in event:
        return {"duration": int(event.decoded("DURATION").total_seconds())}
    if isinstance(start, datetime):
        raise ValueError("it has neither DTEND nor DURATION: when does it end?")
    return {"duration": DAY}


def _rule(event: Any, replaced: Times, zone: str) -> str:
    """The rule of an event with its exceptions; "" where it has none. Raises ValueError."""
    if "RRULE" not in event and "RDATE" not in event:
        return ""
    rules = _as_list(event.get("RRULE", []))
    lines = [rule.to_ical().decode() for rule in rules]
    if not lines:
        raise ValueError("RDATE without RRULE: write an event for each date")
    if not all(lines):
        raise ValueError("RRULE: it is empty: write FREQ=..., or leave it out")
    for name, extra_dates in (("EXDATE", replaced), ("RDATE", [])):
        entries = _as_list(event.get(name, []))
        dates = [date_time.dt for entry in entries for date_time in entry.dts] + extra_dates
        if dates:
            lines.append(f"{name}:{','.join(map(_rule_time, dates))}")
    return "\n".join(lines)


def _as_list(property_value: Any) -> list[Any]:
    """icalendar gives a list only where a property occurs several times."""
    return property_value if isinstance(property_value, list) else [property_value]


def _rule_time(moment: datetime | date) -> str:
    """Local time; UTC stays UTC, `WindowRequest` converts it."""
    if not isinstance(moment, datetime):
        return moment.strftime("%Y%m%d")
    utc = moment.utcoffset() == timedelta(0) and str(moment.tzinfo) == "UTC"
    return moment.strftime(LOCAL_TIME_FORMAT) + "Z" * utc


def _replaced_occurrences(events: Iterable[Any], path: Path) -> dict[str, Times]:
    """UID -> occurrences that an event of their own replaces. Raises SourceFailed."""
    times_by_uid: dict[str, Times] = {}
    for event in events:
        if "RECURRENCE-ID" in event:
            uid = str(event.get("UID", ""))
            try:
                times_by_uid.setdefault(uid, []).append(event["RECURRENCE-ID"].dt)
            except UNREADABLE as error:
                raise SourceFailed(
                    "invalid", f"{path}: event ({uid or 'without a UID'}): {one_line(str(error))}"
                ) from error
    return times_by_uid
