"""Fits through Ray with two processors, beside the processes of this machine: how many series a
minute, and what it costs to hand a stack over.

Both get the same tasks, in turns, so that a machine that is busy for a while is so for both.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from detectors.api import SeriesBatch
from detectors.registry import detector_named, to_spec
from plugin.config import ExecutorSettings, WorkerSettings
from plugin.jobs.executors import Executor
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.executors.ray_executor import RayExecutor
from plugin.jobs.fit_task import FitOutcome, FitTask
from tests.benchmarks.bench_fit import BUDGET, series

SERIES = 16  # in a stack
STACKS = 6  # in a round
ROUNDS = 3
STEPS = 14 * 1_440
WEEKS_STEPS = 35 * 1_440  # of `fit_window: auto`
PROCESSES = 2
OBJECT_STORE_BYTES = 400_000_000


def main() -> None:
    task = _task(series(SERIES, STEPS))
    with _cluster() as address:
        executors: dict[str, Executor] = {
            "local": WorkerPool(WorkerSettings(fits=PROCESSES)),
            "ray": RayExecutor(ExecutorSettings(kind="ray", address=address, fits=PROCESSES), None),
        }
        try:
            seconds = {name: [_round(executor, task)] for name, executor in executors.items()}
            for _ in range(ROUNDS):
                for name, executor in executors.items():
                    seconds[name].append(_round(executor, task))
        finally:
            for executor in executors.values():
                executor.close()
    best = {name: min(times[1:]) for name, times in seconds.items()}  # the first one warms up
    for name, time_taken in best.items():
        rate = 60 * SERIES * STACKS / time_taken
        print(f"{name:>6}: {rate:6.0f} series a minute on {PROCESSES} processors")
    print(f" ratio: {best['local'] / best['ray']:6.2f} of local (goal: at least 0.90)")
    _print_transfer()


def _print_transfer() -> None:
    """What handing a stack of the default size to a process costs."""
    task = _task(series(64, WEEKS_STEPS))
    pool = WorkerPool(WorkerSettings(), task=_nothing)
    pool.result_of(pool.submit(lambda: task))
    began = _processor_seconds(pool.pids())
    for _ in range(5):
        pool.result_of(pool.submit(lambda: task))
    spent = (_processor_seconds(pool.pids()) - began) / 5
    pool.close()
    print(f"  handing over 64 series of five weeks: {1000 * spent:.0f} ms of processor time")


def _task(batch: SeriesBatch) -> FitTask:
    spec = to_spec(detector_named("auto", {}))
    return FitTask(spec=spec, ids=tuple(range(len(batch.values))), batch=batch, alert_budget=BUDGET)


def _round(executor: Executor, task: FitTask) -> float:
    """Seconds for all stacks."""
    began = time.perf_counter()
    futures = [executor.submit(partial(_same, task)) for _ in range(STACKS)]
    for future in futures:
        outcome = executor.result_of(future)
        assert len(outcome.ids) == SERIES
    return time.perf_counter() - began


def _same(task: FitTask) -> FitTask:
    return task


def _nothing(task: FitTask) -> FitOutcome:
    return FitOutcome(task.ids, loss=tuple(np.zeros(len(task.ids)).tolist()))


def _processor_seconds(pids: list[int]) -> float:
    """Of this process and of others."""
    own = os.times()
    total = own.user + own.system
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


@contextmanager
def _cluster() -> Iterator[str]:
    """A Ray of two nodes of one processor, on loopback."""
    from ray.cluster_utils import Cluster

    node = {
        "num_cpus": 1,
        "object_store_memory": OBJECT_STORE_BYTES,
        "node_ip_address": "127.0.0.2",
    }
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        cluster.add_node(**node)
        yield cluster.address
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
