"""What a forecaster carries besides its own memory: the age of the last sample, and a width that it
holds in a gap."""

import numpy as np

from detectors.api import BoolArray, FloatArray

MAX_AGE_STEPS = 512.0  # a greater age, or no sample at all, counts as this
# Share of its square by which a width grows with each step of a gap: the level moves on unseen.
VARIANCE_PER_STEP = 0.005


def ages(seen: BoolArray, age: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """[S, T] steps since the last seen sample before each t (1 = the one just before), and [S] that
    after the end.

    age: [S] what this returned for the samples before; None = nothing was seen yet.
    """
    rows, steps = seen.shape
    start = np.full(rows, MAX_AGE_STEPS) if age is None else age
    column = np.arange(steps)
    last = np.maximum.accumulate(np.where(seen, column, -1), axis=1)
    previous = np.concatenate([np.full((rows, 1), -1), last], axis=1)  # [S, T + 1] before each t
    column = np.arange(steps + 1)
    result = np.where(previous >= 0, column - previous, start[:, None] + column)
    result = np.minimum(result, MAX_AGE_STEPS).astype(np.float64)
    return result[:, :steps], result[:, steps]


def latest(values: FloatArray, seen: BoolArray, last: FloatArray) -> tuple[FloatArray, FloatArray]:
    """[S, T] the seen value before each t, and [S] that after the end; last: [S] the one before the
    first."""
    rows, steps = seen.shape
    column = np.maximum.accumulate(np.where(seen, np.arange(1, steps + 1), 0), axis=1)
    column = np.concatenate([np.zeros((rows, 1), np.int64), column], axis=1)  # 0 = `last`
    all_values = np.concatenate([last[:, None], values], axis=1)
    result = np.take_along_axis(all_values, column, axis=1)
    return result[:, :steps], result[:, steps]


def hold(width: FloatArray, age: FloatArray, widest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The widths [S, T], and the last one [S]. In a gap a width only grows, at least as that of a
    random walk.

    widest: [S] the last width of the samples before.
    """
    widths = (width * np.sqrt(1 + VARIANCE_PER_STEP * (age - 1))).T.copy()
    gap = age.T > 1
    for t in range(len(widths)):
        widest = np.where(gap[t], np.maximum(widths[t], widest), widths[t])
        widths[t] = widest
    return widths.T, widest
