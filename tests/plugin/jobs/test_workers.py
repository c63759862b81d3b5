"""Worker processes come and go; the pool that works is never lost sight of."""

import os
import signal
import time
from pathlib import Path

import pytest

from plugin.config import WorkerSettings
from plugin.errors import FitFailed, Stopped
from plugin.grid import Grid
from plugin.jobs.fit_task import FitOutcome, FitTask
from plugin.jobs.workers import WorkerPool


def task(version: int) -> FitTask:
    return FitTask(
        folder=Path("."),
        watch="w",
        version=version,
        spec="",
        ids=(1,),
        window=Grid(0, 60, 2),
        timezone="UTC",
        alert_budget=1e-6,
    )


def die_first(task: FitTask) -> FitOutcome:
    if task.version == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(30 if task.version == 3 else 0)
    return FitOutcome(task)


def test_late_news_of_a_dead_worker_does_not_hurt_its_successor() -> None:
    pool = WorkerPool(WorkerSettings(), task=die_first)
    first = pool.submit(task(1))
    second = pool.submit(task(2))
    with pytest.raises(FitFailed, match="worker process ended"):
        pool.result_of(first)
    third = pool.submit(task(3))
    with pytest.raises(FitFailed):
        pool.result_of(second)
    assert len(pool.pids()) == 1
    began = time.monotonic()
    pool.close()
    with pytest.raises(Stopped):
        pool.result_of(third)
    assert time.monotonic() - began < 5
