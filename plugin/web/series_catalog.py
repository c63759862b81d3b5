"""Which series there are, and which of them a request chooses."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from plugin.board import Snapshot
from plugin.errors import RequestError
from plugin.nearest_name import nearest
from plugin.selectors import Matcher, select
from plugin.series import IntArray, SeriesRecord, SeriesState, is_covariate_watch
from plugin.web.context import WebContext
from plugin.web.pinned_snapshots import Snapshots

MAX_AGE = 10.0  # seconds that a list of series is used without a look into the store
MAX_NAMES_AGE = 600.0  # the same, where only the names of series count that are not on the board
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
    "learning",
)


@dataclass(frozen=True)
class SeriesListing:
    """All series that the store knew at one moment."""

    records: tuple[SeriesRecord, ...]
    board: Snapshots  # as it was then: a newer board means that the list may be out of date
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

    def find(
        self, watch: Sequence[str] = (), match: tuple[Matcher, ...] = (), series: str | None = None
    ) -> list[SeriesRecord]:
        """The series of these watches or incident groups that match and have this name, in the
        order of their ids.

        Without arguments: all series. Raises RequestError for an unknown watch.
        """
        records = self._records()
        self.check_watch(watch, records)
        watched = self.watched(watch)
        return [
            record
            for record in records
            if (watched is None or record.watch in watched) and _chosen(match, series, record)
        ]

    def by_id(self) -> Mapping[int, SeriesRecord]:
        """All series by their ids."""
        self._records()
        return self._listing.by_id

    def by_id_on_board(self, board: Snapshots) -> Mapping[int, SeriesRecord]:
        """All series by their ids, without a look into the store after each tick.

        Those on the board are as they are there, the others as they were minutes ago.
        """
        if time.monotonic() - self._listing.read_at >= MAX_NAMES_AGE:
            self._records()
        on_board = {record.id: record for shown in board.values() for record in shown.series}
        return {**self._listing.by_id, **on_board}

    def snapshots(self, board: Snapshots, watch: Sequence[str]) -> list[Snapshot]:
        """The latest scores of these watches or incident groups, by the name of the watch.

        Raises RequestError for an unknown watch.
        """
        self.check_watch(watch)
        watched = self.watched(watch)
        return [board[name] for name in sorted(board) if watched is None or name in watched]

    def watched(self, names: Sequence[str]) -> frozenset[str] | None:
        """The watches with these names. The name of an incident group stands for its watches.

        None = all watches, where no name is given.
        """
        if not names:
            return None
        grouped = (name for name, watch in self._context.watches().items() if watch.group in names)
        return frozenset([*names, *grouped])

    def check_watch(
        self, names: Sequence[str], records: tuple[SeriesRecord, ...] | None = None
    ) -> None:
        """Raises RequestError for an unknown name: it must not look like a quiet watch."""
        watches = self._context.watches()
        configured = {
            *watches,
            *self._context.board.snapshots(),
            *(watch.group for watch in watches.values()),
        }
        if configured.issuperset(names):
            return
        known_names = configured | {
            record.watch for record in (self._records() if records is None else records)
        }
        for name in names:
            if name not in known_names:
                raise RequestError(
                    f"there is no watch `{name}`{nearest(name, known_names)}; "
                    f"valid: {', '.join(sorted(known_names)) or 'none yet'}",
                    field="watch",
                    status=404,
                    code="unknown_watch",
                )

    def _records(self) -> tuple[SeriesRecord, ...]:
        board = self._context.board.snapshots()
        now = time.monotonic()
        listing = self._listing
        if listing.board is not board or now - listing.read_at >= MAX_AGE:
            records = tuple(
                record
                for record in self._context.store.series.all()
                if not is_covariate_watch(record.watch)
            )
            listing = self._listing = SeriesListing(records, board, now)
        return listing.records


def _chosen(match: tuple[Matcher, ...], name: str | None, record: SeriesRecord) -> bool:
    return name in (None, str(record.labels)) and select(match, record.labels)


def highest(snapshots: Sequence[Snapshot], limit: int) -> list[Snapshot]:
    """Only the series with the highest scores, `limit` of them in all snapshots together."""
    if not snapshots:
        return []
    scores = np.concatenate([np.nan_to_num(snapshot.score, nan=-1.0) for snapshot in snapshots])
    best = np.zeros(len(scores), bool)
    best[np.argsort(-scores, kind="stable")[:limit]] = True
    ends = np.cumsum([len(snapshot.series) for snapshot in snapshots])[:-1]
    return [
        snapshot_part(snapshot, np.flatnonzero(part))
        for snapshot, part in zip(snapshots, np.split(best, ends), strict=True)
    ]


def chosen_part(
    snapshot: Snapshot,
    match: tuple[Matcher, ...],
    series: str | None = None,
    states: Collection[SeriesState] = (),
) -> Snapshot:
    """The series of a snapshot that match, have this name and are in one of these states; `()` and
    None narrow nothing."""
    if not match and series is None and not states:
        return snapshot
    return snapshot_part(
        snapshot,
        np.array(
            [
                row
                for row, record in enumerate(snapshot.series)
                if _chosen(match, series, record) and (not states or record.state in states)
            ],
            np.int64,
        ),
    )


def snapshot_part(snapshot: Snapshot, rows: IntArray) -> Snapshot:
    """These rows of a snapshot, in their order."""
    arrays = {name: getattr(snapshot, name)[rows] for name in ARRAYS}
    return replace(
        snapshot,
        series=tuple(snapshot.series[i] for i in rows.tolist()),
        detector=tuple(snapshot.detector[i] for i in rows.tolist()),
        **arrays,
    )
