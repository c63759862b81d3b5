"""New levels: one row per level that was accepted, and one per series of which someone has said
that it is to be."""

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter

from sqlalchemy import Connection, bindparam, delete, func, select, update

from plugin.series import IntArray
from plugin.store.database import Database, each_of, insert_into, rows_of, write_rows
from plugin.store.records import AcceptRequest, Regime
from plugin.store.schema import acceptances, regimes, series


class RegimeTable:
    """The new levels of all series, and who asked for which."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def between(
        self,
        begin: int,
        end: int,
        ids: IntArray | Sequence[int] | None = None,
        limit: int | None = None,
    ) -> list[Regime]:
        """Those that were accepted within a range, inclusive, of some series or all; by time, the
        latest `limit`."""
        statement = select(regimes).where(regimes.c.accepted >= begin, regimes.c.accepted <= end)
        if ids is not None:
            statement = statement.where(regimes.c.series_id.in_(select(each_of(ids).c.value)))
        latest = statement.order_by(regimes.c.accepted.desc(), regimes.c.series_id.desc()).limit(
            limit
        )
        with self._database.reading() as connection:
            return [_regime(*row) for row in reversed(rows_of(connection, latest))]

    def counts(self, since: int) -> Mapping[str, int]:
        """How many levels have been accepted since, by watch; a watch without any is absent."""
        statement = (
            select(series.c.watch, func.count())
            .join(regimes, regimes.c.series_id == series.c.id)
            .where(regimes.c.accepted >= since)
            .group_by(series.c.watch)
        )
        with self._database.reading() as connection:
            return dict(rows_of(connection, statement))

    def ask(self, asked: Sequence[AcceptRequest]) -> None:
        """Wants levels accepted by the next tick; of a series that is asked for already, the first
        one counts."""
        with self._database.writing() as connection:
            ask(connection, asked)

    def take_back(self, ids: Sequence[int], reason: str) -> None:
        """Forgets what was asked for by this reason, and what was accepted by it: the next fit
        knows nothing of it."""
        with self._database.writing() as connection:
            take_back(connection, ids, reason)

    def asked(self, watch: str) -> list[AcceptRequest]:
        """What is to be accepted of the series of a watch, sorted by series."""
        statement = (
            select(acceptances)
            .join(series, series.c.id == acceptances.c.series_id)
            .where(series.c.watch == watch)
            .order_by(acceptances.c.series_id)
        )
        with self._database.reading() as connection:
            return [AcceptRequest(*row) for row in rows_of(connection, statement)]


def ask(connection: Connection, asked: Sequence[AcceptRequest]) -> None:
    """As `Regimes.ask`, in a transaction of others."""
    write_rows(connection, _ASK, [_wish(each) for each in asked])


def take_back(connection: Connection, ids: Sequence[int], reason: str) -> None:
    """As `Regimes.take_back`, in a transaction of others."""
    for table in (acceptances, regimes):
        connection.execute(
            delete(table).where(
                table.c.series_id.in_(select(each_of(ids).c.value)), table.c.reason == reason
            )
        )


def hand_over(connection: Connection, ids: Sequence[int], reason: str, to: str, by: str) -> None:
    """What was asked for or accepted by a reason is from now on by another one, and whoever gave
    that."""
    for table in (acceptances, regimes):
        connection.execute(
            update(table)
            .where(table.c.series_id.in_(select(each_of(ids).c.value)), table.c.reason == reason)
            .values(reason=to, by=by)
        )


def write(
    connection: Connection, accepted: Sequence[Regime], answered: Sequence[AcceptRequest]
) -> None:
    """Adds new levels and takes back the wishes that are granted, in the transaction of the tick
    that does both."""
    write_rows(connection, _ADD, [_values(each) for each in accepted])
    if answered:
        ids = select(each_of([each.series_id for each in answered]).c.value)
        connection.execute(delete(acceptances).where(acceptances.c.series_id.in_(ids)))


def forget(connection: Connection, before: int) -> None:
    connection.execute(delete(regimes).where(regimes.c.accepted < before))


def _regime(
    series_id: int,
    accepted: int,
    since: int,
    before: float | None,
    after: float | None,
    by: str,
    reason: str,
) -> Regime:
    return Regime(
        series_id,
        accepted,
        since,
        math.nan if before is None else before,
        math.nan if after is None else after,
        by,
        reason,
    )


_values = attrgetter(*(column.name for column in regimes.c))
_wish = attrgetter(*(column.name for column in acceptances.c))
_ADD = (
    insert_into(regimes)
    .values({column.name: bindparam(column.name) for column in regimes.c})
    .on_conflict_do_nothing()
)
_ASK = (
    insert_into(acceptances)
    .values({column.name: bindparam(column.name) for column in acceptances.c})
    .on_conflict_do_nothing()
)
