"""What a detector sees of stored samples: values, covariates, masks, accepted levels, alarms."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.baseline import Baseline
from detectors.registry import to_spec
from plugin.config import Calendar
from plugin.domain.intervals import Interval
from plugin.grid import Grid
from plugin.jobs.batches import BatchBuilder
from plugin.series import IntArray, Labels, Tick
from plugin.store import Regime, RegimeChanges, Store

STEP = 60
GRID = Grid(600, STEP, 4)
SPEC = to_spec(Baseline())
NAN = np.nan


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def ids(store: Store) -> IntArray:
    """Two series with four samples; the second sample of the first one is outside its band."""
    records = store.series.register("w", [Labels.of({"n": n}) for n in "ab"], GRID.start)
    ids = np.array([record.id for record in records], np.int64)
    value = np.array([[1.0, 9.0, 1.0, NAN], [2.0, 2.0, 2.0, 2.0]])
    tick = Tick(
        watch="w",
        ids=ids,
        times=GRID.times,
        value=value,
        expected=value * 0 + 1.5,
        lower=value * 0,
        upper=value * 0 + 3,
        score=np.where(value > 3, 5.0, 0.5),
        model_version=np.ones(2, np.int64),
    )
    regime = Regime(int(ids[1]), GRID.start + 2 * STEP, GRID.start, 1.0, 2.0)
    store.write([tick], "query", (GRID.start, GRID.end), regime_changes=RegimeChanges([regime]))
    return ids


def builder(store: Store, *masks: Interval) -> BatchBuilder:
    return BatchBuilder(store, "w", "Europe/Berlin", GRID, masks)


def test_a_batch_of_the_store_has_its_values_and_its_accepted_levels(
    store: Store, ids: IntArray
) -> None:
    batch = builder(store).stored(SPEC, ids)
    np.testing.assert_array_equal(batch.values, [[1, 9, 1, NAN], [2, 2, 2, 2]])
    assert batch.observed.tolist() == [[True, True, True, False], [True] * 4]
    assert batch.utc_offset.tolist() == [3600] * 4 and batch.usable.all()
    assert batch.settled is not None and np.argwhere(batch.settled).tolist() == [[1, 2]]
    assert batch.covariates.shape == (2, 0, 4) and not batch.alarmed.any()


def test_a_batch_of_a_watch_with_a_calendar_knows_its_holidays(store: Store, ids: IntArray) -> None:
    """The grid lies on New Year's Day, 1970."""
    american = replace(builder(store), calendar=Calendar(country="US"))
    assert american.stored(SPEC, ids).holiday.all() and american.history(SPEC, ids).holiday.all()
    assert not builder(store).stored(SPEC, ids).holiday.any()


def test_a_history_also_says_what_was_outside_its_band(store: Store, ids: IntArray) -> None:
    batch = builder(store).history(SPEC, ids)
    assert np.argwhere(batch.alarmed).tolist() == [[0, 1]]


def test_masked_samples_are_scored_but_not_learnt_from(store: Store, ids: IntArray) -> None:
    mask = Interval(int(ids[0]), GRID.start, GRID.start + STEP)
    made = builder(store, mask).of(SPEC, ids, np.ones((2, 4)), None)
    assert made.masked is not None and np.argwhere(made.masked).tolist() == [[0, 0], [0, 1]]
    np.testing.assert_array_equal(made.batch.usable, ~made.masked)
    assert made.batch.observed.all() and made.batch.settled is None
    assert builder(store).of(SPEC, ids, np.ones((2, 4)), None).masked is None
