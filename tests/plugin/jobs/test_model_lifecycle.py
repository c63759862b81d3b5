"""What becomes of new models and of orders, with what reigns at that moment."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectors.baseline import Baseline
from detectors.registry import to_spec
from plugin.config import Watch
from plugin.domain.model_decisions import Act, Answer, Decision, Order, What
from plugin.jobs.fit_task import FitOutcome, FitTask
from plugin.jobs.gate import Verdict
from plugin.jobs.model_lifecycle import Succession
from plugin.jobs.model_registry import Roster
from plugin.jobs.weights_file import joined
from plugin.metrics import Metrics
from plugin.series import Labels, SeriesRecord, SeriesState
from plugin.store import ModelRecord, Store
from tests.plugin.jobs.test_fit_task import BUDGET, batch

NOW, SPEC = 1_760_000_000, to_spec(Baseline())
YES, NO = Verdict(True, "as good"), Verdict(False, "much worse", "loss")


class World:
    """Two series of one watch, with weights that can be read."""

    def __init__(self, folder: Path) -> None:
        self.store, self.now, self.registry = Store.open(folder), NOW, CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.ids = [record.id for record in self.store.register("w", [Labels.of({"n": n}) for n in "ab"], NOW)]
        self.weights = joined(Baseline().fit(batch([200, 200]), alert_budget=BUDGET))
        self.begin()

    def begin(self, **settings: object) -> None:
        """As after a start."""
        watch = Watch.model_validate({"name": "w", "query": "x", "detector": "baseline", **settings})
        self.roster = Roster(self.store, "w")
        self.succession = Succession(watch, self.store, self.metrics, self.roster, clock=lambda: self.now)

    def task(self) -> FitTask:
        return FitTask(self.store.folder, "w", self.store.new_version("w"), SPEC, tuple(self.ids), NOW - 600, NOW, 60,
                       "UTC", BUDGET, trial=self.succession.trial(self.ids))

    def fitted(self, *verdicts: Verdict, task: FitTask | None = None) -> int:
        """A fit comes in, one verdict for each series. Returns its version."""
        task = task or self.task()
        crowned = [row for row, verdict in enumerate(verdicts) if verdict.crowned]
        path = self.store.write_weights(task.version, {name: array[crowned] for name, array in self.weights.items()})
        self.succession.adopt(FitOutcome(task, tuple(self.ids[row] for row in crowned), path, (0.5,) * len(crowned),
                                         verdicts=dict(zip(self.ids, verdicts, strict=True))))
        return task.version

    def reigning(self) -> list[int]:
        found = self.roster.champions()
        assert found == {model.series_id: model for model in self.store.champions("w")}, "memory and store agree"
        return [found[series].version for series in self.ids]

    def order(self, act: Act, *, version: int | None = None, series: list[SeriesRecord] | None = None) -> list[Answer]:
        return self.succession.carry_out(Order(act, tuple(self.store.series("w")), "ann", "because", version),
                                         self.store.series("w") if series is None else series)

    def decided(self, what: What) -> list[Decision]:
        return self.store.reigns.decisions(0, NOW * 2, what=what)

    def refusals(self, reason: str) -> float:
        return self.registry.get_sample_value("bandwatch_fit_refusals_total", {"watch": "w", "reason": reason}) or 0.0


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
    kept, crowned = (world.roster.champions()[series] for series in world.ids)
    assert (kept.fitted_at, kept.checked_at, kept.since) == (NOW, world.now, NOW)
    assert (crowned.fitted_at, crowned.checked_at, crowned.row) == (world.now, world.now, 0)
    refused, = world.decided(What.REFUSED)
    assert (refused.version, refused.why, refused.by) == (second, "much worse", "bandwatch")
    assert [one.version for one in world.decided(What.CROWNED)] == [first, first, second]


def test_a_model_does_not_take_over_from_another_than_it_has_beaten(world: World) -> None:
    world.fitted(YES, YES)
    second = world.fitted(YES, YES)
    late = world.task()
    assert [answer.done for answer in world.order(Act.ROLLBACK)] == [True, True]
    first = world.reigning()[0]
    assert first < second
    world.fitted(YES, YES, task=late)
    assert world.reigning() == [first, first] and world.refusals("overtaken") == 2
    pinned_meanwhile = world.task()
    world.order(Act.PIN)
    world.fitted(YES, YES, task=pinned_meanwhile)
    assert world.reigning() == [first, first] and world.refusals("pinned") == 2


def test_a_first_model_is_not_held_up(world: World) -> None:
    world.fitted(YES, NO)
    assert list(world.roster.champions()) == world.ids[:1], "who never had one waits for the next"


def test_orders_to_whoever_has_no_model(world: World) -> None:
    for act in (Act.ROLLBACK, Act.PIN, Act.UNPIN):
        assert [(answer.done, answer.why[:16]) for answer in world.order(act)] == [(False, "has no model yet")] * 2
    assert all(answer.done for answer in world.order(Act.REFIT))


def test_a_series_that_has_aged_out_is_told_so(world: World) -> None:
    world.fitted(YES, YES)
    gone = replace(world.store.series("w")[0], state=SeriesState.GONE)
    world.roster.see([gone])
    answers = world.order(Act.ROLLBACK, series=[gone])
    assert [(answer.done, answer.why) for answer in answers] == [
        (False, "has aged out: its models come back with its next sample")]


def test_a_refit_that_was_asked_for_outlives_a_restart_and_comes_once(world: World) -> None:
    world.fitted(YES, YES)
    world.now += 100
    world.order(Act.REFIT, series=world.store.series("w")[:1])
    world.begin()
    asked = [world.succession.asked(world.roster.champions()[series]) for series in world.ids]
    assert asked == [True, False]
    world.now += 1
    world.fitted(NO, NO)
    assert not any(world.succession.asked(model) for model in world.roster.champions().values())
    world.begin()
    assert not any(world.succession.asked(model) for model in world.roster.champions().values())


def test_a_paused_watch_takes_no_refits(world: World) -> None:
    world.begin(paused=True)
    assert [answer.why for answer in world.order(Act.REFIT)] == [
        "its watch is paused: take `paused` out of its settings first"] * 2


def test_nobody_rolls_back_to_another_step(world: World) -> None:
    first = world.fitted(YES, YES)
    world.fitted(YES, YES)
    world.store.reigns.record_terms("w", '{"step": 60}', 0)
    world.now += 100
    world.begin(step=300)
    assert world.succession.step_since == world.now
    world.fitted(YES, YES)
    assert "there is no version before" in world.order(Act.ROLLBACK)[0].why
    assert "there is no version" in world.order(Act.ROLLBACK, version=first)[0].why


def test_an_unreadable_version_is_not_rolled_back_to(world: World) -> None:
    first, second = world.fitted(YES, YES), world.fitted(YES, YES)
    model: ModelRecord = next(model for model, _ in world.store.reigns.versions(world.ids) if model.version == first)
    model.path.write_bytes(b"\x08\0\0\0\0\0\0\0not json")
    answer = world.order(Act.ROLLBACK)[0]
    assert not answer.done and answer.version == second and f"weights of version {first} are gone" in answer.why
    assert world.reigning() == [second, second] and world.decided(What.ROLLED_BACK) == []


def test_weights_are_those_of_the_series_after_a_rollback(world: World) -> None:
    world.fitted(YES, YES)
    world.fitted(NO, YES)
    world.order(Act.ROLLBACK, series=world.store.series("w")[1:])
    model = world.roster.champions()[world.ids[1]]
    kept = world.store.read_weights(model.path, [model.row])
    np.testing.assert_array_equal(kept["profile"][0], world.weights["profile"][1])
