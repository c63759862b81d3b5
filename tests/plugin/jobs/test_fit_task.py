"""One fit: rows that cannot be fitted are set aside, a device that fails is replaced by the CPU."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from detectors.api import Arrays, Diverged, NotEnoughData, SeriesBatch, TrainingTooSlow
from detectors.baseline import Baseline
from detectors.registry import to_spec
from plugin.config import Watch
from plugin.grid import Grid, series_batch
from plugin.jobs import fit_task
from plugin.jobs.fit_task import FitTask, fit_rows, run_task, seconds_per_series
from plugin.series import Labels
from plugin.store import Store

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


def test_a_device_that_fails_costs_time_never_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_task, "from_spec", lambda spec: Picky())
    monkeypatch.setattr(fit_task, "choose", lambda wanted: wanted)
    store = Store.open(tmp_path)
    ids = [record.id for record in store.series.register("w", [Labels.of({"a": "1"})], 0)]
    times = np.arange(0, 200 * 60, 60)
    store.record_history(
        "w",
        "k",
        np.array(ids),
        times,
        np.random.default_rng(0).normal(size=(1, 200)),
        (0, 199 * 60),
    )
    task = FitTask(
        folder=tmp_path,
        watch="w",
        version=store.models.new_version("w"),
        spec=to_spec(Baseline()),
        ids=tuple(ids),
        window=Grid(0, 60, 200),
        timezone="UTC",
        alert_budget=BUDGET,
        device="cuda",
    )
    store.close()
    outcome = run_task(task)
    assert outcome.ids == tuple(ids) and outcome.path is not None and outcome.path.exists()
    assert outcome.device_error == "cuda: CUDA error: out of memory"


def test_a_fit_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    watch = fit_task._deadline(-1.0)
    watch(1.0)  # done is done
    with pytest.raises(TrainingTooSlow, match=r"50% done .* `workers.longest_fit`"):
        watch(0.5)


def test_a_newcomer_starts_from_the_mean_of_its_peers(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    path = store.weights.write(
        7, {"weight": np.array([[1.0], [2.0], [6.0]]), "after.level": np.zeros(3)}
    )
    task = FitTask(
        folder=tmp_path,
        watch="w",
        version=8,
        spec=to_spec(Baseline()),
        ids=(1, 2),
        window=Grid(0, 60, 2),
        timezone="UTC",
        alert_budget=BUDGET,
        peers=((path, 0), (path, 2)),
    )
    prior = fit_task._prior(store, task)
    store.close()
    assert (
        prior is not None
        and list(prior) == ["weight"]
        and prior["weight"].tolist() == [[3.5], [3.5]]
    )


@pytest.mark.parametrize(("first", "start"), [(0, 0), (150, 150), (390, 300), (None, 0)])
def test_a_fit_begins_at_the_first_sample_and_has_a_hundred_columns(
    first: int | None, start: int
) -> None:
    values = np.full((2, 400), np.nan)
    if first is not None:
        values[1, first:] = 1.0
    batch = fit_task._since_first_sample(series_batch(values, Grid(0, 60, 400), "UTC"))
    assert (batch.start, batch.shape) == (start * 60, (2, 400 - start))
