"""The latest row of each series: what moves it, what holds it, what state it is in."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from plugin.config import Watch
from plugin.domain.alarms import Alarm, OpenAlarms, hold_seconds
from plugin.domain.intervals import Interval
from plugin.jobs.latest_samples import LatestSamples
from plugin.series import Labels, Samples, SeriesRecord, SeriesState, Tick

NAN = np.nan
GONE_AFTER = 600
HOLD = hold_seconds(10)


def record(number: int, last_seen: int = 0) -> SeriesRecord:
    return SeriesRecord(
        number, "w", Labels.of({"n": str(number)}), SeriesState.WARMING_UP, 0, last_seen
    )


def tick(ids: list[int], start: int, value: list[list[float]], score: list[list[float]]) -> Tick:
    values = np.array(value, float)
    scores = np.array(score, float)
    times = start + 10 * np.arange(values.shape[1])
    return Tick(
        "w",
        np.array(ids),
        times,
        values,
        values,
        values - 1,
        values + 1,
        scores,
        np.full(len(ids), 7),
    )


class Followed(LatestSamples):
    """With its alarms, as the score job follows them."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.open = OpenAlarms(watch.step, watch.persistence, 0, {})

    def update(self, tick: Tick) -> None:
        changed, self.open = self.open.after([tick], self.recent)
        super().update(tick)
        self.hold(changed)

    def end_run(self, start: int, end: int) -> None:
        """A run without any sample: the time passes."""
        if end > self.open.until:
            self.update(tick([1], end, [[NAN]], [[NAN]]))
        super().end_run(start, end)


def latest(**settings: Any) -> Followed:
    return Followed(Watch(name="w", query="up", step=10, **{"learn_for": 0, **settings}))


def alarm(end: int, score: float, **settings: Any) -> Alarm:
    """A brief one of series 1, as the store has it."""
    return replace(Alarm(1, end, end, False, 1, end, score, 9, 5, 4, 6, 1), **settings)


def later(board: LatestSamples, now: int, end: int) -> None:
    """Looks in vain, step by step, from the one after `now` to `end`."""
    for time in range(now, end, 10):
        board.end_run(time, time + 10)


def test_the_last_observed_sample_is_the_latest() -> None:
    board = latest()
    board.update(
        tick([5, 2], 100, [[1, 2, NAN], [NAN, NAN, NAN]], [[0.1, 0.2, NAN], [NAN, NAN, NAN]])
    )
    shown, _ = board.snapshot([record(2), record(5)], {}, 120, GONE_AFTER)
    assert shown.times.tolist() == [0, 110] and shown.value[1] == 2 and np.isnan(shown.value[0])
    assert shown.model_version.tolist() == [0, 7] and shown.score[1] == 0.2


def test_a_gap_pushes_nothing_out_of_the_persistence_window() -> None:
    board = latest(persistence=(2, 3))
    board.update(tick([1], 100, [[1, 1, NAN]], [[0.2, 3.0, NAN]]))
    assert board.snapshot([record(1)], {}, 120, GONE_AFTER)[0].alert_score.tolist() == [0.2]
    board.update(tick([1], 130, [[1, 1]], [[0.0, 0.0]]))
    assert board.snapshot([record(1)], {}, 140, GONE_AFTER)[0].alert_score.tolist() == [0.0]


def test_while_an_alarm_is_open_its_score_is_the_highest_so_far() -> None:
    board = latest()
    for time, score, shown in (
        (100, 0.5, 0.5),
        (110, 2.0, 2.0),
        (120, 0.5, 2.0),
        (130, 3.0, 3.0),
        (140, 2.0, 3.0),
        (130 + HOLD, 1.5, 3.0),
        (130 + 2 * HOLD - 10, 0.5, 3.0),
        (130 + 2 * HOLD, 0.4, 0.4),
        (140 + 2 * HOLD, 1.1, 1.1),
    ):
        board.update(tick([1], time, [[1]], [[score]]))
        seen = board.snapshot([record(1)], {}, time, GONE_AFTER)[0]
        assert (seen.score.tolist(), seen.alert_score.tolist()) == ([score], [shown]), time


def test_with_persistence_it_opens_with_the_kth_sample_and_shows_the_highest() -> None:
    board = latest(persistence=(2, 3))
    board.update(tick([1], 100, [[1]], [[9.0]]))
    assert board.snapshot([record(1)], {}, 100, GONE_AFTER)[0].alert_score.tolist() == [0.0]
    board.update(tick([1], 110, [[1]], [[4.0]]))
    assert board.snapshot([record(1)], {}, 110, GONE_AFTER)[0].alert_score.tolist() == [4.0]


