"""The worker processes that fit: low priority, so that neither scoring nor queries slow down."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from detectors.api import TrainingTooSlow
from plugin.config import WorkerSettings
from plugin.errors import FitFailed, Stopped
from plugin.jobs.fit_task import FitOutcome, FitTask, run_task

NICENESS = 10
ORPHAN_CHECK_SECONDS = 1.0


class WorkerPool:
    """Runs fit tasks in processes of their own; a worker that dies costs its task, nothing else."""

    def __init__(
        self, settings: WorkerSettings, *, task: Callable[[FitTask], FitOutcome] = run_task
    ) -> None:
        self._settings = settings
        self._task = task
        self._lock = threading.Lock()
        self._closed = False
        self._pool: ProcessPoolExecutor | None = None

    @property
    def size(self) -> int:
        return self._settings.fits

    def warm_up(self) -> None:
        """Starts the workers now: they need seconds to import torch, for which the first fit would
        have to wait."""
        with self._lock:
            for _ in range(self.size):
                self._running().submit(_nothing)

    def submit(self, task: FitTask) -> "Future[FitOutcome]":
        """The future of one fit; `result_of` turns its failure into a FitFailed. Raises Stopped."""
        with self._lock:
            if self._closed:
                raise Stopped("the service is stopping")
            try:
                return self._running().submit(self._task, task)
            except BrokenProcessPool:  # a worker has died
                self._pool = None
                return self._running().submit(self._task, task)

    def result_of(self, future: "Future[FitOutcome]") -> FitOutcome:
        """Waits for a fit. Raises FitFailed with the reason that the metric counts, and Stopped."""
        try:
            return future.result()
        except (BrokenProcessPool, CancelledError) as error:
            if self._closed:
                raise Stopped("the service is stopping") from error
            raise FitFailed(
                "worker_died",
                "the worker process ended in the middle of a fit (killed, or out of "
                "memory?): the old model stays; lower `workers.stack` if memory is short",
            ) from error
        except TrainingTooSlow as error:
            raise FitFailed("too_slow", str(error)) from error
        except Exception as error:  # whatever a detector raises is counted and shown
            raise FitFailed("error", f"{type(error).__name__}: {error}") from error

    def pids(self) -> list[int]:
        """Process ids of the workers that run now."""
        with self._lock:
            return list(self._pool._processes) if self._pool is not None else []

    def close(self) -> None:
        with self._lock:
            self._closed = True
            pool = self._pool
            self._pool = None
        if pool is not None:
            processes = list(pool._processes.values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            for process in processes:
                process.join(5)

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._settings.fits,
                mp_context=get_context("spawn"),
                initializer=start_worker,
                initargs=(os.getpid(), self._settings.threads),
            )
        return self._pool


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
        time.sleep(ORPHAN_CHECK_SECONDS)
    os._exit(1)
