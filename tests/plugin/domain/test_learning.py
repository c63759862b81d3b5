"""The rule of the first day."""

import numpy as np

from plugin.domain.alarms import OpenAlarms
from plugin.domain.intervals import Interval
from plugin.domain.learning import (
    is_learning,
    learning_end,
    learning_intervals,
    without_provisional_alarms,
)
from plugin.domain.times import DAY
from plugin.series import Labels, SeriesRecord, SeriesState, Tick


def tick(ids: list[int], times: list[int], score: float = 4.0) -> Tick:
    column = np.ones((len(ids), len(times)))
    return Tick(
        watch="w",
        ids=np.array(ids),
        times=np.array(times),
        value=9 * column,
        expected=column,
        lower=0 * column,
        upper=2 * column,
        score=score * column,
        model_version=np.ones(len(ids), np.int64),
    )


def record(number: int, first_seen: int) -> SeriesRecord:
    return SeriesRecord(number, "w", Labels(()), SeriesState.OK, first_seen, first_seen)


def test_a_series_is_learning_for_as_long_as_its_watch_says() -> None:
    assert learning_end(1000, DAY) == 1000 + DAY
    assert is_learning(1000, 1000, DAY) and is_learning(1000, 999 + DAY, DAY)
    assert not is_learning(1000, 1000 + DAY, DAY)
    assert not is_learning(1000, 1000, 0)


def test_history_counts_and_a_series_that_was_away_is_not_new() -> None:
    first_sample_in_history = 0
    assert not is_learning(first_sample_in_history, 3 * DAY, DAY)
    assert not is_learning(0, 30 * DAY, DAY)  # whatever lies between


def test_provisional_samples_are_muted_and_what_was_muted_stays_so() -> None:
    judged = tick([1, 2, 3], [100, 110, 120])
    muted = without_provisional_alarms(judged, {1: 100, 2: 80}, 30).muted
    assert muted is not None
    assert muted.tolist() == [[True, True, True], [True, False, False], [False] * 3]
    assert without_provisional_alarms(judged, {1: 100, 2: 80}, 0) is judged
    assert without_provisional_alarms(judged, {1: 0, 2: 0}, 30) is judged


def test_the_provisional_time_of_a_series_is_an_interval() -> None:
    records = [record(1, 100), record(2, 50), record(3, 0)]
    assert list(learning_intervals(records, 30, 80)) == [Interval(1, 100, 129)]
    assert list(learning_intervals(records, 30, 79)) == [Interval(1, 100, 129), Interval(2, 50, 79)]


def test_no_alarm_starts_while_a_series_is_learning_and_one_does_with_the_next_sample() -> None:
    alarms = OpenAlarms(10, (1, 1), 0, {})
    learning = without_provisional_alarms(tick([1], [100, 110, 120]), {1: 100}, 30)
    changed, alarms = alarms.after([learning], lambda ids: np.empty((len(ids), 1)))
    assert changed == []
    after = without_provisional_alarms(tick([1], [130]), {1: 100}, 30)
    [alarm], _ = alarms.after([after], lambda ids: np.empty((len(ids), 1)))
    assert (alarm.series_id, alarm.start, alarm.open) == (1, 130, True)
