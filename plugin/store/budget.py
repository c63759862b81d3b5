"""What the noise budget reads: alarms by series, and the samples that were really scored.

A table holds how many rows of a block were scored, so that a month of ten thousand series is summed
without opening a block; the head is counted row by row.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, func, literal, select

from plugin.domain.alarms import Alarm
from plugin.domain.budget import AlarmTotals
from plugin.domain.tolerances import Verdict
from plugin.series import FloatArray, IntArray
from plugin.store.alarms import alarm_of
from plugin.store.database import insert_into, rows_of, smaller, write_rows
from plugin.store.schema import alarms, feedback, feedback_series, samples, scored, series

DAY = 86_400


def totals(connection: Connection, since: int) -> dict[int, AlarmTotals]:
    """Of the alarms that have begun since, by series; a series without any is absent."""
    columns = (
        func.count(),
        func.sum(alarms.c.samples),
        func.max(alarms.c.peak_score),
        func.max(alarms.c.start),
    )
    statement = _begun(since, alarms.c.series_id, *columns).group_by(alarms.c.series_id)
    return {series: AlarmTotals(*rest) for series, *rest in rows_of(connection, statement)}


def one_by_one(connection: Connection, since: int) -> list[tuple[int, int, int, float]]:
    """(series, start, samples outside, highest score) of each alarm that has begun since."""
    return rows_of(
        connection,
        _begun(since, alarms.c.series_id, alarms.c.start, alarms.c.samples, alarms.c.peak_score),
    )


def real(connection: Connection, watch: str, since: int) -> list[Alarm]:
    """The alarms of a watch that have begun since and that somebody has answered as real."""
    statement = (
        select(alarms)
        .join(series, series.c.id == alarms.c.series_id)
        .where(
            series.c.watch == watch,
            alarms.c.end >= since,
            alarms.c.start >= since,
            _answered_real(),
        )
    )
    return [alarm_of(row) for row in rows_of(connection, statement)]


def record(connection: Connection, counts: Sequence[tuple[int, int, int]]) -> None:
    """(series, begin of a block, its rows with a score), in the transaction that writes the
    blocks."""
    write_rows(connection, _REPLACE, [row for row in counts if row[2]])


def scored_since(connection: Connection, since: int) -> tuple[IntArray, FloatArray]:
    """Ids [S], ascending, and how many samples of each were scored; of a day that lies in part
    before, its share."""
    within = smaller(scored.c.day + DAY - since, literal(DAY))
    folded = (
        select(scored.c.series_id, func.sum(scored.c.samples * within) / float(DAY))
        .where(scored.c.day > since - DAY)
        .group_by(scored.c.series_id)
    )
    young = (
        select(samples.c.series_id, func.count(samples.c.score))
        .where(samples.c.time >= since)
        .group_by(samples.c.series_id)
    )
    found = [*rows_of(connection, folded), *rows_of(connection, young)]
    ids, place = np.unique(np.array([series for series, _ in found], np.int64), return_inverse=True)
    return ids, np.bincount(place, [count for _, count in found], len(ids)).astype(np.float64)


def forget(connection: Connection, before: int) -> None:
    connection.execute(delete(scored).where(scored.c.day <= before - DAY))


def _begun(since: int, *columns: ColumnElement[Any]) -> Select[Any]:
    """Of the alarms that have begun since and are no answered ones; those have ended since, too: an
    index knows."""
    return select(*columns).where(alarms.c.end >= since, alarms.c.start >= since, ~_answered_real())


def _answered_real() -> ColumnElement[bool]:
    """Whether an answer that is in force says that an alarm was real."""
    return (
        select(1)
        .where(
            feedback_series.c.series_id == alarms.c.series_id,
            feedback_series.c.ended_at.is_(None),
            feedback_series.c.start <= alarms.c.end,
            feedback_series.c.end >= alarms.c.start,
            feedback.c.id == feedback_series.c.feedback_id,
            feedback.c.verdict == Verdict.REAL.value,
        )
        .exists()
    )


_INSERT = insert_into(scored)
_REPLACE = _INSERT.values(
    {column.name: bindparam(column.name) for column in scored.c}
).on_conflict_do_update(
    index_elements=["series_id", "day"], set_={"samples": _INSERT.excluded["samples"]}
)
