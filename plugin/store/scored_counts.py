"""How many samples of each series were scored.

A table holds the count of each block, so that a month of ten thousand series is summed without
opening a block. The head is counted row by row.
"""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, bindparam, delete, func, literal, select

from plugin.domain.times import DAY
from plugin.series import FloatArray, IntArray
from plugin.store.database import insert_into, rows_of, smaller, write_rows
from plugin.store.schema import samples, scored


def record(connection: Connection, counts: Sequence[tuple[int, int, int]]) -> None:
    """(series, start of a block, its rows with a score), in the transaction that writes the
    blocks."""
    write_rows(connection, _REPLACE, [row for row in counts if row[2]])


def since(connection: Connection, start: int) -> tuple[IntArray, FloatArray]:
    """Ids [S], ascending, and how many samples of each were scored from `start` on.

    A block that starts before `start` counts in proportion to its part after it.
    """
    seconds = smaller(scored.c.day + DAY - start, literal(DAY))
    in_blocks = (
        select(scored.c.series_id, func.sum(scored.c.samples * seconds) / float(DAY))
        .where(scored.c.day > start - DAY)
        .group_by(scored.c.series_id)
    )
    in_head = (
        select(samples.c.series_id, func.count(samples.c.score))
        .where(samples.c.time >= start)
        .group_by(samples.c.series_id)
    )
    rows = [*rows_of(connection, in_blocks), *rows_of(connection, in_head)]
    ids, index = np.unique(
        np.array([series_id for series_id, _ in rows], np.int64), return_inverse=True
    )
    return ids, np.bincount(index, [count for _, count in rows], len(ids)).astype(np.float64)


def forget(connection: Connection, cutoff: int) -> None:
    connection.execute(delete(scored).where(scored.c.day <= cutoff - DAY))


_INSERT = insert_into(scored)
_REPLACE = _INSERT.values(
    {column.name: bindparam(column.name) for column in scored.c}
).on_conflict_do_update(
    index_elements=["series_id", "day"], set_={"samples": _INSERT.excluded["samples"]}
)
