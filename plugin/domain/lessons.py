"""What a history can teach yet: the shape of a day, weekends, weekdays, holidays. Pure.

What counts are the days on which there are samples, not the distance between the first and the last
one. Days are local, numbered from 1970-01-01. A day counts for fits of the days after it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

EPOCH = date(1970, 1, 1)
DAYS_OF_SHAPE = 2
WEEKEND_DAYS = 4
DAYS_OF_EACH_WEEKDAY = 3
HOLIDAYS = 3
MAX_DAYS_AHEAD = 400  # looked for a date; holidays come back within a year

LessonRule = Callable[[Collection[int]], bool]  # whether these days teach it


@dataclass(frozen=True)
class Lesson:
    """One thing that a series can teach."""

    name: str
    is_known: bool  # today
    known_from: int | None  # day from today on; None = never with so short a window


@lru_cache(1024)  # most series of a watch have the same days
def lessons(
    sample_days: frozenset[int],
    today: int,
    window_days: int,
    holidays: frozenset[int] | None = None,
) -> tuple[Lesson, ...]:
    """What days with samples teach a fit of `today`, and from when on the rest, if each day from
    `today` on has samples, too.

    window_days: that a fit looks back. holidays: days, from the first one to
    MAX_DAYS_AHEAD after today; None = the watch has no calendar.
    """
    past_days = {day for day in sample_days if day < today}
    rules: dict[str, LessonRule] = {
        "the shape of the day": lambda days: len(days) >= DAYS_OF_SHAPE,
        "weekends": lambda days: sum(_weekday(day) >= 5 for day in days) >= WEEKEND_DAYS,
        "each weekday": lambda days: _fewest_of_a_weekday(days) >= DAYS_OF_EACH_WEEKDAY,
    }
    if holidays is not None:
        rules["holidays"] = lambda days: len(holidays.intersection(days)) >= HOLIDAYS
    return tuple(
        Lesson(name, first == today, first)
        for name, is_enough in rules.items()
        for first in [_first_day(is_enough, past_days, today, window_days)]
    )


def lesson_texts(by_series: Sequence[tuple[Lesson, ...]], today: int) -> list[str]:
    """`weekends: known from 12 December on`, for each lesson.

    by_series: the same lessons of each series. today: a date of this year is written without it.
    """
    return [_text([*column], today) for column in zip(*by_series, strict=True)]


def _text(column: Sequence[Lesson], today: int) -> str:
    """One lesson of all series."""
    pending_days = [lesson.known_from for lesson in column if not lesson.is_known]
    name = column[0].name
    if not pending_days:
        return f"{name}: known"
    count = len(column) - len(pending_days)
    part = f"known for {count} of {len(column)} series, " if count else ""
    if None in pending_days:
        return f"{name}: {part}{'else ' if part else ''}not with so short a fit_window"
    last_date = _date_text(max(day for day in pending_days if day is not None), today)
    return f"{name}: {part}{'for all ' if part else 'known '}from {last_date} on"


def _first_day(
    is_enough: LessonRule, past_days: Collection[int], today: int, window_days: int
) -> int | None:
    """The first day from `today` on whose window has days enough."""
    for day in range(today, today + MAX_DAYS_AHEAD):
        first = day - window_days
        if is_enough([*(old for old in past_days if old >= first), *range(max(today, first), day)]):
            return day
    return None


def _weekday(day: int) -> int:
    """0 = Monday."""
    return (day + EPOCH.weekday()) % 7


def _fewest_of_a_weekday(days: Collection[int]) -> int:
    """How often the weekday that was seen least was seen."""
    weekdays = [_weekday(day) for day in days]
    return min(weekdays.count(weekday) for weekday in range(7))


def _date_text(day: int, today: int) -> str:
    """`12 December`, with its year if that is not the year of `today`."""
    moment = EPOCH + timedelta(days=day)
    year = "" if moment.year == (EPOCH + timedelta(days=today)).year else f" {moment.year}"
    return f"{moment.day} {moment:%B}{year}"
