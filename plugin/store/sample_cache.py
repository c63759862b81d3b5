"""Samples of the series that are being looked at, so that a panel that refreshes costs its new rows
only.

A stored row never changes, and the score job adds rows in the order of time: what was read stays
true, and only rows after it can be new. Whatever writes into the past of a watch (history, a late
tick, retention) counts it in the same transaction; a reader sees the count in its own snapshot, and
then reads all of it again.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, bindparam, select

from plugin.series import Samples
from plugin.store import sample_reads
from plugin.store.database import FixedStatement, insert_into
from plugin.store.sample_columns import join, take
from plugin.store.schema import rewrites, series

MOST_ROWS = 1_000_000  # of all series together: 56 MB
ENTRY_ROWS = 20  # as much as so many rows is what a series takes beside its own


@dataclass(frozen=True)
class Kept:
    """All rows of one series from `start` to the last of them, as of a count of rewrites."""

    count: int
    start: int  # unix seconds
    rows: Samples  # not empty

    @property
    def size(self) -> int:
        """In rows."""
        return len(self.rows) + ENTRY_ROWS


class SampleCache:
    """The least recently wanted series are forgotten first. Safe in any number of threads."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most = most_rows
        self._size = 0  # of all entries, in rows
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Kept] = OrderedDict()

    def samples(self, connection: Connection, series_id: int, start: int, end: int) -> Samples:
        """As `reading.samples`."""
        count = rewrites_of(connection, series_id)
        with self._lock:
            entry = self._kept.get(series_id)
        if entry is None or entry.count != count or entry.start > start:
            entry = Kept(
                count, start, _own(sample_reads.samples(connection, series_id, start, end))
            )
        elif entry.rows.times[-1] < end:
            newer = sample_reads.samples(connection, series_id, int(entry.rows.times[-1]) + 1, end)
            entry = Kept(count, entry.start, join([entry.rows, newer])) if len(newer) else entry
        first, last = entry.rows.times.searchsorted([start, end + 1])
        rows = take(entry.rows, slice(first, last))
        if len(entry.rows) > 2 * len(rows) and len(rows):  # the window has moved on
            entry = Kept(count, start, _own(take(entry.rows, slice(first, None))))
        self._keep(series_id, entry)
        return rows

    def _keep(self, series_id: int, entry: Kept) -> None:
        with self._lock:
            old = self._kept.pop(series_id, None)
            self._size -= old.size if old else 0
            if len(entry.rows) and entry.size <= self._most:
                self._kept[series_id] = entry
                self._size += entry.size
            while self._size > self._most:
                self._size -= self._kept.popitem(last=False)[1].size


def _own(rows: Samples) -> Samples:
    """A copy: a slice would keep all of the blocks that it was cut from in memory."""
    return take(rows, np.arange(len(rows)))


def count_rewrite(connection: Connection, watch: str) -> None:
    """To be called in the transaction that writes anything but new rows after all others."""
    statement = insert_into(rewrites).values(watch=watch, count=1)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["watch"], set_={"count": rewrites.c.count + 1}
        )
    )


def rewrites_of(connection: Connection, series_id: int) -> int:
    """How often the past of the watch of a series was written into."""
    rows = _COUNT.rows(connection, id=series_id)
    return int(rows[0][0]) if rows else 0


_COUNT = FixedStatement(
    select(rewrites.c.count)
    .join(series, series.c.watch == rewrites.c.watch)
    .where(series.c.id == bindparam("id"))
)
