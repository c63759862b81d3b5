"""What a forecaster carries from step to step besides its own memory: the age of the last sample, a held spread."""

import numpy as np

from detectors.api import BoolArray, FloatArray

OLDEST = 512.0  # steps; an age beyond, or no sample at all


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
