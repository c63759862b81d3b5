"""Fewer samples for a picture, without hiding what matters. Pure; columns in, columns out."""

import numpy as np

from plugin.series import BoolArray, FloatArray, IntArray, Samples

FLOATS = ("value", "expected", "lower", "upper", "score")


def thin(samples: Samples, step: int, max_points: int) -> Samples:
    """At most `max_points` samples, and all whose score exceeds 1; each gap is marked by one row of
    NaN.

    Kept are the first and the last sample, both edges of each gap, the lowest and the highest value
    of each of the equal spans of time that the rest of the budget allows, and every anomalous
    sample. A gap counts when it is longer than a step and longer than such a span: what lies
    between two drawn points cannot be seen. The rows that mark gaps come on top.

    step: seconds; 0 = unknown, then the smallest distance of two samples.
    """
    times = samples.times
    if len(times) < 2:
        return samples
    distances = np.diff(times)
    step = step or int(distances.min())
    if len(times) <= max_points:
        return _with_gaps(samples, np.flatnonzero(distances > step), step)
    spans = max((max_points - 2) // 2, 1)
    gaps = np.flatnonzero(distances > max(step, (times[-1] - times[0]) / spans))
    keep = samples.score > 1
    keep[[0, -1]] = keep[gaps] = keep[gaps + 1] = True
    spans = (max_points - 2 - 2 * len(gaps)) // 2
    if spans > 0:
        keep[_extremes(times, samples.value, spans)] = True
    return _with_gaps(_rows(samples, keep), (np.cumsum(keep) - 1)[gaps], step)


def _extremes(times: IntArray, values: FloatArray, spans: int) -> IntArray:
    """The positions of the lowest and of the highest value in each of the equal spans of time."""
    span = (times - times[0]) * spans // (times[-1] - times[0] + 1)
    starts = np.flatnonzero(np.diff(span, prepend=-1))
    row = np.searchsorted(starts, np.arange(len(times)), side="right") - 1  # empty spans have none
    positions = []
    for extreme in (np.fmin, np.fmax):
        hits = np.flatnonzero(values == extreme.reduceat(values, starts)[row])
        positions.append(hits[np.unique(row[hits], return_index=True)[1]])
    return np.concatenate(positions)


def _rows(samples: Samples, keep: BoolArray) -> Samples:
    return Samples(
        times=samples.times[keep],
        model_version=samples.model_version[keep],
        **{name: getattr(samples, name)[keep] for name in FLOATS},
    )


def _with_gaps(samples: Samples, positions: IntArray, step: int) -> Samples:
    """Adds a row without numbers one step after each of the given positions."""
    if len(positions) == 0:
        return samples
    return Samples(
        times=np.insert(samples.times, positions + 1, samples.times[positions] + step),
        model_version=np.insert(samples.model_version, positions + 1, 0),
        **{name: np.insert(getattr(samples, name), positions + 1, np.nan) for name in FLOATS},
    )
