"""Which series there are, and which scores a rule's tick is answered from."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from plugin.board import Board, Snapshot
from plugin.errors import RequestError
from plugin.selectors import Matcher, select
from plugin.series import BESIDE, SeriesRecord
from plugin.web.context import WebContext
from plugin.web.parameters import Query, nearest

MAX_AGE = 10.0  # seconds that a list of series is used without a look into the store
PIN_SECONDS = 30.0
MAX_PINS = 64

Snapshots = Mapping[str, Snapshot]


@dataclass(frozen=True)
class Listing:
    """All series that the store knew at one moment."""

    records: tuple[SeriesRecord, ...]
    board: Snapshots  # what was on the board: another board means that the list may be out of date
    read_at: float  # time.monotonic()


class Catalog:
    """Finds series by watch, matchers and name. The list is read from the store again after each tick."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._listing = Listing((), {}, -MAX_AGE)

    def find(self, query: Query) -> list[SeriesRecord]:
        """The series that a query selects, in the order of their ids."""
        records = self._records()
        self._check_watch(query, records)
        return [record for record in records
                if query.watch in (None, record.watch) and _chosen(query.match, query.series, record)]

    def snapshots(self, query: Query, board: Snapshots) -> list[Snapshot]:
        """What a query selects of the latest scores, by the name of the watch."""
        self._check_watch(query, None)
        return [_part(board[name], query) for name in sorted(board) if query.watch in (None, name)]

    def _check_watch(self, query: Query, records: tuple[SeriesRecord, ...] | None) -> None:
        """An unknown watch must not look like one that is quiet."""
        configured = {*self._context.watches(), *self._context.board.snapshots()}
        if query.watch is None or query.watch in configured:
            return
        known = configured | {record.watch for record in (self._records() if records is None else records)}
        if query.watch not in known:
            raise RequestError(f"there is no watch `{query.watch}`{nearest(query.watch, known)}; "
                               f"valid: {', '.join(sorted(known)) or 'none yet'}",
                               field="watch", status=404, code="unknown_watch")

    def _records(self) -> tuple[SeriesRecord, ...]:
        board, now = self._context.board.snapshots(), time.monotonic()
        listing = self._listing
        if listing.board is not board or now - listing.read_at >= MAX_AGE:
            own = tuple(record for record in self._context.store.series() if BESIDE not in record.watch)
            listing = self._listing = Listing(own, board, now)
        return listing.records


class Pins:
    """The queries of one alert rule carry the same `to` and must be answered from the same scores."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic) -> None:
        self._board, self._clock = board, clock
        self._lock = threading.Lock()
        self._pinned: dict[int, tuple[float, Snapshots]] = {}

    def at(self, tick: int | None) -> Snapshots:
        """The scores that the first request with this `to` saw, for 30 s; the latest ones without a `to`."""
        if tick is None:
            return self._board.snapshots()
        with self._lock:
            oldest = self._clock() - PIN_SECONDS
            self._pinned = {key: kept for key, kept in self._pinned.items() if kept[0] > oldest}
            while len(self._pinned) >= MAX_PINS and tick not in self._pinned:
                self._pinned.pop(next(iter(self._pinned)))
            return self._pinned.setdefault(tick, (self._clock(), self._board.snapshots()))[1]


def _chosen(match: tuple[Matcher, ...], name: str | None, record: SeriesRecord) -> bool:
    return name in (None, str(record.labels)) and select(match, record.labels)


def _part(snapshot: Snapshot, query: Query) -> Snapshot:
    """The chosen series of a snapshot."""
    if not query.match and query.series is None:
        return snapshot
    rows = np.array([row for row, record in enumerate(snapshot.series)
                     if _chosen(query.match, query.series, record)], np.int64)
    arrays = {name: getattr(snapshot, name)[rows] for name in (
        "times", "value", "expected", "lower", "upper", "score", "alert_score", "model_version")}
    return replace(snapshot, series=tuple(snapshot.series[i] for i in rows.tolist()),
                   detector=tuple(snapshot.detector[i] for i in rows.tolist()), **arrays)