def test_above_1_without_an_alarm_is_shown_as_1() -> None:
    """Two outside, a gap in which their alarm ends, one inside: two of the last three exceed 1."""
    board = latest(persistence=(2, 3))
    board.update(tick([1], 100, [[1, 1]], [[4.0, 4.0]]))
    board.update(tick([1], 120 + HOLD, [[1]], [[0.2]]))
    seen = board.snapshot([record(1)], {}, 120 + HOLD, GONE_AFTER)[0]
    assert seen.alert_score.tolist() == [1.0] and not board.open.alarms


def test_a_restart_holds_what_is_open_in_the_store() -> None:
    board = latest()
    row = np.array([0.5])
    board.restore(
        np.array([1]), [Samples(np.array([200]), row, row, row, row, row, np.array([7]))], 200
    )
    board.hold([alarm(100, 9.0), alarm(150, 3.0, start=140, open=True)])
    assert board.snapshot([record(1)], {}, 200, GONE_AFTER)[0].alert_score.tolist() == [3.0]
    board.hold([alarm(150, 3.0, start=140, ended_by="paused")])
    assert board.snapshot([record(1)], {}, 200, GONE_AFTER)[0].alert_score.tolist() == [0.5]


def test_the_recent_scores_are_those_before_a_tick_the_oldest_first() -> None:
    board = latest(persistence=(1, 3))
    board.update(
        tick([5, 2], 100, [[1] * 4, [1] * 4], [[0.1, 0.2, NAN, 0.3], [0.4, 0.5, 0.6, 0.7]])
    )
    board.update(tick([5], 140, [[1]], [[0.8]]))
    np.testing.assert_array_equal(
        board.recent(np.array([2, 3, 5])), [[0.5, 0.6, 0.7], [NAN] * 3, [0.2, 0.3, 0.8]]
    )


def test_states_follow_the_last_sample() -> None:
    board = latest()
    board.update(tick([1], 100, [[1]], [[0.5]]))
    champions: Any = {
        1: type("Model", (), {"detector": "lstm", "fitted_at": 50, "checked_at": 50})()
    }
    board.end_run(90, 100)
    before = 100
    for now, state in {100: "ok", 120: "ok", 130: "missing", 700: "missing", 710: "gone"}.items():
        later(board, before, now)
        before = now
        shown, seen = board.snapshot([record(1)], champions, now, GONE_AFTER)
        assert seen[0].state == state and seen[0].last_seen == 100
        assert len(shown.series) == (0 if state == "gone" else 1)
    young = latest()
    young.update(tick([1], 100, [[1]], [[0.5]]))
    assert young.snapshot([record(1)], {}, 100, GONE_AFTER)[1][0].state == "warming_up"


@pytest.mark.parametrize(
    ("missing_data", "score", "held", "then"),
    [
        ("skip", 0.5, NAN, NAN),
        ("skip", 1.0, NAN, NAN),
        ("skip", 1.5, 1.5, 0.0),
        ("alert", 0.5, 0.0, 0.0),
        ("alert", 1.5, 1.5, 0.0),
        ("alert", NAN, 0.0, 0.0),
    ],
)
def test_a_series_that_vanishes_is_held_while_its_alarm_is_open(
    missing_data: str, score: float, held: float, then: float
) -> None:
    board = latest(missing_data=missing_data)
    board.update(tick([1], 100, [[1]], [[score]]))
    vanished = 100 + 3 * 10
    before = 100
    for now, expected in (
        (vanished - 10, score),
        (vanished, held),
        (100 + HOLD - 10, held),
        (100 + HOLD, then),
    ):
        later(board, before, now)
        before = now
        shown, _ = board.snapshot([record(1)], {}, now, 10 * HOLD)
        np.testing.assert_array_equal(shown.alert_score, [expected])
        assert shown.missing.tolist() == [now >= vanished]
    board.update(tick([1], before + 10, [[1]], [[0.2]]))
    board.end_run(before, before + 10)
    shown, _ = board.snapshot([record(1)], {}, before + 10, 10 * HOLD)
    assert shown.alert_score.tolist() == [0.2] and not shown.missing.any()


def test_a_series_that_came_back_inside_and_vanishes_keeps_the_row_of_its_open_alarm() -> None:
    board = latest(missing_data="skip")
    board.update(tick([1], 100, [[1]], [[1.5]]))
    board.end_run(90, 100)
    board.update(tick([1], 110, [[1]], [[0.3]]))
    board.end_run(100, 110)
    before = 110
    for now, expected in ((140, 1.5), (100 + HOLD - 10, 1.5), (100 + HOLD, 0.0)):
        later(board, before, now)
        before = now
        shown, _ = board.snapshot([record(1)], {}, now, 10 * HOLD)
        assert (shown.alert_score.tolist(), shown.missing.tolist()) == ([expected], [True])


