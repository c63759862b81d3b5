"""Odd queries, odd settings, odd clocks, failures inside a tick: the job says so and goes on."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugin.board import WatchHealth
from plugin.errors import StoreError
from plugin.jobs.model_stack import ModelStack
from plugin.series import SeriesState
from tests import faults
from tests.e2e.world import NOW, STEP, Clock, Threads, config, parts, watch
from tests.servers import PrometheusServer


@pytest.fixture(autouse=True)
def workers_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)


def states(made: Any) -> set[SeriesState]:
    return {record.state for record in made.board.snapshots()["latency"].series}


def failures(made: Any, reason: str) -> float:
    return float(made.metrics.score_failures.labels("latency", reason)._value.get())


@pytest.mark.parametrize("query", ["latency_ms * NaN", "nothing_of_this_name"])
def test_a_query_without_a_sample_is_no_failure(
    small_world: PrometheusServer, clock: Clock, folder: Path, query: str
) -> None:
    with parts(config(folder, small_world.url, watch(query=query)), clock) as made:
        for _ in range(2):
            assert made.watches["latency"].score.run() and made.watches["latency"].fit.run() == 0
            assert made.board.snapshots()["latency"].series == ()
            clock.steps(1)


def test_a_series_that_turns_to_nan_is_missing(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    query = (
        f"latency_ms / (time() < bool {NOW + STEP}) * 0 + latency_ms"  # x / 0 * 0 = NaN after NOW
    )
    with parts(config(folder, small_world.url, watch(query=query)), clock) as made:
        assert made.watches["latency"].score.run() and states(made) == {SeriesState.OK}
        for _ in range(3):
            clock.steps(1)
            assert made.watches["latency"].score.run()
        assert states(made) == {SeriesState.MISSING}


@pytest.mark.parametrize("backfill", [0, 59])
def test_no_backfill_scores_from_now_on(
    small_world: PrometheusServer, clock: Clock, folder: Path, backfill: int
) -> None:
    with parts(config(folder, small_world.url, watch(backfill=backfill)), clock) as made:
        for step in (0, 1, 2):
            assert made.watches["latency"].score.run()
            assert made.store.samples.scored_until("latency") == NOW + step * STEP
            clock.steps(1)
        assert made.metrics.fits.labels("latency", "success")._value.get() == 1, "one first fit"


def test_another_step_goes_on_where_the_old_one_ended(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    clock.now += 3 * STEP
    with parts(config(folder, small_world.url), clock) as made:
        assert made.watches["latency"].score.run()
    clock.now += 60 * STEP
    slower = watch(step=7 * STEP, query="last_over_time(latency_ms[6m])", backfill=86_400)
    with parts(config(folder, small_world.url, slower), clock) as made:
        assert (
            made.watches["latency"].score.run()
            and made.watches["latency"].fit.run(everyone=True) == 4
        )
        assert made.board.snapshots()["latency"].time % (7 * STEP) == 0


def test_whatever_a_detector_raises_is_counted_and_shown(
    small_world: PrometheusServer,
    clock: Clock,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("on purpose")

    with parts(config(folder, small_world.url), clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        clock.steps(1)
        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
            patch.setattr(ModelStack, "score", broken)
            assert not score.run()
        assert failures(made, "error") == 1 and states(made) == {SeriesState.STALE}
        assert made.metrics.watch_up.labels("latency")._value.get() == 0
        assert "on purpose" in caplog.records[-1].err  # type: ignore[attr-defined]
        clock.steps(1)
        assert score.run() and states(made) == {SeriesState.OK}
        assert np.isfinite(made.board.snapshots()["latency"].score).all()


def test_a_store_that_cannot_be_written_for_a_while_loses_nothing(
    small_world: PrometheusServer, clock: Clock, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise StoreError("the disk is full")

    with parts(config(folder, small_world.url), clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        with monkeypatch.context() as patch:
            patch.setattr(made.store, "write", full)
            for _ in range(3):
                clock.steps(1)
                assert not score.run()
        assert failures(made, "store") == 3 and states(made) == {SeriesState.STALE}
        clock.steps(1)
        assert score.run() and states(made) == {SeriesState.OK}
        quiet = next(
            record
            for record in made.store.series.of("latency")
            if record.labels["service"] == "quiet"
        )
        assert (
            np.isfinite(made.store.samples.of(quiet.id, NOW + STEP, NOW + 4 * STEP).score).sum()
            == 4
        )


def test_a_series_that_the_store_has_lost_is_registered_anew(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, small_world.url), clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        lost = made.store.series.of("latency")[3]
        made.store.series.mark([lost.id], SeriesState.GONE)
        made.store.expire(int(clock()) + 10**6, retention=10**6 - 1, versions=1)
        assert lost.id not in {record.id for record in made.store.series.of("latency")}
        clock.steps(1)
        score.run()
        clock.steps(1)
        assert score.run(), "the run after a failure starts from what the store holds"
        assert len(made.store.series.of("latency")) == 4


def test_a_restart_without_prometheus_shows_what_the_store_holds(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with faults.FaultProxy(small_world.port) as proxy:
        settings = config(folder, proxy.url)
        with parts(settings, clock) as made:
            assert made.watches["latency"].score.run()
            before = made.board.snapshots()["latency"]
        proxy.refuse()
        clock.steps(1)
        with parts(settings, clock) as made:
            assert not made.watches["latency"].score.run()
            assert states(made) == {SeriesState.STALE}
            after = made.board.snapshots()["latency"]
            np.testing.assert_array_equal(after.score, before.score)
            assert after.time == before.time
            proxy.listen()
            assert made.watches["latency"].score.run() and states(made) == {SeriesState.OK}


def test_a_clock_that_goes_back_doubles_nothing(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, small_world.url), clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        rows = made.store.sizes()
        clock.steps(-10)
        assert not score.run() and made.board.snapshots()["latency"].time == NOW
        shown = made.board.snapshots()["latency"]
        assert shown.outlook is WatchHealth.FAILING and "set it right" in shown.reason
        assert made.metrics.score_failures.labels("latency", "clock")._value.get() == 1
        assert replace(made.store.sizes(), database_bytes=0) == replace(rows, database_bytes=0)
        clock.steps(11)
        assert score.run() and made.board.snapshots()["latency"].time == NOW + STEP


def test_a_clock_that_was_far_ahead_is_said(
    small_world: PrometheusServer, clock: Clock, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with parts(config(folder, small_world.url), clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        clock.now = NOW - 86_400
        with caplog.at_level(logging.ERROR):
            assert not score.run()
        assert "clock" in caplog.records[-1].err  # type: ignore[attr-defined]
        clock.now = NOW + STEP
        assert score.run()


def test_an_unanswered_question_for_history_is_not_repeated_at_once(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with (
        faults.FaultProxy(small_world.port) as proxy,
        parts(config(folder, proxy.url, watch(backfill=600)), clock) as made,
    ):
        jobs = made.watches["latency"]
        assert jobs.score.run()
        clock.steps(60)
        assert jobs.score.run()  # leaves a hole
        proxy.fault = faults.status(422)
        asked = len(proxy.requests)
        for _ in range(3):
            jobs.fit.run()
        # The range is refused, and the query at a time of now: it is not the range.
        assert len(proxy.requests) == asked + 2
        clock.steps(11)
        proxy.fault = faults.pass_on
        jobs.fit.run()
        assert len(proxy.requests) == asked + 3
