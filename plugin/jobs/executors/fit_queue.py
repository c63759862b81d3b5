"""The fits that wait, and the threads that wait for those that run."""

import heapq
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count

from plugin.errors import Stopped
from plugin.jobs.executors.executor import BuildTask
from plugin.jobs.fit_task import FitOutcome

Waiting = tuple[bool, int, "Future[FitOutcome]", BuildTask]  # the first two are its rank


class FitQueue:
    """Runs as many fits at once as it has threads, the urgent ones first, else in the order in
    which they came. A task is made by the thread that runs it: those that wait have no arrays."""

    def __init__(self, threads: int, run: Callable[[BuildTask], FitOutcome]) -> None:
        """run: makes a task, runs it and waits for it. Raises Stopped when `closed`."""
        self._run = run
        self._threads = ThreadPoolExecutor(threads, "fit")
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._numbers = count()
        self.closed = False

    def submit(self, build: BuildTask, *, urgent: bool) -> "Future[FitOutcome]":
        """See `Executor.submit`."""
        future: Future[FitOutcome] = Future()
        with self._lock:
            if self.closed:
                raise Stopped("the service is stopping")
            heapq.heappush(self._waiting, (not urgent, next(self._numbers), future, build))
            self._threads.submit(self._run_first)
        return future

    def start(self, function: Callable[[], object]) -> None:
        """Runs something else in a thread; nothing where it is closed."""
        with self._lock:
            if not self.closed:
                self._threads.submit(function)

    def close(self) -> None:
        """Those that wait raise Stopped. Does not wait for those that run."""
        with self._lock:
            self.closed = True
            waiting = self._waiting
            self._waiting = []
        self._threads.shutdown(wait=False, cancel_futures=True)
        for _, _, future, _ in waiting:
            future.set_exception(Stopped("the service is stopping"))

    def _run_first(self) -> None:
        with self._lock:
            if not self._waiting:  # it was closed meanwhile
                return
            _, _, future, build = heapq.heappop(self._waiting)
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(self._run(build))
        except BaseException as error:  # whoever waits for it hears of it
            future.set_exception(error)