def test_an_outage_is_no_time_that_a_series_was_missing() -> None:
    """Prometheus comes back after an hour and has not scraped yet when we look: one look in vain,
    not hundreds. Its alarm has ended: an hour without a sample outside has passed."""
    board = latest()
    back = 100 + 3600
    board.update(tick([1], 100, [[1]], [[1.5]]))
    board.end_run(90, 100)
    board.end_run(100, back)
    gone = back + 20
    before = back
    for now, missing, score in (
        (back, False, 1.0),
        (gone - 10, False, 1.0),
        (gone, True, 0),
        (gone + HOLD, True, 0),
    ):
        later(board, before, now)
        before = now
        shown = board.snapshot([record(1)], {}, now, 10 * back)[0]
        assert (shown.missing.tolist(), shown.alert_score.tolist()) == ([missing], [score])


def test_a_restart_does_not_hold_a_vanished_series_anew() -> None:
    board = latest()
    now = 100 + HOLD
    row = np.array([1.5])
    board.restore(
        np.array([1]), [Samples(np.array([100]), row, row, row, row, row, np.array([7]))], now
    )
    board.hold([alarm(100, 1.5)])
    assert board.snapshot([record(1)], {}, now, 10 * now)[0].alert_score.tolist() == [0]
    board.hold([alarm(100 - HOLD, 1.5)])
    unlit = board.snapshot([record(1)], {}, now, 10 * now)[0]
    assert np.isnan(unlit.alert_score).all(), "it was over when the series vanished"


def test_persistence_says_whether_a_vanished_series_was_alerting() -> None:
    for scores, kept in (([0.5, 3.0, 3.0], 3.0), ([0.5, 0.5, 3.0], NAN)):
        board = latest(persistence=(2, 3))
        board.update(tick([1], 100, [[1, 1, 1]], [scores]))
        later(board, 120, 150)
        np.testing.assert_array_equal(
            board.snapshot([record(1)], {}, 150, GONE_AFTER)[0].alert_score, [kept]
        )


def test_restore_continues_where_the_store_ended() -> None:
    board = latest(persistence=(2, 2))
    columns = [np.array(column, float) for column in ([4, 5], [4, 4], [3, 3], [6, 6], [1.5, 0.5])]
    board.restore(np.array([9]), [Samples(np.array([80, 90]), *columns, np.array([3, 3]))], 90)
    shown, _ = board.snapshot([record(9)], {}, 90, GONE_AFTER)
    assert (shown.times[0], shown.value[0], shown.score[0], shown.alert_score[0]) == (
        90,
        5,
        0.5,
        0.5,
    )


def test_new_series_between_old_ones_keep_everyones_rows() -> None:
    board = latest()
    board.update(tick([10, 30], 100, [[1], [3]], [[0.1], [0.3]]))
    board.update(tick([20, 10], 110, [[2], [1.5]], [[0.2], [0.15]]))
    shown, _ = board.snapshot([record(10), record(20), record(30)], {}, 110, GONE_AFTER)
    assert shown.value.tolist() == [1.5, 2, 3] and shown.times.tolist() == [110, 110, 100]


def planned(
    board: LatestSamples, time: int, *, muted: bool = True
) -> tuple[float, SeriesState, bool]:
    """Alert score, state and whether it is missing, of series 1."""
    shown, seen = board.snapshot([record(1)], {}, time, GONE_AFTER, {1} if muted else set())
    assert shown.muted.tolist() == [muted]
    return float(shown.alert_score[0]), seen[0].state, bool(shown.missing[0])


@pytest.mark.parametrize("restart", [False, True])
def test_in_maintenance_a_row_is_calm_and_afterwards_all_begins_anew(restart: bool) -> None:
    board = latest(persistence=(2, 3))
    board.update(tick([1], 100, [[1, 1]], [[3.0, 3.0]]))
    assert planned(board, 110, muted=False)[0] == 3
    inside = tick([1], 120, [[1, 1]], [[5.0, 5.0]])
    board.update(replace(inside, muted=np.ones((1, 2), bool)))
    assert planned(board, 130)[:2] == (0.0, SeriesState.MAINTENANCE)
    assert board.snapshot([record(1)], {}, 130, GONE_AFTER, {1})[0].score.tolist() == [5.0], (
        "shown as ever"
    )
    if restart:
        kept = Samples(
            np.array([110, 120, 130]),
            *np.ones((4, 3)),
            np.array([3.0, 5.0, 5.0]),
            np.ones(3, np.int64),
        )
        board = latest(persistence=(2, 3))
        board.restore(np.array([1]), [kept], 130, [Interval(1, 120, 139)])
        board.open = replace(board.open, until=130)
        board.hold([alarm(110, 3.0, ended_by="maintenance")])
    assert planned(board, 130, muted=False)[0] == 0, "until the next sample"
    board.update(tick([1], 140, [[1]], [[4.0]]))
    assert planned(board, 140, muted=False)[0] == 0, "one of three"
    board.update(tick([1], 150, [[1]], [[4.0]]))
    assert planned(board, 150, muted=False)[0] == 4


