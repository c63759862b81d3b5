"""What the samples of a series can teach a fit of its watch, for `check` and `backtest`."""

import numpy as np

from plugin.config import Watch
from plugin.domain.lessons import MAX_DAYS_AHEAD, Lesson, lessons
from plugin.domain.public_holidays import holidays_between
from plugin.domain.times import DAY
from plugin.grid import local_days
from plugin.series import IntArray


def local_today(watch: Watch, now: int) -> int:
    """The local day of a unix second, as `lessons` numbers it."""
    return int(local_days(np.array([now]), watch.timezone)[0])


def lessons_of(watch: Watch, times: IntArray, now: int) -> tuple[Lesson, ...]:
    """What a fit at `now` could learn. times: of the samples; all unix seconds. watch: with the
    step of the series."""
    days = local_days(times, watch.timezone).tolist()
    today = local_today(watch, now)
    holidays: frozenset[int] | None = None
    if watch.calendar is not None:
        first = min([today, *days])
        country, subdivision = watch.calendar.country, watch.calendar.subdivision
        holidays = frozenset(holidays_between(first, today + MAX_DAYS_AHEAD, country, subdivision))
    return lessons(frozenset(days), today, watch.fit_seconds // DAY, holidays)
