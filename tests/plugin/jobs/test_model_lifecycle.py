"""What becomes of new models and of orders, with what reigns at that moment."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectors.baseline import Baseline
from detectors.registry import to_spec
from plugin.config import Watch
from plugin.domain.model_decisions import Decision, DecisionKind, Order, OrderKind, OrderResult
from plugin.grid import Grid
from plugin.jobs.fit_plan import FitPlan
from plugin.jobs.fit_task import FitOutcome
from plugin.jobs.gate import GateResult
from plugin.jobs.model_lifecycle import ModelLifecycle
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.watch_context import WatchContext
from plugin.jobs.weights_file import weights_of
from plugin.metrics import Metrics
from plugin.series import Labels, SeriesRecord, SeriesState
from plugin.store import ModelRecord, Store
from tests.plugin.jobs.test_fit_task import BUDGET, batch

NOW = 1_760_000_000
SPEC = to_spec(Baseline())
YES = GateResult(True, "as good")
NO = GateResult(False, "much worse", "loss")


class World:
    """Two series of one watch, with weights that can be read."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder)
        self.now = NOW
        self.collector = CollectorRegistry()
        self.metrics = Metrics(self.collector)
        self.ids = [
            record.id
            for record in self.store.series.register("w", [Labels.of({"n": n}) for n in "ab"], NOW)
        ]
        self.weights = weights_of(Baseline().fit(batch([200, 200]), alert_budget=BUDGET))
        self.begin()

    def begin(self, **settings: object) -> None:
        """As after a start."""
        watch = Watch.model_validate(
            {"name": "w", "query": "x", "detector": "baseline", **settings}
        )
        self.registry = ModelRegistry(self.store, "w")
        no_prometheus: Any = None  # nothing is asked
        context = WatchContext(
            watch, self.store, no_prometheus, self.metrics, self.registry, clock=lambda: self.now
        )
        self.lifecycle = ModelLifecycle(context)

    def plan(self) -> FitPlan:
        return FitPlan(
            version=self.store.models.new_version("w"),
            spec=SPEC,
            ids=tuple(self.ids),
            window=Grid.within(NOW - 600, NOW, 60),
            contest=self.lifecycle.contest(self.ids),
        )

    def fitted(self, *verdicts: GateResult, plan: FitPlan | None = None) -> int:
        """A fit comes in, one verdict for each series. Returns its version."""
        plan = plan or self.plan()
        crowned = [row for row, verdict in enumerate(verdicts) if verdict.promoted]
        self.lifecycle.adopt(
            plan,
            FitOutcome(
                tuple(self.ids[row] for row in crowned),
                {name: array[crowned] for name, array in self.weights.items()},
                (0.5,) * len(crowned),
                verdicts=dict(zip(self.ids, verdicts, strict=True)),
            ),
        )
        return plan.version

    def reigning(self) -> list[int]:
        found = self.registry.champions()
        assert found == {model.series_id: model for model in self.store.models.champions("w")}, (
            "memory and store agree"
        )
        return [found[series].version for series in self.ids]

    def order(
        self,
        act: OrderKind,
        *,
        version: int | None = None,
        series: list[SeriesRecord] | None = None,
    ) -> list[OrderResult]:
        return self.lifecycle.execute(
            Order(act, tuple(self.store.series.of("w")), "ann", "because", version),
            self.store.series.of("w") if series is None else series,
        )

    def decided(self, what: DecisionKind) -> list[Decision]:
        return self.store.decisions.between(0, NOW * 2, decision_kind=what)

    def refusals(self, reason: str) -> float:
        return (
            self.collector.get_sample_value(
                "bandwatch_fit_refusals_total", {"watch": "w", "reason": reason}
            )
            or 0.0
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def test_who_is_refused_keeps_its_model_and_has_been_checked(world: World) -> None:
    first = world.fitted(YES, YES)
    world.now += 86_400
    second = world.fitted(NO, YES)
    assert world.reigning() == [first, second] and world.refusals("loss") == 1
    kept, crowned = (world.registry.champions()[series] for series in world.ids)
    assert (kept.fitted_at, kept.checked_at, kept.since) == (NOW, world.now, NOW)
    assert (crowned.fitted_at, crowned.checked_at, crowned.row) == (world.now, world.now, 0)
    (refused,) = world.decided(DecisionKind.REFUSED)
    assert (refused.version, refused.why, refused.by) == (second, "much worse", "bandwatch")
    assert [one.version for one in world.decided(DecisionKind.PROMOTED)] == [first, first, second]


def test_a_model_does_not_take_over_from_another_than_it_has_beaten(world: World) -> None:
    world.fitted(YES, YES)
    second = world.fitted(YES, YES)
    late = world.plan()
    assert [answer.done for answer in world.order(OrderKind.ROLLBACK)] == [True, True]
    first = world.reigning()[0]
    assert first < second
    world.fitted(YES, YES, plan=late)
    assert world.reigning() == [first, first] and world.refusals("overtaken") == 2
    pinned_meanwhile = world.plan()
    world.order(OrderKind.PIN)
    world.fitted(YES, YES, plan=pinned_meanwhile)
    assert world.reigning() == [first, first] and world.refusals("pinned") == 2


def test_a_first_model_is_not_held_up(world: World) -> None:
    world.fitted(YES, NO)
    assert list(world.registry.champions()) == world.ids[:1], "who never had one waits for the next"


def test_orders_to_whoever_has_no_model(world: World) -> None:
    for act in (OrderKind.ROLLBACK, OrderKind.PIN, OrderKind.UNPIN):
        assert [(answer.done, answer.why[:16]) for answer in world.order(act)] == [
            (False, "has no model yet")
        ] * 2
    assert all(answer.done for answer in world.order(OrderKind.REFIT))


def test_a_series_that_has_aged_out_is_told_so(world: World) -> None:
    world.fitted(YES, YES)
    gone = replace(world.store.series.of("w")[0], state=SeriesState.GONE)
    world.registry.update_states([gone])
    answers = world.order(OrderKind.ROLLBACK, series=[gone])
    assert [(answer.done, answer.why) for answer in answers] == [
        (False, "has aged out: its models come back with its next sample")
    ]


def test_a_refit_that_was_asked_for_outlives_a_restart_and_comes_once(world: World) -> None:
    world.fitted(YES, YES)
    world.now += 100
    world.order(OrderKind.REFIT, series=world.store.series.of("w")[:1])
    world.begin()
    asked = [
        world.lifecycle.refit_asked(world.registry.champions()[series]) for series in world.ids
    ]
    assert asked == [True, False]
    world.now += 1
    world.fitted(NO, NO)
    assert not any(
        world.lifecycle.refit_asked(model) for model in world.registry.champions().values()
    )
    world.begin()
    assert not any(
        world.lifecycle.refit_asked(model) for model in world.registry.champions().values()
    )


def test_a_paused_watch_takes_no_refits(world: World) -> None:
    world.begin(paused=True)
    assert [answer.why for answer in world.order(OrderKind.REFIT)] == [
        "its watch is paused: take `paused` out of its settings first"
    ] * 2


def test_nobody_rolls_back_to_another_step(world: World) -> None:
    first = world.fitted(YES, YES)
    world.fitted(YES, YES)
    world.store.model_settings.record("w", '{"step": 60}', 0)
    world.now += 100
    world.begin(step=300)
    assert world.lifecycle.step_since == world.now
    world.fitted(YES, YES)
    assert "there is no version before" in world.order(OrderKind.ROLLBACK)[0].why
    assert "there is no version" in world.order(OrderKind.ROLLBACK, version=first)[0].why


def test_an_unreadable_version_is_not_rolled_back_to(world: World) -> None:
    first = world.fitted(YES, YES)
    second = world.fitted(YES, YES)
    model: ModelRecord = next(
        model for model, _ in world.store.models.versions(world.ids) if model.version == first
    )
    model.path.write_bytes(b"\x08\0\0\0\0\0\0\0not json")
    answer = world.order(OrderKind.ROLLBACK)[0]
    assert (
        not answer.done
        and answer.version == second
        and f"weights of version {first} are gone" in answer.why
    )
    assert world.reigning() == [second, second] and world.decided(DecisionKind.ROLLED_BACK) == []


def test_weights_are_those_of_the_series_after_a_rollback(world: World) -> None:
    world.fitted(YES, YES)
    world.fitted(NO, YES)
    world.order(OrderKind.ROLLBACK, series=world.store.series.of("w")[1:])
    model = world.registry.champions()[world.ids[1]]
    kept = world.store.weights.read(model.path, [model.row])
    np.testing.assert_array_equal(kept["profile"][0], world.weights["profile"][1])
