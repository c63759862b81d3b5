"""Where the networks learn: which device, and on how many threads. Nothing here loads torch unless
it must: who only scores needs none."""

import os
import sys
from importlib.util import find_spec

from detectors.api import Detector


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
    os.environ["OMP_NUM_THREADS"] = str(threads)  # torch reads it when it is loaded
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
