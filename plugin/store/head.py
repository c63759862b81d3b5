"""The head: the newest rows of every series, one database row each."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    ColumnClause,
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.sql.expression import Executable

from plugin.series import MAX_TIME, IntArray, Samples, Tick
from plugin.store.database import (
    FixedStatement,
    IdList,
    among,
    database_of,
    insert_into,
    write_rows,
)
from plugin.store.sample_columns import FLOATS, take
from plugin.store.schema import samples

ROWS_PER_STATEMENT = 10_000
SampleRow = tuple[int | float, ...]  # in the order of the table
SampleKey = tuple[int, int]  # time, series id
IntegerExpression = ColumnElement[int]
# A `FixedStatement` carries no values: constants are literals, all else has a name.
LITERAL_ONE: IntegerExpression = literal_column("1", Integer)
START_PARAMETER = bindparam("start", type_=BigInteger)
END_PARAMETER = bindparam("end", type_=BigInteger)


def add(connection: Connection, rows: list[SampleRow]) -> int:
    """Writes sample rows by the rule of sample_columns; rows are in the order of time."""
    if rows and database_of(connection).inserts_quicker:
        if not _ANY.rows(connection, start=rows[0][0], end=rows[-1][0]):
            return write_rows(connection, _INSERT, rows)
    return write_rows(connection, _ADD, rows)


def _add() -> Executable:
    insert = insert_into(samples)
    new = insert.excluded
    zero: ColumnClause[int] = literal_column("0")  # a parameter would come among those of the row
    arrives_complete = (
        (new.model_version > zero) | new.score.is_not(None) | new.expected.is_not(None)
    )
    value_only = (
        (samples.c.model_version == zero) & samples.c.score.is_(None) & samples.c.expected.is_(None)
    )
    columns = {name: new[name] for name in (*FLOATS, "model_version")}
    return insert.values(VALUES).on_conflict_do_update(
        index_elements=["time", "series_id"], set_=columns, where=value_only & arrives_complete
    )


VALUES: dict[str, BindParameter[Any]] = {
    column.name: bindparam(column.name) for column in samples.c
}
_INSERT = insert_into(samples).values(VALUES)
_ADD = _add()
_ANY = FixedStatement(
    select(LITERAL_ONE)
    .where(samples.c.time >= bindparam("start"), samples.c.time <= bindparam("end"))
    .limit(LITERAL_ONE)
)


def rows_of_tick(tick: Tick) -> Iterator[list[SampleRow]]:
    """The rows of a tick in the order of the table, in lists of limited length; a missing value
    makes no row."""
    order = np.argsort(tick.ids)
    size = max(1, ROWS_PER_STATEMENT // max(1, len(order)))
    for first in range(0, len(tick.times), size):
        # [T, S] each
        columns = [getattr(tick, name)[order, first : first + size].T for name in FLOATS]
        cells = np.nonzero(~np.isnan(columns[0]))
        times = tick.times[first : first + size][cells[0]]
        series = order[cells[1]]
        floats = [column[cells].tolist() for column in columns]
        yield list(
            zip(
                times.tolist(),
                tick.ids[series].tolist(),
                *floats,
                tick.model_version[series].tolist(),
                strict=True,
            )
        )


def times_between(connection: Connection, start: int, end: int) -> IntArray:
    """The distinct times in the head, inclusive, ascending."""
    ticks = _ticks(literal(start), literal(end))
    return np.array(
        connection.execute(select(ticks.c.time).where(ticks.c.time <= end)).scalars().all(),
        np.int64,
    )


def read(
    connection: Connection, ids: IntArray | Sequence[int], start: int = 0, end: int = MAX_TIME
) -> dict[int, Samples]:
    """What the head holds of some series, inclusive; a series without rows is absent."""
    return _by_series(_between().rows(connection, ids=IdList(ids), start=start, end=end))


def read_back(
    connection: Connection, ids: IntArray | Sequence[int], last_time: int, ticks: int
) -> dict[int, Samples]:
    """The rows of some series at the last `ticks` distinct times of the head that are not after
    `last_time`."""
    return _by_series(_back().rows(connection, ids=IdList(ids), end=last_time, n=ticks))


def count_after(connection: Connection, ids: IntArray | Sequence[int], time: int) -> dict[int, int]:
    """How many rows each of some series has after a time; a series without any is absent."""
    return dict(_counts().rows(connection, ids=IdList(ids), start=time + 1, end=MAX_TIME))


def series_between(connection: Connection, start: int, end: int) -> IntArray:
    """The ids that have rows in a time range, inclusive, ascending."""
    statement = (
        select(samples.c.series_id)
        .distinct()
        .where(samples.c.time.between(start, end))
        .order_by("series_id")
    )
    return np.array(connection.execute(statement).scalars().all(), np.int64)


def remove(connection: Connection, keys: list[SampleKey]) -> int:
    """Deletes rows by (time, series_id)."""
    return write_rows(
        connection,
        delete(samples).where(
            samples.c.time == bindparam("t"), samples.c.series_id == bindparam("s")
        ),
        keys,
    )


@cache
def _between() -> FixedStatement:
    return FixedStatement(select(samples).where(_of(_ticks(START_PARAMETER, END_PARAMETER))))


@cache
def _back() -> FixedStatement:
    return FixedStatement(
        select(samples).where(_of(_last_ticks(END_PARAMETER, bindparam("n", type_=Integer))))
    )


@cache
def _counts() -> FixedStatement:
    return FixedStatement(
        select(samples.c.series_id, func.count())
        .where(_of(_ticks(START_PARAMETER, END_PARAMETER)))
        .group_by(samples.c.series_id)
    )


def _ticks(start: IntegerExpression, end: IntegerExpression) -> CTE:
    """The distinct times from `start` on, one seek each, to the first one at or after `end`."""
    first = (
        select(func.min(samples.c.time).label("time"))
        .where(samples.c.time >= start)
        .cte("ticks", recursive=True)
    )
    next_time = (
        select(func.min(samples.c.time)).where(samples.c.time > first.c.time).scalar_subquery()
    )
    return first.union_all(select(next_time).select_from(first).where(first.c.time < end))


def _last_ticks(last_time: IntegerExpression, n: IntegerExpression) -> CTE:
    """The last `n` distinct times up to `last_time`, one seek each."""
    last = (
        select(func.max(samples.c.time).label("time"), LITERAL_ONE.label("number"))
        .where(samples.c.time <= last_time)
        .cte("ticks", recursive=True)
    )
    previous_time = (
        select(func.max(samples.c.time)).where(samples.c.time < last.c.time).scalar_subquery()
    )
    return last.union_all(
        select(previous_time, last.c.number + LITERAL_ONE)
        .select_from(last)
        .where(last.c.number < n, last.c.time.is_not(None))
    )


def _of(ticks: CTE) -> ColumnElement[bool]:
    """Rows of some series at some times: both by `IN`, so that each row is one seek on the whole
    primary key."""
    return and_(
        samples.c.time.in_(select(ticks.c.time).where(ticks.c.time <= END_PARAMETER)),
        among(samples.c.series_id, "ids"),
    )


def _by_series(rows: list[tuple[Any, ...]]) -> dict[int, Samples]:
    if not rows:
        return {}
    # NULL becomes NaN; times, ids and versions are far below 2 ** 53. As one array, because column
    # by column it takes three times as long.
    columns = dict(zip(samples.c.keys(), np.array(rows, np.float64).T, strict=True))
    series, times, version = (
        columns[name].astype(np.int64) for name in ("series_id", "time", "model_version")
    )
    value, expected, lower, upper, score = (columns[name] for name in FLOATS)
    order = np.lexsort((times, series))
    sorted_samples = take(Samples(times, value, expected, lower, upper, score, version), order)
    ids, starts = np.unique(series[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    return {
        series_id: take(sorted_samples, slice(start, end))
        for series_id, start, end in zip(ids.tolist(), starts.tolist(), ends, strict=True)
    }
