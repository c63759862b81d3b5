"""Stacks of champions: warm from the store, in the order that is asked for, and one bad model costs
no other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.api import Scores, SeriesBatch
from detectors.registry import detector_named, to_spec
from plugin.config import Calendar, Watch
from plugin.grid import Grid, series_batch
from plugin.jobs.model_stack import ModelStack
from plugin.jobs.watch_history import query_key
from plugin.jobs.watch_scorer import WatchScorer
from plugin.jobs.weights_file import weights_of
from plugin.series import FloatArray, Labels, SeriesRecord
from plugin.store import ModelRecord, Store

STEP = 60
STEPS = 400
START = 1_760_000_040 // STEP * STEP
NOW = START + (STEPS - 1) * STEP
WATCH = Watch(name="w", query="x", detector="baseline", fit_window=STEPS * STEP)
GRID = Grid.between(START, NOW, STEP)
TIMES = GRID.times


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def records(store: Store) -> list[SeriesRecord]:
    found = store.series.register(
        "w", [Labels.of({"n": str(number)}) for number in range(3)], START
    )
    store.record_history(
        "w",
        query_key(WATCH),
        np.array([record.id for record in found]),
        TIMES,
        history(),
        (START, NOW),
    )
    return found


def history() -> FloatArray:
    return np.random.default_rng(0).normal([[10], [20], [30]], 1.0, (3, STEPS))


def champions(
    store: Store,
    records: list[SeriesRecord],
    rows: list[int],
    *,
    carrying: bool = False,
    **options: Any,
) -> list[ModelRecord]:
    """Fits rows of the history into one file; carrying: with what they carry at its end."""
    detector = detector_named("baseline", options)
    fitted = detector.fit(
        series_batch(history()[rows], GRID, "UTC"), alert_budget=WATCH.alert_budget
    )
    version = store.models.new_version("w")
    path = store.weights.write(version, weights_of(fitted) if carrying else fitted.state)
    models = [
        ModelRecord(
            records[row].id,
            version,
            place,
            "baseline",
            to_spec(detector),
            path,
            0.1,
            NOW,
            START,
            NOW,
        )
        for place, row in enumerate(rows)
    ]
    store.save_models("w", models)
    return models


def next_scores(
    stacks: WatchScorer, records: list[SeriesRecord], value: float = 20.0
) -> tuple[FloatArray, WatchScorer]:
    """[S] scores of one more sample of each series."""
    ids = np.array([record.id for record in records])[::-1]  # as they arrive, not as they are kept
    ticks, after = stacks.judge(
        ids, Grid(stacks.until + STEP, STEP, 1), np.full((len(ids), 1), value)
    )
    score = {
        int(i): float(s) for tick in ticks for i, s in zip(tick.ids, tick.score[:, 0], strict=True)
    }
    return np.array([score[record.id] for record in records]), after


def test_every_series_is_judged_by_its_own_model(store: Store, records: list[SeriesRecord]) -> None:
    stacks = WatchScorer(WATCH, store, NOW)
    assert stacks.load(champions(store, records, [2, 0]), []) == []
    score, after = next_scores(stacks, records)
    assert score[0] > 1 and score[2] > 1 and np.isnan(score[1]), (
        "the one in between has no model yet"
    )
    assert (stacks.until, after.until) == (NOW, NOW + STEP)
    near, _ = next_scores(stacks, records, 10.0)
    assert near[0] < 1 < near[2]


def test_a_tick_knows_the_holidays(
    store: Store, records: list[SeriesRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """9 October 2025 is Hangul Day in Korea."""
    seen: list[bool] = []
    score = ModelStack.score

    def noting(stack: ModelStack, batch: SeriesBatch) -> tuple[Scores, ModelStack]:
        seen.append(bool(batch.holiday.all()))
        return score(stack, batch)

    monkeypatch.setattr(ModelStack, "score", noting)
    korean = WATCH.model_copy(update={"calendar": Calendar(country="KR")})
    for watch in (WATCH, korean):
        stacks = WatchScorer(watch, store, NOW)
        stacks.load(champions(store, records, [0, 1, 2]), [])
        seen.clear()
        next_scores(stacks, records)
        assert seen == [watch is korean]


def test_a_dropped_result_never_was(store: Store, records: list[SeriesRecord]) -> None:
    stacks = WatchScorer(WATCH, store, NOW)
    stacks.load(champions(store, records, [0, 1, 2]), [])
    first, _ = next_scores(stacks, records)
    again, after = next_scores(stacks, records)
    np.testing.assert_array_equal(first, again)
    assert (next_scores(after, records)[0] != first).any()


def test_dropped_series_are_forgotten(store: Store, records: list[SeriesRecord]) -> None:
    stacks = WatchScorer(WATCH, store, NOW)
    stacks.load(champions(store, records, [0, 1, 2]), [])
    stacks.drop([records[1].id])
    assert np.isnan(next_scores(stacks, records)[0]).tolist() == [False, True, False]
    stacks.drop([record.id for record in records])
    assert np.isnan(next_scores(stacks, records)[0]).all()


def test_a_fresh_model_does_not_make_the_others_forget(
    store: Store, records: list[SeriesRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart just after a fit: who has a carry goes on from it, bit for bit."""
    stacks = WatchScorer(WATCH, store, NOW)
    stacks.load(champions(store, records, [0, 1, 2]), [])
    for value in (25.0, 11.0, 26.0):
        ids = np.array([record.id for record in records])
        ticks, stacks = stacks.judge(
            ids, Grid(stacks.until + STEP, STEP, 1), np.full((3, 1), value)
        )
        store.write(ticks, query_key(WATCH), (stacks.until, stacks.until))
    fresh = champions(store, records, [1])
    restarted = WatchScorer(WATCH, store, stacks.until)
    real = WatchScorer._caught_up
    cold = []
    monkeypatch.setattr(
        WatchScorer,
        "_caught_up",
        lambda self, stack, ends: cold.extend(stack.ids) or real(self, stack, ends),
    )
    assert restarted.load(
        store.models.champions("w"), store.detector_states.of("w")
    ) == [] and cold == [records[1].id]
    stacks.replace(fresh)
    np.testing.assert_array_equal(
        next_scores(restarted, records)[0], next_scores(stacks, records)[0]
    )


