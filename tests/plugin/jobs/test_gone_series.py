"""Series come and go: what is known of those that have gone leaves memory."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from plugin.jobs.fit_needs import FitNeeds
from tests.plugin.jobs.test_latest_samples import GONE_AFTER, NAN, alarm, latest, record, tick


def test_the_latest_samples_of_gone_series_are_forgotten() -> None:
    board = latest(persistence=(1, 2))
    for first in range(0, 300, 3):
        ids = [first + 1, first + 2, first + 3]
        board.update(tick(ids, 100, [[1], [2], [3]], [[0.1], [2.0], [0.3]]))
        board.forget(ids[:2])
    assert len(board._ids) == 100
    assert not board._alarms
    shown, _ = board.snapshot([record(3), record(300)], {}, 100, GONE_AFTER)
    assert shown.value.tolist() == [3, 3]
    assert board.recent(np.array([6])).tolist()[0][-1] == 0.3


def test_what_stays_is_as_it_was() -> None:
    board = latest(persistence=(1, 2))
    other = latest(persistence=(1, 2))
    values = [[1, 2], [3, NAN], [4, 5]]
    scores = [[0.1, 0.2], [1.5, NAN], [0.4, 2.0]]
    board.update(tick([1, 2, 3], 100, values, scores))
    other.update(tick([1, 3], 100, [values[0], values[2]], [scores[0], scores[2]]))
    board.hold([alarm(110, 2.0)])
    other.hold([alarm(110, 2.0)])
    board.forget([2])
    records = [record(1), record(3)]
    for seen, expected in zip(
        vars(board.snapshot(records, {}, 110, GONE_AFTER)[0]).values(),
        vars(other.snapshot(records, {}, 110, GONE_AFTER)[0]).values(),
        strict=True,
    ):
        np.testing.assert_equal(seen, expected)


def test_a_series_that_comes_back_starts_empty() -> None:
    board = latest()
    board.update(tick([1, 2], 100, [[1], [2]], [[0.1], [0.2]]))
    board.forget([1])
    shown, _ = board.snapshot([record(1), record(2)], {}, 100, GONE_AFTER)
    assert np.isnan(shown.value[0]) and shown.value[1] == 2
    assert shown.times.tolist() == [0, 100]


def test_series_that_have_waited_for_their_fit_are_forgotten() -> None:
    clock = SimpleNamespace(now=0.0)
    context = SimpleNamespace(watch=None, registry=None, clock=lambda: clock.now)
    needs = FitNeeds(cast(Any, context), cast(Any, None), "", "", cast(Any, None), 0.0)
    for number in range(100):
        clock.now = 100.0 * number
        needs.wait([number], clock.now + 150)
    assert sorted(needs._retry_at) == [98, 99]
