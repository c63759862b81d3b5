"""Who is known: one row per watch and label set, and beside it what changes."""

import json
from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Connection,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from plugin.errors import StoreError
from plugin.series import BESIDE, IntArray, Labels, SeriesRecord, SeriesState
from plugin.store.database import each_of, insert_into, larger, rows_of, smaller, write_rows
from plugin.store.schema import series, status, watches

Seen = tuple[int, int, int]  # series id, time of its first and of its last sample


class SeriesTable:
    """The series of all watches. Labels never change, so that each is read and parsed once."""

    def __init__(self) -> None:
        self._labels: dict[int, Labels] = {}

    def all(self, connection: Connection, watch: str | None) -> list[SeriesRecord]:
        """Ordered by id."""
        statement = (
            select(
                series.c.id, series.c.watch, status.c.state, status.c.first_seen, status.c.last_seen
            )
            .join(status, status.c.series_id == series.c.id)
            .order_by(series.c.id)
        )
        if watch is not None:
            statement = statement.where(series.c.watch == watch)
        rows = rows_of(connection, statement)
        self._learn(connection, [row[0] for row in rows])
        return [
            SeriesRecord(id, name, self._labels[id], SeriesState(state), first, last)
            for id, name, state, first, last in rows
        ]

    def labels(self, connection: Connection, ids: Sequence[int]) -> dict[int, Labels]:
        """Of some series, by id."""
        self._learn(connection, ids)
        return {id: self._labels[id] for id in ids}

    def _learn(self, connection: Connection, ids: Sequence[int]) -> None:
        unknown = [id for id in ids if id not in self._labels]
        statement = select(series.c.id, series.c.labels).where(
            series.c.id.in_(select(each_of(unknown).c.value))
        )
        for id, labels in rows_of(connection, statement) if unknown else ():
            self._labels[id] = Labels.of(json.loads(labels))


def add(connection: Connection, watch: str, labels: Sequence[Labels], now: int) -> None:
    """Inserts those that are not known; the others stay as they are."""
    names = ("watch", "fingerprint", "labels")
    statement = (
        insert_into(series)
        .values({name: bindparam(name) for name in names})
        .on_conflict_do_nothing()
    )
    write_rows(
        connection,
        statement,
        [(watch, each.fingerprint, json.dumps(dict(each))) for each in labels],
    )
    new = select(
        series.c.id, literal(SeriesState.WARMING_UP.value), literal(now), literal(now)
    ).where(series.c.watch == watch, series.c.id.not_in(select(status.c.series_id)))
    connection.execute(
        insert(status).from_select(["series_id", "state", "first_seen", "last_seen"], new)
    )


def mark(connection: Connection, ids: Sequence[int], state: SeriesState) -> None:
    connection.execute(
        update(status)
        .where(status.c.series_id.in_(select(each_of(ids).c.value)))
        .values(state=state.value)
    )


def see(connection: Connection, seen: list[Seen]) -> None:
    """Widens first_seen and last_seen to the samples that have been stored."""
    earliest, latest = (bindparam(name, type_=BigInteger) for name in ("earliest", "latest"))
    rows = [(first, last, id) for id, first, last in seen]
    write_rows(
        connection,
        update(status)
        .where(status.c.series_id == bindparam("id"))
        .values(
            first_seen=smaller(status.c.first_seen, earliest),
            last_seen=larger(status.c.last_seen, latest),
        ),
        rows,
    )


def last_seen(connection: Connection, ids: IntArray) -> dict[int, int]:
    """No sample of a series is younger than this."""
    statement = select(status.c.series_id, status.c.last_seen).where(
        status.c.series_id.in_(select(each_of(ids).c.value))
    )
    return {id: last for id, last in rows_of(connection, statement)}


def check(connection: Connection, watch: str, ids: IntArray) -> None:
    """Raises StoreError unless all ids are series of the watch, each named once."""
    statement = select(func.count()).where(
        series.c.watch == watch, series.c.id.in_(select(each_of(ids).c.value))
    )
    if connection.execute(statement).scalar_one() != len(ids):
        raise StoreError(
            f"watch {watch!r}: some of these {len(ids)} series are not registered, have been"
            " removed, or are named twice: register them first"
        )


def remove_gone(connection: Connection, before: int) -> int:
    """Forgets series that are gone and have had no sample since; their blocks and models go with
    them.

    Those that a watch has beside its own have no state, and nobody tells that those of a watch
    which has been removed or renamed are gone: their samples alone count.
    """
    beside = select(series.c.id).where(series.c.watch.contains(BESIDE))
    left = (
        select(series.c.id)
        .join(watches, watches.c.watch == series.c.watch)
        .where(watches.c.scored_until < before)
    )
    gone = select(status.c.series_id).where(
        status.c.last_seen < before,
        (status.c.state == SeriesState.GONE.value)
        | status.c.series_id.in_(beside)
        | status.c.series_id.in_(left),
    )
    return connection.execute(delete(series).where(series.c.id.in_(gone))).rowcount
