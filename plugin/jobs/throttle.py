"""Rest that a job takes after work, so that work which can wait holds nobody up."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Throttle:
    """Each piece of work is paid for with rest, so that all of it together takes a share of a
    core."""

    def __init__(self, share: float, *, least: float = 0.0, most: float = math.inf) -> None:
        """share: of a core. least, most: seconds of one rest."""
        self._share = share
        self._least = least
        self._most = most
        self._until = 0.0  # time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the work before has been paid for."""
        return time.monotonic() >= self._until

    @contextmanager
    def after(self) -> Iterator[None]:
        """Around the work: rest begins when it ends, however it does."""
        began = time.thread_time()
        try:
            yield
        finally:
            rest = (time.thread_time() - began) / self._share
            self._until = time.monotonic() + min(self._most, max(self._least, rest))
