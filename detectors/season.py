"""The calendar: the wall clock that a series lives by, and features of it for networks."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.api import IntArray, SeriesBatch

DAY = 86_400
WEEK = 7 * DAY
FEATURES = 6
# Days are counted from Thursday, as the epoch was one.
DAYS_OFF = np.array([False, False, True, True, False, False, False])
SUNDAY = 3


class Clock(NamedTuple):
    """The local wall clock of T columns. A public holiday counts as a Sunday."""

    day: IntArray  # [T] local days since the epoch
    second: IntArray  # [T] of the local day
    weekday: IntArray  # [T] days since Thursday
    step: int  # seconds between columns

    @classmethod
    def of(cls, batch: SeriesBatch) -> "Clock":
        day = batch.local_times // DAY
        weekday = np.where(batch.holiday, SUNDAY, day % 7)
        return cls(day, batch.local_times % DAY, weekday.astype(np.int64), batch.step)

    def part(self, columns: slice) -> "Clock":
        """The clock of some of the columns."""
        return Clock(self.day[columns], self.second[columns], self.weekday[columns], self.step)


def features(local_times: IntArray) -> NDArray[np.float32]:
    """[T, FEATURES]: two harmonics of the day, one of the week, as sine and cosine."""
    day = 2 * np.pi * (local_times % DAY) / DAY
    week = 2 * np.pi * (local_times % WEEK) / WEEK
    waves = (np.sin(day), np.cos(day), np.sin(2 * day), np.cos(2 * day), np.sin(week), np.cos(week))
    return np.stack(waves, axis=-1).astype(np.float32)


def known_features(period: IntArray) -> NDArray[np.float32]:
    """[S, FEATURES] 1 where the history supports the cycle, 0 where a series must not learn it."""
    day = period >= DAY
    week = period >= WEEK
    return np.stack([day] * 4 + [week] * 2, axis=-1).astype(np.float32)
