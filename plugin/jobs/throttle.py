"""Rest that a job takes after work, so that work which can wait does not delay other work."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Throttle:
    """Rest after each piece of work, so that all of it together takes a share of a core."""

    def __init__(
        self, core_share: float, min_seconds: float = 0.0, max_seconds: float = math.inf
    ) -> None:
        """min_seconds, max_seconds: of one rest."""
        self._core_share = core_share
        self._min_seconds = min_seconds
        self._max_seconds = max_seconds
        self._until = 0.0  # time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the rest after the last piece of work is over."""
        return time.monotonic() >= self._until

    @contextmanager
    def after(self) -> Iterator[None]:
        """Around the work: rest starts when it ends, also by an exception."""
        start = time.thread_time()
        try:
            yield
        finally:
            seconds = (time.thread_time() - start) / self._core_share
            seconds = min(self._max_seconds, max(self._min_seconds, seconds))
            self._until = time.monotonic() + seconds
