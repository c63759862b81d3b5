"""Rows of one series as columns, and the rule by which two answers for one time become one.

The first complete answer wins, for ever. A row is complete once it has been judged: it names a
model, or it has a score or a band. A complete row never changes. A row that holds a value only
(history, or a series without a model) is replaced whole, value included, by the first complete one,
so that value, band and score always belong together; by another value it is not replaced.
"""

from collections.abc import Sequence

import numpy as np

from plugin.series import BoolArray, FloatArray, IntArray, Samples

FLOATS = ("value", "expected", "lower", "upper", "score")
COLUMNS = ("times", *FLOATS, "model_version")


def values_only(times: IntArray, value: FloatArray) -> Samples:
    """Samples that have not been judged."""
    missing = np.full(len(times), np.nan)
    return Samples(times, value, missing, missing, missing, missing, np.zeros(len(times), np.int64))


NO_SAMPLES = values_only(np.empty(0, np.int64), np.empty(0))


def complete(samples: Samples) -> BoolArray:
    """[T] True where a row has been judged."""
    return (samples.model_version > 0) | ~np.isnan(samples.score) | ~np.isnan(samples.expected)


def take(samples: Samples, index: IntArray | BoolArray | slice) -> Samples:
    return Samples(*(getattr(samples, name)[index] for name in COLUMNS))


def join(parts: Sequence[Samples]) -> Samples:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    return (
        Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS))
        if parts
        else NO_SAMPLES
    )


def merge(stored: Samples, arriving: Samples) -> Samples:
    """Both by time; where both have a row, the rule above decides."""
    if not len(stored) or not len(arriving):
        return arriving if len(arriving) else stored
    if stored.times[-1] < arriving.times[0]:
        return join([stored, arriving])
    both = join([stored, arriving])
    is_arriving = np.arange(len(both)) >= len(stored)
    order = np.lexsort(
        (is_arriving, ~complete(both), both.times)
    )  # by time, complete first, stored first
    times = both.times[order]
    return take(both, order[np.concatenate([[True], times[1:] != times[:-1]])])
