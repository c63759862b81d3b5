"""Who is due for which fit, and what becomes of those who are refused."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectors.baseline import Baseline
from detectors.registry import detector_named, to_spec
from plugin.config import Watch, WorkerSettings
from plugin.domain.times import DAY
from plugin.errors import FitFailed, Stopped, StoreError
from plugin.grid import Grid
from plugin.jobs.covariates import Covariates
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.fit_job import RETRY_SECONDS, STACKS_PER_WORKER, FitJob
from plugin.jobs.fit_plan import FitPlan
from plugin.jobs.fit_task import FitOutcome
from plugin.jobs.gate import GateResult
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.watch_context import WatchContext
from plugin.jobs.watch_history import query_key
from plugin.metrics import Metrics
from plugin.series import Labels, SeriesRecord, SeriesState, Tick
from plugin.store import ModelRecord, Store

STEP = 60
STEPS = 240
NOW = 1_760_000_040 // STEP * STEP
START = NOW - (STEPS - 1) * STEP
BASELINE, NETWORK = (to_spec(detector_named(name, {})) for name in ("baseline", "lstm"))
Answer = Callable[[FitPlan], FitOutcome]


class Pool:
    """A worker pool that does what it is told at once, and remembers what it was asked for."""

    size = 1
    spread = WorkerPool.spread

    def __init__(self) -> None:
        self.asked: list[FitPlan] = []
        self.answer: Answer = lambda plan: FitOutcome(
            refused=dict.fromkeys(plan.ids, ("diverged", "on purpose"))
        )

    def submit(self, build: Any, *, urgent: bool = False) -> "Future[FitOutcome]":
        (plan,) = build.args
        assert urgent == plan.urgent
        self.asked.append(plan)
        future: Future[Any] = Future()
        future.set_result(plan)
        return future

    def stack_size(self, series: int, stack: int) -> int:
        return stack

    def result_of(self, future: Any) -> FitOutcome:
        return self.answer(future.result())

    @property
    def wanted(self) -> list[tuple[str, tuple[int, ...]]]:
        return [(plan.spec, plan.ids) for plan in self.asked]


class World:
    """A store with four series of one watch, all of its window asked for already, and a fit job
    beside it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder)
        self.pool = Pool()
        self.now = float(NOW)
        watch = Watch(
            name="w", query="x", detector="lstm", step=STEP, fit_window=(STEPS - 1) * STEP
        )
        labels = [Labels.of({"n": str(number)}) for number in range(4)]
        self.ids = [record.id for record in self.store.series.register("w", labels, START)]
        values = np.ones((4, STEPS))
        nothing = np.full(values.shape, np.nan)
        self.store.write(
            [
                Tick(
                    "w",
                    np.array(self.ids),
                    Grid.between(START, NOW, STEP).times,
                    values,
                    nothing,
                    nothing,
                    nothing,
                    nothing,
                    np.zeros(4, np.int64),
                )
            ],
            query_key(watch),
            (START, NOW),
        )
        self.registry = ModelRegistry(self.store, "w")
        self.metrics = Metrics(CollectorRegistry())
        no_prometheus: Any = None  # nothing is missing, nothing is asked
        pool: Any = self.pool
        context = WatchContext(
            watch, self.store, no_prometheus, self.metrics, self.registry, clock=lambda: self.now
        )
        self.job = FitJob(context, Covariates(context), pool, WorkerSettings(stack=2))

    def promote(
        self, ids: list[int], spec: str, *, fitted_at: int = NOW, start: int = NOW - DAY
    ) -> None:
        version = self.store.models.new_version("w")
        path = self.store.weights.write(version, {"weight": np.zeros((len(ids), 1))})
        models = [
            ModelRecord(i, version, row, "any", spec, path, 0.1, fitted_at, start, NOW)
            for row, i in enumerate(ids)
        ]
        self.store.save_models("w", models)
        self.registry.promote(models)

    def wanted(self) -> list[tuple[str, tuple[int, ...]]]:
        """What a run asks for, with stacks of two."""
        self.pool.asked.clear()
        self.job.run()
        return self.pool.wanted

    def failures(self, reason: str) -> float:
        return float(self.metrics.fit_failures.labels("w", reason)._value.get())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "data")
    yield made
    made.store.close()


def test_newcomers_come_first_and_get_the_baseline(world: World) -> None:
    a, b, c, d = world.ids
    world.promote([a, b], BASELINE)
    assert world.wanted() == [(BASELINE, (c, d)), (NETWORK, (a, b))]


def test_a_refit_starts_warm_from_weights_of_the_same_detector(world: World) -> None:
    a, b, c, d = world.ids
    world.promote([a, b], NETWORK, fitted_at=NOW - 2 * DAY)
    world.promote([c, d], BASELINE)
    world.wanted()
    assert [(task.ids, task.prior is not None) for task in world.pool.asked] == [
        ((c, d), False),
        ((a, b), True),
    ]
    assert [row for _, row in world.pool.asked[1].prior or ()] == [0, 1]


def test_newcomers_are_urgent(world: World) -> None:
    a, b, c, d = world.ids
    world.promote([a, b], BASELINE)
    world.wanted()
    assert [(plan.ids, plan.urgent) for plan in world.pool.asked] == [
        ((c, d), True),
        ((a, b), False),
    ]


