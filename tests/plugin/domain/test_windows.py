"""When a window is: across both changes of the clocks, endless, ended, overlapping; and what is
refused."""

import random
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr

from plugin.domain import recurrence
from plugin.domain.times import DAY, HOUR
from plugin.domain.windows import Window, WindowRequest
from plugin.errors import WindowRefused

VIENNA = ZoneInfo("Europe/Vienna")


def new_window(now: int = 0, **fields: Any) -> Window:
    return WindowRequest(
        **{
            "name": "w",
            "match": "{}",
            "start": "2026-01-03T02:00",
            "timezone": "Europe/Vienna",
            **({} if "end" in fields else {"duration": 2 * HOUR}),
            **fields,
        }
    ).window(now)


def at(text: str, zone: ZoneInfo = VIENNA) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def local(item: Window, begin: str, end: str) -> list[tuple[str, int]]:
    """(begin as local time, seconds) of each occurrence."""
    return [
        (datetime.fromtimestamp(first, VIENNA).strftime("%m-%d %H:%M"), last - first)
        for first, last in item.spans(at(begin), at(end))
    ]


@pytest.mark.parametrize(
    ("begin", "rule", "month", "expected"),
    [
        (
            "2026-01-03T02:00",
            "FREQ=WEEKLY;BYDAY=SA",
            "2026-10",
            ["10-17 02:00", "10-24 02:00", "10-31 02:00"],
        ),
        (
            "2026-01-04T02:30",
            "FREQ=WEEKLY",
            "2026-10",
            ["10-18 02:30", "10-25 02:30"],
        ),  # twice that night: its first
        (
            "2026-01-04T02:30",
            "FREQ=WEEKLY",
            "2026-03",
            ["03-15 02:30", "03-22 02:30", "03-29 03:30"],
        ),  # not that night
    ],
)
def test_local_time_stays_what_it_is(
    begin: str, rule: str, month: str, expected: list[str]
) -> None:
    occurrences = local(
        new_window(start=begin, rule=rule), f"{month}-15T00:00", f"{month}-31T23:00"
    )
    assert occurrences == [(item, 2 * HOUR) for item in expected]


def test_the_hour_that_comes_twice_is_its_first() -> None:
    item = new_window(start="2026-01-04T02:30", rule="FREQ=WEEKLY")
    assert item.spans(at("2026-10-25T00:00"), at("2026-10-26T00:00"))[0][0] == at(
        "2026-10-25T00:30", ZoneInfo("UTC")
    )


@pytest.mark.parametrize(
    ("length", "hours"),
    [({"duration": DAY}, 25), ({"end": "2026-10-19T00:00"}, 25), ({"duration": 12 * HOUR}, 12)],
)
def test_whole_days_end_at_the_same_local_time(length: dict[str, Any], hours: int) -> None:
    item = new_window(start="2026-10-18T00:00", rule="FREQ=WEEKLY", **length)
    assert local(item, "2026-10-24T12:00", "2026-10-26T12:00") == [("10-25 00:00", hours * HOUR)]


def test_one_day_once_is_as_long_as_that_day() -> None:
    assert new_window(start="2026-10-25T00:00", duration=DAY).seconds == 25 * HOUR


def test_a_time_with_an_offset_is_exact() -> None:
    first, second = (
        new_window(start=f"2026-10-25T{hour}:30Z") for hour in ("00", "01")
    )  # 02:30, both of them
    assert second.first - first.first == HOUR
    assert local(
        new_window(start="2026-10-18T00:30Z", rule="FREQ=WEEKLY"),
        "2026-10-25T12:00",
        "2026-11-02T00:00",
    ) == [("11-01 02:30", 2 * HOUR)]


def test_margins_widen_each_occurrence() -> None:
    item = new_window(before=600, after=60)
    assert item.spans(0, 2**40) == [(at("2026-01-03T01:50"), at("2026-01-03T04:01"))]
    for inside in (at("2026-01-03T01:50"), at("2026-01-03T04:00")):
        assert item.spans(inside, inside)
    for outside in (at("2026-01-03T01:49"), at("2026-01-03T04:01")):
        assert item.spans(outside, outside) == []


