"""The blocks: rows that have left the head, one compressed block per series and day."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from sqlalchemy import Connection, bindparam, select

from plugin.errors import StoreError
from plugin.series import FloatArray, IntArray, Samples
from plugin.store import budget
from plugin.store.blocks import decode, decode_values, encode
from plugin.store.database import (
    as_json,
    each_of,
    insert_into,
    one_each,
    rows_of,
    text_of,
    write_rows,
)
from plugin.store.sample_columns import merge, take
from plugin.store.schema import blocks

SPAN = 86_400  # seconds of a block, aligned to UTC days
Ids = IntArray | Sequence[int]
StoredBlock = tuple[int, int, int, int, bytes]


def file(connection: Connection, arriving: Mapping[int, Samples]) -> int:
    """Merges rows into the blocks of their days. Returns how many blocks were written."""
    arriving = {series: rows for series, rows in arriving.items() if len(rows)}
    if not arriving:
        return 0
    first = min(int(rows.times[0]) for rows in arriving.values())
    last = max(int(rows.times[-1]) for rows in arriving.values())
    whole = _overlapping(
        connection, list(arriving), first // SPAN * SPAN, last
    )  # blocks that end before `first` too
    stored = {(series, start): data for series, start, data in whole}
    written: list[StoredBlock] = []
    scored: list[tuple[int, int, int]] = []
    for series, rows in arriving.items():
        for start, day in _days(rows):
            data = stored.get((series, start))
            if data is not None:
                day = merge(_decoded(series, start, data), day)
            written.append((series, start, int(day.times[-1]), len(day), encode(day)))
            scored.append((series, start, int(np.count_nonzero(~np.isnan(day.score)))))
    budget.record(connection, scored)
    return write_rows(connection, _REPLACE, written)


def read(connection: Connection, ids: Ids, start: int, end: int) -> dict[int, list[Samples]]:
    """The blocks of some series that overlap a time range, whole, in order of time."""
    found: dict[int, list[Samples]] = {}
    for series, rows in stream(connection, ids, start, end):
        found.setdefault(series, []).append(rows)
    return found


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
    wanted = each_of(ids)
    last = (
        select(blocks.c.last)
        .where(blocks.c.series_id == wanted.c.value)
        .order_by(blocks.c.start.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = rows_of(connection, select(wanted.c.value, last))
    return {series: time for series, time in found if time is not None}


def reaching(connection: Connection, time: int) -> IntArray:
    """The ids of series whose blocks reach up to a time or beyond."""
    found = select(blocks.c.series_id).distinct().where(blocks.c.last >= time)
    return np.array(connection.execute(found).scalars().all(), np.int64)


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
    """Block by block, series by series: only what is being looked at is in memory."""
    cursor = connection.exec_driver_sql(
        _touching(), {"ids": as_json(ids), "day": start // SPAN * SPAN, "start": start, "end": end}
    ).cursor
    yield from iter(cursor.fetchone, None) if cursor is not None else ()


@cache
def _touching() -> str:
    return text_of(
        select(blocks.c.series_id, blocks.c.start, blocks.c.data)
        .where(
            blocks.c.series_id.in_(select(one_each("ids").c.value)),
            blocks.c.start.between(bindparam("day"), bindparam("end")),
            blocks.c.last >= bindparam("start"),
        )
        .order_by(blocks.c.series_id, blocks.c.start)
    )


def _days(rows: Samples) -> Iterator[tuple[int, Samples]]:
    starts = rows.times // SPAN * SPAN
    days, first = np.unique(starts, return_index=True)
    for day, begin, end in zip(days.tolist(), first, [*first[1:], len(rows)], strict=True):
        yield day, take(rows, slice(begin, end))


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
