"""What the other servers hold: the small world of the end-to-end tests, and a few odd series."""

import numpy as np

from plugin.series import IntArray, Labels, Series
from tests.e2e import test_source_holes, world
from tests.e2e.world import NOW, STEP

HOURS = 2
TIMES: IntArray = NOW + STEP * np.arange(-HOURS * 60, 1, dtype=np.int64)  # of the odd series
NASTY = 'a "quote", a \\ backslash, a line\nfeed, ünïcode 東京'


def past() -> list[Series]:
    """Before and after NOW, in order of time."""
    return [*world.series(), test_source_holes.counter(), *odd()]


def odd() -> list[Series]:
    count = np.arange(len(TIMES), dtype=float)
    return [
        Series(Labels.of({"__name__": "odd_text", "text": NASTY}), TIMES, count),
        Series(Labels.of({"__name__": "http.duration", "ort.name": "Graz"}), TIMES, count),
        Series(Labels.of({"__name__": "größe", "straße": "Am Graben"}), TIMES, count),
        Series(Labels.of({"__name__": "odd_gap"}), np.delete(TIMES, slice(40, 70)), count[:-30]),
    ]
