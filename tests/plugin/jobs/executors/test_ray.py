"""Fits on a real Ray cluster whose nodes come and go."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detectors.api import SeriesBatch
from plugin.config import ExecutorSettings, WorkerSettings
from plugin.errors import FitFailed
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.executors.ray_executor import RayExecutor
from plugin.jobs.fit_task import FitTask
from tests.plugin.jobs.executors.cluster import (
    OBJECT_STORE_BYTES,
    drive_another_version,
    drive_nowhere,
    drive_slowly,
    ray_cluster,
    task,
)


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


def slow_task(folder: Path, number: int) -> FitTask:
    return FitTask(spec=str(folder), ids=(number,), batch=task().batch, alert_budget=1e-6)


def begun(folder: Path) -> list[list[str]]:
    """Of each fit that has begun: its number, the node and the process."""
    return [path.name.split("-") for path in folder.iterdir() if path.name != "go"]


def test_nodes_come_and_go(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test, because a cluster takes seconds to start."""
    pytest.importorskip("ray", reason="ray is not installed: pip install bandwatch[ray]")
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "3")  # not the 20 of a service
    with ray_cluster() as cluster:
        settings = ExecutorSettings(kind="ray", address=cluster.address, fits=2)
        _refuses_another_version(settings)
        _passes_more_than_the_object_store_holds(settings)
        _cancels_what_runs(settings, tmp_path / "cancelled")
        _survives_the_loss_of_a_node(settings, cluster, tmp_path / "lost")
        _falls_back_when_the_head_is_lost(settings, cluster, caplog)


def _refuses_another_version(settings: ExecutorSettings) -> None:
    executor = RayExecutor(settings, None, drive=drive_another_version)
    with pytest.raises(FitFailed, match=r"install bandwatch==99\.0\.0 on all nodes") as failure:
        executor.result_of(executor.submit(task))
    assert failure.value.reason == "version"
    executor.close()


def _passes_more_than_the_object_store_holds(settings: ExecutorSettings) -> None:
    """Tasks of a third of the store, several times as much in all; never more than two at once."""
    steps = OBJECT_STORE_BYTES // 3 // 11
    values = np.random.default_rng(0).normal(size=(1, steps))
    large = SeriesBatch(values, np.ones(values.shape, bool), 0, 60)
    executor = RayExecutor(settings, None)

    def build() -> FitTask:  # a detector that cannot learn: its arrays travel all the same
        return FitTask(spec="{}", ids=(1,), batch=large, alert_budget=1e-6)

    for future in [executor.submit(build) for _ in range(6)]:
        with pytest.raises(FitFailed, match="DetectorError") as failure:
            executor.result_of(future)
        assert failure.value.reason == "error"
    executor.close()


def _cancels_what_runs(settings: ExecutorSettings, folder: Path) -> None:
    folder.mkdir()
    executor = RayExecutor(settings, None, drive=drive_slowly)
    executor.submit(lambda: slow_task(folder, 1))
    until(lambda: begun(folder))
    [[_, _, pid]] = begun(folder)
    executor.close()
    until(lambda: not Path(f"/proc/{pid}").exists())


def _survives_the_loss_of_a_node(settings: ExecutorSettings, cluster: object, folder: Path) -> None:
    folder.mkdir()
    executor = RayExecutor(settings, None, drive=drive_slowly)
    futures = [executor.submit(lambda n=n: slow_task(folder, n)) for n in (1, 2)]
    until(lambda: len(begun(folder)) == 2)
    worker = cluster.list_all_nodes()[1]  # type: ignore[attr-defined]
    nodes = {node for _, node, _ in begun(folder)}
    assert worker.node_id in nodes and len(nodes) == 2, "one fit on each node"
    cluster.remove_node(worker, allow_graceful=False)  # type: ignore[attr-defined]
    (folder / "go").touch()
    assert [executor.result_of(future).ids for future in futures] == [(1,), (2,)]
    assert len(begun(folder)) == 3, "one of them began twice"
    executor.close()


def _falls_back_when_the_head_is_lost(
    settings: ExecutorSettings, cluster: object, caplog: pytest.LogCaptureFixture
) -> None:
    states: list[bool] = []
    executor = RayExecutor(settings, WorkerPool(WorkerSettings()), states.append)
    assert executor.result_of(executor.submit(task)).ids == (7,)
    [driver] = executor.pids()
    cluster.shutdown()  # type: ignore[attr-defined]
    with caplog.at_level(logging.ERROR):
        assert executor.result_of(executor.submit(task)).ids == (7,)
    assert states == [True, False]
    assert "executor unreachable" in caplog.messages
    assert not Path(f"/proc/{driver}").exists()
    executor.close()


def test_without_a_cluster_and_without_a_fallback_a_fit_fails_and_says_what_to_do() -> None:
    states: list[bool] = []
    settings = ExecutorSettings(kind="ray", address="127.0.0.1:1", fits=2, fallback="none")
    executor = RayExecutor(settings, None, states.append, drive=drive_nowhere)
    futures = [executor.submit(task) for _ in range(3)]
    for future in futures:
        with pytest.raises(FitFailed, match=r"127\.0\.0\.1:1.*nobody is there.*head") as failure:
            executor.result_of(future)
        assert failure.value.reason == "unreachable"
    assert states == [False], "it is tried again a minute later, not with each fit"
    executor.close()


def test_a_driver_that_ends_costs_nothing_where_there_is_a_fallback() -> None:
    settings = ExecutorSettings(kind="ray", fits=1)
    local = WorkerPool(WorkerSettings())
    executor = RayExecutor(settings, local, drive=end_at_once)
    assert executor.result_of(executor.submit(task)).ids == (7,)
    assert executor.pids() == local.pids()
    executor.close()


def end_at_once(*_: object) -> None:
    """A driver that dies before it has said a word."""
    os._exit(1)
