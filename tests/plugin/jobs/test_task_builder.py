"""From a plan to a task that needs no store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.baseline import Baseline
from detectors.registry import to_spec
from plugin.config import Calendar, Watch, WorkerSettings
from plugin.errors import ResourcesExhausted, StoreError
from plugin.grid import Grid, series_batch
from plugin.jobs.contest import Contest
from plugin.jobs.fit_plan import FitPlan
from plugin.jobs.fit_task import run_task
from plugin.jobs.task_builder import TaskBuilder, since_first_sample
from plugin.series import Labels
from plugin.store import ModelRecord, Store

STEP = 60
STEPS = 400
NOW = 1_759_449_600  # the beginning of 3 October 2025, a holiday in Germany
WATCH = Watch(name="w", query="x", detector="baseline", step=STEP)
SPEC = to_spec(Baseline())


class World:
    """Two series with samples in the store."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder)
        labels = [Labels.of({"n": name}) for name in "ab"]
        self.ids = [record.id for record in self.store.series.register("w", labels, NOW)]
        self.grid = Grid(NOW, STEP, STEPS)
        values = np.random.default_rng(0).normal(size=(2, STEPS))
        covered = (self.grid.start, self.grid.end)
        self.store.record_history("w", "k", np.array(self.ids), self.grid.times, values, covered)
        self.plan = FitPlan(version=7, spec=SPEC, ids=tuple(self.ids), window=self.grid)

    def builder(self, watch: Watch = WATCH) -> TaskBuilder:
        return TaskBuilder(watch, self.store, WorkerSettings(device="cpu", longest_fit=5))

    def champion(self, path: Path) -> ModelRecord:
        return ModelRecord(self.ids[0], 3, 0, "baseline", SPEC, path, 0.1, NOW, NOW, self.grid.end)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "data")
    yield made
    made.store.close()


def test_a_task_is_whole(world: World) -> None:
    task = world.builder().task(world.plan)
    assert task.ids == tuple(world.ids) and task.batch.shape == (2, STEPS)
    assert (task.alert_budget, task.device, task.max_seconds) == (WATCH.alert_budget, "cpu", 5)
    world.store.close()
    outcome = run_task(task)
    assert outcome.ids == task.ids and outcome.weights is not None
    assert {len(array) for array in outcome.weights.values()} == {2}


def test_a_fit_is_told_whose_holidays_the_series_follow(world: World) -> None:
    assert not world.builder().task(world.plan).batch.holiday.any()
    calendar = Calendar(country="DE", subdivision="BE")
    watch = WATCH.model_copy(update={"calendar": calendar})
    assert world.builder(watch).task(world.plan).batch.holiday.all()


def test_a_newcomer_starts_from_the_mean_of_its_peers(world: World) -> None:
    path = world.store.weights.write(
        7, {"weight": np.array([[1.0], [2.0], [6.0]]), "after.level": np.zeros(3)}
    )
    prior = world.builder().task(replace(world.plan, peers=((path, 0), (path, 2)))).prior
    assert prior is not None and list(prior) == ["weight"]
    assert prior["weight"].tolist() == [[3.5], [3.5]]


def test_a_refit_starts_from_its_own_model_where_that_can_be_read(world: World) -> None:
    path = world.store.weights.write(7, {"weight": np.array([[1.0], [2.0]])})
    warm = replace(world.plan, prior=((path, 1), (path, 0)))
    prior = world.builder().task(warm).prior
    assert prior is not None and prior["weight"].tolist() == [[2.0], [1.0]]
    path.unlink()
    assert world.builder().task(warm).prior is None


@pytest.mark.parametrize("part", ["prior", "contest"])
def test_weights_that_cannot_be_read_for_now_are_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    champion = world.champion(world.store.weights.write(3, {"weight": np.zeros((1, 1))}))
    plan = (
        replace(world.plan, prior=((champion.path, 0), (champion.path, 0)))
        if part == "prior"
        else replace(world.plan, contest=Contest(WATCH, NOW, {champion.series_id: champion}))
    )

    def away(path: Path, rows: list[int]) -> None:
        raise ResourcesExhausted("away")

    monkeypatch.setattr(world.store.weights, "read", away)
    with pytest.raises(ResourcesExhausted):
        world.builder().task(plan)


def test_a_contest_has_the_weights_of_champions_that_are_compared(world: World) -> None:
    path = world.store.weights.write(3, {"weight": np.array([[5.0]])})
    champion = world.champion(path)
    contest = Contest(WATCH, NOW, {champion.series_id: champion})
    (weights,) = world.builder().with_weights(contest, SPEC).weights
    assert weights.ids == (champion.series_id,) and weights.arrays["weight"].tolist() == [[5.0]]
    assert world.builder().with_weights(contest, "of another kind").weights == ()
    path.unlink()
    assert world.builder().with_weights(contest, SPEC).weights == ()


def test_a_store_that_cannot_be_read_fails_the_task(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise StoreError("on purpose")

    monkeypatch.setattr(world.store.samples, "history", damaged)
    with pytest.raises(StoreError, match="on purpose"):
        world.builder().task(world.plan)


@pytest.mark.parametrize(("first", "start"), [(0, 0), (150, 150), (390, 300), (None, 0)])
def test_a_fit_begins_at_the_first_sample_and_has_a_hundred_columns(
    first: int | None, start: int
) -> None:
    values = np.full((2, STEPS), np.nan)
    if first is not None:
        values[1, first:] = 1.0
    batch = since_first_sample(series_batch(values, Grid(0, STEP, STEPS), "UTC"))
    assert (batch.start, batch.shape) == (start * STEP, (2, STEPS - start))