def test_a_model_goes_on_from_where_its_window_ended(
    store: Store, records: list[SeriesRecord]
) -> None:
    """Ticks that came while it was fitted are run through it: as if it had been there all along."""
    models = champions(store, records, [0, 1, 2], carrying=True)
    there = WatchScorer(WATCH, store, NOW)
    there.load(models, [])
    for value in (25.0, 11.0, 26.0):
        ids = np.array([record.id for record in records])
        ticks, there = there.judge(ids, Grid(there.until + STEP, STEP, 1), np.full((3, 1), value))
        store.write(ticks, query_key(WATCH), (there.until, there.until))
    late = WatchScorer(WATCH, store, there.until)
    assert late.load(models, []) == []
    np.testing.assert_array_equal(next_scores(late, records)[0], next_scores(there, records)[0])


def test_one_bad_file_costs_only_its_own_models(store: Store, records: list[SeriesRecord]) -> None:
    good = champions(store, records, [0, 2])
    bad = champions(store, records, [1])
    bad[0].path.write_bytes(b"not weights")
    stacks = WatchScorer(WATCH, store, NOW)
    assert stacks.load([*bad, *good], []) == bad
    assert np.isnan(next_scores(stacks, records)[0]).tolist() == [False, True, False]


def test_whatever_a_detector_raises_on_the_way_up_is_a_model_that_cannot_be_used(
    store: Store, records: list[SeriesRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = champions(store, records, [0, 1, 2])
    stacks = WatchScorer(WATCH, store, NOW)

    def broken(*_: object) -> None:
        raise AttributeError("on purpose")

    monkeypatch.setattr(ModelStack, "score", broken)
    assert stacks.load(models, []) == models
