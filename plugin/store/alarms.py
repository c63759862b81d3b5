"""Alarms: one row per episode of a series, written in the transaction of the ticks that it is made
of."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from plugin.domain.alarms import Alarm
from plugin.series import IntArray
from plugin.store.database import each_of, insert_into, rows_of, write_rows
from plugin.store.schema import alarms, series

COLUMNS = tuple(column.name for column in alarms.c)  # in the order of the fields of Alarm
KEY = ("series_id", "start")
_values = attrgetter(*COLUMNS)


def write(connection: Connection, changed: Sequence[Alarm]) -> None:
    """Adds alarms, or puts them in the place of what they were before."""
    write_rows(connection, _REPLACE, [_values(alarm) for alarm in changed])


def read(
    connection: Connection,
    begin: int,
    end: int,
    ids: IntArray | Sequence[int] | None,
    limit: int | None,
) -> list[Alarm]:
    """Those that overlap a time range, inclusive, sorted by start; an open one has no end yet."""
    statement = select(alarms).where(alarms.c.start <= end, (alarms.c.end >= begin) | alarms.c.open)
    if ids is not None:
        statement = statement.where(alarms.c.series_id.in_(select(each_of(ids).c.value)))
    latest = statement.order_by(alarms.c.start.desc(), alarms.c.series_id.desc()).limit(limit)
    return [alarm_of(row) for row in reversed(rows_of(connection, latest))]


def still_open(connection: Connection, watch: str) -> list[Alarm]:
    """Of the series of a watch, sorted by series."""
    statement = (
        select(alarms)
        .join(series, series.c.id == alarms.c.series_id)
        .where(series.c.watch == watch, alarms.c.open)
        .order_by(alarms.c.series_id)
    )
    return [alarm_of(row) for row in rows_of(connection, statement)]


def forget(connection: Connection, before: int) -> None:
    connection.execute(delete(alarms).where(alarms.c.end < before))


def alarm_of(row: Sequence[Any]) -> Alarm:
    """An alarm of a row with all columns."""
    series_id, start, end, open, *rest = row
    return Alarm(series_id, start, end, bool(open), *rest)


_INSERT = insert_into(alarms)
_REPLACE = _INSERT.values({name: bindparam(name) for name in COLUMNS}).on_conflict_do_update(
    index_elements=KEY, set_={name: _INSERT.excluded[name] for name in COLUMNS if name not in KEY}
)