def test_state_and_nearest_occurrence() -> None:
    item = new_window(rule="FREQ=WEEKLY;COUNT=2")
    first = at("2026-01-03T02:00")
    second = at("2026-01-10T02:00")
    assert [
        (item.state(now), (item.nearest(now) or (0, 0))[0])
        for now in (first - 1, first, first + 2 * HOUR, second + HOUR, second + 2 * HOUR)
    ] == [
        ("pending", first),
        ("active", first),
        ("pending", second),
        ("active", second),
        ("ended", second),
    ]


def test_what_has_been_ended_does_not_come_again() -> None:
    now = at("2026-01-10T03:00")
    item = replace(new_window(rule="FREQ=WEEKLY"), ended=now)
    assert item.spans(0, at("2026-03-01T00:00")) == [
        (at("2026-01-03T02:00"), at("2026-01-03T04:00")),
        (at("2026-01-10T02:00"), now),
    ]
    assert item.state(now) == "ended" and item.nearest(now) == (at("2026-01-10T02:00"), now)


def test_exceptions_and_further_dates() -> None:
    rule = (
        "RRULE:FREQ=WEEKLY;UNTIL=20260124T010000Z\n"
        "EXDATE;TZID=Europe/Vienna:20260110T020000\nRDATE:20260112T010000Z"
    )
    assert [
        begin for begin, _ in local(new_window(rule=rule), "2026-01-01T00:00", "2026-12-31T00:00")
    ] == ["01-03 02:00", "01-12 02:00", "01-17 02:00", "01-24 02:00"]


def test_a_thousand_endless_windows_cost_little() -> None:
    windows = [
        new_window(name=str(number), start="2026-11-01T02:00", rule="FREQ=DAILY")
        for number in range(1000)
    ]
    now = at("2026-11-21T02:30")
    assert all(len(item.spans(now - 14 * DAY, now)) == 15 for item in windows)
    began = time.process_time()
    assert all(item.spans(now, now) for item in windows)
    assert time.process_time() - began < 0.1


