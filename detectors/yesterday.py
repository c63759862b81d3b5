"""What the same time of the last day looked like: the part of a day that no profile has learnt yet.

It is a ring of time slots of the local day, so that a change of the clocks does not shift it. Each
slot holds the mean deviation of the last day on which it had samples. A slot is written when it is
left, never before, so that no sample sees itself.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, FloatArray, IntArray
from detectors.trend_view import TrendView

SLOT_SECONDS = 300
SLOTS = 86_400 // SLOT_SECONDS
MAX_SAMPLE_SPREADS = 8.0  # that one sample may count for
NO_SLOT = -1
LAG_BIAS = 2.0  # by which its share in a forecast is small at first


def slots(calendar: NDArray[np.float32]) -> IntArray:
    """[T] slot of the day, from the sine and cosine of the time of day that `season.features`
    begins with."""
    turn = np.arctan2(calendar[:, 0].astype(np.float64), calendar[:, 1]) / (2 * np.pi) % 1.0
    seconds = turn * 86_400 + 0.5  # half a second against rounding
    slot: IntArray = (seconds // SLOT_SECONDS).astype(np.int64) % SLOTS
    return slot


def cold(rows: int) -> dict[str, NDArray[Any]]:
    """The carry of S series of which nothing has been seen."""
    return {
        "ring": np.zeros((rows, SLOTS), np.float16),
        "slot": np.full(rows, NO_SLOT),
        "sum": np.zeros(rows),
        "count": np.zeros(rows),
    }


def lags(
    deviation: FloatArray, seen: BoolArray, slot: IntArray, carry: Arrays
) -> tuple[FloatArray, dict[str, NDArray[Any]]]:
    """[S, T] what the slot of each t held before it was entered, 0 = nothing, and the next
    carry."""
    ring, current, total, count = (
        np.array(carry[name]) for name in ("ring", "slot", "sum", "count")
    )
    counted = np.where(seen, np.clip(deviation, -MAX_SAMPLE_SPREADS, MAX_SAMPLE_SPREADS), 0.0).T
    lag = np.empty(counted.shape)
    for t, entered in enumerate(slot):
        left = current != entered
        if left.any():
            full = np.flatnonzero(left & (count > 0))
            ring[full, current[full]] = total[full] / count[full]
            current = np.where(left, entered, current)
            total = np.where(left, 0.0, total)
            count = np.where(left, 0.0, count)
        lag[t] = ring[:, entered]
        total = total + counted[t]
        count = count + seen[:, t]
    return lag.T, {"ring": ring, "slot": current, "sum": total, "count": count}


def day_lags(view: TrendView, carry: Arrays) -> tuple[FloatArray, dict[str, NDArray[Any]]]:
    """[S, T] the deviation at this time of the last day, 0 for a series that does not know a day;
    the next carry."""
    lag, next_carry = lags(view.deviation, view.seen, slots(view.calendar), carry)
    return lag * view.known[:, :1], next_carry
