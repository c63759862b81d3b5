"""What a piece of work costs, whatever else this machine does."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
RUNS = 3


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What some work returns, which takes less than so many seconds of CPU of this thread.

    Other load makes a run dearer, never cheaper: what took longer is done again, twice at most.
    """
    least = float("inf")
    for _ in range(RUNS):
        start = time.thread_time()
        result = work()
        least = min(least, time.thread_time() - start)
        if least < seconds:
            return result
    raise AssertionError(f"{least:.2f} s of CPU, not less than {seconds:g} s")
