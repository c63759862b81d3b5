"""The shape of a day and of a week as the bands of the past weeks show it. Pure.

The bands are those that were shown, so this is what was expected, not what was measured.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from plugin.domain.times import DAY, HOUR, MINUTE, WEEK
from plugin.series import FloatArray, IntArray, Samples

HALF_HOUR = 30 * MINUTE
OFFSET_SECONDS = 15 * MINUTE  # no time zone changes its offset at another time
FIRST_MONDAY = 4 * DAY  # 1970-01-05, in unix seconds
MIN_HALF_HOURS = 36  # of a day that have a band, without which it has no shape
MIN_HOURS = 120  # of a week


@dataclass(frozen=True)
class ShapePart:
    """The median band in each of the equal parts of a day or a week; NaN = there was none."""

    times: IntArray  # [B] seconds from the start, the middle of each part
    expected: FloatArray  # [B]
    lower: FloatArray  # [B] -inf = no bound on that side
    upper: FloatArray  # [B]

    @property
    def width(self) -> FloatArray:
        """[B] from the lower to the upper bound; NaN where one of them is missing."""
        return np.where(np.isfinite(self.lower) & np.isfinite(self.upper), self._distance, np.nan)

    @property
    def _distance(self) -> FloatArray:
        with np.errstate(invalid="ignore"):
            return self.upper - self.lower

    @property
    def size(self) -> int:
        """How many parts have a band."""
        return int(np.isfinite(self.expected).sum())


@dataclass(frozen=True)
class LearntShape:
    """None = the bands do not show it yet."""

    day: ShapePart | None  # in half hours
    week: ShapePart | None  # in hours, from Monday on

    @classmethod
    def of(cls, samples: Samples, timezone: ZoneInfo) -> "LearntShape":
        """samples: of some weeks, with their bands."""
        has_band = np.isfinite(samples.expected)
        local = local_times(samples.times[has_band], timezone)
        bounds = np.stack([samples.expected, samples.lower, samples.upper])[:, has_band]
        day = _shape(local % DAY, bounds, DAY, HALF_HOUR)
        week = _shape((local - FIRST_MONDAY) % WEEK, bounds, WEEK, HOUR)
        return cls(
            day if day.size >= MIN_HALF_HOURS else None, week if week.size >= MIN_HOURS else None
        )


def local_times(times: IntArray, timezone: ZoneInfo) -> IntArray:
    """Unix seconds, moved by the offset of a time zone: `% DAY` is the local time of day."""
    parts, positions = np.unique(times // OFFSET_SECONDS, return_inverse=True)
    offsets = [_offset(part * OFFSET_SECONDS, timezone) for part in parts.tolist()]
    return times + np.array(offsets, np.int64)[positions]


def _offset(time: int, timezone: ZoneInfo) -> int:
    """Seconds by which local time is ahead of UTC."""
    offset = datetime.fromtimestamp(time, timezone).utcoffset() or timedelta()
    return int(offset.total_seconds())


def _shape(times: IntArray, bounds: FloatArray, length: int, part_seconds: int) -> ShapePart:
    """times: [T] seconds from the start of the day or week; bounds: expected, lower and upper,
    [3, T]."""
    count = length // part_seconds
    medians = np.full((3, count), np.nan)
    parts = times // part_seconds
    order = np.argsort(parts, kind="stable")
    starts = np.searchsorted(parts[order], np.arange(count + 1))
    for part in range(count):
        rows = order[starts[part] : starts[part + 1]]
        if len(rows):
            # The middle one: a mean of an infinite bound and a finite one means nothing.
            medians[:, part] = np.sort(bounds[:, rows], axis=1)[:, len(rows) // 2]
    middles = part_seconds * np.arange(count, dtype=np.int64) + part_seconds // 2
    return ShapePart(middles, *medians)
