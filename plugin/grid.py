"""Series on one regular grid: gaps become NaN, never a number; local time for calendars."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from detectors.api import BoolArray, SeriesBatch
from plugin.series import FloatArray, IntArray, Series

DAY = 86_400


def grid_times(start: int, end: int, step: int) -> IntArray:
    """[T] start, start + step, ..., end inclusive; ValueError unless both are multiples of the
    step.

    An `end` before `start` gives no times, as a range does.
    """
    if step <= 0 or start % step or end % step:
        raise ValueError(f"start {start} and end {end} must be multiples of the step {step}")
    return np.arange(start, end + step, step, dtype=np.int64)


def align(series: Sequence[Series], start: int, end: int, step: int) -> FloatArray:
    """[S, T] values on the grid start..end inclusive, NaN where a series has no sample.

    Raises ValueError, naming the series, for a sample outside the range or off the grid.
    """
    values = np.full((len(series), len(grid_times(start, end, step))), np.nan)
    if not series:
        return values
    rows = np.repeat(np.arange(len(series)), [len(one.times) for one in series])
    times = np.concatenate([one.times for one in series])
    columns, rest = np.divmod(times - start, step)
    wrong = (rest != 0) | (columns < 0) | (columns >= values.shape[1])
    if wrong.any():
        raise ValueError(
            f"series {series[rows[wrong][0]].labels} has a sample at {times[wrong][0]}, "
            f"which is not on the grid {start}..{end} of step {step}"
        )
    values[rows, columns] = np.concatenate([one.values for one in series])
    return values


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
    before = time
    after = min(time + DAY, last)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if offset_at(middle, zone) == offset else (before, middle)
    return after


def offset_at(time: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(time, UTC).astimezone(zone).utcoffset()
    assert offset is not None  # a ZoneInfo always has one
    return int(offset.total_seconds())


def batch(
    values: FloatArray,
    start: int,
    step: int,
    timezone: str,
    usable: BoolArray | None = None,
    alarmed: BoolArray | None = None,
    covariates: FloatArray | None = None,
    settled: BoolArray | None = None,
) -> SeriesBatch:
    """What a detector sees: values [S, T] from `start` on, NaN = not observed.

    usable: [S, T], False = scored but not learnt from. alarmed: [S, T], True = was outside its
    band.
    covariates: [S, C, T], NaN = missing; C = 0 without. settled: [S, T], True = the new level is
    normal from here on.
    """
    times = start + step * np.arange(values.shape[1], dtype=np.int64)
    usable = np.ones(values.shape, np.bool_) if usable is None else usable
    alarmed = np.zeros(values.shape, np.bool_) if alarmed is None else alarmed
    covariates = np.empty((len(values), 0, len(times))) if covariates is None else covariates
    return SeriesBatch(
        values=values,
        observed=np.isfinite(values),
        start=start,
        step=step,
        usable=usable,
        utc_offset=utc_offsets(times, timezone),
        alarmed=alarmed,
        covariates=covariates,
        settled=settled,
    )
