"""What people have said about alarms. Nothing is overwritten.

An entry that is withdrawn, or replaced by a later one, stays and records since when it has no
effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from plugin.domain.intervals import Interval
from plugin.domain.times import DAY
from plugin.domain.tolerances import FeedbackEntry, FeedbackSpan, Tolerances, Verdict
from plugin.series import IntArray
from plugin.store import feedback_rows, regimes
from plugin.store.database import Database, larger, rows_of
from plugin.store.feedback_rows import ALL_ENTRIES, entries_about
from plugin.store.records import AcceptRequest, FeedbackNote
from plugin.store.schema import alarms, feedback, feedback_series, series

MIN_RETENTION_SECONDS = 366 * DAY


@dataclass(frozen=True)
class Receipt:
    """What giving feedback has done."""

    answer: FeedbackEntry
    again: bool = False  # it had been given before: nothing was added
    replaced: tuple[int, ...] = ()  # ids of entries that contradicted it for the same time


class FeedbackTable:
    """The feedback on all watches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(
        self,
        verdict: Verdict,
        parts: Sequence[FeedbackSpan],
        note: FeedbackNote,
        scored_until: Mapping[int, int] | None = None,
    ) -> Receipt:
        """Adds an entry in one transaction, and for a new normal the request to accept the level.

        scored_until: unix seconds by series id, for a new normal. The same feedback again, or a
        part of it, adds nothing. Contrary feedback about any of the same samples ends for that
        series; the same feedback about a shorter time is replaced. Raises StoreError for an unknown
        series.
        """
        with self._database.writing() as connection:
            entries = feedback_rows.read(
                connection, entries_about([part.series_id for part in parts])
            )
            in_force = [entry for entry in entries if entry.in_force]
            for entry in in_force:
                if entry.verdict is verdict and _covers_all(entry, parts):
                    return Receipt(entry, again=True)
            added = feedback_rows.add(connection, verdict, parts, note)
            replaced = _replace(connection, in_force, added)
            if verdict is Verdict.NEW_NORMAL:
                _request_levels(connection, added, scored_until or {})
            return Receipt(added, replaced=replaced)

    def withdraw(self, entry_id: int, *, author: str, time: int) -> FeedbackEntry | None:
        """Ends all effects of an entry at `time` (unix seconds); one that has ended stays as it is.

        Returns the entry as it was; None = unknown.
        """
        statement = ALL_ENTRIES.where(feedback.c.id == entry_id)
        with self._database.writing() as connection:
            entry = next(feedback_rows.read(connection, statement), None)
            if entry is not None and entry.in_force:
                _end(connection, entry, entry.parts, author=author, time=time)
            return entry

    def between(
        self, start: int, end: int, ids: IntArray | Sequence[int] | None = None
    ) -> list[FeedbackEntry]:
        """The entries about a time range, inclusive, of some series or all, by id; withdrawn
        entries too."""
        statement = ALL_ENTRIES if ids is None else entries_about(ids)
        with self._database.reading() as connection:
            return [
                entry
                for entry in feedback_rows.read(connection, statement)
                if any(part.start <= end and part.end >= start for part in entry.parts)
            ]

    def of(self, watch: str, verdict: Verdict) -> list[FeedbackEntry]:
        """The entries about a watch with only the parts of its series, by id; withdrawn entries
        too."""
        statement = ALL_ENTRIES.where(series.c.watch == watch, feedback.c.verdict == verdict.value)
        with self._database.reading() as connection:
            return list(feedback_rows.read(connection, statement))

    def real(self, watch: str) -> list[Interval]:
        """Where people have called alarms of a watch real."""
        return self._intervals(watch, Verdict.REAL)

    def normal(self, watch: str) -> list[Interval]:
        """Where people have called the level of series of a watch a new normal."""
        return self._intervals(watch, Verdict.NEW_NORMAL)

    def tolerances(self, watch: str) -> Tolerances:
        """What the false alarms of a watch allow its series."""
        return Tolerances.of(self.of(watch, Verdict.FALSE_ALARM))

    def _intervals(self, watch: str, verdict: Verdict) -> list[Interval]:
        """Of the feedback in force; each is as long as the alarms it is about are by now."""
        last_end = (
            select(func.max(alarms.c.end))
            .where(
                alarms.c.series_id == feedback_series.c.series_id,
                alarms.c.start <= feedback_series.c.end,
                alarms.c.end >= feedback_series.c.start,
            )
            .scalar_subquery()
        )
        of_watch = select(series.c.id).where(series.c.watch == watch)
        statement = (
            select(
                feedback_series.c.series_id,
                feedback_series.c.start,
                larger(feedback_series.c.end, func.coalesce(last_end, feedback_series.c.end)),
            )
            .join(feedback, feedback.c.id == feedback_series.c.feedback_id)
            .where(
                feedback_series.c.series_id.in_(of_watch),
                feedback.c.verdict == verdict.value,
                feedback_series.c.ended_at.is_(None),
            )
            .order_by(feedback_series.c.series_id, feedback_series.c.start)
        )
        with self._database.reading() as connection:
            return [Interval(*row) for row in rows_of(connection, statement)]


