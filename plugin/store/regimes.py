"""New levels: one row per accepted level, and one per series with a request to accept its
level."""

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from plugin.series import IntArray
from plugin.store.database import Database, each_of, insert_into, rows_of, write_rows
from plugin.store.records import AcceptRequest, Regime, RegimeChanges
from plugin.store.schema import acceptances, regimes, series


class RegimeTable:
    """The accepted levels of all series, and the requests to accept one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def between(
        self,
        start: int,
        end: int,
        ids: IntArray | Sequence[int] | None = None,
        limit: int | None = None,
    ) -> list[Regime]:
        """The levels accepted within a time range, inclusive, of some series or all; by time, the
        latest `limit`."""
        statement = select(regimes).where(regimes.c.accepted >= start, regimes.c.accepted <= end)
        if ids is not None:
            statement = statement.where(regimes.c.series_id.in_(select(each_of(ids).c.value)))
        latest_statement = statement.order_by(
            regimes.c.accepted.desc(), regimes.c.series_id.desc()
        ).limit(limit)
        with self._database.reading() as connection:
            return [_regime(row) for row in reversed(rows_of(connection, latest_statement))]

    def counts(self, start: int) -> Mapping[str, int]:
        """How many levels have been accepted since, by watch; a watch without any is absent."""
        statement = (
            select(series.c.watch, func.count())
            .join(regimes, regimes.c.series_id == series.c.id)
            .where(regimes.c.accepted >= start)
            .group_by(series.c.watch)
        )
        with self._database.reading() as connection:
            return dict(rows_of(connection, statement))

    def request(self, requests: Sequence[AcceptRequest]) -> None:
        """Requests levels to be accepted by the next tick; of several requests for one series, the
        first counts."""
        with self._database.writing() as connection:
            request(connection, requests)

    def take_back(self, ids: Sequence[int], reason: str) -> None:
        """Removes requests and accepted levels with this reason: the next fit does not use
        them."""
        with self._database.writing() as connection:
            take_back(connection, ids, reason)

    def requests(self, watch: str) -> list[AcceptRequest]:
        """The open requests for a watch, sorted by series."""
        statement = (
            select(acceptances)
            .join(series, series.c.id == acceptances.c.series_id)
            .where(series.c.watch == watch)
            .order_by(acceptances.c.series_id)
        )
        with self._database.reading() as connection:
            return [AcceptRequest(*row) for row in rows_of(connection, statement)]


def request(connection: Connection, requests: Sequence[AcceptRequest]) -> None:
    """As `RegimeTable.request`, inside the transaction of the caller."""
    write_rows(
        connection, _ADD_REQUEST, [_request_values(accept_request) for accept_request in requests]
    )


def take_back(connection: Connection, ids: Sequence[int], reason: str) -> None:
    """As `RegimeTable.take_back`, inside the transaction of the caller."""
    for table in (acceptances, regimes):
        connection.execute(
            delete(table).where(
                table.c.series_id.in_(select(each_of(ids).c.value)), table.c.reason == reason
            )
        )


def change_reason(
    connection: Connection, ids: Sequence[int], reason: str, *, new_reason: str, author: str
) -> None:
    """Gives requests and accepted levels another reason and another person."""
    for table in (acceptances, regimes):
        connection.execute(
            update(table)
            .where(table.c.series_id.in_(select(each_of(ids).c.value)), table.c.reason == reason)
            .values(reason=new_reason, by=author)
        )


def write(connection: Connection, changes: RegimeChanges) -> None:
    """Adds new levels and removes answered requests, in the transaction of the tick that does
    both."""
    write_rows(connection, _ADD, [_values(regime) for regime in changes.accepted])
    if changes.answered:
        ids = select(
            each_of([accept_request.series_id for accept_request in changes.answered]).c.value
        )
        connection.execute(delete(acceptances).where(acceptances.c.series_id.in_(ids)))


def forget(connection: Connection, cutoff: int) -> None:
    connection.execute(delete(regimes).where(regimes.c.accepted < cutoff))


def _regime(row: Sequence[Any]) -> Regime:
    series_id, accepted, start, old_level, new_level, author, reason = row
    return Regime(
        series_id,
        accepted,
        start,
        math.nan if old_level is None else old_level,
        math.nan if new_level is None else new_level,
        author,
        reason,
    )


_values = attrgetter(*(column.name for column in regimes.c))
_request_values = attrgetter(*(column.name for column in acceptances.c))
_ADD = (
    insert_into(regimes)
    .values({column.name: bindparam(column.name) for column in regimes.c})
    .on_conflict_do_nothing()
)
_ADD_REQUEST = (
    insert_into(acceptances)
    .values({column.name: bindparam(column.name) for column in acceptances.c})
    .on_conflict_do_nothing()
)
