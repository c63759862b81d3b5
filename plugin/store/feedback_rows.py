"""The rows of feedback: one per entry, one per series that it is about."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from plugin.domain.tolerances import FeedbackEntry, FeedbackSpan, Verdict
from plugin.series import IntArray
from plugin.store.database import each_of, rows_of
from plugin.store.records import FeedbackNote
from plugin.store.schema import feedback, feedback_series, series

ENTRY_COLUMNS = ("id", "verdict", "incident", "comment", "by", "at", "withdrawn_at", "withdrawn_by")
SPAN_COLUMNS = (
    "series_id",
    "start",
    "end",
    "below",
    "above",
    "lasting_below",
    "lasting_above",
    "ended_at",
)
ALL_ENTRIES = (
    select(
        *(feedback.c[name] for name in ENTRY_COLUMNS),
        *(feedback_series.c[name] for name in SPAN_COLUMNS),
    )
    .join(feedback_series, feedback_series.c.feedback_id == feedback.c.id)
    .join(series, series.c.id == feedback_series.c.series_id)
    .order_by(feedback.c.id, feedback_series.c.series_id, feedback_series.c.start)
)


def entries_about(ids: IntArray | Sequence[int]) -> Select[Any]:
    """Whole entries about some series, with the spans of other series too."""
    entry_ids = select(feedback_series.c.feedback_id).where(
        feedback_series.c.series_id.in_(select(each_of(ids).c.value))
    )
    return ALL_ENTRIES.where(feedback.c.id.in_(entry_ids))


def read(connection: Connection, statement: Select[Any]) -> Iterator[FeedbackEntry]:
    """The entries of a statement made from `ALL_ENTRIES`."""
    width = len(ENTRY_COLUMNS)
    for entry, rows in groupby(rows_of(connection, statement), key=itemgetter(slice(width))):
        entry_id, verdict, incident, comment, author, given_at, withdrawn_at, withdrawn_by = entry
        parts = tuple(_span(row[width:]) for row in rows)
        yield FeedbackEntry(
            entry_id,
            Verdict(verdict),
            incident,
            comment,
            author,
            given_at,
            parts,
            withdrawn_at,
            withdrawn_by,
        )


def add(
    connection: Connection, verdict: Verdict, parts: Sequence[FeedbackSpan], note: FeedbackNote
) -> FeedbackEntry:
    """Adds an entry."""
    key = connection.execute(
        insert(feedback).values(
            verdict=verdict.value,
            incident=note.incident,
            comment=note.comment,
            by=note.by,
            at=note.at,
        )
    ).inserted_primary_key
    assert key is not None  # SQLAlchemy gives it for a table with one
    rows = [
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
    ]
    connection.execute(insert(feedback_series), rows)
    return FeedbackEntry(
        key[0], verdict, note.incident, note.comment, note.by, note.at, tuple(parts)
    )


def _span(row: Sequence[Any]) -> FeedbackSpan:
    series_id, start, end, below, above, lasting_below, lasting_above, ended_at = row
    return FeedbackSpan(
        series_id, start, end, (below, above), (lasting_below, lasting_above), ended_at
    )