def forget(connection: Connection, cutoff: int, now: int) -> None:
    """Removes entries that were given before a time, and at least a year ago."""
    oldest_time = min(cutoff, now - MIN_RETENTION_SECONDS)
    connection.execute(delete(feedback).where(feedback.c.at < oldest_time))


def _covers_all(entry: FeedbackEntry, parts: Sequence[FeedbackSpan]) -> bool:
    in_force = [span for span in entry.parts if span.ended_at is None]
    return all(any(span.covers(part) for span in in_force) for part in parts)


def _request_levels(
    connection: Connection, entry: FeedbackEntry, scored_until: Mapping[int, int]
) -> None:
    series_ids = dict.fromkeys(part.series_id for part in entry.parts)
    regimes.request(
        connection,
        [
            AcceptRequest(
                series_id, scored_until.get(series_id, entry.at), entry.at, entry.by, entry.reason
            )
            for series_id in series_ids
        ],
    )


def _replace(
    connection: Connection, in_force: Sequence[FeedbackEntry], added: FeedbackEntry
) -> tuple[int, ...]:
    """Ends what a new entry contradicts or covers.

    Returns the ids of the entries that it contradicts.
    """
    contradicted = []
    for entry in in_force:
        is_contrary = entry.verdict is not added.verdict
        ended_parts = [
            part
            for part in entry.parts
            if part.ended_at is None
            and any(part.overlaps(new) if is_contrary else new.covers(part) for new in added.parts)
        ]
        if not ended_parts:
            continue
        if is_contrary:
            contradicted.append(entry.id)
        else:  # a level that was accepted because of it stays accepted
            regimes.change_reason(
                connection,
                [part.series_id for part in ended_parts],
                entry.reason,
                new_reason=added.reason,
                author=added.by,
            )
        _end(connection, entry, ended_parts, author=added.by, time=added.at)
    return tuple(contradicted)


def _end(
    connection: Connection,
    entry: FeedbackEntry,
    parts: Sequence[FeedbackSpan],
    *,
    author: str,
    time: int,
) -> None:
    """Ends some parts and the levels requested or accepted because of them; with the last part the
    entry."""
    if entry.verdict is Verdict.NEW_NORMAL:
        regimes.take_back(connection, [part.series_id for part in parts], entry.reason)
    for part in parts:
        connection.execute(
            update(feedback_series)
            .where(
                feedback_series.c.feedback_id == entry.id,
                feedback_series.c.series_id == part.series_id,
                feedback_series.c.start == part.start,
                feedback_series.c.ended_at.is_(None),
            )
            .values(ended_at=time)
        )
    if all(part.ended_at is not None or part in parts for part in entry.parts):
        connection.execute(
            update(feedback)
            .where(feedback.c.id == entry.id)
            .values(withdrawn_at=time, withdrawn_by=author)
        )
