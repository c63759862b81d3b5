"""From when on a history teaches days, weekends, weekdays and holidays."""

from datetime import date

import pytest

from plugin.domain.lessons import EPOCH, Lesson, lesson_texts, lessons
from plugin.domain.public_holidays import holidays_between


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


MONDAY = day("2026-11-30")


def known(first: str, today: str, window_days: int = 35) -> dict[str, str]:
    """Lesson -> the date from which it is known; "" = never. Every day since `first` is seen."""
    found = lessons(frozenset(range(day(first), day(today))), day(today), window_days)
    return {
        lesson.name: ""
        if lesson.known_from is None
        else date.fromordinal(EPOCH.toordinal() + lesson.known_from).isoformat()
        for lesson in found
    }


def test_a_watch_that_begins_on_a_monday_learns_step_by_step() -> None:
    assert known("2026-11-30", "2026-11-30") == {
        "the shape of the day": "2026-12-02",
        "weekends": "2026-12-14",  # after two weekends
        "each weekday": "2026-12-21",  # after three weeks
    }


def test_what_is_known_is_known_today() -> None:
    assert set(known("2026-11-09", "2026-11-30").values()) == {"2026-11-30"}
    assert known("2026-11-16", "2026-11-30")["weekends"] == "2026-11-30"
    assert known("2026-11-16", "2026-11-30")["each weekday"] == "2026-12-07"


def test_days_that_were_seen_count_and_not_the_distance() -> None:
    """Samples on Saturdays only: four of them are four days of a weekend in three weeks."""
    saturdays = frozenset(day("2026-11-07") + 7 * week for week in range(4))
    found = {lesson.name: lesson for lesson in lessons(saturdays, MONDAY, 35)}
    assert found["weekends"].known_from == MONDAY
    assert found["each weekday"].known_from == day("2026-12-21")
    two_ends = {
        lesson.name: lesson for lesson in lessons(frozenset([MONDAY - 30, MONDAY - 1]), MONDAY, 35)
    }
    assert two_ends["weekends"].known_from == day("2026-12-13")


def test_what_does_not_fit_into_the_window_is_never_known() -> None:
    assert known("2026-10-01", "2026-11-30", window_days=14)["each weekday"] == ""
    assert known("2026-10-01", "2026-11-30", window_days=14)["weekends"] == "2026-11-30"
    assert set(known("2026-10-01", "2026-11-30", window_days=0).values()) == {""}


def test_holidays_are_known_after_three() -> None:
    free = frozenset(holidays_between(day("2026-11-01"), day("2027-12-31"), "DE"))
    november = frozenset(range(day("2026-11-01"), MONDAY))
    [*_, lesson] = lessons(november, MONDAY, 35, free)
    assert lesson == Lesson("holidays", False, day("2027-01-02"))  # Christmas, and New Year's Day
    [*_, never] = lessons(november, MONDAY, 35, frozenset())
    assert never == Lesson("holidays", False, None)


@pytest.mark.parametrize(
    ("dates", "text"),
    [
        ([MONDAY, MONDAY], "weekends: known"),
        ([day("2026-12-12")], "weekends: known from 12 December on"),
        ([day("2027-01-02")], "weekends: known from 2 January 2027 on"),
        (
            [MONDAY, MONDAY, day("2026-12-01"), day("2026-12-12")],
            "weekends: known for 2 of 4 series, for all from 12 December on",
        ),
        ([None, None], "weekends: not with so short a fit_window"),
        ([MONDAY, None], "weekends: known for 1 of 2 series, else not with so short a fit_window"),
    ],
)
def test_the_words_for_all_series(dates: list[int | None], text: str) -> None:
    found = [(Lesson("weekends", known_from == MONDAY, known_from),) for known_from in dates]
    assert lesson_texts(found, MONDAY) == [text]


def test_without_a_series_there_is_nothing_to_say() -> None:
    assert lesson_texts([], MONDAY) == []
