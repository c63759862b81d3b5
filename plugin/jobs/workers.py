"""The worker processes that fit: low priority, so that neither scoring nor queries slow down."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from detectors.api import TrainingTooSlow
from plugin.clock import pause
from plugin.config import WorkerSettings
from plugin.errors import FitFailed, Stopped, StoreError
from plugin.jobs.fit_task import FitOutcome, FitTask, run_task

Result = TypeVar("Result")
NICENESS = 10
ORPHAN_CHECK_SECONDS = 1.0
IDLE_SECONDS = 180.0  # after which a process ends: with torch it holds half a gigabyte


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
    """Runs fit tasks in processes of their own. A process that dies costs its task, nothing else:
    each one has a thread of ours that waits for it, and the other tasks wait in a queue of ours."""

    # Refits come so much earlier or later, as a share of `fit_every`, so that they take turns.
    spread = 0.1

    def __init__(
        self, settings: WorkerSettings, *, task: Callable[[FitTask], FitOutcome] = run_task
    ) -> None:
        self._settings = settings
        self._task = task
        self._lock = threading.Lock()
        self._closed = False
        self._queue = ThreadPoolExecutor(settings.fits, "fit")
        self._workers = [Worker(settings) for _ in range(settings.fits)]
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    @property
    def size(self) -> int:
        return self._settings.fits

    def stack_size(self, series: int, stack: int) -> int:
        """How many of so many series are fitted side by side. stack: as it is configured."""
        return stack

    def warm_up(self) -> None:
        """Starts the workers now: the first fit would have to wait for it."""
        with self._lock:
            if not self._closed:
                for _ in range(self.size):
                    self._queue.submit(self._call, _nothing)

    def submit(self, task: FitTask) -> "Future[FitOutcome]":
        """The future of one fit; `result_of` turns its failure into a FitFailed. Raises Stopped."""
        with self._lock:
            if self._closed:
                raise Stopped("the service is stopping")
            return self._queue.submit(self._call, self._task, task)

    def result_of(self, future: "Future[FitOutcome]") -> FitOutcome:
        """Waits for a fit. Raises FitFailed with the reason that the metric counts, and Stopped."""
        try:
            return future.result()
        except Stopped:
            raise
        except (BrokenProcessPool, CancelledError) as error:
            if self._closed:
                raise Stopped("the service is stopping") from error
            raise FitFailed(
                "worker_died",
                "the worker process ended in the middle of a fit (killed, or out of "
                "memory?): the old model stays; lower `workers.stack` if memory is short",
            ) from error
        except StoreError as error:
            raise FitFailed("store", str(error)) from error
        except TrainingTooSlow as error:
            raise FitFailed("too_slow", str(error)) from error
        except Exception as error:  # whatever a detector raises is counted and shown
            raise FitFailed("error", f"{type(error).__name__}: {error}") from error

    def end_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Ends each process that has had nothing to do for so long."""
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
        """Process ids of the workers that run now."""
        return [process.pid for worker in self._workers for process in worker.processes()]

    def close(self) -> None:
        """Ends all processes; a fit that runs or waits raises Stopped."""
        with self._lock:
            self._closed = True
        self._queue.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def _call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """In a thread of the queue: there are as many threads as workers, so one is idle."""
        worker = self._idle.get()
        try:
            if self._closed:
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
