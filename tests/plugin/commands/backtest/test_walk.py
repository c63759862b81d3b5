"""Walking forward: lanes keep calendars, nothing of the future leaks, what is written is
complete."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plugin.commands.backtest.fits import by_configuration, fit_by
from plugin.commands.backtest.run import backtest
from plugin.commands.backtest.source import Recording, recorded
from plugin.commands.backtest.walk import WEEK, Walk, lanes
from plugin.config import Watch, WorkerSettings
from plugin.domain.times import DAY
from plugin.jobs.executors.ray_executor import RayExecutor
from plugin.preview.fit_workers import InlineWorkers

WATCH = Watch(name="w", query="x", step=600, detector="baseline", fit_every=DAY)


def recording(name: str, start: int, days: float, seed: int = 0) -> Recording:
    steps = int(days * DAY / 600)
    times = start + 600 * np.arange(steps)
    noise = np.random.default_rng(seed).normal(size=steps)
    values = 100 + 20 * np.sin(2 * np.pi * times / DAY) + noise
    return recorded(name, 600, times, values, pd.DataFrame({"label": np.zeros(steps, int)}))


def test_lanes_move_by_whole_weeks() -> None:
    made = lanes(
        [recording("a", 5 * WEEK + 2 * DAY, 6), recording("b", 90 * WEEK + DAY, 4)], "UTC", 24
    )
    assert len(made) == 1
    lane = made[0]
    assert lane.start == DAY and lane.first.tolist() == [144, 0]
    assert lane.split.tolist() == [144 + 432, 288] and lane.end.tolist() == [144 + 864, 576]
    assert (lane.start + lane.first * lane.step - np.array([2 * DAY, DAY])).tolist() == [0, 0]


def test_lanes_part_where_they_must() -> None:
    recordings = [recording("a", 0, 2), recording("b", 300, 2), recording("c", WEEK, 2)]
    assert [len(lane.recordings) for lane in lanes(recordings, "UTC", 24)] == [2, 1]
    assert [len(lane.recordings) for lane in lanes(recordings, "Europe/Berlin", 24)] == [1, 1, 1]
    assert [len(lane.recordings) for lane in lanes(recordings, "UTC", 1)] == [1, 1, 1]


def test_the_judged_half_is_scored_and_only_that() -> None:
    lane = lanes([recording("a", 0, 6), recording("b", 2 * DAY, 8, seed=1)], "UTC", 24)[0]
    judged = Walk(lane, WATCH).run()
    for row in range(2):
        inside = np.zeros(lane.values.shape[1], bool)
        inside[lane.split[row] : lane.end[row]] = True
        assert np.isnan(judged.score[row, ~inside]).all()
        assert (
            np.isfinite(judged.score[row, inside]).all()
            and np.isfinite(judged.lower[row, inside]).all()
        )
    assert np.nanmean(judged.score > 1) < 0.01


def test_what_comes_of_a_recording_does_not_depend_on_the_lanes() -> None:
    """However many processes share the work."""
    recordings = [recording(str(row), 0, days, row) for row, days in enumerate((8.5, 6, 13))]
    [together] = lanes(recordings, "UTC", 3)
    wanted = Walk(together, WATCH).run().score
    for row, lane in enumerate(lanes(recordings, "UTC", 1)):
        found = Walk(lane, WATCH).run().score[0, lane.first[0] : lane.end[0]]
        own = wanted[row, together.first[row] : together.end[row]]
        np.testing.assert_allclose(found, own, rtol=1e-9, atol=1e-9)


def test_the_future_never_changes_a_score() -> None:
    plain = lanes([recording("a", 0, 8)], "UTC", 24)[0]
    changed = lanes([recording("a", 0, 8)], "UTC", 24)[0]
    cut = int(5.5 * 144)
    changed.values[:, cut:] *= 3
    before = Walk(plain, WATCH).run()
    after = Walk(changed, WATCH).run()
    np.testing.assert_array_equal(before.score[:, :cut], after.score[:, :cut])
    assert (after.score[:, cut:] > before.score[:, cut:]).any()


@pytest.mark.parametrize("plot", [False, True])
def test_one_file_per_series(tmp_path: Path, plot: bool) -> None:
    results = backtest(
        [recording("b", 0, 4), recording("a", 0, 4)], WATCH, tmp_path, plot=plot, jobs=1
    )
    assert [result.name for result in results] == ["a", "b"]
    table = pd.read_csv(tmp_path / "a.csv")
    assert table.columns.tolist() == [
        "time",
        "value",
        "expected",
        "lower",
        "upper",
        "score",
        "label",
    ]
    assert len(table) == 288 and table.notna().all().all()
    outside = (table["value"] < table["lower"]) | (table["value"] > table["upper"])
    assert ((table["score"] > 1) == outside).all()
    assert (tmp_path / "a.png").exists() is plot
    assert results[0].by_label["label"].incidents == 0 and results[0].unscored == 0


@pytest.mark.parametrize("detector", ["baseline", "lstm"])
def test_an_executor_fits_the_same_models(detector: str) -> None:
    """Also a fit that starts from the one before, and a series that is too short for a network."""
    options = {"steps": 5} if detector == "lstm" else {}
    watch = WATCH.model_copy(update={"detector": detector, "detector_options": options})
    recordings = [recording("a", 0, 3), recording("b", 0, 3), recording("short", 0, 0.1)]
    [lane] = lanes(recordings, "UTC", 24)
    here = Walk(lane, watch).run()
    there = Walk(lane, watch, fit_by(InlineWorkers(WorkerSettings()))).run()
    assert np.isfinite(here.score[:2, -144:]).all()
    for name in ("expected", "lower", "upper", "score", "accepted"):
        np.testing.assert_array_equal(getattr(here, name), getattr(there, name))


def test_what_a_covariate_column_explains_is_no_alarm() -> None:
    rng = np.random.default_rng(0)
    steps = 8 * 144
    load = 50 + 10 * rng.normal(size=steps).cumsum() / 10
    values = 100 + 3 * load + rng.normal(size=steps)
    rush = slice(6 * 144, 6 * 144 + 20)
    times = 600 * np.arange(steps)
    values[rush] = values[rush] + 90
    load[rush] = load[rush] + 30
    alone, explained = (
        recorded(name, 600, times, values, pd.DataFrame(columns))
        for name, columns in (
            ("alone", {"label": 0 * times}),
            ("explained", {"covariate_load": load}),
        )
    )
    made = lanes([alone, explained], "UTC", 24)
    assert [lane.covariates.shape for lane in made] == [(1, 0, steps), (1, 1, steps)]
    flagged = [
        (Walk(lane, WATCH.model_copy(update={"detector": "lstm"})).run().score[0, rush] > 1).mean()
        for lane in made
    ]
    assert flagged[0] > 0.5 and flagged[1] == 0


@pytest.mark.parametrize(("kind", "expected"), [("local", int), ("ray", RayExecutor)])
def test_a_configuration_names_the_executor(tmp_path: Path, kind: str, expected: type) -> None:
    """It reaches for no cluster before the first fit."""
    file = tmp_path / "bandwatch.yml"
    file.write_text(
        "prometheus: {url: http://127.0.0.1:9090}\n"
        "watches: [{name: w, query: up}]\n"
        f"executor: {{kind: {kind}}}\n"
    )
    with by_configuration(str(file), 2) as jobs:
        assert isinstance(jobs, expected)
    with by_configuration("", 2) as jobs:
        assert jobs == 2
