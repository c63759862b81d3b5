"""What a forecaster carries from step to step besides its own memory: the age of the last sample, a held spread."""

import numpy as np

from detectors.api import BoolArray, FloatArray

OLDEST = 512.0  # steps; an age beyond, or no sample at all
DRIFT = 0.005  # share of its square by which a width grows with each step of a gap: the level has gone on unseen


def ages(seen: BoolArray, age: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """[S, T] steps since the last seen sample before each t (1 = the one just before), and [S] that after the end.

    age: [S] what this returned for the samples before; None = nothing was seen yet.
    """
    rows, steps = seen.shape
    start = np.full(rows, OLDEST) if age is None else age
    column = np.arange(steps)
    last = np.maximum.accumulate(np.where(seen, column, -1), axis=1)
    before = np.concatenate([np.full((rows, 1), -1), last], axis=1)  # [S, T + 1] last seen before t
    at = np.arange(steps + 1)
    age_at = np.where(before >= 0, at - before, start[:, None] + at)
    age_at = np.minimum(age_at, OLDEST).astype(np.float64)
    return age_at[:, :steps], age_at[:, steps]


def latest(values: FloatArray, seen: BoolArray, last: FloatArray) -> tuple[FloatArray, FloatArray]:
    """[S, T] the seen value before each t, and [S] that after the end; last: [S] the one before the first."""
    rows, steps = seen.shape
    at = np.maximum.accumulate(np.where(seen, np.arange(1, steps + 1), 0), axis=1)
    at = np.concatenate([np.zeros((rows, 1), np.int64), at], axis=1)  # 0 = the one from before
    found = np.take_along_axis(np.concatenate([last[:, None], values], axis=1), at, axis=1)
    return found[:, :steps], found[:, steps]


def hold(width: FloatArray, age: FloatArray, widest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """[S, T] the widths, which in a gap only grow, as those of a random walk at least, and [S] the last of them.

    widest: [S] what this returned for the samples before.
    """
    held = (width * np.sqrt(1 + DRIFT * (age - 1))).T.copy()
    gap = age.T > 1
    for t in range(len(held)):
        widest = held[t] = np.where(gap[t], np.maximum(held[t], widest), held[t])
    return held.T, widest
