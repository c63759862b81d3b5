"""The memory of a process that serves for months: what is loaded is never searched for garbage, and
threads share their heaps."""

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

HEAPS = 2
HEAPS_VARIABLE = "MALLOC_ARENA_MAX"  # of the C library: who sets it is right
M_ARENA_MAX = -8  # the option of mallopt(3)
GIVE_BACK_SECONDS = 600  # how often a service gives free memory back


@contextmanager
def loading() -> Iterator[None]:
    """While all that a service is made of is loaded: none of it is garbage, then or later, and to
    look for some takes a fifth of the time.

    Garbage that comes later is found the sooner: it is looked for when the rest has grown by a
    quarter.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
        gc.collect()  # takes no time now: what is not frozen counts from zero
    finally:
        gc.enable()


def share_heaps() -> None:
    """To be called before there are threads.

    By itself glibc gives almost each thread a heap of its own, and keeps in each what its thread
    has once needed: with a dozen threads that grows for weeks. Threads of Python seldom need memory
    at the same instant. Another C library has no such heaps.
    """
    if HEAPS_VARIABLE not in os.environ:
        _c_library("mallopt", M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Returns to the system what lies free in the heaps. By itself glibc keeps the peak of the
    largest job for days, as the free memory below whatever was made meanwhile."""
    _c_library("malloc_trim", 0)


def _c_library(name: str, *arguments: int) -> None:
    """Calls a function where there is one."""
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return
    function(*arguments)
