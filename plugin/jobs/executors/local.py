"""Fits in processes of this machine, of low priority: neither scoring nor queries slow down."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from plugin.clock import pause
from plugin.config import WorkerSettings
from plugin.errors import FitFailed, Stopped
from plugin.jobs.executors.executor import IDLE_SECONDS, BuildTask, outcome_of
from plugin.jobs.executors.fit_queue import FitQueue
from plugin.jobs.fit_task import FitOutcome, FitTask, run_task

Result = TypeVar("Result")
NICENESS = 10
ORPHAN_CHECK_SECONDS = 1.0


class Worker:
    """One process that fits, begun anew when it has died. One thread at a time may use it."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None
        self._last_call = time.monotonic()

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """What a function returns in the process. Raises what it raises, and BrokenProcessPool when
        the process dies in it."""
        try:
            future = self._running().submit(function, *arguments)
        except BrokenProcessPool:  # it has died since: nothing is lost
            self._pool = None
            future = self._running().submit(function, *arguments)
        try:
            return future.result()
        except BrokenProcessPool:
            self._pool = None
            raise
        finally:
            self._last_call = time.monotonic()

    def end_if_idle(self, seconds: float) -> None:
        """Ends the process when it has had nothing to do for so long; the next call starts one."""
        if self._pool is not None and time.monotonic() - self._last_call >= seconds:
            self.close()
            self._pool = None

    def processes(self) -> list[Any]:
        return list((self._pool._processes or {}).values()) if self._pool is not None else []

    def close(self) -> None:
        pool = self._pool
        processes = self.processes()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(5)

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1,
                mp_context=get_context("spawn"),
                initializer=start_worker,
                initargs=(os.getpid(), self._settings.threads),
            )
        return self._pool


class WorkerPool:
    """The `Executor` of one machine. A process that dies costs its task, nothing else: each one has
    a thread of ours that waits for it, and the other tasks wait in a queue of ours."""

    spread = 0.1

    def __init__(
        self, settings: WorkerSettings, *, task: Callable[[FitTask], FitOutcome] = run_task
    ) -> None:
        self._settings = settings
        self._task = task
        self._queue = FitQueue(settings.fits, self._run)
        self._workers = [Worker(settings) for _ in range(settings.fits)]
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    @property
    def size(self) -> int:
        return self._settings.fits

    def stack_size(self, series: int, stack: int) -> int:
        return stack

    def warm_up(self) -> None:
        for _ in self._workers:
            self._queue.start(self._start_worker)

    def submit(self, build: BuildTask, *, urgent: bool = False) -> "Future[FitOutcome]":
        return self._queue.submit(build, urgent=urgent)

    def result_of(self, future: "Future[FitOutcome]") -> FitOutcome:
        return outcome_of(future)

    def end_idle(self, seconds: float = IDLE_SECONDS) -> None:
        for _ in self._workers:
            try:
                worker = self._idle.get_nowait()
            except Empty:
                return
            try:
                worker.end_if_idle(seconds)
            finally:
                self._idle.put(worker)

    def pids(self) -> list[int]:
        return [process.pid for worker in self._workers for process in worker.processes()]

    def close(self) -> None:
        self._queue.close()
        for worker in self._workers:
            worker.close()

    def _run(self, build: BuildTask) -> FitOutcome:
        task = build()
        try:
            return self._call(self._task, task)
        except (BrokenProcessPool, CancelledError) as error:
            if self._queue.closed:
                raise Stopped("the service is stopping") from error
            raise FitFailed(
                "worker_died",
                "the worker process ended in the middle of a fit (killed, or out of "
                "memory?): the old model stays; lower `workers.stack` if memory is short",
            ) from error

    def _start_worker(self) -> None:
        self._call(_nothing)

    def _call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """In a thread of the queue: there are as many threads as workers, so one is idle."""
        worker = self._idle.get()
        try:
            if self._queue.closed:
                raise Stopped("the service is stopping")
            return worker.call(function, *arguments)
        finally:
            self._idle.put(worker)


def start_worker(parent: int, threads: int) -> None:
    """Prepares a new worker process: low priority, few threads, and an end with its parent."""
    import signal

    import detectors.device as device

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends its workers
    os.nice(NICENESS)
    device.limit_threads(threads)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _nothing() -> None:
    """To be run by a worker that should have started."""


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        pause(ORPHAN_CHECK_SECONDS)
    os._exit(1)
