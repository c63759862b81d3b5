"""What the noise job publishes: the time that was scored, and suggestions for the noisiest
series."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.api import Band
from plugin.board import Board
from plugin.config import Watch
from plugin.domain.budget import NoiseReport, Suggestion
from plugin.domain.times import DAY
from plugin.jobs import throttle
from plugin.jobs.budget_job import MAX_SUGGESTIONS, BudgetJob
from plugin.jobs.suggestions import episodes
from plugin.series import Labels, Samples, Tick
from plugin.store import Store
from tests.plugin.jobs.core import Time
from tests.plugin.jobs.test_suggestions import LARGE, LENGTH, SMALL, START, STEP, samples

NOW = START + STEP * LENGTH
WATCH = Watch(name="w", query="up", alert_budget=1 / (30 * DAY), learn_for=0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A noisy series, a quiet one, and one whose samples ended half way."""
    made = Store.open(tmp_path)
    fill(made, "w", [samples(*SMALL, *LARGE), samples(), samples((9.0, 3), (9.0, 3))])
    yield made
    made.close()


def fill(store: Store, watch: str, series: list[Samples]) -> None:
    ids = [
        record.id
        for record in store.series.register(
            watch, [Labels.of({"n": str(n)}) for n in range(len(series))], START
        )
    ]
    value, expected, lower, upper, score = (
        np.array([getattr(each, name) for each in series])
        for name in ("value", "expected", "lower", "upper", "score")
    )
    value[-1, LENGTH // 2 :] = np.nan
    tick = Tick(
        watch,
        np.array(ids),
        series[0].times,
        value,
        expected,
        lower,
        upper,
        score,
        np.ones(len(ids), np.int64),
    )
    found = [
        replace(alarm, series_id=series_id)
        for series_id, each in zip(ids, series, strict=True)
        for alarm in episodes(
            WATCH, each.times, each.value, Band(each.lower, each.expected, each.upper), each.score
        )
    ]
    store.write([tick], "q", (START, NOW - STEP), found)


def published(store: Store, *watches: Watch, now: int = NOW) -> NoiseReport:
    board = Board()
    assert BudgetJob(
        store, board, lambda: {watch.name: watch for watch in watches}, lambda: float(now)
    ).run()
    found = board.noise()
    assert found is not None
    return found


def test_what_was_scored_counts(store: Store) -> None:
    found = published(store, WATCH)
    assert found.made_at == NOW and found.samples(7) == found.samples(30) == {
        1: LENGTH,
        2: LENGTH,
        3: LENGTH / 2,
    }
    later = published(store, WATCH, now=NOW + 7 * DAY)
    assert later.samples(7) == {1: 0, 2: 0, 3: 0} and later.samples(30) == found.samples(30)


def test_the_noisiest_series_gets_a_suggestion(store: Store) -> None:
    assert published(store, WATCH).suggestions == {
        1: Suggestion("min_deviation: 2.9", 8, 10, 0, True)
    }
    assert published(store, Watch(name="other", query="up")).suggestions == {}, (
        "not configured: nothing to set"
    )
    assert published(store, WATCH, now=NOW + 31 * DAY).suggestions == {}


def test_a_series_that_is_learning_spends_nothing_and_gets_no_suggestion(store: Store) -> None:
    found = published(store, WATCH.model_copy(update={"learn_for": 60 * STEP}))
    assert (
        found.samples(7)
        == found.samples(30)
        == {1: LENGTH - 60, 2: LENGTH - 60, 3: LENGTH / 2 - 60}
    )
    assert found.suggestions[1].of == 9, "its first alarm was within"
    all_of_it = WATCH.model_copy(update={"learn_for": LENGTH * STEP})
    found = published(store, all_of_it)
    assert (set(found.samples(30).values()), found.suggestions) == ({0}, {})


def test_what_keeps_its_budget_is_not_noisy(store: Store) -> None:
    generous = WATCH.model_copy(update={"alert_budget": 20 / (LENGTH * STEP)})
    assert published(store, generous).suggestions == {}


def test_only_the_noisiest_few_are_tried(store: Store) -> None:
    fill(
        store,
        "many",
        [samples(*SMALL, *LARGE[: number % 2 + 1]) for number in range(MAX_SUGGESTIONS + 4)],
    )
    found = published(store, WATCH, WATCH.model_copy(update={"name": "many"})).suggestions
    names = {record.id: record.watch for record in store.series.all()}
    assert [names[series] for series in found].count("many") == MAX_SUGGESTIONS
    assert all(made.of == 10 for series, made in found.items() if names[series] == "w")


def test_a_run_is_paid_for_with_rest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(cost=0.5)
    monkeypatch.setattr(throttle, "time", clock)
    job = BudgetJob(store, Board(), dict, lambda: float(NOW))
    ran = []
    for clock.now in range(1000, 3001, 100):
        ran.append(job.run())
    assert [at for at, each in enumerate(ran) if each] == [
        0,
        5,
        10,
        15,
        20,
    ]  # 0.5 s of a core in 500 s
