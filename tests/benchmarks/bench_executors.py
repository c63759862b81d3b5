"""Fits through Ray with two processors, beside the processes of this machine: how many series a
minute, and what it costs to hand a stack over.

Both get the same tasks and the same priority, in turns, so that a machine that is busy for a while
is so for both: what counts is the median of the ratios of rounds that follow each other.
"""

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from detectors.api import SeriesBatch
from detectors.registry import detector_named, to_spec
from plugin.config import ExecutorSettings, WorkerSettings
from plugin.jobs.executors import Executor
from plugin.jobs.executors.local import NICENESS, WorkerPool
from plugin.jobs.executors.ray_executor import RayExecutor
from plugin.jobs.fit_task import FitOutcome, FitTask
from tests.benchmarks.bench_fit import BUDGET, series

SERIES = 16  # in a stack
STACKS = 4  # in a round
ROUNDS = 5
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
            for executor in executors.values():  # the first round starts processes
                _round(executor, task)
            seconds: dict[str, list[float]] = {name: [] for name in executors}
            for number in range(ROUNDS):
                order = list(executors) if number % 2 else list(reversed(executors))
                for name in order:
                    seconds[name].append(_round(executors[name], task))
                local, ray = (times[-1] for times in seconds.values())
                print(f" round {number + 1}: {local:.1f} s, through Ray {ray:.1f} s", flush=True)
        finally:
            for executor in executors.values():
                executor.close()
    for name, times in seconds.items():
        rate = 60 * SERIES * STACKS / statistics.median(times)
        print(f"{name:>6}: {rate:6.0f} series a minute on {PROCESSES} processors (median)")
    ratios = sorted(
        local / ray for local, ray in zip(seconds["local"], seconds["ray"], strict=True)
    )
    print(
        f" ratio: {statistics.median(ratios):6.2f} of local, the median of {ROUNDS} pairs from"
        f" {ratios[0]:.2f} to {ratios[-1]:.2f} (goal: at least 0.90)"
    )
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
    """A Ray of two nodes of one processor, on loopback, whose processes have the priority of
    ours."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_worker_niceness"] = str(NICENESS)
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
