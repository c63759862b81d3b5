"""How many samples of each series were scored.

A table holds the count of each block, so that a month of ten thousand series is summed without
opening a block. The head is counted row by row.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import CTE, Connection, Select, bindparam, delete, func, literal, select

from plugin.domain.times import DAY
from plugin.series import FloatArray, IntArray
from plugin.store.database import each_pair, insert_into, larger, rows_of, smaller, write_rows
from plugin.store.schema import samples, scored, series, status


def record(connection: Connection, counts: Sequence[tuple[int, int, int]]) -> None:
    """(series, start of a block, its rows with a score), in the transaction that writes the
    blocks."""
    write_rows(connection, _REPLACE, [row for row in counts if row[2]])


def since(
    connection: Connection, start: int, learn_for: Mapping[str, int]
) -> tuple[IntArray, FloatArray]:
    """Ids [S], ascending, and how many samples of each were scored from `start` on, without those
    that were provisional.

    learn_for: seconds by watch. A block that starts before the first sample that counts does so in
    proportion to its part after it.
    """
    firsts = _firsts(start, learn_for)
    seconds = smaller(scored.c.day + DAY - firsts.c.time, literal(DAY))
    in_blocks = (
        select(scored.c.series_id, func.sum(scored.c.samples * seconds) / float(DAY))
        .join(firsts, firsts.c.series_id == scored.c.series_id)
        .where(scored.c.day > start - DAY, scored.c.day > firsts.c.time - DAY)
        .group_by(scored.c.series_id)
    )
    in_head = (
        select(samples.c.series_id, func.count(samples.c.score))
        .where(samples.c.time >= start)
        .group_by(samples.c.series_id)
    )
    rows = [
        row
        for statement in (in_blocks, in_head, _provisional_in_head(start, firsts))
        for row in rows_of(connection, statement)
    ]
    ids, index = np.unique(
        np.array([series_id for series_id, _ in rows], np.int64), return_inverse=True
    )
    return ids, np.bincount(index, [count for _, count in rows], len(ids)).astype(np.float64)


def _provisional_in_head(start: int, firsts: CTE) -> Select[tuple[int, int]]:
    """What is to be subtracted from the counts of the head: to join each of its rows would take
    three times as long."""
    head_start = select(func.min(samples.c.time)).scalar_subquery()
    newcomers = (
        select(firsts).where(firsts.c.time > start, firsts.c.time > head_start).cte("newcomers")
    )
    end = select(func.max(newcomers.c.time)).scalar_subquery()
    return (
        select(samples.c.series_id, -func.count(samples.c.score))
        .join(newcomers, newcomers.c.series_id == samples.c.series_id)
        .where(samples.c.time >= start, samples.c.time < end, samples.c.time < newcomers.c.time)
        .group_by(samples.c.series_id)
    )


def _firsts(start: int, learn_for: Mapping[str, int]) -> CTE:
    """Since when the samples of each series count: series_id, time in unix seconds."""
    lengths = each_pair(learn_for)
    end = status.c.first_seen + func.coalesce(lengths.c.value, 0)
    return (
        select(series.c.id.label("series_id"), larger(literal(start), end).label("time"))
        .join(status, status.c.series_id == series.c.id)
        .outerjoin(lengths, lengths.c.key == series.c.watch)
        .cte("firsts")
    )


def forget(connection: Connection, cutoff: int) -> None:
    connection.execute(delete(scored).where(scored.c.day <= cutoff - DAY))


_INSERT = insert_into(scored)
_REPLACE = _INSERT.values(
    {column.name: bindparam(column.name) for column in scored.c}
).on_conflict_do_update(
    index_elements=["series_id", "day"], set_={"samples": _INSERT.excluded["samples"]}
)
