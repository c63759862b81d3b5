"""Where the networks learn: which device, and on how many threads. Nothing here loads torch unless
it must: who only scores needs none."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from detectors.api import Detector

THREADS_VARIABLE = "OMP_NUM_THREADS"  # torch reads it when it is loaded


def has_torch() -> bool:
    """Whether networks can learn here."""
    return find_spec("torch") is not None


def trains_on_device(detector: Detector) -> bool:
    """Whether a detector learns with torch, where it is told to. One that does not say so in its
    class variable `trains_on_device` may."""
    return bool(getattr(detector, "trains_on_device", True))


def choose(name: str) -> str:
    """`auto` is the GPU where there is one, else the CPU; anything else is taken as said."""
    if name != "auto":
        return name
    if not has_torch():
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def limit_threads(threads: int) -> None:
    """Keeps torch to `threads` CPU threads in this process, whether it is loaded now or later."""
    os.environ[THREADS_VARIABLE] = str(threads)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


@contextmanager
def threads_limited(threads: int) -> Iterator[None]:
    """`limit_threads` within a process that is not ours: afterwards it may use as many as
    before."""
    variable = os.environ.get(THREADS_VARIABLE)
    torch = sys.modules.get("torch")
    usual = torch.get_num_threads() if torch is not None else int(variable or os.cpu_count() or 1)
    limit_threads(threads)
    try:
        yield
    finally:
        limit_threads(usual)
        if variable is None:
            del os.environ[THREADS_VARIABLE]
        else:
            os.environ[THREADS_VARIABLE] = variable
