"""The shapes that bands have shown: medians by local time."""

from zoneinfo import ZoneInfo

import numpy as np

from plugin.domain.learnt_shape import LearntShape, local_times
from plugin.domain.times import DAY, HOUR, MINUTE
from plugin.series import FloatArray, IntArray, Samples

MONDAY = 1_795_392_000  # 2026-11-23T00:00:00Z
UTC = ZoneInfo("UTC")


def banded(times: IntArray, expected: FloatArray, *, bounded: bool = True) -> Samples:
    """A band of two beside what is expected; unbounded: none above."""
    upper = expected + 2 if bounded else np.full(len(times), np.inf)
    ones = np.ones(len(times))
    return Samples(times, expected, expected, expected - 2, upper, ones, ones.astype(int))


def weeks(count: int) -> IntArray:
    return MONDAY + np.arange(0, count * 7 * DAY, 10 * MINUTE, dtype=np.int64)


def test_a_peak_lies_at_its_local_time() -> None:
    times = weeks(3)
    expected = np.where(times % DAY // HOUR == 20, 9.0, 1.0)  # 20:00 UTC
    shape = LearntShape.of(banded(times, expected), ZoneInfo("Asia/Kolkata"))  # +05:30
    assert shape.day is not None and shape.week is not None
    [first, second] = np.flatnonzero(shape.day.expected == 9)
    assert [shape.day.times[first] / HOUR, shape.day.times[second] / HOUR] == [1.75, 2.25]
    assert set(shape.day.width.tolist()) == {4.0}
    assert len(shape.week.expected) == 168


def test_a_week_begins_on_monday_and_one_odd_day_does_not_count() -> None:
    times = weeks(3)
    expected = np.where((times - MONDAY) // DAY % 7 == 5, 5.0, 1.0)  # Saturdays
    expected[(times >= MONDAY + 8 * DAY) & (times < MONDAY + 9 * DAY)] = 100.0  # one Tuesday
    shape = LearntShape.of(banded(times, expected), UTC)
    assert shape.week is not None
    saturday = np.zeros(168, bool)
    saturday[5 * 24 : 6 * 24] = True
    assert (shape.week.expected == np.where(saturday, 5, 1)).all()


def test_a_change_of_clocks_does_not_move_the_peak() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    end_of_summer = 1_792_890_000  # 2026-10-25T01:00:00Z
    times = np.array([end_of_summer - DAY, end_of_summer + DAY])
    assert (local_times(times, berlin) - times).tolist() == [2 * HOUR, HOUR]


def test_nothing_is_said_before_there_are_hours_enough() -> None:
    half_a_day = MONDAY + np.arange(0, 12 * HOUR, MINUTE, dtype=np.int64)
    assert LearntShape.of(banded(half_a_day, 1.0 * half_a_day), UTC) == LearntShape(None, None)
    two_days = MONDAY + np.arange(0, 2 * DAY, MINUTE, dtype=np.int64)
    shape = LearntShape.of(banded(two_days, 1.0 * two_days), UTC)
    assert shape.day is not None and shape.week is None
    nothing = LearntShape.of(banded(two_days, np.full(len(two_days), np.nan)), UTC)
    assert nothing == LearntShape(None, None)


def test_a_band_that_is_open_on_one_side_has_no_width() -> None:
    times = weeks(1)
    shape = LearntShape.of(banded(times, np.ones(len(times)), bounded=False), UTC)
    assert shape.day is not None and np.isnan(shape.day.width).all()