def test_the_same_twice_has_one_name() -> None:
    assert (
        new_window().id
        == new_window().id
        == new_window(by="someone else", created=5).id
        != new_window(comment="another").id
    )


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"name": " "}, "name", "found nothing"),
        (
            {"match": ""},
            "match",
            "neither match nor watch; valid is one of them; match: '{}' stands for every series",
        ),
        ({"match": "{job=api}"}, "match", "expected a label value in quotes at character 6"),
        (
            {"start": "tomorrow"},
            "begin",
            'found "tomorrow"; valid is a time such as 2026-11-21T02:00',
        ),
        ({"start": "2026-02-30T00:00"}, "begin", 'found "2026-02-30T00:00"'),
        ({"end": "2026-01-03T02:00"}, "end", "valid is later than begin, 2026-01-03T02:00+01:00"),
        (
            {"start": "2026-03-29T02:30", "end": "2026-03-29T03:00"},
            "end",
            "later than begin, 2026-03-29T03:30+02:00",
        ),
        (
            {"start": "1815-06-18"},
            "begin",
            'found "1815-06-18"; valid is a time in the years 1990 to 9000',
        ),
        (
            {"id": "a\n"},
            "id",
            'found "a\\n"; valid is 1 to 64 letters, digits, _, . and -, beginning with',
        ),
        ({"id": ".."}, "id", 'found ".."'),
        ({"end": "2028-01-03T02:00"}, "end", "at most a year"),
        ({"duration": None}, "end", "neither end nor duration"),
        ({"end": "2026-01-03T03:00", "duration": 60}, "end", "end and duration together"),
        ({"duration": 0}, "duration", "found 0 s; valid is at least 1 s"),
        ({"duration": 9000 * HOUR}, "duration", "found 375 d; valid is at most a year"),
        (
            {"timezone": "Europe/Wien"},
            "timezone",
            'found "Europe/Wien"; valid is an IANA time zone',
        ),
        ({"after": -1}, "after", "a margin of at most a year"),
        (
            {"rule": "every saturday"},
            "rule",
            "valid is a rule of iCalendar such as FREQ=WEEKLY;BYDAY=SA",
        ),
        ({"rule": "FREQ=WEEKLY;BYDAY=XX"}, "rule", "invalid 'BYDAY': XX"),
        (
            {"rule": "DTSTART:20200101T000000\nRRULE:FREQ=DAILY"},
            "rule",
            "neither FREQ=... nor EXDATE or RDATE",
        ),
        ({"rule": "FREQ=MINUTELY"}, "rule", "comes too often"),
        ({"rule": "FREQ=DAILY;INTERVAL=0"}, "rule", "its INTERVAL is less than 1"),
        ({"rule": "FREQ=DAILY;INTERVAL=-1"}, "rule", "its INTERVAL is less than 1"),
        (
            {"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
            "rule",
            "never comes after 2026-01-03T02:00",
        ),
        ({"rule": "FREQ=HOURLY;INTERVAL=+0;BYMONTH=2;BYMONTHDAY=30"}, "rule", "its INTERVAL is"),
        ({"rule": "FREQ=DAILY;BYEASTER=1"}, "rule", "BYEASTER goes with FREQ=YEARLY alone"),
        ({"rule": "\n".join(["FREQ=DAILY"] * 5)}, "rule", "more than 4 lines FREQ=..."),
        ({"rule": "FREQ=DAILY;UNTIL=2027"}, "rule", "2027 is not a date such as 20261231"),
        ({"rule": "FREQ=HOURLY;BYMINUTE=0,30"}, "rule", "comes too often: hourly is the most"),
        (
            {"rule": "FREQ=HOURLY", "start": "2010-01-01", "now": 1_790_000_000},
            "rule",
            "more than 100,000 times until now: begin later",
        ),
    ],
)
def test_a_clear_answer(fields: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(WindowRefused) as refused:
        new_window(**fields)
    assert refused.value.field == field and message in str(refused.value)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY;UNTIL=99991231;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=168;BYDAY=WE",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=WEEKLY;BYDAY=MO;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYEASTER=0;BYMONTH=12",
    ],
)
def test_a_rule_that_never_comes_is_refused_at_once(rule: str) -> None:
    start = time.process_time()
    with pytest.raises(WindowRefused, match="it never comes after 1990-01-01T02:00"):
        new_window(start="1990-01-01T02:00", rule=rule, now=1_795_219_200)
    assert time.process_time() - start < 1


def test_a_rule_is_never_expanded_for_more_than_a_century_or_without_bound() -> None:
    yearly = new_window(start="2026-01-01T02:00", rule="FREQ=YEARLY;UNTIL=99991231")
    assert len(yearly.spans(0, 253_402_300_799)) == 101
    hourly = new_window(start="2026-01-01T02:00", rule="FREQ=HOURLY")
    assert len(hourly.spans(0, 253_402_300_799)) == recurrence.MAX_KNOWN


def test_a_rule_comes_exactly_when_dateutil_says() -> None:
    rng = random.Random(14)
    for _ in range(150):
        days = rng.choice(["BYMONTHDAY=31,-1", "BYDAY=MO,SU", "BYYEARDAY=1,366", "WKST=SU"])
        others = rng.sample(["BYMONTH=1,12", "BYHOUR=3,5", "COUNT=7"], rng.randrange(3))
        frequency = rng.choice(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"])
        if frequency in ("MONTHLY", "WEEKLY", "DAILY") and "YEARDAY" in days:
            continue
        rule = ";".join([f"FREQ={frequency}", f"INTERVAL={rng.randint(1, 12)}", days, *others])
        start = datetime(rng.randint(1990, 2200), rng.randint(1, 12), 28, 3, 30)
        last = start.replace(year=start.year + recurrence.MAX_YEARS, month=1, day=1)
        with suppress(ValueError):  # some never come, and dateutil knows it itself
            expected = list(islice(rrulestr(rule, dtstart=start), 50))
            ours = list(islice(recurrence.expand_rule(rule, start, ZoneInfo("UTC")), 50))
            assert ours == [moment for moment in expected if moment <= last], rule