def test_a_model_is_due_after_fit_every_spread_by_a_tenth(world: World) -> None:
    old = {i: NOW - 10 * DAY for i in world.ids}
    world.store.record_history(
        "w",
        "past",
        np.array(world.ids),
        np.array([old[world.ids[0]]]),
        np.ones((4, 1)),
        (NOW - 10 * DAY, NOW - 10 * DAY),
    )
    world.registry.reload()
    world.promote(world.ids, NETWORK, start=NOW - 10 * DAY)
    world.now = NOW + 0.9 * DAY - 1
    assert world.wanted() == []
    world.now = NOW + 1.1 * DAY
    assert sorted(i for _, ids in world.wanted() for i in ids) == world.ids


def test_a_young_model_is_due_when_its_history_has_doubled(world: World) -> None:
    world.promote(world.ids, NETWORK)  # who have been seen for STEPS - 1 steps
    world.now = NOW + (STEPS - 1) * STEP - 1
    assert world.wanted() == []
    world.now += 1
    assert len(world.wanted()) == 2


def test_who_is_away_is_not_fitted(world: World) -> None:
    for record, state in zip(
        world.registry.records(), (SeriesState.MISSING, SeriesState.GONE), strict=False
    ):
        world.registry.update_states(
            [SeriesRecord(record.id, "w", record.labels, state, START, NOW)]
        )
    assert world.wanted() == [(BASELINE, tuple(world.ids[2:]))]


def test_one_run_is_limited_so_that_newcomers_never_wait_for_long(world: World) -> None:
    labels = [Labels.of({"m": str(number)}) for number in range(4 * STACKS_PER_WORKER)]
    world.store.series.register("w", labels, NOW)
    world.registry.reload()
    before = world.store.models.new_version("w")
    assert len(world.wanted()) == STACKS_PER_WORKER
    # What waits for the next run costs nothing in this one.
    assert world.store.models.new_version("w") == before + STACKS_PER_WORKER + 1
    world.pool.asked.clear()
    world.job.run(everyone=True)
    assert len(world.pool.asked) == (4 + len(labels)) / 2


def test_who_is_refused_for_lack_of_history_gets_a_baseline_and_another_chance(
    world: World,
) -> None:
    world.promote(world.ids, BASELINE)
    world.pool.answer = lambda plan: FitOutcome(
        refused=dict.fromkeys(plan.ids, ("not_enough_data", "8 samples"))
    )
    asked = world.wanted()
    assert [spec for spec, _ in asked] == [NETWORK, NETWORK, BASELINE, BASELINE]
    assert world.failures("not_enough_data") == 8
    world.now = NOW + (STEPS - 1) * STEP - 1
    assert world.wanted() == []
    world.now += 1
    assert world.wanted() != [], "there is twice as much now"


def test_a_series_of_a_few_samples_is_tried_again_when_there_are_enough_for_a_baseline(
    world: World,
) -> None:
    start = NOW + 60 * STEP
    (new,) = world.store.series.register("w", [Labels.of({"m": "new"})], start - 3 * STEP)
    world.registry.reload()
    world.now = start
    world.pool.answer = lambda plan: FitOutcome(
        refused=dict.fromkeys(plan.ids, ("not_enough_data", "8 samples"))
    )
    assert any(new.id in ids for _, ids in world.wanted())
    world.now = start + (Baseline.least - 3) * STEP
    assert not any(new.id in ids for _, ids in world.wanted())
    world.now += STEP
    assert any(new.id in ids for _, ids in world.wanted())


def test_a_network_is_never_replaced_by_a_baseline(world: World) -> None:
    world.promote(world.ids, NETWORK, fitted_at=NOW - 2 * DAY)
    world.pool.answer = lambda plan: FitOutcome(
        refused=dict.fromkeys(plan.ids, ("not_enough_data", "8 samples"))
    )
    assert [spec for spec, _ in world.wanted()] == [NETWORK, NETWORK]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FitFailed("worker_died", "on purpose"), "worker_died"),
        (StoreError("the disk is full"), "store"),
    ],
)
def test_a_failure_costs_its_own_stack_and_is_tried_again_later(
    world: World, error: Exception, reason: str
) -> None:
    def fail(plan: FitPlan) -> FitOutcome:
        raise error

    world.pool.answer = fail
    assert len(world.wanted()) == 2 and world.failures(reason) == 2
    world.now = NOW + RETRY_SECONDS - 1
    assert world.wanted() == []
    world.now += 1
    assert len(world.wanted()) == 2


def test_a_stop_counts_nothing(world: World) -> None:
    def stopped(plan: FitPlan) -> FitOutcome:
        raise Stopped("the service is stopping")

    world.pool.answer = stopped
    assert world.job.run() == 0 and world.failures("error") == world.failures("stopped") == 0


def test_who_keeps_its_model_has_been_checked_and_waits_for_its_turn(world: World) -> None:
    world.promote(world.ids, NETWORK, start=NOW - 10 * DAY)
    world.now = NOW + 1.1 * DAY
    world.pool.answer = lambda plan: FitOutcome(
        verdicts=dict.fromkeys(plan.ids, GateResult(False, "worse", "loss"))
    )
    assert len(world.wanted()) == 2 and world.wanted() == []
    assert world.metrics.fits.labels("w", "kept")._value.get() == 2
    world.now += 1.1 * DAY
    assert len(world.wanted()) == 2


def test_an_older_model_of_another_detector_stays_its_time_when_someone_wants_it(
    world: World,
) -> None:
    world.promote(world.ids, BASELINE, start=NOW - 10 * DAY)
    assert len(world.wanted()) == 2
    wanted = [
        replace(model, since=NOW + 1, checked_at=NOW + 1)
        for model in world.registry.champions().values()
    ]
    world.registry.update_champions(wanted)
    assert world.wanted() == []
    world.now = NOW + 1.1 * DAY + 1
    assert [task.prior for task in world.pool.asked] == [] and len(world.wanted()) == 2
