"""What people have said about alarms: one row per answer, one per series that it speaks of. Nothing
is overwritten.

An answer that is withdrawn, or replaced by a later one, stays and says since when it has no effect.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from plugin.domain.tolerances import (
    FeedbackEntry,
    FeedbackSpan,
    Tolerances,
    Verdict,
    covers,
    overlap,
)
from plugin.series import IntArray
from plugin.store import regimes
from plugin.store.database import Database, each_of, larger, rows_of
from plugin.store.records import AcceptRequest
from plugin.store.schema import alarms, feedback, feedback_series, series

Interval = tuple[int, int, int]  # series id, first and last unix second
KEPT = 366 * 86_400  # seconds that an answer is kept at least


@dataclass(frozen=True)
class Receipt:
    """What came of an answer."""

    answer: FeedbackEntry
    again: bool = False  # it had been given before: nothing was added
    replaced: tuple[int, ...] = ()  # ids of those that said something else of the same time


class FeedbackTable:
    """The answers of all watches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(
        self,
        verdict: Verdict,
        parts: Sequence[FeedbackSpan],
        *,
        incident: str,
        comment: str,
        by: str,
        at: int,
        seen: Mapping[int, int] | None = None,
    ) -> Receipt:
        """Adds an answer in one transaction, and for a new normal the wish for the level.

        at: unix seconds, from which it has effect. seen: up to when each series of a new normal has
        been scored. The same again, or within what it covered, adds nothing. What said something
        else of any of the same samples ends for that series; what said the same of a shorter time
        is taken in. Raises StoreError for an unknown series.
        """
        with self._database.writing() as connection:
            standing = [
                answer
                for answer in _read(connection, _concerning([part.series_id for part in parts]))
                if answer.in_force
            ]
            for answer in standing:
                if answer.verdict is verdict and all(
                    any(_holds(one, part) for one in answer.parts) for part in parts
                ):
                    return Receipt(answer, again=True)
            key = connection.execute(
                insert(feedback).values(
                    verdict=verdict.value, incident=incident, comment=comment, by=by, at=at
                )
            ).inserted_primary_key
            assert key is not None  # SQLAlchemy gives it for a table with one
            connection.execute(
                insert(feedback_series),
                [
                    {
                        "feedback_id": key[0],
                        "series_id": part.series_id,
                        "start": part.start,
                        "end": part.end,
                        "below": part.brief[0],
                        "above": part.brief[1],
                        "lasting_below": part.lasting[0],
                        "lasting_above": part.lasting[1],
                    }
                    for part in parts
                ],
            )
            given = FeedbackEntry(key[0], verdict, incident, comment, by, at, tuple(parts))
            contrary = _end(connection, standing, given)
            if verdict is Verdict.NEW_NORMAL:
                regimes.ask(
                    connection,
                    [
                        AcceptRequest(id, (seen or {}).get(id, at), at, by, given.reason)
                        for id in dict.fromkeys(part.series_id for part in parts)
                    ],
                )
            return Receipt(given, replaced=contrary)

    def withdraw(self, id: int, *, by: str, at: int) -> FeedbackEntry | None:
        """Ends all effects of an answer; one that has ended stays as it is.

        Returns what it was, None = unknown.
        """
        with self._database.writing() as connection:
            found = list(_read(connection, _ALL.where(feedback.c.id == id)))
            if found and found[0].in_force:
                _close(connection, found[0], found[0].parts, by=by, at=at)
            return found[0] if found else None

    def answers(
        self, begin: int, end: int, ids: IntArray | Sequence[int] | None = None
    ) -> list[FeedbackEntry]:
        """Those that speak of a time range, inclusive, withdrawn ones too, by id; of some series or
        all."""
        chosen = _ALL if ids is None else _concerning(ids)
        with self._database.reading() as connection:
            return [
                answer
                for answer in _read(connection, chosen)
                if any(part.start <= end and part.end >= begin for part in answer.parts)
            ]

    def of(self, watch: str, verdict: Verdict) -> list[FeedbackEntry]:
        """The parts that are about series of a watch, withdrawn ones too, by id."""
        chosen = _ALL.where(series.c.watch == watch, feedback.c.verdict == verdict.value)
        with self._database.reading() as connection:
            return list(_read(connection, chosen))

    def real(self, watch: str) -> list[Interval]:
        """What was real, of the series of a watch."""
        return self._intervals(watch, Verdict.REAL)

    def normal(self, watch: str) -> list[Interval]:
        """What is to be normal, of the series of a watch."""
        return self._intervals(watch, Verdict.NEW_NORMAL)

    def _intervals(self, watch: str, verdict: Verdict) -> list[Interval]:
        """Of what is in force, each as long as the alarms are by now that it is about."""
        last = (
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
                larger(feedback_series.c.end, func.coalesce(last, feedback_series.c.end)),
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
            return list(rows_of(connection, statement))

    def tolerances(self, watch: str) -> Tolerances:
        """What the answered false alarms of a watch allow its series."""
        return Tolerances.of(self.of(watch, Verdict.FALSE_ALARM))


def forget(connection: Connection, before: int, now: int) -> None:
    """Those that were given before a time, and at least a year ago."""
    connection.execute(delete(feedback).where(feedback.c.at < min(before, now - KEPT)))


def _holds(standing: FeedbackSpan, part: FeedbackSpan) -> bool:
    return standing.ended_at is None and covers(standing, part)


def _end(
    connection: Connection, standing: Sequence[FeedbackEntry], given: FeedbackEntry
) -> tuple[int, ...]:
    """Ends what a new answer replaces or takes in.

    Returns the ids of the answers that said something else.
    """
    contrary = []
    for answer in standing:
        other = answer.verdict is not given.verdict
        ended = [
            part
            for part in answer.parts
            if part.ended_at is None
            and any(overlap(part, new) if other else covers(new, part) for new in given.parts)
        ]
        if ended:
            if not other:  # a level that was accepted by it stays accepted
                regimes.hand_over(
                    connection,
                    [part.series_id for part in ended],
                    answer.reason,
                    given.reason,
                    given.by,
                )
            _close(connection, answer, ended, by=given.by, at=given.at)
            contrary += [answer.id] * other
    return tuple(contrary)


def _close(
    connection: Connection,
    answer: FeedbackEntry,
    ended: Sequence[FeedbackSpan],
    *,
    by: str,
    at: int,
) -> None:
    """Ends some parts, and what was asked or accepted by them; with the last one the answer."""
    if answer.verdict is Verdict.NEW_NORMAL:
        regimes.take_back(connection, [part.series_id for part in ended], answer.reason)
    for part in ended:
        connection.execute(
            update(feedback_series)
            .where(
                feedback_series.c.feedback_id == answer.id,
                feedback_series.c.series_id == part.series_id,
                feedback_series.c.start == part.start,
                feedback_series.c.ended_at.is_(None),
            )
            .values(ended_at=at)
        )
    if all(part.ended_at is not None or part in ended for part in answer.parts):
        connection.execute(
            update(feedback)
            .where(feedback.c.id == answer.id)
            .values(withdrawn_at=at, withdrawn_by=by)
        )


def _concerning(ids: IntArray | Sequence[int]) -> Select[Any]:
    """Whole answers, with the parts of other series too."""
    named = select(feedback_series.c.feedback_id).where(
        feedback_series.c.series_id.in_(select(each_of(ids).c.value))
    )
    return _ALL.where(feedback.c.id.in_(named))


def _read(connection: Connection, statement: Select[Any]) -> Iterator[FeedbackEntry]:
    for row, group in groupby(rows_of(connection, statement), key=lambda row: row[:8]):
        id, verdict, incident, comment, by, at, withdrawn_at, withdrawn_by = row
        parts = tuple(
            FeedbackSpan(
                series_id, start, end, (below, above), (lasting_below, lasting_above), ended_at
            )
            for series_id, start, end, below, above, lasting_below, lasting_above, ended_at in map(
                itemgetter(slice(8, None)), group
            )
        )
        yield FeedbackEntry(
            id, Verdict(verdict), incident, comment, by, at, parts, withdrawn_at, withdrawn_by
        )


_ALL = (
    select(
        feedback.c.id,
        feedback.c.verdict,
        feedback.c.incident,
        feedback.c.comment,
        feedback.c.by,
        feedback.c.at,
        feedback.c.withdrawn_at,
        feedback.c.withdrawn_by,
        feedback_series.c.series_id,
        feedback_series.c.start,
        feedback_series.c.end,
        feedback_series.c.below,
        feedback_series.c.above,
        feedback_series.c.lasting_below,
        feedback_series.c.lasting_above,
        feedback_series.c.ended_at,
    )
    .join(feedback_series, feedback_series.c.feedback_id == feedback.c.id)
    .join(series, series.c.id == feedback_series.c.series_id)
    .order_by(feedback.c.id, feedback_series.c.series_id, feedback_series.c.start)
)
