"""What ticks accept, what is asked for, and what the past is told again; the whole way is in
tests/e2e."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.regime import REGIME_KEYS
from plugin.board import LevelShift
from plugin.grid import Grid
from plugin.jobs.regimes import accepted_marks, accepted_regimes, level_shifts, requested_marks
from plugin.series import Labels, Tick
from plugin.store import AcceptRequest, Regime, RegimeChanges, Store

STEP = 60
AT = 1_795_219_200
GRID = Grid(AT, STEP, 5)
TIMES = GRID.times


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(tmp_path)
    yield made
    made.close()


@pytest.fixture
def ids(store: Store) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(
        [
            each.id
            for each in store.series.register("web", [Labels.of({"pod": pod}) for pod in "ab"], AT)
        ]
    )


def tick(ids: np.ndarray[Any, np.dtype[np.int64]], **carry: list[float]) -> Tick:
    value = np.full((2, 5), 1430.0)
    expected = np.full((2, 5), 812.0)
    known = {**{name: [0.0, 0.0] for name in REGIME_KEYS}, **carry}
    return Tick(
        "web",
        ids,
        TIMES,
        value,
        expected,
        expected - 1,
        expected + 1,
        value * 0 + 2,
        np.ones(2, np.int64),
        {name: np.array(column) for name, column in known.items()},
    )


@pytest.mark.parametrize(
    ("seen", "column"), [(AT - 1, 0), (AT, 1), (AT + 3 * STEP, 4), (AT + 4 * STEP, None)]
)
def test_a_wish_is_granted_at_the_first_sample_after_what_it_had_seen(
    seen: int, column: int | None
) -> None:
    found = requested_marks([AcceptRequest(9, seen, seen, "ann")], np.array([7, 9]), TIMES)
    assert (
        found is None
        if column is None
        else found is not None and np.argwhere(found).tolist() == [[1, column]]
    )
    assert requested_marks([AcceptRequest(8, seen, seen, "ann")], np.array([7, 9]), TIMES) is None


def test_what_a_tick_accepts_is_told_once_with_its_levels(
    store: Store, ids: np.ndarray[Any, Any]
) -> None:
    made = tick(ids, accepted=[TIMES[2], AT - STEP], since=[TIMES[0], 0.0])
    assert accepted_regimes([made], store, [], STEP) == [
        Regime(ids[0], TIMES[2], AT, 812.0, 1430.0)
    ]
    by_ann = accepted_regimes(
        [made], store, [AcceptRequest(int(ids[0]), TIMES[1], AT, "ann", "deploy")], STEP
    )
    assert [(each.by, each.reason) for each in by_ann] == [("ann", "deploy")]
    later = accepted_regimes(
        [made], store, [AcceptRequest(int(ids[0]), TIMES[3], AT, "ann", "deploy")], STEP
    )
    assert [each.by for each in later] == [""], "the rule was faster"
    assert accepted_regimes([Tick(**{**vars(made), "carry": {}})], store, [], STEP) == [], (
        "a detector that says nothing"
    )


def test_where_another_regime_has_begun_since_the_first_one_took_half_a_day(
    store: Store, ids: np.ndarray[Any, Any]
) -> None:
    made = tick(ids, accepted=[TIMES[2], 0.0], since=[TIMES[3], 0.0])
    assert [each.since for each in accepted_regimes([made], store, [], STEP)] == [
        TIMES[2] - 12 * 3600
    ]


def test_the_past_is_told_again(store: Store, ids: np.ndarray[Any, Any]) -> None:
    assert accepted_marks(store, ids, GRID) is None
    store.write(
        [tick(ids)],
        "query",
        (AT, TIMES[-1]),
        regime_changes=RegimeChanges([Regime(int(ids[1]), AT + 3 * STEP, AT + STEP, 1.0, 2.0)]),
    )
    marks = accepted_marks(store, ids, GRID)
    assert marks is not None and np.argwhere(marks).tolist() == [[1, 3]]


def test_who_lies_at_another_level_now(ids: np.ndarray[Any, Any]) -> None:
    carry = tick(ids, away=[0.0, -10.0], since=[5.0, float(AT)]).carry
    assert level_shifts(ids, carry, int(TIMES[-1]), STEP) == {
        ids[1]: LevelShift(AT, int(TIMES[-1]) + (720 - 10 + 1) * STEP)
    }
    assert level_shifts(ids, {}, AT, STEP) == {}
