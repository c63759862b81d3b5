"""Threads that answer requests, in the order in which these have arrived."""

import queue
import threading
from collections.abc import Callable


class AnswerThreads:
    """A fixed number of threads; the process does not wait for them at its end."""

    def __init__(self, count: int, name: str) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Callable[[], None]) -> None:
        """task: never raises."""
        self._tasks.put(task)

    def close(self) -> None:
        """Ends each thread when nothing is waiting any more; does not wait for that."""
        for _ in self._threads:
            self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
