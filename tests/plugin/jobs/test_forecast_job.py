"""The band ahead: what the models draw into a gap, moved by the policies, after each tick that has
been paid for."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectors.api import SeriesBatch
from detectors.registry import detector_named, to_spec
from plugin.board import Board, Forecast
from plugin.config import Calendar, Watch
from plugin.grid import Grid, series_batch
from plugin.jobs import forecast_job, throttle
from plugin.jobs.forecast_job import ForecastJob, forecast_ahead
from plugin.jobs.model_stack import ModelStack
from plugin.jobs.watch_history import query_key
from plugin.jobs.watch_scorer import WatchScorer
from plugin.metrics import Metrics
from plugin.series import FloatArray, Labels
from plugin.store import ModelRecord, Store
from tests.plugin.jobs.core import Time

STEP = 60
STEPS = 400
AHEAD = 30
START = 1_760_000_040 // STEP * STEP
NOW = START + (STEPS - 1) * STEP
GRID = Grid.between(START, NOW, STEP)
WATCH = Watch(
    name="w", query="x", detector="baseline", fit_window=STEPS * STEP, forecast=AHEAD * STEP
)
PLACES = [10.0, 20.0, 1e12]


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[WatchScorer]:
    """Three series in two stacks, neither in the order of the ids."""
    store = Store.open(tmp_path / "data")
    records = store.series.register(
        "w", [Labels.of({"n": str(number)}) for number in range(3)], START
    )
    ids = np.array([record.id for record in records])
    values = np.random.default_rng(0).normal(np.array(PLACES)[:, None], 1.0, (3, STEPS))
    store.record_history("w", query_key(WATCH), ids, GRID.times, values, (START, NOW))
    made = WatchScorer(WATCH, store, NOW)
    for name, options, rows in (("lstm", {"steps": 1}, [2, 0]), ("baseline", {}, [1])):
        detector = detector_named(name, options)
        fitted = detector.fit(
            series_batch(values[rows], GRID, "UTC"), alert_budget=WATCH.alert_budget
        )
        version = store.models.new_version("w")
        path = store.weights.write(version, fitted.state)
        models = [
            ModelRecord(
                int(ids[row]), version, place, name, to_spec(detector), path, 0.1, NOW, START, NOW
            )
            for place, row in enumerate(rows)
        ]
        store.save_models("w", models)
        assert made.load(models, []) == []
    yield made
    store.close()


def forecast_of(stacks: WatchScorer, watch: Watch = WATCH) -> Forecast:
    standing = stacks.stacks()
    assert standing is not None and len(standing) == 2
    return forecast_ahead(watch, standing, stacks.until)


def in_a_gap(stacks: WatchScorer) -> dict[int, tuple[FloatArray, ...]]:
    """The bands that the score job would store if no sample came."""
    grid = Grid(NOW + STEP, STEP, AHEAD)
    ticks, _ = stacks.judge(np.empty(0, np.int64), grid, np.empty((0, AHEAD)))
    return {
        int(series): (tick.expected[row], tick.lower[row], tick.upper[row])
        for tick in ticks
        for row, series in enumerate(tick.ids)
    }


def after_a_tick(stacks: WatchScorer) -> WatchScorer:
    return stacks.judge(
        np.empty(0, np.int64), Grid(stacks.until + STEP, STEP, 1), np.empty((0, 1))
    )[1]


def test_a_forecast_is_the_band_of_a_gap_for_every_series(
    stacks: WatchScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast_job, "CELLS_AT_ONCE", AHEAD)  # one series at a time
    found = forecast_of(stacks)
    expected = in_a_gap(stacks)
    assert found.ids.tolist() == sorted(expected) and found.expected.dtype == np.float32
    np.testing.assert_array_equal(found.times, NOW + STEP * np.arange(1, AHEAD + 1))
    for series, truth in expected.items():
        for ours, theirs in zip(found.band(series) or (), truth, strict=True):
            np.testing.assert_allclose(
                ours, theirs, rtol=1e-15, atol=1e-5, err_msg="also where float32 is too coarse"
            )
    assert found.band(max(expected) + 1) is None and found.band(-1) is None


def test_the_policies_move_it(stacks: WatchScorer) -> None:
    one_sided = WATCH.model_copy(update={"direction": "above", "min_deviation": 50.0})
    found = forecast_of(stacks, one_sided)
    expected, lower, upper = (
        found.origin[0] + bound[0] for bound in (found.expected, found.lower, found.upper)
    )
    assert (lower == -np.inf).all()
    np.testing.assert_allclose(upper, expected + 50, atol=1e-4)


def test_a_run_makes_one_forecast_of_each_tick_and_rests_for_what_it_cost(
    stacks: WatchScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time(cost=0.2)
    monkeypatch.setattr(throttle, "time", time)
    board = Board()
    now = [stacks]
    job = ForecastJob(WATCH, board, Metrics(CollectorRegistry()), lambda: now[0])
    assert job.run() and board.forecasts()["w"].made_at == NOW
    time.now += 3600
    assert not job.run(), "nothing new"
    time.now -= 3600
    now[0] = after_a_tick(stacks)
    time.now += 0.2 / forecast_job.CORE_SHARE - 0.1
    assert not job.run(), "not paid for"
    time.now += 0.2
    assert job.run() and board.forecasts()["w"].made_at == NOW + STEP


def test_a_failure_is_counted_and_the_old_forecast_stays(
    stacks: WatchScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise AttributeError("on purpose")

    monkeypatch.setattr(forecast_job, "CORE_SHARE", np.inf)
    board = Board()
    metrics = Metrics(CollectorRegistry())
    now = [stacks]
    job = ForecastJob(WATCH, board, metrics, lambda: now[0])
    assert job.run()
    before = board.forecasts()["w"]
    now[0] = after_a_tick(stacks)
    with monkeypatch.context() as fault:
        fault.setattr(ModelStack, "score", broken)
        assert not job.run() and board.forecasts()["w"] is before
        assert metrics.forecast_failures.labels("w")._value.get() == 1
    now[0] = after_a_tick(now[0])
    assert job.run() and board.forecasts()["w"].made_at == NOW + 2 * STEP


def test_there_is_none_before_the_first_tick_nor_of_half_the_champions(
    stacks: WatchScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not ForecastJob(WATCH, Board(), Metrics(CollectorRegistry()), lambda: None).run()
    job = ForecastJob(WATCH, Board(), Metrics(CollectorRegistry()), lambda: stacks)
    entered = threading.Event()
    release = threading.Event()

    def slow(*_: object) -> list[ModelRecord]:
        entered.set()
        release.wait(10)
        return []

    monkeypatch.setattr(stacks, "load", slow)
    replacing = threading.Thread(target=stacks.replace, args=([],))
    replacing.start()
    assert entered.wait(10) and not job.run()
    release.set()
    replacing.join()
    assert job.run(), "what was put off is made up for"


def test_a_forecast_knows_the_holidays_ahead(
    stacks: WatchScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """9 October 2025 is Hangul Day in Korea."""
    seen: list[bool] = []

    def noting(*arguments: Any) -> SeriesBatch:
        batch = series_batch(*arguments)
        seen.append(bool(batch.holiday.all()))
        return batch

    monkeypatch.setattr(forecast_job, "series_batch", noting)
    forecast_of(stacks)
    forecast_of(stacks, WATCH.model_copy(update={"calendar": Calendar(country="KR")}))
    assert seen == [False, False, True, True]
