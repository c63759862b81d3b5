"""Recent stats as tests make them by hand."""

import numpy as np

from detectors.api import FloatArray
from detectors.recent_stats import RecentStats


def row(*numbers: float) -> FloatArray:
    return np.array([numbers], np.float64)


def stats(like: FloatArray, **arrays: FloatArray) -> RecentStats:
    """Of samples that show nothing, but for what is given; no value has come twice."""
    names = ("mean", "long_mean", "recent", "forecast", "below", "above")
    quiet = {
        name: np.zeros_like(like) for name in (*names, "mean_after", "long_mean_after", "last")
    }
    quiet |= {"repeats": np.ones_like(like), "gap": np.ones_like(like)}
    return RecentStats(**(quiet | arrays), accept_steps=144.0, carry={})
