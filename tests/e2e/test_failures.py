"""Prometheus down, slow, cut off or wrong; fits that fail: a state, a metric, a log line each, and
recovery."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from detectors.api import SeriesBatch
from plugin.board import WatchHealth
from plugin.config import WorkerSettings
from plugin.errors import FitFailed, Stopped
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.fit_task import FitOutcome, FitTask
from plugin.series import SeriesState
from tests import faults
from tests.e2e.world import Clock, config, parts, watch
from tests.servers import PrometheusServer

FAULTS: dict[str, tuple[faults.Fault | None, str]] = {
    "refuse": (None, "unavailable"),
    "hang": (faults.hang, "unavailable"),
    "drip": (faults.drip, "unavailable"),
    "cut": (faults.cut, "unavailable"),
    "500": (faults.status(500, b"oops"), "unavailable"),
    "503": (faults.status(503), "unavailable"),
    "400": (
        faults.status(400, b'{"status":"error","errorType":"bad_data","error":"parse error"}'),
        "rejected",
    ),
    "401": (faults.status(401), "rejected"),
    "422": (
        faults.status(
            422, b'{"status":"error","errorType":"execution","error":"duplicate series"}'
        ),
        "rejected",
    ),
    "garbage": (faults.garbage, "invalid"),
    "wrong shape": (faults.says({"status": "success", "data": [1]}), "invalid"),
}


def test_each_failure_of_prometheus_is_shown_and_passes(
    small_world: PrometheusServer, clock: Clock, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        faults.FaultProxy(small_world.port) as proxy,
        parts(config(folder, proxy.url, read_timeout=1), clock) as made,
    ):
        score = made.watches["latency"].score
        assert score.run()
        for name, (fault, reason) in FAULTS.items():
            if fault is None:
                proxy.refuse()
            else:
                proxy.fault = fault
            clock.steps(1)
            counter = made.metrics.score_failures.labels("latency", reason)
            before = counter._value.get()
            with caplog.at_level(logging.ERROR):
                assert not score.run(), name
            assert counter._value.get() == before + 1, name
            assert made.metrics.watch_up.labels("latency")._value.get() == 0
            shown = made.board.snapshots()["latency"]
            assert {record.state for record in shown.series} == {SeriesState.STALE}, name
            assert getattr(caplog.records[-1], "reason", "") == reason
            proxy.fault = faults.pass_on
            if fault is None:
                proxy.listen()
            assert score.run(), f"recovers from {name} by itself"
            assert {r.state for r in made.board.snapshots()["latency"].series} == {SeriesState.OK}
        quiet = next(r for r in made.store.series.of("latency") if r.labels["service"] == "quiet")
        times = made.store.samples.of(quiet.id, int(clock()) - 60 * len(FAULTS), int(clock())).times
        assert len(times) == len(FAULTS) + 1, "nothing was lost"


def test_a_watch_that_starts_without_prometheus(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with (
        faults.FaultProxy(small_world.port) as proxy,
        parts(config(folder, proxy.url), clock) as made,
    ):
        proxy.refuse()
        assert not made.watches["latency"].score.run()
        shown = made.board.snapshots()["latency"]
        assert (shown.outlook, shown.time, shown.series) == (
            WatchHealth.FAILING,
            0,
            (),
        ) and "refused" in shown.reason
        proxy.listen()
        assert (
            made.watches["latency"].score.run()
            and len(made.board.snapshots()["latency"].series) == 4
        )


def broken_task(task: FitTask) -> FitOutcome:
    raise RuntimeError("on purpose")


def refused_task(task: FitTask) -> FitOutcome:
    return FitOutcome(refused={series: ("diverged", "on purpose") for series in task.ids})


def dying_task(task: FitTask) -> FitOutcome:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("not reached")


@pytest.mark.parametrize(
    ("task", "reason", "count"),
    [(broken_task, "error", 1), (refused_task, "diverged", 3), (dying_task, "worker_died", 1)],
)
def test_a_failed_fit_keeps_the_old_model(
    small_world: PrometheusServer, clock: Clock, folder: Path, task: object, reason: str, count: int
) -> None:
    with parts(config(folder, small_world.url, watch(fit_every=3600)), clock) as made:
        jobs = made.watches["latency"]
        jobs.score.run()
        champions = made.store.models.champions("latency")
        jobs.fit._workers = WorkerPool(WorkerSettings(), task=task)  # type: ignore[arg-type]
        clock.steps(68)
        for _ in range(
            3
        ):  # looks: by now one of the four is known to have vanished, and is not fitted
            jobs.score.run()
            clock.steps(1)
        jobs.score.run()
        assert jobs.fit.run() == 0
        jobs.fit._workers.close()
        assert made.metrics.fit_failures.labels("latency", reason)._value.get() == count
        assert made.store.models.champions("latency") == champions
        clock.steps(1)
        assert jobs.score.run() and set(made.board.snapshots()["latency"].detector) == {"baseline"}
        assert (
            jobs.fit.run() == 0
            and made.metrics.fit_failures.labels("latency", reason)._value.get() == count
        )


def sleeping_task(task: FitTask) -> FitOutcome:
    time.sleep(60)
    raise AssertionError("not reached")


def test_a_worker_killed_from_outside_costs_its_fit_only() -> None:
    pool = WorkerPool(WorkerSettings(), task=sleeping_task)
    batch = SeriesBatch(np.zeros((1, 2)), np.ones((1, 2), bool), 0, 60)
    task = FitTask(spec="", ids=(1,), batch=batch, alert_budget=1e-6)
    future = pool.submit(lambda: task)
    deadline = time.monotonic() + 20
    while not pool.pids() and time.monotonic() < deadline:
        time.sleep(0.05)
    killer = threading.Timer(0.5, lambda: [os.kill(pid, signal.SIGKILL) for pid in pool.pids()])
    killer.start()
    with pytest.raises(FitFailed, match="worker process ended") as failure:
        pool.result_of(future)
    assert failure.value.reason == "worker_died"
    again = WorkerPool(WorkerSettings(), task=refused_task)
    assert again.result_of(again.submit(lambda: task)).refused
    for each in (pool, again):
        each.close()
    with pytest.raises(Stopped, match="stopping"):
        pool.submit(lambda: task)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_workers_end_with_a_service_that_is_killed() -> None:
    program = (
        "import time\nfrom plugin.config import WorkerSettings\n"
        "from plugin.jobs.executors.local import WorkerPool\n"
        "if __name__ == '__main__':\n"
        "    pool = WorkerPool(WorkerSettings())\n    pool.warm_up()\n"
        "    pool._queue._threads.shutdown()\n"  # waits until they are warm
        "    print(*pool.pids(), flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        workers = [int(pid) for pid in service.stdout.readline().split()]
        assert workers and all(alive(pid) for pid in workers)
        service.kill()
    deadline = time.monotonic() + 15
    while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(alive(pid) for pid in workers)
