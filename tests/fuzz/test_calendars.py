"""Calendars that are nearly right are read, or refused as a source that failed."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.errors import SourceFailed
from plugin.maintenance.calendars import read_calendar
from tests.cpu import within
from tests.fuzz.extent import MAX_SECONDS, examples, small

NOW = 1_795_219_200  # 2026-11-21T00:00:00Z
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
X-WR-TIMEZONE:Europe/Vienna
BEGIN:VTIMEZONE
TZID:Europe/Vienna
END:VTIMEZONE
BEGIN:VEVENT
UID:backup@example
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Vienna:20260103T020000
DTEND;TZID=Europe/Vienna:20260103T040000
RRULE:FREQ=WEEKLY;BYDAY=SA
EXDATE;TZID=Europe/Vienna:20260110T020000
SUMMARY:Backup
DESCRIPTION:match: {job="postgres"}\\nbefore: 5m\\nafter: 10m
END:VEVENT
BEGIN:VEVENT
UID:backup@example
RECURRENCE-ID;TZID=Europe/Vienna:20260117T020000
DTSTART;TZID=Europe/Vienna:20260117T030000
DURATION:PT2H
SUMMARY:Backup\\, later
DESCRIPTION:match: {job="postgres"}
END:VEVENT
BEGIN:VEVENT
UID:move@example
DTSTART;VALUE=DATE:20261121
DTEND;VALUE=DATE:20261123
STATUS:CONFIRMED
SUMMARY:Move
DESCRIPTION:watch: web
END:VEVENT
END:VCALENDAR
"""
PIECES = (
    *("BEGIN:VEVENT\n", "END:VEVENT\n", "BEGIN:VCALENDAR\n", "END:VCALENDAR\n", "BEGIN:VALARM\n"),
    *(
        "DTSTART:20261121T020000Z\n",
        "DTSTART:x\n",
        "DTSTART;VALUE=DATE:20261121\n",
        "DURATION:-P1D\n",
    ),
    *("DURATION:P99999999W\n", "DTEND:00010101T000000\n", "RRULE:FREQ=DAILY;COUNT=5\n", "UID:a\n"),
    *("RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30\n", "RRULE:FREQ=YEARLY;INTERVAL=0\n", "RRULE:\n"),
    *("RDATE;VALUE=PERIOD:20261121T020000Z/PT1H\n", "EXDATE:20260110\n", "EXDATE:\n", "SUMMARY:\n"),
    *(
        "RECURRENCE-ID:20260117\n",
        "STATUS:CANCELLED\n",
        "STATUS:X\nSTATUS:Y\n",
        "SUMMARY:a\nSUMMARY:b\n",
    ),
    *(
        "DESCRIPTION:match: {\n",
        "DESCRIPTION:match: a\nDESCRIPTION:watch: b\n",
        "X-WR-TIMEZONE:x\n",
    ),
    *(
        ";TZID=Nowhere/Else",
        ";TZID=",
        ";VALUE=DATE",
        ";VALUE=X",
        "\n ",
        "\r\n",
        "\n",
        ":",
        ";",
        ",",
        "=",
    ),
    *(
        "\\",
        '"',
        "\x00",
        "\u202e",
        "é",
        "99999999999999999999",
        "-1",
        "T",
        "Z",
        "",
        "2026",
        "match: {}",
    ),
)
LENGTHS = (0, 1, 3, 10, 40, 200)


def changed(seeds: list[int]) -> str:
    text = CALENDAR
    for seed in seeds:
        number = Random(seed)
        start = number.randrange(len(text) + 1)
        if number.random() < 0.5:  # whole lines
            start = text.rfind("\n", 0, start) + 1
        text = text[:start] + number.choice(PIECES) + text[start + number.choice(LENGTHS) :]
    return text


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file; the libraries for calendars are imported with the first one."""
    file = tmp_path_factory.mktemp("calendars") / "work.ics"
    file.write_text(CALENDAR)
    assert len(read_calendar(file)) == 3
    return file


@examples(usual=1000, long=5000)
@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=4).map(changed))
def test_a_calendar_is_read_or_refused(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")

    @small()
    def read() -> None:
        try:
            windows = read_calendar(path)
        except SourceFailed as failed:
            assert failed.reason and str(path) in str(failed)
            return
        for window in windows:
            window.state(NOW)
            window.nearest(NOW)

    within(MAX_SECONDS, read)
