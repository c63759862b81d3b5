"""The calendar, and features of it."""

import numpy as np
import pytest

from detectors.api import SeriesBatch
from detectors.season import DAY, DAYS_OFF, SUNDAY, WEEK, Clock, features, known_features

HOUR = 3_600


def test_features_repeat_with_the_week_and_stay_within_one() -> None:
    times = np.arange(0, WEEK, HOUR)
    assert np.allclose(features(times), features(times + WEEK), atol=1e-6)
    assert np.abs(features(times)).max() <= 1
    assert features(np.array([DAY // 4]))[0, 0] == pytest.approx(1.0)


def test_unknown_cycles_are_masked() -> None:
    assert known_features(np.array([0, DAY, WEEK])).tolist() == [
        [0] * 6,
        [1, 1, 1, 1, 0, 0],
        [1] * 6,
    ]


def _hours(offset: int = 0, holiday: bool = False) -> Clock:
    shape = (1, 48)
    values = np.zeros(shape)
    batch = SeriesBatch(values, np.ones(shape, bool), 0, HOUR, utc_offset=np.array(offset))
    return Clock.of(SeriesBatch(**{**vars(batch), "holiday": np.full(48, holiday)}))


def test_a_clock_is_that_of_the_wall() -> None:
    clock = _hours(offset=2 * HOUR)
    assert (clock.day[21], clock.second[21], clock.weekday[21]) == (0, 23 * HOUR, 0)
    assert (clock.day[22], clock.second[22], clock.weekday[22]) == (1, 0, 1)
    part = clock.part(slice(22, 24))
    assert part.second.tolist() == [0, HOUR] and part.step == HOUR


def test_a_holiday_counts_as_a_sunday_and_saturdays_are_off_too() -> None:
    assert (_hours(holiday=True).weekday == SUNDAY).all() and DAYS_OFF[SUNDAY]
    assert np.flatnonzero(DAYS_OFF).tolist() == [2, 3], "the epoch was a Thursday"
