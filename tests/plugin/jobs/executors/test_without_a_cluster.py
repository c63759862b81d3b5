"""Fits that should run on Ray where there is no cluster."""

import os

import pytest

from plugin.config import ExecutorSettings, WorkerSettings
from plugin.errors import FitFailed
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.executors.ray_executor import RayExecutor
from tests.plugin.jobs.executors.cluster import drive_nowhere, task


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
