"""When a window is: across both changes of the clocks, endless, ended, overlapping; and what is
refused."""

import random
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr

from plugin.domain import occurrences, recurrence
from plugin.domain.times import DAY, HOUR
from plugin.domain.windows import Window, WindowRequest
from plugin.errors import WindowRefused
from tests.cpu import RUNS, within

VIENNA = ZoneInfo("Europe/Vienna")


def new_window(**fields: Any) -> Window:
    return WindowRequest(
        **{
            "name": "w",
            "match": "{}",
            "start": "2026-01-03T02:00",
            "timezone": "Europe/Vienna",
            **({} if "end" in fields else {"duration": 2 * HOUR}),
            **fields,
        }
    ).window()


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
    moments = iter(range(now, now + RUNS))

    def ask() -> bool:
        moment = next(moments)
        return all(item.spans(moment, moment) for item in windows)

    assert within(0.1, ask)


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
        ({"rule": "FREQ=HOURLY;BYMINUTE= 0,30"}, "rule", "comes too often: hourly is the most"),
        ({"rule": "FREQ=DAILY;COUNT=10000"}, "rule", "its COUNT is less than 1, or not a whole"),
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
        "FREQ=HOURLY;BYSETPOS=-2,366",
    ],
)
def test_a_rule_that_never_comes_is_refused_at_once(rule: str) -> None:
    def ask() -> None:
        with pytest.raises(WindowRefused, match="it never comes after 1990-01-01T02:00"):
            new_window(start="1990-01-01T02:00", rule=rule)

    within(1, ask)


def test_a_rule_is_never_expanded_for_more_than_a_century_or_without_bound() -> None:
    yearly = new_window(start="2026-01-01T02:00", rule="FREQ=YEARLY;UNTIL=99991231")
    assert len(yearly.spans(0, 253_402_300_799)) == 101
    hourly = new_window(start="2026-01-01T02:00", rule="FREQ=HOURLY")
    assert len(hourly.spans(0, 253_402_300_799)) == occurrences.MAX_KNOWN


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY",
        "FREQ=HOURLY;COUNT=9999",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))),
        "\n".join(f"FREQ=HOURLY;BYMINUTE={minute}" for minute in (0, 10, 20, 30)),
        "FREQ=HOURLY;UNTIL=20000101",
    ],
)
def test_a_rule_that_is_old_costs_little(rule: str) -> None:
    now = 1_795_219_200

    def ask() -> None:
        window = new_window(start="1990-01-01T02:00", rule=rule)
        assert window.first == at("1990-01-01T02:00")
        assert window.state(now) == ("ended" if "=9999" in rule or "UNTIL" in rule else "active")
        assert (window.nearest(now) or (0, 0))[0] > at("1991-01-01")
        assert len(window.spans(now - 30 * DAY, now)) in (0, 721, 4 * 721)

    within(0.5, ask)


def test_any_order_of_questions_has_the_same_answers() -> None:
    rng = random.Random(2)
    rule = (
        "FREQ=HOURLY;INTERVAL=5;UNTIL=20150101\nFREQ=MONTHLY;BYDAY=-1FR\nFREQ=DAILY;COUNT=900\n"
        "RDATE:19891224T180000,20260101T000000\nEXDATE:20140105T020000"
    )
    every = new_window(start="2012-01-01T02:00", rule=rule).spans(0, at("2030-01-01"))
    window = new_window(start="2012-01-01T02:00", rule=rule)
    for _ in range(100):
        start = at("2010-01-01") + rng.randrange(18 * 365 * DAY)
        end = start + rng.choice((0, HOUR, 40 * DAY, 400 * DAY))
        expected = [span for span in every if span[0] <= end and span[1] > start]
        assert window.spans(start, end) == expected
        last = max(span for span in every if span[0] < start)
        assert (window._last(start - 1) or (0, 0)) == last
        assert window.nearest(start) == min(span for span in every if span[1] > start)


def rules(rng: random.Random, others: list[str]) -> str:
    days = ["BYMONTHDAY=31,-1", "BYDAY=MO,SU", "BYYEARDAY=1,366", "WKST=SU", "BYWEEKDAY=TU"]
    frequency = rng.choice(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"])
    parts = [f"FREQ={frequency}", f"INTERVAL={rng.randint(1, 30)}", *rng.sample(days, 1)]
    return ";".join([*parts, *rng.sample(others, rng.randrange(3))])


def test_a_rule_that_is_begun_near_a_time_comes_at_the_same_times() -> None:
    rng = random.Random(3)
    others = ["BYMONTH=1,2,12", "BYHOUR=3,5,20", "BYSETPOS=-1,2", "UNTIL=20270101", "BYMINUTE=7"]
    tried = 0
    for _ in range(60):
        rule = rules(rng, others)
        start = datetime(rng.randint(1990, 2030), rng.randint(1, 12), rng.randint(1, 28), 3, 30)
        start += timedelta(days=rng.randint(0, 3))
        since = start + timedelta(days=rng.randint(0, 2000), hours=rng.randint(0, 23))
        with suppress(ValueError):  # dateutil knows that some never come
            made = recurrence.Recurrence(rule, start, ZoneInfo("UTC"))
            expected = [time for time in islice(made.times(), 20_000) if time >= since][:50]
            tried += len(expected)
            assert list(islice(made.times(since), len(expected))) == expected, (rule, start)
    assert tried > 1000


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
            ours = list(islice(recurrence.Recurrence(rule, start, ZoneInfo("UTC")).times(), 50))
            assert ours == [moment for moment in expected if moment <= last], rule
