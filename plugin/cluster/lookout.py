"""When to look for what others have stored: at once where it was announced, else every second."""

import math
import time
from collections.abc import Callable

LOOK_SECONDS = 10.0  # between two looks while everything is announced


class Lookout:
    """Looks for one thing. `run` is for one thread at a time, `wake` for any."""

    def __init__(
        self,
        look: Callable[[], bool | None],
        is_heard: Callable[[], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """look: returns False where it has failed and is due again. is_heard: whether what is new
        is announced to us."""
        self._look = look
        self._is_heard = is_heard
        self._monotonic = monotonic
        self._is_due = True
        self._looked_at = -math.inf

    def wake(self) -> None:
        """There is something new: the next run looks for it."""
        self._is_due = True

    def run(self) -> None:
        """Looks, unless nothing can have come since the last time. Raises what `look` raises."""
        now = self._monotonic()
        if not self._is_due and self._is_heard() and now - self._looked_at < LOOK_SECONDS:
            return
        self._is_due = False
        self._looked_at = -math.inf  # for as long as it has not worked
        if self._look() is not False:
            self._looked_at = now
