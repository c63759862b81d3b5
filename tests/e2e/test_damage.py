"""Files that are deleted or damaged under a service: a state, a metric and a log line, and recovery
by itself where that is possible."""

import errno
import logging
import os
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from plugin.board import WatchHealth
from tests.e2e.world import NOW, STEP, Clock, Threads, config, parts
from tests.servers import PrometheusServer


@pytest.fixture(autouse=True)
def workers_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)


def test_a_database_that_is_moved_away_and_put_back(
    small_world: PrometheusServer, clock: Clock, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with parts(config(folder, small_world.url), clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run()
        (folder / "bandwatch.db").rename(folder / "moved")
        for steps in (0, 1):  # also when there is nothing to write
            clock.steps(steps)
            with caplog.at_level(logging.ERROR):
                assert not jobs.score.run()
        shown = made.board.snapshots()["latency"]
        assert shown.outlook is WatchHealth.FAILING and "it was deleted" in shown.reason
        assert made.metrics.score_failures.labels("latency", "store")._value.get() == 2
        assert caplog.records[-1].reason == "store"  # type: ignore[attr-defined]
        assert not (folder / "bandwatch.db").exists()
        (folder / "moved").rename(folder / "bandwatch.db")
        assert jobs.score.run() and made.store.samples.scored_until("latency") == NOW + STEP


def test_damaged_weights_are_counted_and_fitted_anew(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, small_world.url), clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run()
    (path,) = (folder / "weights").glob("*.safetensors")
    data = bytearray(path.read_bytes())
    data[-1000:] = bytes(byte ^ 0xFF for byte in data[-1000:])
    path.write_bytes(data)
    clock.steps(1)
    with parts(config(folder, small_world.url), clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run()
        assert made.metrics.fit_failures.labels("latency", "unreadable")._value.get() == 4
        assert jobs.fit.run() == 4
        clock.steps(1)
        assert jobs.score.run()
        shown = made.board.snapshots()["latency"]
        assert np.isfinite(shown.upper).sum() >= 3, "they have bands again"


def test_a_moment_without_descriptors_costs_no_model(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, small_world.url), clock) as made:
        assert made.watches["latency"].score.run()
    clock.steps(1)
    exhausted = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    with parts(config(folder, small_world.url), clock) as made:
        score = made.watches["latency"].score
        with patch.object(Path, "open", side_effect=exhausted):
            assert not score.run()
        shown = made.board.snapshots()["latency"]
        assert shown.outlook is WatchHealth.FAILING and "Too many open files" in shown.reason
        assert made.metrics.score_failures.labels("latency", "store")._value.get() == 1
        assert score.run() and made.store.samples.scored_until("latency") == NOW + STEP
        assert made.metrics.fit_failures.labels("latency", "unreadable")._value.get() == 0
