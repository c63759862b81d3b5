"""What the events of a calendar become, and what is said of a broken one."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plugin.domain.windows import Window
from plugin.errors import SourceFailed
from plugin.maintenance import calendars

VIENNA = ZoneInfo("Europe/Vienna")
Write = Callable[..., Path]
EVENT = (
    "UID:{uid}\nSUMMARY:backup\nDTSTART;TZID=Europe/Vienna:20261024T020000\nDESCRIPTION:match:"
    ' {{job="db"}}'
)
BACKUP = (
    EVENT.format(uid="a") + "\\nwatch: web\\, node\\nafter: 10m\\nEvery"
    " Saturday.\nDTEND;TZID=Europe/Vienna:20261024T040000"
)


def begins(window: Window, start: str = "2026-10-01", end: str = "2026-12-01") -> list[str]:
    first, last = (int(datetime.fromisoformat(day).timestamp()) for day in (start, end))
    return [
        datetime.fromtimestamp(begin, VIENNA).strftime("%m-%d %H:%M")
        for begin, _ in window.spans(first, last)
    ]


def test_an_event_that_recurs(calendar: Write) -> None:
    (window,) = calendars.read_calendar(
        calendar(BACKUP + "\nRRULE:FREQ=WEEKLY;COUNT=3\nORGANIZER:mailto:ops@example.com")
    )
    assert begins(window) == ["10-24 02:00", "10-31 02:00", "11-07 02:00"]
    assert (window.name, window.match, window.watch, window.after, window.seconds) == (
        "backup",
        '{job="db"}',
        ("web", "node"),
        600,
        7200,
    )
    assert (window.comment, window.by, window.timezone) == (
        "Every Saturday.",
        "ops@example.com",
        "Europe/Vienna",
    )


def test_exceptions_and_an_occurrence_that_is_moved(calendar: Write) -> None:
    rule = BACKUP + "\nRRULE:FREQ=WEEKLY;COUNT=4\nEXDATE;TZID=Europe/Vienna:20261031T020000"
    moved = (
        EVENT.format(uid="a").replace("20261024T020000", "20261108T120000")
        + "\nDURATION:PT1H\nRECURRENCE-ID;TZID=Europe/Vienna:20261107T020000"
    )
    series, one = calendars.read_calendar(calendar(rule, moved))
    assert begins(series) == ["10-24 02:00", "11-14 02:00"] and begins(one) == ["11-08 12:00"]
    assert series.id != one.id and one.seconds == 3600


def test_whole_days_and_times_without_a_zone(calendar: Write) -> None:
    day = "UID:d\nSUMMARY:move\nDTSTART;VALUE=DATE:20261025\nDESCRIPTION:match: {}"
    hour = "UID:h\nSUMMARY:hour\nDTSTART:20261026T080000\nDURATION:PT1H\nDESCRIPTION:watch: web"
    path = calendar(day, hour, head="X-WR-TIMEZONE:Europe/Vienna\n")
    whole, floating = calendars.read_calendar(path)
    assert (
        whole.seconds == 25 * 3600
        and begins(whole) == ["10-25 00:00"]
        and begins(floating) == ["10-26 08:00"]
    )
    assert calendars.read_calendar(calendar(hour))[0].timezone == "UTC"


def test_utc_stays_what_it_is_whatever_the_calendar_says(calendar: Write) -> None:
    (window,) = calendars.read_calendar(
        calendar(
            "UID:u\nDTSTART:20261024T000000Z\nDTEND:20261024T010000Z\nDESCRIPTION:match: {}",
            head="X-WR-TIMEZONE:Europe/Vienna\n",
        )
    )
    assert (
        begins(window) == ["10-24 02:00"]
        and window.seconds == 3600
        and window.name == "maintenance"
    )


def test_other_events_and_cancelled_ones_are_left_out(calendar: Write) -> None:
    assert (
        calendars.read_calendar(
            calendar(
                "UID:x\nSUMMARY:lunch\nDTSTART:20261024T120000Z\nDURATION:PT1H",
                BACKUP + "\nSTATUS:CANCELLED",
            )
        )
        == []
    )


def test_a_zone_of_its_own_is_right_once_and_would_be_wrong_after_a_change_of_the_clocks(
    calendar: Write,
) -> None:
    own = (
        "BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0200\n"
        "TZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    event = BACKUP.replace("Europe/Vienna", "Office")
    (window,) = calendars.read_calendar(calendar(event, head=own))
    assert begins(window) == ["10-24 03:00"] and window.seconds == 7200
    with pytest.raises(
        SourceFailed,
        match="it recurs in Office, a time zone of its own: write its times in an IANA",
    ):
        calendars.read_calendar(calendar(event + "\nRRULE:FREQ=WEEKLY", head=own))


def test_without_a_uid_each_is_one_and_what_could_move_a_cursor_is_left_out(
    calendar: Write,
) -> None:
    one, two = (
        BACKUP.replace("UID:a\n", "").replace('"db"', f'"{name}"') for name in ("db", "web")
    )
    windows = calendars.read_calendar(calendar(one, two.replace("SUMMARY:", "SUMMARY:\x1b[2J")))
    assert len({item.id for item in windows}) == 2 and [item.name for item in windows] == [
        "backup",
        "[2Jbackup",
    ]


def test_a_folder_has_its_calendars(calendar: Write, tmp_path: Path) -> None:
    paths = [calendar(BACKUP, name=f"folder/{name}.ics") for name in "ba"]
    (tmp_path / "folder" / "readme.txt").write_text("no calendar")
    assert calendars.calendar_files(tmp_path / "folder") == sorted(paths)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            BACKUP.replace("{{job", "{{").replace('match: {job="db"}', "match: {job=db}"),
            "event 'backup' (a): match: found",
        ),
        (BACKUP.replace("20261024T040000", "20261024T010000"), "end: found"),
        (BACKUP + "\nRRULE:FREQ=SECONDLY", "rule: found"),
        (BACKUP.replace("after: 10m", "after: soon"), 'after: found "soon"; valid is a duration'),
        (
            BACKUP.replace("DTSTART", "DTSTAMP"),
            "event 'backup' (a): it has no DTSTART: when does it begin?",
        ),
        (
            BACKUP.replace(":20261024T020000", ":tomorrow"),
            "event 'backup' (a): DTSTART: Wrong date format tomorrow",
        ),
        (BACKUP.partition("\nDTEND")[0], "it has neither DTEND nor DURATION: when does it end?"),
        (
            BACKUP.replace("Europe/Vienna", "Europe/Wien"),
            "DTSTART: the time zone Europe/Wien is unknown: write",
        ),
        (
            BACKUP.replace('match: {job="db"}', "Match:").replace("watch: web\\, node", ""),
            "neither match nor watch",
        ),
        (BACKUP + "\nRRULE:", "RRULE: it is empty: write FREQ=..., or leave it out"),
        (BACKUP + "\nRDATE:20261101T010000Z", "RDATE without RRULE"),
    ],
)
def test_a_broken_event_is_named(calendar: Write, event: str, message: str) -> None:
    path = calendar(event)
    with pytest.raises(SourceFailed, match="plan.ics") as failed:
        calendars.read_calendar(path)
    assert message in str(failed.value) and failed.value.reason == "invalid"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "invalid"),
        (b"hello", "invalid"),
        (b"\xff\xfe\x00", "invalid"),
        (b"BEGIN:VCALENDAR\xff", "invalid"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "invalid"),
        (None, "unreadable"),
    ],
)
def test_what_is_no_calendar(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "plan.ics"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceFailed) as failed:
        calendars.read_calendar(calendars.calendar_files(path)[0])
    assert failed.value.reason == reason and str(path) in str(failed.value)


def test_an_event_that_replaces_no_time_is_named(calendar: Write) -> None:
    event = "UID:a\nDTSTART:20261024T120000Z\nRECURRENCE-ID:soon\nDESCRIPTION:match: {}"
    with pytest.raises(SourceFailed, match=r"event \(a\): .*RECURRENCE-ID"):
        calendars.read_calendar(calendar(event))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("DTSTART;TZID=America:20261024T120000", "calendar|America"),
        ("DTSTART;TZID=a,b:20261024T120000", "calendar"),
        ("DTSTART;VALUE=D,E:20261024T120000", "calendar"),
        ("DTSTART:20261024T120000Z\nDURATION:P99999999W", "at most a year"),
        ("DTSTART:20261024T120000Z\nDURATION:-P99999999W", "at least 1 s"),
        ("DTSTART:20261024T120000Z\nDURATION:P9999999999999W", "calendar|DURATION"),
    ],
)
def test_an_event_that_no_calendar_program_writes(calendar: Write, line: str, message: str) -> None:
    with pytest.raises(SourceFailed, match=message):
        calendars.read_calendar(calendar(f"UID:a\n{line}\nDESCRIPTION:match: {{}}"))