def test_in_maintenance_nothing_is_missing_for_alert_rules() -> None:
    board = latest(missing_data="alert")
    board.update(tick([1], 100, [[1]], [[3.0]]))
    later(board, 100, 200)
    assert planned(board, 200) == (0.0, SeriesState.MAINTENANCE, True)
    assert not board.snapshot([record(1)], {}, 200, GONE_AFTER, {1})[0].reported_missing.any()
    assert planned(board, 200, muted=False)[1:] == (SeriesState.MISSING, True)


def test_one_without_a_model_has_no_row_in_maintenance_either() -> None:
    board = latest()
    board.update(tick([1], 100, [[1]], [[NAN]]))
    assert np.isnan(planned(board, 100)[0])


def test_a_model_that_its_series_has_moved_away_from_has_drifted_until_another_one_reigns() -> None:
    # samples
    board = latest()
    day = 8640
    rng = np.random.default_rng(0)

    def drifted(score: float, steps: int, version: int = 7) -> bool:
        scores = (score * rng.uniform(0.5, 1.5, (1, steps))).tolist()
        board.update(
            replace(tick([1], 0, [[1.0] * steps], scores), model_version=np.array([version]))
        )
        return bool(board.snapshot([record(1)], {}, 0, GONE_AFTER)[0].drifted[0])

    assert not drifted(0.1, 2 * day), "as far as samples of a model that fits are"
    assert not drifted(50.0, 20), "an incident of minutes is none"
    assert not drifted(0.1, day)
    assert drifted(0.4, day)
    assert not drifted(0.4, 100, version=8), "too little is known of it yet"
    assert drifted(0.4, day, version=8)


def learnt(board: LatestSamples, now: int, first_seen: int, has_model: bool = True) -> Any:
    """State, whether it is learning, and alert score of series 1 at a time."""
    young = replace(record(1, first_seen), first_seen=first_seen)
    champions: Any = {1: SimpleNamespace(fitted_at=0, checked_at=0, detector="x")}
    shown, updated = board.snapshot([young], champions if has_model else {}, now, 10 * GONE_AFTER)
    return updated[0].state, bool(shown.learning[0]), float(shown.alert_score[0])


def test_a_series_is_learning_until_its_latest_sample_is_learn_for_after_its_first() -> None:
    board = latest(learn_for=100)
    board.update(tick([1], 100, [[9] * 10], [[4.0] * 10]))  # up to 190
    state, learning, score = learnt(board, 190, first_seen=100)
    assert (state, learning) == (SeriesState.LEARNING, True) and np.isnan(score)
    board.update(tick([1], 200, [[9]], [[4.0]]))
    assert learnt(board, 200, first_seen=100) == (SeriesState.OK, False, 4.0)
    assert learnt(board, 200, first_seen=101)[0] is SeriesState.LEARNING
    assert learnt(board, 200, first_seen=101, has_model=False)[0] is SeriesState.WARMING_UP


@pytest.mark.parametrize("missing_data", ["skip", "alert"])
def test_a_series_that_stops_while_it_is_learning_is_missing_and_never_for_alert_rules(
    missing_data: str,
) -> None:
    board = latest(learn_for=100, missing_data=missing_data)
    board.update(tick([1], 100, [[9]], [[4.0]]))
    later(board, 100, 500)  # longer than it learns: what counts is its samples
    state, learning, score = learnt(board, 500, first_seen=100)
    assert (state, learning) == (SeriesState.MISSING, True) and np.isnan(score)
    young = replace(record(1, 100), first_seen=100)
    assert not board.snapshot([young], {}, 500, 10 * GONE_AFTER)[0].reported_missing.any()


def test_a_restart_counts_no_provisional_sample_in_persistence() -> None:
    columns = [np.full(3, number) for number in (9.0, 1.0, 0.0, 2.0, 4.0)]
    stored = Samples(np.array([180, 190, 200]), *columns, np.array([3, 3, 3]))
    board = latest(learn_for=100, persistence=(2, 3))
    board.restore(np.array([1]), [stored], 200, [Interval(1, 100, 199)])
    assert learnt(board, 200, first_seen=100) == (SeriesState.OK, False, 0.0)
    board.update(tick([1], 210, [[9]], [[4.0]]))
    assert learnt(board, 210, first_seen=100) == (SeriesState.OK, False, 4.0)
