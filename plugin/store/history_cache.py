"""The windows that fits have read, so that the next fit reads what is new in its own.

For whoever fits the same series again and again within minutes. A fit needs little of a row, so
that there is room for all series of a preview. What makes it true is told in sample_cache.py.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from plugin.series import BoolArray, FloatArray, IntArray
from plugin.store import sample_reads
from plugin.store.sample_cache import rewrites_of


@dataclass(frozen=True)
class KeptWindow:
    """One series on a grid, as of a count of rewrites."""

    count: int
    start: int  # unix seconds
    step: int
    values: FloatArray  # [T] as of `sample_reads.history`
    outside: BoolArray  # [T] as of `sample_reads.history`

    def holds(self, count: int, start: int, step: int) -> bool:
        """Whether a window with that start can begin with this one."""
        same = (self.count, self.step) == (count, step)
        return same and self.start <= start and (start - self.start) % step == 0


class HistoryCache:
    """The series that were wanted longest ago are forgotten first. Safe in any number of
    threads."""

    def __init__(self, most_samples: int) -> None:
        self._most = most_samples
        self._size = 0  # of all windows, in samples
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, KeptWindow] = OrderedDict()

    def history(
        self, connection: Connection, ids: IntArray, start: int, end: int, step: int
    ) -> tuple[FloatArray, BoolArray]:
        """As `sample_reads.history`, of series of one watch."""
        count = rewrites_of(connection, int(ids[0])) if len(ids) else 0
        values = np.full((len(ids), (end - start) // step + 1), np.nan)
        outside = np.zeros(values.shape, bool)
        known = np.zeros(len(ids), np.int64)  # columns that need not be read
        for row, series_id in enumerate(ids.tolist()):
            window = self._window(series_id)
            if window is not None and window.holds(count, start, step):
                part = slice((start - window.start) // step, None)
                known[row] = min(len(window.values[part]), values.shape[1])
                values[row, : known[row]] = window.values[part][: known[row]]
                outside[row, : known[row]] = window.outside[part][: known[row]]
        for column in np.unique(known[known < values.shape[1]]).tolist():
            rows = known == column
            values[rows, column:], outside[rows, column:] = sample_reads.history(
                connection, ids[rows], start + column * step, end, step
            )
        for row, series_id in enumerate(ids.tolist()):
            self._keep(
                series_id, KeptWindow(count, start, step, values[row].copy(), outside[row].copy())
            )
        return values, outside

    def _window(self, series_id: int) -> KeptWindow | None:
        with self._lock:
            return self._kept.get(series_id)

    def _keep(self, series_id: int, window: KeptWindow) -> None:
        with self._lock:
            old = self._kept.pop(series_id, None)
            self._kept[series_id] = window
            self._size += len(window.values) - (len(old.values) if old is not None else 0)
            while self._size > self._most:
                self._size -= len(self._kept.popitem(last=False)[1].values)
