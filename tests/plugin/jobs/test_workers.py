"""Worker processes come and go; each costs its own task."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detectors.api import SeriesBatch
from plugin.config import WorkerSettings
from plugin.errors import FitFailed, Stopped
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.fit_task import FitOutcome, FitTask


def task(number: int) -> Callable[[], FitTask]:
    batch = SeriesBatch(np.zeros((1, 2)), np.ones((1, 2), bool), 0, 60)
    return lambda: FitTask(spec="", ids=(number,), batch=batch, alert_budget=1e-6)


def die_first(task: FitTask) -> FitOutcome:
    (number,) = task.ids
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(30 if number == 3 else 0)
    return FitOutcome(task.ids)


def test_a_dead_worker_costs_the_task_that_it_had_and_no_other() -> None:
    pool = WorkerPool(WorkerSettings(), task=die_first)
    futures = [pool.submit(task(number)) for number in (1, 2, 4, 5)]
    with pytest.raises(FitFailed, match="worker process ended") as failure:
        pool.result_of(futures[0])
    assert failure.value.reason == "worker_died"
    assert [pool.result_of(future).ids for future in futures[1:]] == [(2,), (4,), (5,)]
    assert len(pool.pids()) == 1
    pool.close()


def test_a_worker_that_dies_at_rest_costs_nothing() -> None:
    pool = WorkerPool(WorkerSettings(), task=die_first)
    assert pool.result_of(pool.submit(task(2))).ids == (2,)
    (dead,) = pool.pids()
    os.kill(dead, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{dead}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert pool.result_of(pool.submit(task(4))).ids == (4,)
    pool.close()


def test_a_worker_with_nothing_to_do_ends_and_the_next_fit_starts_it_anew() -> None:
    pool = WorkerPool(WorkerSettings(), task=die_first)
    assert pool.result_of(pool.submit(task(2))).ids == (2,)
    (pid,) = pool.pids()
    pool.end_idle(seconds=3600)
    assert pool.pids() == [pid]
    pool.end_idle(seconds=0)
    assert pool.pids() == [] and not Path(f"/proc/{pid}").exists()
    assert pool.result_of(pool.submit(task(4))).ids == (4,)
    slow = pool.submit(task(3))
    while pool._idle.qsize():
        time.sleep(0.01)
    pool.end_idle(seconds=0)
    assert len(pool.pids()) == 1 and not slow.done()
    pool.close()


def test_two_workers_fit_at_once_and_one_that_dies_leaves_the_other(tmp_path: Path) -> None:
    pool = WorkerPool(WorkerSettings(fits=2), task=die_first)
    slow = pool.submit(task(3))
    with pytest.raises(FitFailed, match="worker process ended"):
        pool.result_of(pool.submit(task(1)))
    assert not slow.done() and pool.result_of(pool.submit(task(2))).ids == (2,)
    pool.close()
    with pytest.raises(Stopped):
        pool.result_of(slow)


def test_a_stop_ends_what_runs_and_what_waits() -> None:
    pool = WorkerPool(WorkerSettings(), task=die_first)
    futures = [pool.submit(task(3)), pool.submit(task(2))]
    deadline = time.monotonic() + 20
    while not pool.pids() and time.monotonic() < deadline:
        time.sleep(0.02)
    began = time.monotonic()
    pool.close()
    for future in futures:
        with pytest.raises(Stopped):
            pool.result_of(future)
    assert time.monotonic() - began < 5
    with pytest.raises(Stopped):
        pool.submit(task(2))
