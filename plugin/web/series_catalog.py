"""Which series there are, and which of them a query selects."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from plugin.board import Snapshot
from plugin.errors import RequestError
from plugin.selectors import Matcher, select
from plugin.series import BESIDE, IntArray, SeriesRecord
from plugin.web.context import WebContext
from plugin.web.parameters import QueryParameters, nearest
from plugin.web.pinned_snapshots import Snapshots

MAX_AGE = 10.0  # seconds that a list of series is used without a look into the store
ARRAYS = (
    "times",
    "value",
    "expected",
    "lower",
    "upper",
    "score",
    "alert_score",
    "missing",
    "model_version",
    "model_time",
    "model_checked",
    "drifted",
    "muted",
)


@dataclass(frozen=True)
class SeriesListing:
    """All series that the store knew at one moment."""

    records: tuple[SeriesRecord, ...]
    board: Snapshots  # what was on the board: another board means that the list may be out of date
    read_at: float  # time.monotonic()

    @cached_property
    def by_id(self) -> Mapping[int, SeriesRecord]:
        return {record.id: record for record in self.records}


class SeriesCatalog:
    """Finds series by watch, matchers and name.

    The list is read from the store again after each tick.
    """

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._listing = SeriesListing((), {}, -MAX_AGE)

    def find(self, query: QueryParameters) -> list[SeriesRecord]:
        """The series that a query selects, in the order of their ids."""
        records = self._records()
        self.check_watch(query, records)
        watched = self.watched(query)
        return [
            record
            for record in records
            if (watched is None or record.watch in watched)
            and _chosen(query.match, query.series, record)
        ]

    def by_id(self) -> Mapping[int, SeriesRecord]:
        """All series by their ids."""
        self._records()
        return self._listing.by_id

    def snapshots(self, query: QueryParameters, board: Snapshots) -> list[Snapshot]:
        """What a query selects of the latest scores, by the name of the watch."""
        self.check_watch(query)
        watched = self.watched(query)
        return [
            _part(board[name], query)
            for name in sorted(board)
            if watched is None or name in watched
        ]

    def watched(self, query: QueryParameters) -> frozenset[str] | None:
        """The watches that a query names; an incident group stands for all of its own.

        None = all.
        """
        if not query.watch:
            return None
        grouped = (
            name for name, watch in self._context.watches().items() if watch.group in query.watch
        )
        return frozenset([*query.watch, *grouped])

    def check_watch(
        self, query: QueryParameters, records: tuple[SeriesRecord, ...] | None = None
    ) -> None:
        """An unknown watch must not look like one that is quiet."""
        watches = self._context.watches()
        configured = {
            *watches,
            *self._context.board.snapshots(),
            *(watch.group for watch in watches.values()),
        }
        if configured.issuperset(query.watch):
            return
        known = configured | {
            record.watch for record in (self._records() if records is None else records)
        }
        for name in query.watch:
            if name not in known:
                raise RequestError(
                    f"there is no watch `{name}`{nearest(name, known)}; "
                    f"valid: {', '.join(sorted(known)) or 'none yet'}",
                    field="watch",
                    status=404,
                    code="unknown_watch",
                )

    def _records(self) -> tuple[SeriesRecord, ...]:
        board = self._context.board.snapshots()
        now = time.monotonic()
        listing = self._listing
        if listing.board is not board or now - listing.read_at >= MAX_AGE:
            own = tuple(
                record for record in self._context.store.series() if BESIDE not in record.watch
            )
            listing = self._listing = SeriesListing(own, board, now)
        return listing.records


def _chosen(match: tuple[Matcher, ...], name: str | None, record: SeriesRecord) -> bool:
    return name in (None, str(record.labels)) and select(match, record.labels)


def highest(snapshots: Sequence[Snapshot], limit: int) -> list[Snapshot]:
    """Only the series with the highest scores, so many in all."""
    scores = np.concatenate(
        [np.nan_to_num(snapshot.score, nan=-1.0) for snapshot in snapshots] or [np.empty(0)]
    )
    best = np.zeros(len(scores), bool)
    best[np.argsort(-scores, kind="stable")[:limit]] = True
    ends = np.cumsum([len(snapshot.series) for snapshot in snapshots])[:-1]
    return (
        [
            _rows(snapshot, np.flatnonzero(part))
            for snapshot, part in zip(snapshots, np.split(best, ends), strict=True)
        ]
        if snapshots
        else []
    )


def _part(snapshot: Snapshot, query: QueryParameters) -> Snapshot:
    """The chosen series of a snapshot."""
    if not query.match and query.series is None and not query.state:
        return snapshot
    return _rows(
        snapshot,
        np.array(
            [
                row
                for row, record in enumerate(snapshot.series)
                if _chosen(query.match, query.series, record)
                and (not query.state or record.state in query.state)
            ],
            np.int64,
        ),
    )


def _rows(snapshot: Snapshot, rows: IntArray) -> Snapshot:
    arrays = {name: getattr(snapshot, name)[rows] for name in ARRAYS}
    return replace(
        snapshot,
        series=tuple(snapshot.series[i] for i in rows.tolist()),
        detector=tuple(snapshot.detector[i] for i in rows.tolist()),
        **arrays,
    )
