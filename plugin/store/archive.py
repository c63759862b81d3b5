"""The blocks: rows that have left the head, one compressed block per series and day."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from sqlalchemy import Connection, bindparam, select

from plugin.domain.times import DAY
from plugin.errors import StoreError
from plugin.series import FloatArray, IntArray, Samples
from plugin.store import scored_counts
from plugin.store.blocks import decode, decode_values, encode
from plugin.store.database import (
    FixedStatement,
    IdList,
    each_of,
    insert_into,
    one_each,
    rows_of,
    write_rows,
)
from plugin.store.sample_columns import merge, take
from plugin.store.schema import blocks

BLOCK_SECONDS = DAY  # aligned to UTC days
Ids = IntArray | Sequence[int]
StoredBlock = tuple[int, int, int, int, bytes]


def add(connection: Connection, arriving: Mapping[int, Samples]) -> int:
    """Merges rows into the blocks of their days. Returns how many blocks were written."""
    arriving = {series_id: rows for series_id, rows in arriving.items() if len(rows)}
    if not arriving:
        return 0
    first = min(int(rows.times[0]) for rows in arriving.values())
    last = max(int(rows.times[-1]) for rows in arriving.values())
    # From the start of the day: a block that ends before `first` must be merged too.
    stored = {
        (series_id, start): data
        for series_id, start, data in _overlapping(
            connection, list(arriving), first // BLOCK_SECONDS * BLOCK_SECONDS, last
        )
    }
    changed: list[StoredBlock] = []
    counts: list[tuple[int, int, int]] = []
    for series_id, rows in arriving.items():
        for start, new_rows in _days(rows):
            data = stored.get((series_id, start))
            day = new_rows if data is None else merge(_decoded(series_id, start, data), new_rows)
            changed.append((series_id, start, int(day.times[-1]), len(day), encode(day)))
            counts.append((series_id, start, int(np.count_nonzero(~np.isnan(day.score)))))
    scored_counts.record(connection, counts)
    return write_rows(connection, _REPLACE, changed)


def read(connection: Connection, ids: Ids, start: int, end: int) -> dict[int, list[Samples]]:
    """The blocks of some series that overlap a time range, whole, in order of time."""
    blocks_by_series: dict[int, list[Samples]] = {}
    for series_id, rows in stream(connection, ids, start, end):
        blocks_by_series.setdefault(series_id, []).append(rows)
    return blocks_by_series


def stream(connection: Connection, ids: Ids, start: int, end: int) -> Iterator[tuple[int, Samples]]:
    """(series, rows) of each such block, one at a time."""
    for series, day, data in _overlapping(connection, ids, start, end):
        yield series, _decoded(series, day, data)


def read_values(
    connection: Connection, ids: Ids, start: int, end: int
) -> Iterator[tuple[int, IntArray, FloatArray]]:
    """(series, times, values) of each such block, one at a time."""
    for series, day, data in _overlapping(connection, ids, start, end):
        try:
            yield (series, *decode_values(data))
        except ValueError as error:
            raise _damaged(series, day, error) from error


def newest(connection: Connection, ids: Ids) -> dict[int, int]:
    """The time of the newest row in the blocks of each series that has any."""
    id_table = each_of(ids)
    last = (
        select(blocks.c.last)
        .where(blocks.c.series_id == id_table.c.value)
        .order_by(blocks.c.start.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = rows_of(connection, select(id_table.c.value, last))
    return {series_id: time for series_id, time in rows if time is not None}


def reaching(connection: Connection, time: int) -> IntArray:
    """The ids of series whose blocks reach up to a time or beyond."""
    statement = select(blocks.c.series_id).distinct().where(blocks.c.last >= time)
    return np.array(connection.execute(statement).scalars().all(), np.int64)


def backwards(connection: Connection, series: int) -> Iterator[tuple[int, Samples]]:
    """(start, rows) of all blocks of one series, the newest first."""
    statement = (
        select(blocks.c.start).where(blocks.c.series_id == series).order_by(blocks.c.start.desc())
    )
    for start in connection.execute(statement).scalars().all():
        yield start, read(connection, [series], start, start)[series][0]


def _overlapping(
    connection: Connection, ids: Ids, start: int, end: int
) -> Iterator[tuple[int, int, bytes]]:
    """Block by block, series by series: only one block is in memory at a time."""
    return _overlapping_statement().stream(
        connection,
        ids=IdList(ids),
        day=start // BLOCK_SECONDS * BLOCK_SECONDS,
        start=start,
        end=end,
    )


@cache
def _overlapping_statement() -> FixedStatement:
    return FixedStatement(
        select(blocks.c.series_id, blocks.c.start, blocks.c.data)
        .where(
            blocks.c.series_id.in_(select(one_each("ids").c.value)),
            blocks.c.start.between(bindparam("day"), bindparam("end")),
            blocks.c.last >= bindparam("start"),
        )
        .order_by(blocks.c.series_id, blocks.c.start)
    )


def _days(rows: Samples) -> Iterator[tuple[int, Samples]]:
    starts = rows.times // BLOCK_SECONDS * BLOCK_SECONDS
    days, first = np.unique(starts, return_index=True)
    for day, start, end in zip(days.tolist(), first, [*first[1:], len(rows)], strict=True):
        yield day, take(rows, slice(start, end))


def _decoded(series: int, start: int, data: bytes) -> Samples:
    try:
        return decode(data)
    except ValueError as error:
        raise _damaged(series, start, error) from error


def _damaged(series: int, start: int, error: ValueError) -> StoreError:
    return StoreError(
        f"the block of series {series} that starts at {start} cannot be read: {error}: restore a"
        " copy of the store, or delete that row of the table `blocks`"
    )


_INSERT = insert_into(blocks)
_REPLACE = _INSERT.values(
    {column.name: bindparam(column.name) for column in blocks.c}
).on_conflict_do_update(
    index_elements=["series_id", "start"],
    set_={name: _INSERT.excluded[name] for name in ("last", "rows", "data")},
)
