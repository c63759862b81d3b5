"""Fits on a real Ray cluster whose nodes come and go."""

import importlib.util
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.api import SeriesBatch
from plugin.commands.backtest.run import backtest
from plugin.config import ExecutorSettings, WorkerSettings
from plugin.errors import FitFailed
from plugin.jobs.executors import ray_executor
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.executors.ray_executor import RayExecutor
from plugin.jobs.fit_task import FitTask
from tests.plugin.commands.backtest.test_walk import WATCH
from tests.plugin.commands.backtest.test_walk import recording as recorded_days
from tests.plugin.jobs.executors.cluster import (
    LOOPBACK,
    NODE,
    OBJECT_STORE_BYTES,
    drive_another_ray,
    drive_another_version,
    drive_steered,
    ray_cluster,
    ray_head,
    task,
)
from tests.plugin.jobs.executors.contract import keeps_the_contract

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason="ray is not installed: pip install bandwatch[ray]",
)


def until(condition: Callable[[], object], seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def slow_task(folder: Path, number: int) -> FitTask:
    return FitTask(spec=str(folder), ids=(number,), batch=task().batch, alert_budget=1e-6)


def begun(folder: Path) -> list[list[str]]:
    """Of each fit that has begun: its number, the node and the process."""
    return [path.name.split("-") for path in folder.iterdir() if path.name != "go"]


def folder_for(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def test_a_cluster_whose_nodes_come_and_go(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test, because a cluster takes seconds to start, and so does each driver."""
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "3")  # not the 20 of a service
    monkeypatch.setattr(ray_executor, "RECONNECT_SECONDS", 0.5)
    monkeypatch.setattr(ray_executor, "CONNECT_SECONDS", 150.0)  # beside all other tests
    client_port = free_port()
    with ray_cluster(spills=False, ray_client_server_port=client_port) as cluster:
        settings = ExecutorSettings(kind="ray", address=cluster.address, fits=2)
        keeps_the_contract(RayExecutor(settings.model_copy(update={"fits": 1}), None))
        _refuses_another_version(settings)
        _tells_of_another_ray(settings)
        executor = RayExecutor(settings, None, drive=drive_steered)
        _passes_more_than_the_object_store_holds(executor)
        _tells_that_the_object_store_is_full(executor)
        _serves_a_backtest(executor, folder_for(tmp_path, "backtest"))
        _survives_the_loss_of_a_node(executor, cluster, folder_for(tmp_path, "lost"))
        _goes_on_when_a_driver_ends_alone(executor, folder_for(tmp_path, "alone"))
        _cancels_what_runs(executor, folder_for(tmp_path, "cancelled"))
        client = settings.model_copy(update={"address": f"ray://{LOOPBACK}:{client_port}"})
        _waits_for_what_a_fit_asks_for(client, cluster, caplog)
        _falls_back_while_the_head_is_lost(settings, cluster, folder_for(tmp_path, "head"), caplog)


def _refuses_another_version(settings: ExecutorSettings) -> None:
    executor = RayExecutor(settings, None, drive=drive_another_version)
    with pytest.raises(FitFailed, match=r"install bandwatch==99\.0\.0 on all nodes") as failure:
        executor.result_of(executor.submit(task))
    assert failure.value.reason == "version"
    executor.close()


def _tells_of_another_ray(settings: ExecutorSettings) -> None:
    executor = RayExecutor(settings, None, drive=drive_another_ray)
    with pytest.raises(FitFailed, match=r"[Vv]ersion mismatch.*1\.0\.0") as failure:
        executor.result_of(executor.submit(task))
    assert failure.value.reason == "unreachable"
    executor.close()


def _large_task(size_bytes: int) -> FitTask:
    """A detector that cannot learn: its arrays travel all the same."""
    values = np.random.default_rng(0).normal(size=(1, size_bytes // 11))
    large = SeriesBatch(values, np.ones(values.shape, bool), 0, 60)
    return FitTask(spec="{}", ids=(1,), batch=large, alert_budget=1e-6)


def _passes_more_than_the_object_store_holds(executor: RayExecutor) -> None:
    """Tasks of an eighth of the store, one and a half times as much in all; never more than two at
    once."""
    size = OBJECT_STORE_BYTES // 8
    for future in [executor.submit(lambda: _large_task(size)) for _ in range(12)]:
        with pytest.raises(FitFailed, match="DetectorError") as failure:
            executor.result_of(future)
        assert failure.value.reason == "error"


def _tells_that_the_object_store_is_full(executor: RayExecutor) -> None:
    with pytest.raises(
        FitFailed, match=r"full: .*--object-store-memory.*executor\.fits"
    ) as failure:
        executor.result_of(executor.submit(lambda: _large_task(2 * OBJECT_STORE_BYTES)))
    assert failure.value.reason == "object_store"
    assert executor.result_of(executor.submit(task)).ids == (7,), "the next one has room"


def _serves_a_backtest(executor: RayExecutor, folder: Path) -> None:
    recordings = [recorded_days("a", 0, 4), recorded_days("b", 0, 4)]
    backtest(recordings, WATCH, folder / "here", jobs=1)
    backtest(recordings, WATCH, folder / "ray", jobs=executor)
    for path in (folder / "here").iterdir():
        assert (folder / "ray" / path.name).read_bytes() == path.read_bytes(), path.name


def _survives_the_loss_of_a_node(executor: RayExecutor, cluster: Any, folder: Path) -> None:
    """Two fits run, and three wait without their arrays. The urgent one goes first when a node is
    lost in mid-fit; each fit has exactly one result."""
    built = []

    def build(number: int) -> Callable[[], FitTask]:
        def made() -> FitTask:
            built.append(number)
            return slow_task(folder, number)

        return made

    futures = [executor.submit(build(number), urgent=number == 5) for number in (1, 2)]
    until(lambda: len(begun(folder)) == 2)
    futures += [executor.submit(build(number), urgent=number == 5) for number in (3, 4, 5)]
    assert sorted(built) == [1, 2]
    worker = cluster.list_all_nodes()[1]
    nodes = {node for _, node, _ in begun(folder)}
    assert worker.node_id in nodes and len(nodes) == 2, "one fit on each node"
    cluster.remove_node(worker, allow_graceful=False)
    (folder / "go").touch()
    assert [executor.result_of(future).ids for future in futures] == [(n,) for n in range(1, 6)]
    assert built[2:] == [5, 3, 4]
    starts = sorted(number for number, _, _ in begun(folder))
    assert len(starts) == 6 and set(starts[:3]) == {"1", "2"}, "one of them began twice"


def _goes_on_when_a_driver_ends_alone(executor: RayExecutor, folder: Path) -> None:
    """Ray ends a process in which it finds a fault of its own."""
    future = executor.submit(lambda: slow_task(folder, 1))
    until(lambda: begun(folder))
    [driver] = executor.pids()
    os.kill(driver, signal.SIGKILL)
    (folder / "go").touch()
    assert executor.result_of(future).ids == (1,)
    assert executor.pids() != [driver]


def _cancels_what_runs(executor: RayExecutor, folder: Path) -> None:
    executor.submit(lambda: slow_task(folder, 1))
    until(lambda: begun(folder))
    [[_, _, pid]] = begun(folder)
    executor.close()
    until(lambda: not Path(f"/proc/{pid}").exists())


def _waits_for_what_a_fit_asks_for(
    settings: ExecutorSettings, cluster: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A GPU that no node has, until one comes that says that it has one. This machine is no node:
    it asks the head."""
    executor = RayExecutor(settings.model_copy(update={"gpus_per_fit": 1.0}), None)
    with caplog.at_level(logging.WARNING):
        future = executor.submit(task)
        until(lambda: any("no node has" in message for message in caplog.messages))
    assert caplog.records[-1].__dict__["missing"] == "1 GPU"
    time.sleep(0.5)
    assert not future.done()
    cluster.add_node(**NODE | {"num_gpus": 1}, wait=False)
    assert executor.result_of(future).ids == (7,)
    executor.close()


def _falls_back_while_the_head_is_lost(
    settings: ExecutorSettings, cluster: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The fit that is lost with it runs on this machine; when it is back, it is used again."""
    states: list[bool] = []
    builds = iter([slow_task(folder, 1), task()])
    local = WorkerPool(WorkerSettings())
    executor = RayExecutor(settings, local, states.append, drive=drive_steered)
    future = executor.submit(lambda: next(builds))
    until(lambda: begun(folder))
    [driver] = executor.pids()
    port = int(cluster.address.rpartition(":")[2])
    cluster.shutdown()
    with caplog.at_level(logging.ERROR):
        assert executor.result_of(future).ids == (7,)
    assert states[0] and len(states) > 1 and not any(states[1:])
    assert "executor unreachable" in caplog.messages
    assert not Path(f"/proc/{driver}").exists() and executor.pids() == local.pids()
    restarted = ray_head(gcs_server_port=port)
    try:
        time.sleep(ray_executor.RECONNECT_SECONDS)
        assert executor.result_of(executor.submit(task)).ids == (7,)
        assert states[-1], "it is used again"
    finally:
        executor.close()
        restarted.shutdown()
