"""Series on one regular grid: gaps become NaN, never a number; local time for calendars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from detectors.api import SeriesBatch
from plugin.config import Calendar
from plugin.domain.public_holidays import holidays_between
from plugin.domain.times import DAY
from plugin.series import BoolArray, FloatArray, IntArray, Series


@dataclass(frozen=True)
class Grid:
    """The columns of an array over time: `count` times, `step` seconds apart."""

    start: int  # unix seconds of the first column
    step: int  # seconds
    count: int  # columns

    @classmethod
    def between(cls, start: int, end: int, step: int) -> "Grid":
        """From start to end inclusive; an `end` before `start` gives no columns, as a range does.

        Raises ValueError unless both are multiples of the step.
        """
        if step <= 0 or start % step or end % step:
            raise ValueError(f"start {start} and end {end} must be multiples of the step {step}")
        return cls.within(start, end, step)

    @classmethod
    def within(cls, start: int, end: int, step: int) -> "Grid":
        """From `start`, which may be any second, to the last step that is not after `end`."""
        return cls(start, step, max(0, (end - start) // step + 1))

    @property
    def end(self) -> int:
        """Unix seconds of the last column; of an empty grid, one step before `start`."""
        return self.start + (self.count - 1) * self.step

    @property
    def times(self) -> IntArray:
        """[T] unix seconds."""
        return self.start + self.step * np.arange(self.count, dtype=np.int64)

    def columns(self, start: int, end: int) -> slice:
        """The columns whose times lie in start..end, both included."""
        first = max(0, -((self.start - start) // self.step))
        return slice(first, max(first, min(self.count, (end - self.start) // self.step + 1)))


def align(series: Sequence[Series], grid: Grid) -> FloatArray:
    """[S, T] values on the grid, NaN where a series has no sample.

    Raises ValueError, naming the series, for a sample outside the grid or between its times.
    """
    values = np.full((len(series), grid.count), np.nan)
    if not series:
        return values
    rows = np.repeat(np.arange(len(series)), [len(member.times) for member in series])
    times = np.concatenate([member.times for member in series])
    columns, remainder = np.divmod(times - grid.start, grid.step)
    misplaced = (remainder != 0) | (columns < 0) | (columns >= grid.count)
    if misplaced.any():
        raise ValueError(
            f"series {series[rows[misplaced][0]].labels} has a sample at {times[misplaced][0]}, "
            f"which is not on the grid {grid.start}..{grid.end} of step {grid.step}"
        )
    values[rows, columns] = np.concatenate([member.values for member in series])
    return values


def series_batch(
    values: FloatArray, grid: Grid, timezone: str, calendar: Calendar | None = None
) -> SeriesBatch:
    """What a detector sees of values [S, T], NaN = not observed. All of it may be learnt from.

    calendar: whose holidays the series follow; None = none.
    """
    offsets = utc_offsets(grid.times, timezone)
    local_times = grid.times + offsets
    return SeriesBatch(
        values=values,
        observed=np.isfinite(values),
        start=grid.start,
        step=grid.step,
        utc_offset=offsets,
        holiday=np.array(False) if calendar is None else holidays(local_times, calendar),
    )


def local_days(times: IntArray, timezone: str) -> IntArray:
    """The local days on which unix seconds lie, each once, ascending, from 1970-01-01."""
    return np.unique((times + utc_offsets(times, timezone)) // DAY)


def holidays(local_times: IntArray, calendar: Calendar) -> BoolArray:
    """[T] whether each second of the local wall clock lies on a public holiday."""
    if not len(local_times):
        return np.zeros(0, bool)
    days = local_times // DAY
    return np.isin(days, _holiday_days(int(days.min()), int(days.max()), calendar))


@lru_cache(256)  # a tick asks for the same day all day
def _holiday_days(first_day: int, last_day: int, calendar: Calendar) -> IntArray:
    days = holidays_between(first_day, last_day, calendar.country, calendar.subdivision)
    return np.array(list(days), np.int64)


def utc_offsets(times: IntArray, timezone: str) -> IntArray:
    """[T] seconds that local time is ahead of UTC at each unix time, daylight saving included.

    Offsets change twice a year: they are looked up once a day and each change is then searched to
    the second.
    Raises zoneinfo.ZoneInfoNotFoundError for an unknown zone.
    """
    zone = ZoneInfo(timezone)
    if times.size == 0:
        return np.zeros(0, np.int64)
    changes = [int(times.min())]
    offsets = [offset_at(int(times.min()), zone)]
    while changes[-1] < times.max():
        change = next_change(changes[-1], int(times.max()), zone)
        changes.append(change)
        offsets.append(offset_at(change, zone))
    return np.array(offsets, np.int64)[np.searchsorted(changes, times, side="right") - 1]


def next_change(time: int, last: int, zone: ZoneInfo) -> int:
    """The first second after `time` with another offset, or `last` where there is none until
    then."""
    offset = offset_at(time, zone)
    while time < last and offset_at(min(time + DAY, last), zone) == offset:
        time = min(time + DAY, last)
    low = time
    high = min(time + DAY, last)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset_at(middle, zone) == offset else (low, middle)
    return high


def offset_at(time: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(time, UTC).astimezone(zone).utcoffset()
    assert offset is not None  # a ZoneInfo always has one
    return int(offset.total_seconds())
