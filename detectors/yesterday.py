"""What the same time of the last day looked like, carried causally: the part of a day that no profile has learnt yet.

A ring of time slots of the local day, so that the change of the clocks does not shift it. Each slot holds the mean
deviation of the last day on which it had samples; a slot is written when it is left, never before.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, FloatArray, IntArray

SLOT = 300  # seconds
SLOTS = 86_400 // SLOT
MOST = 8.0  # spreads that one sample may count for
NOWHERE = -1


def slots(calendar: NDArray[np.float32]) -> IntArray:
    """[T] slot of the day, from the sine and cosine of the time of day that `season.features` begins with."""
    turn = np.arctan2(calendar[:, 0].astype(np.float64), calendar[:, 1]) / (2 * np.pi) % 1.0
    slot: IntArray = ((turn * 86_400 + 0.5) // SLOT).astype(np.int64) % SLOTS  # half a second against rounding
    return slot


def cold(rows: int) -> dict[str, NDArray[Any]]:
    """The carry of S series of which nothing has been seen."""
    return {"ring": np.zeros((rows, SLOTS), np.float16), "slot": np.full(rows, NOWHERE),
            "sum": np.zeros(rows), "count": np.zeros(rows)}


def lags(deviation: FloatArray, seen: BoolArray, slot: IntArray, carry: Arrays,
         ) -> tuple[FloatArray, dict[str, NDArray[Any]]]:
    """[S, T] what the slot of each t held before it was entered, 0 = nothing, and the next carry."""
    ring, now, total, count = (np.array(carry[name]) for name in ("ring", "slot", "sum", "count"))
    counted = np.where(seen, np.clip(deviation, -MOST, MOST), 0.0).T
    found = np.empty(counted.shape)
    rows = np.arange(len(ring))
    for t, here in enumerate(slot):
        left = now != here
        if left.any():
            full = np.flatnonzero(left & (count > 0))
            ring[rows[full], now[full]] = total[full] / count[full]
            now, total, count = np.where(left, here, now), np.where(left, 0.0, total), np.where(left, 0.0, count)
        found[t] = ring[:, here]
        total, count = total + counted[t], count + seen[:, t]
    return found.T, {"ring": ring, "slot": now, "sum": total, "count": count}
