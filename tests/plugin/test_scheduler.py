"""No run is dropped in silence, no job overlaps itself, every failure is counted."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from prometheus_client import CollectorRegistry

from plugin.metrics import Metrics
from plugin.scheduler import Scheduler


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def scheduler(metrics: Metrics) -> Iterator[Scheduler]:
    made = Scheduler(metrics, threads=4, long_threads=1)
    made.start()
    yield made
    made.stop()


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if check():
            return True
        time.sleep(0.02)
    return check()


def test_runs_at_once_and_again(scheduler: Scheduler) -> None:
    runs: list[float] = []
    scheduler.every("tick", 0.2, lambda: runs.append(time.monotonic()))
    assert eventually(lambda: len(runs) >= 3)


def test_between_runs_it_sleeps(metrics: Metrics) -> None:
    looks: list[float] = []

    def clock() -> float:
        looks.append(time.time())
        return looks[-1]

    made = Scheduler(metrics, clock=clock)
    made.every("minute", 60, lambda: None)
    made.every("hour", 3600, lambda: None, aligned=True)
    made.start()
    try:
        assert eventually(lambda: looks[-1] - looks[0] > 2.5)
    finally:
        made.stop()
    assert len(looks) < 100, "it wakes every second, and looks a few times then"


def test_a_slow_job_never_overlaps_itself_and_is_counted(
    scheduler: Scheduler, metrics: Metrics
) -> None:
    running = threading.Lock()
    overlaps = []

    def slow() -> None:
        if not running.acquire(blocking=False):
            overlaps.append(1)
            return
        time.sleep(0.5)
        running.release()

    scheduler.every("slow", 0.1, slow)
    counter = metrics.jobs_missed.labels("slow")
    assert eventually(lambda: counter._value.get() >= 2) and not overlaps


def test_a_failed_job_is_counted_and_runs_again(scheduler: Scheduler, metrics: Metrics) -> None:
    def broken() -> None:
        raise RuntimeError("on purpose")

    scheduler.every("broken", 0.1, broken)
    assert eventually(lambda: metrics.job_errors.labels("broken")._value.get() >= 2)


def test_long_jobs_do_not_hold_up_short_ones(scheduler: Scheduler) -> None:
    release = threading.Event()
    runs = []
    for number in range(6):
        scheduler.every(f"long{number}", 60, lambda: release.wait(10), long=True)
    scheduler.every("short", 0.1, lambda: runs.append(1))
    assert eventually(lambda: len(runs) >= 3)
    release.set()


def test_jobs_of_a_lane_wait_for_each_other_and_for_no_other(
    scheduler: Scheduler, metrics: Metrics
) -> None:
    release = threading.Event()
    running = threading.Lock()
    overlaps = []
    runs = set()

    def alone(name: str) -> None:
        if not running.acquire(blocking=False):
            overlaps.append(name)
            return
        time.sleep(0.1)
        runs.add(name)
        running.release()

    for number in range(3):
        scheduler.every(f"long{number}", 60, lambda: release.wait(10), long=True)
    for name in ("a", "b", "c"):
        scheduler.every(name, 0.1, partial(alone, name), lane="one")
    assert eventually(lambda: runs == {"a", "b", "c"}) and not overlaps
    assert metrics.jobs_missed.labels("a")._value.get() == 0
    release.set()


def test_a_long_run_is_not_a_missed_one(scheduler: Scheduler, metrics: Metrics) -> None:
    runs: list[int] = []
    scheduler.every("fit", 0.1, lambda: (time.sleep(0.3), runs.append(1)), long=True)
    assert eventually(lambda: len(runs) >= 2)
    assert metrics.jobs_missed.labels("fit")._value.get() == 0


def test_stop_does_not_wait_for_ever(metrics: Metrics) -> None:
    release = threading.Event()
    made = Scheduler(metrics)
    started = threading.Event()
    made.every("hangs", 60, lambda: (started.set(), release.wait(10)))
    made.start()
    assert started.wait(10)
    began = time.monotonic()
    assert not made.stop(0.1) and time.monotonic() - began < 2
    release.set()


def test_the_heart_beats_while_all_threads_wait(scheduler: Scheduler, metrics: Metrics) -> None:
    release = threading.Event()
    waiting = []
    for number in range(4):
        scheduler.every(f"hangs{number}", 60, lambda: (waiting.append(1), release.wait(10)))
    assert eventually(lambda: len(waiting) == 4)
    metrics.heartbeat.set(0)
    assert eventually(lambda: metrics.heartbeat._value.get() > 0)
    release.set()


@pytest.mark.parametrize("seconds", [-600, 600, -3600, 86_400])
def test_a_clock_that_jumps_forth_and_back_stops_no_job(metrics: Metrics, seconds: float) -> None:
    jump = 0.0
    made = Scheduler(metrics, clock=lambda: time.time() + jump)
    runs: dict[str, int] = {"interval": 0, "aligned": 0}

    def run(name: str) -> None:
        runs[name] += 1

    made.every("interval", 1, partial(run, "interval"))
    made.every("aligned", 1, partial(run, "aligned"), aligned=True)
    made.start()
    for jump in (seconds, 0.0):
        before = dict(runs)

        def all_run(before: dict[str, int] = before) -> bool:
            return all(runs[name] > before[name] + 1 for name in runs)

        assert eventually(all_run)
        assert abs(made.last_beat - time.time() - jump) < 60
    made.stop()


def test_a_job_that_is_not_due_for_long_runs_at_once_after_a_jump(metrics: Metrics) -> None:
    jump = 0.0
    made = Scheduler(metrics, clock=lambda: time.time() + jump)
    runs: list[float] = []
    made.every("seldom", 86_400, lambda: runs.append(jump), aligned=True)
    made.start()
    assert eventually(lambda: len(runs) == 1)
    for jump in (-3600.0, 0.0):
        assert eventually(lambda: runs[-1] == jump, 5)  # noqa: B023 - asked at once
    made.stop()


def test_heartbeat(scheduler: Scheduler, metrics: Metrics) -> None:
    assert eventually(lambda: abs(metrics.heartbeat._value.get() - time.time()) < 5)


def test_replace_and_drop(scheduler: Scheduler) -> None:
    first = []
    second = []
    scheduler.every("job", 0.1, lambda: first.append(1))
    assert eventually(lambda: len(first) >= 1)
    scheduler.every("job", 0.1, lambda: second.append(1))
    assert eventually(lambda: len(second) >= 2)
    scheduler.drop(["job", "never there"])
    assert scheduler.names() == {"heartbeat"}


def test_a_job_of_a_lane_may_be_hurried(scheduler: Scheduler) -> None:
    runs: list[float] = []
    busy = threading.Event()

    def run() -> None:
        runs.append(time.monotonic())
        busy.wait(10)

    scheduler.every("look", 3600, run, lane="look")
    assert eventually(lambda: len(runs) == 1)
    for _ in range(5):  # while it runs: once more afterwards
        scheduler.hurry("look")
    assert len(runs) == 1
    busy.set()
    assert eventually(lambda: len(runs) == 2)
    time.sleep(0.1)
    assert len(runs) == 2
    scheduler.hurry("look")
    assert eventually(lambda: len(runs) == 3)
    scheduler.hurry("unknown")
    scheduler.stop()
    scheduler.hurry("look")  # too late, and no error


def test_a_hurried_run_that_fails_is_counted(scheduler: Scheduler, metrics: Metrics) -> None:
    runs: list[int] = []

    def run() -> None:
        runs.append(1)
        if len(runs) == 2:
            raise RuntimeError("no")

    scheduler.every("look", 3600, run, lane="look")
    assert eventually(lambda: len(runs) == 1)
    scheduler.hurry("look")
    assert eventually(lambda: metrics.job_errors.labels("look")._value.get() == 1)
    scheduler.hurry("look")
    assert eventually(lambda: len(runs) == 3)
