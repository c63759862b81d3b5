"""What every executor does, in processes of this machine and on a real Ray cluster."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from plugin.errors import FitFailed, Stopped, StoreError
from plugin.jobs.executors import Executor
from plugin.jobs.fit_task import FitTask, run_task
from tests.plugin.jobs.executors.cluster import task


def keeps_the_contract(executor: Executor) -> None:
    """executor: runs one fit at a time; it is closed in the end."""
    try:
        _gives_the_outcome_of_the_fit(executor)
        _runs_urgent_fits_first(executor)
        _tells_why_there_is_none(executor)
        _ends_when_idle_and_starts_anew(executor)
        _stops(executor)
    finally:
        executor.close()


def _gives_the_outcome_of_the_fit(executor: Executor) -> None:
    executor.warm_up()
    assert executor.size == 1 and executor.stack_size(100, 64) == 64
    outcome = executor.result_of(executor.submit(task))
    alone = run_task(task())
    assert outcome.ids == alone.ids == (7,) and outcome.loss == alone.loss
    assert outcome.weights is not None and alone.weights is not None
    for name, array in alone.weights.items():
        np.testing.assert_array_equal(outcome.weights[name], array)
    assert len(executor.pids()) == 1


def _runs_urgent_fits_first(executor: Executor) -> None:
    built = []
    begun = threading.Event()
    go = threading.Event()

    def build(number: int) -> Callable[[], FitTask]:
        def made() -> FitTask:
            built.append(number)
            begun.set()
            go.wait(30)
            return task(number)

        return made

    futures = [executor.submit(build(0))]  # it holds the only place
    assert begun.wait(30)
    futures += [executor.submit(build(number), urgent=number == 3) for number in range(1, 5)]
    go.set()
    assert [executor.result_of(future).ids for future in futures] == [(n,) for n in range(5)]
    assert built == [0, 3, 1, 2, 4]


def _tells_why_there_is_none(executor: Executor) -> None:
    def unreadable() -> FitTask:
        raise StoreError("the disk is full")

    def wrong() -> FitTask:
        return FitTask(spec="{}", ids=(1,), batch=task().batch, alert_budget=1e-6)

    for build, reason, words in (
        (unreadable, "store", "the disk is full"),
        (wrong, "error", "DetectorError: not the spec"),
    ):
        with pytest.raises(FitFailed, match=words) as failure:
            executor.result_of(executor.submit(build))
        assert failure.value.reason == reason
    few = executor.result_of(executor.submit(lambda: task(samples=3)))
    assert few.weights is None and few.refused[7][0] == "not_enough_data"


def _ends_when_idle_and_starts_anew(executor: Executor) -> None:
    executor.end_idle(3600)
    assert len(executor.pids()) == 1
    executor.end_idle(0)
    assert executor.pids() == []
    assert executor.result_of(executor.submit(task)).ids == (7,)


def _stops(executor: Executor) -> None:
    begun = threading.Event()
    go = threading.Event()

    def held() -> FitTask:
        begun.set()
        go.wait(30)
        return task()

    futures = [executor.submit(held), executor.submit(task)]
    assert begun.wait(30)
    executor.close()
    go.set()
    for future in futures:
        with pytest.raises(Stopped):
            executor.result_of(future)
    with pytest.raises(Stopped):
        executor.submit(task)
    assert executor.pids() == []
