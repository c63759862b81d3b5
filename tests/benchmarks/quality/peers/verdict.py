"""What every peer returns, and the one way in which a distance becomes a score."""

from dataclasses import dataclass

import numpy as np

from tests.benchmarks.quality.data import FloatArray, Series

# of the standard deviation of the history: the least half-width, so that a flat hour is no division
# by 0
FLOOR = 1e-3


@dataclass(frozen=True)
class Verdict:
    """The scores of one series and what its model weighs."""

    score: FloatArray  # [T] >= 0; 1 = the threshold of the method; NaN = not scored
    bytes: int  # what must be kept between two samples: an estimate


def distance(series: Series, expected: FloatArray, half_width: FloatArray | float) -> FloatArray:
    """[T] |value - expected| in half-widths; NaN where any of them is missing."""
    width = np.maximum(half_width, FLOOR * series.scale)  # NaN stays NaN
    score: FloatArray = np.abs(series.values - expected) / width
    return score


def carried_forward(values: FloatArray) -> FloatArray:
    """[T] each gap takes the sample before it, the first gap the sample after it: for methods that
    know no gaps."""
    at = np.where(np.isfinite(values), np.arange(len(values)), -1)
    last = np.maximum.accumulate(at)
    first = int(np.argmax(last >= 0))
    return values[np.where(last < 0, first, last)]


def spread(errors: FloatArray) -> float:
    """Standard deviation of what is not missing; NaN where nothing is there."""
    there = errors[np.isfinite(errors)]
    return float(np.sqrt(np.mean(there**2))) if len(there) else float("nan")
