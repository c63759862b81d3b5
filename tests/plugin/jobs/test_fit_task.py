"""One fit: rows that cannot be fitted are set aside, a device that fails is replaced by the CPU."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from detectors.api import Arrays, Diverged, NotEnoughData, SeriesBatch, TrainingTooSlow
from detectors.baseline import Baseline
from detectors.registry import to_spec
from plugin.config import Watch
from plugin.jobs import fit_task
from plugin.jobs.fit_task import FitTask, fit_rows, run_task, seconds_per_series

BUDGET = 1 / 604_800


def batch(observed: list[int]) -> SeriesBatch:
    """One row for each number: so many samples at its end, none before."""
    there = np.arange(200)[None] >= 200 - np.array(observed)[:, None]
    return SeriesBatch(
        np.where(there, np.random.default_rng(0).normal(size=there.shape), np.nan), there, 0, 60
    )


def test_rows_that_are_refused_do_not_cost_the_others() -> None:
    rows = fit_rows(Baseline(), batch([200, 3, 150, 0]), None, alert_budget=BUDGET)
    assert rows.index.tolist() == [0, 2] and set(rows.refused) == {1, 3} and rows.fitted is not None
    assert all(isinstance(why, NotEnoughData) for why in rows.refused.values())
    alone = fit_rows(
        Baseline(), batch([200, 3, 150, 0]).rows(np.array([2])), None, alert_budget=BUDGET
    )
    assert alone.fitted is not None
    np.testing.assert_array_equal(alone.fitted.state["reach"][0], rows.fitted.state["reach"][1])


def test_nothing_left_to_fit() -> None:
    rows = fit_rows(Baseline(), batch([0, 2]), None, alert_budget=BUDGET)
    assert rows.fitted is None and len(rows.index) == 0
    with pytest.raises(NotEnoughData):
        seconds_per_series(Watch(name="w", query="up", detector="baseline"), batch([0, 2]))


@dataclass(frozen=True)
class Picky(Baseline):
    """Diverges on its second row, without naming it the first time round."""

    name: ClassVar[str] = "picky"
    trains_on_device: ClassVar[bool] = True

    def fit(self, batch: SeriesBatch, prior: Arrays | None = None, **settings: Any) -> Any:
        if settings["device"] != "cpu":
            raise RuntimeError("CUDA error: out of memory")
        bad = np.flatnonzero(batch.values[:, -1] > 100)
        if len(bad):
            raise Diverged("on purpose", rows=tuple(bad.tolist()))
        assert prior is None or len(prior["weight"]) == len(batch.values)
        return super().fit(batch, prior, **settings)


def test_the_prior_follows_the_rows_that_are_left() -> None:
    wild = batch([200, 200, 200])
    wild.values[1, -1] = 1000
    rows = fit_rows(Picky(), wild, {"weight": np.zeros((3, 2))}, alert_budget=BUDGET)
    assert rows.index.tolist() == [0, 2] and list(rows.refused) == [1]


def test_a_device_that_fails_costs_time_never_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_task, "from_spec", lambda spec: Picky())
    monkeypatch.setattr(fit_task, "choose", lambda wanted: wanted)
    task = FitTask(
        spec=to_spec(Baseline()), ids=(7,), batch=batch([200]), alert_budget=BUDGET, device="cuda"
    )
    outcome = run_task(task)
    assert outcome.ids == (7,) and outcome.weights is not None
    assert outcome.device_error == "cuda: CUDA error: out of memory"


def test_a_detector_that_needs_no_torch_never_looks_for_a_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def asked(wanted: str) -> str:
        raise AssertionError("not reached")

    monkeypatch.setattr(fit_task, "choose", asked)
    task = FitTask(
        spec=to_spec(Baseline()), ids=(7,), batch=batch([200]), alert_budget=BUDGET, device="auto"
    )
    assert run_task(task).ids == (7,)


def test_a_fit_that_takes_too_long_is_given_up() -> None:
    watch = fit_task._deadline(-1.0)
    watch(1.0)  # done is done
    with pytest.raises(TrainingTooSlow, match=r"50% done .* `workers.longest_fit`"):
        watch(0.5)
