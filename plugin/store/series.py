"""The series: one row per watch and label set, and one for what changes about it."""

import json
from collections.abc import Mapping, Sequence
from functools import cache

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
from plugin.series import COVARIATE_MARK, IntArray, Labels, SeriesRecord, SeriesState, is_text
from plugin.store.database import (
    Database,
    FixedStatement,
    IdList,
    among,
    each_of,
    insert_into,
    larger,
    rows_of,
    smaller,
    write_rows,
)
from plugin.store.schema import series, status, watches

SampleSpan = tuple[int, int]  # times of the first and of the last sample
MIN_SPAN_SERIES = 16  # with the same span, from which on they share a statement


class SeriesTable:
    """The series of all watches. Labels never change, so that each is read and parsed once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._labels: dict[int, Labels] = {}
        # Stored by an older version with a label that is not text: nothing shows or scores them.
        self._unreadable = set[int]()

    def all(self) -> list[SeriesRecord]:
        """The series of all watches, ordered by id."""
        return self._records(None)

    def of(self, watch: str) -> list[SeriesRecord]:
        """The series of a watch, ordered by id."""
        return self._records(watch)

    def register(self, watch: str, labels: Sequence[Labels], now: int) -> list[SeriesRecord]:
        """The records of these label sets, in the order given; new ones are warming up and first
        seen now."""
        records = {record.labels: record for record in self.of(watch)}
        if unknown := [label_set for label_set in labels if label_set not in records]:
            with self._database.writing() as connection:
                _add(connection, watch, unknown, now)
            records = {record.labels: record for record in self.of(watch)}
        return [records[label_set] for label_set in labels]

    def mark(self, ids: Sequence[int], state: SeriesState) -> None:
        """Sets the state of some series."""
        with self._database.writing() as connection:
            connection.execute(
                update(status)
                .where(status.c.series_id.in_(select(each_of(ids).c.value)))
                .values(state=state.value)
            )

    def forget_removed(self) -> None:
        """Drops the labels of series that are not stored any more: their ids never come again."""
        known = {*self._labels, *self._unreadable}  # read before: all of these have been stored
        with self._database.reading() as connection:
            stored = {series_id for (series_id,) in rows_of(connection, select(series.c.id))}
        for series_id in known - stored:
            self._labels.pop(series_id, None)
            self._unreadable.discard(series_id)

    def _records(self, watch: str | None) -> list[SeriesRecord]:
        statement = (
            select(
                series.c.id, series.c.watch, status.c.state, status.c.first_seen, status.c.last_seen
            )
            .join(status, status.c.series_id == series.c.id)
            .order_by(series.c.id)
        )
        if watch is not None:
            statement = statement.where(series.c.watch == watch)
        with self._database.reading() as connection:
            rows = rows_of(connection, statement)
            self._load_labels(connection, [row[0] for row in rows])
        return [
            SeriesRecord(series_id, name, self._labels[series_id], SeriesState(state), first, last)
            for series_id, name, state, first, last in rows
            if series_id in self._labels
        ]

    def labels_of(self, ids: Sequence[int]) -> dict[int, Labels]:
        """Of some series, by id; none where they are unreadable or not stored any more."""
        with self._database.reading() as connection:
            return self.labels(connection, ids)

    def labels(self, connection: Connection, ids: Sequence[int]) -> dict[int, Labels]:
        """Of some series, by id; none where they are unreadable. Inside the transaction of the
        caller."""
        self._load_labels(connection, ids)
        return {series_id: self._labels.get(series_id, Labels(())) for series_id in ids}

    def _load_labels(self, connection: Connection, ids: Sequence[int]) -> None:
        unknown = [
            series_id
            for series_id in ids
            if series_id not in self._labels and series_id not in self._unreadable
        ]
        statement = select(series.c.id, series.c.labels).where(
            series.c.id.in_(select(each_of(unknown).c.value))
        )
        for series_id, labels in rows_of(connection, statement) if unknown else ():
            mapping = json.loads(labels)
            if is_text(mapping):
                self._labels[series_id] = Labels.of(mapping)
            else:
                self._unreadable.add(series_id)


def _add(connection: Connection, watch: str, labels: Sequence[Labels], now: int) -> None:
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
        [
            (watch, series_labels.fingerprint, json.dumps(dict(series_labels)))
            for series_labels in labels
        ],
    )
    new = select(
        series.c.id, literal(SeriesState.WARMING_UP.value), literal(now), literal(now)
    ).where(series.c.watch == watch, series.c.id.not_in(select(status.c.series_id)))
    connection.execute(
        insert(status).from_select(["series_id", "state", "first_seen", "last_seen"], new)
    )


def extend_seen(connection: Connection, spans: Mapping[SampleSpan, IntArray]) -> None:
    """Widens first_seen and last_seen to the samples that have been stored. spans: the ids that
    have each. A tick has one for nearly all series: then one statement for all is quickest."""
    few: list[tuple[int, int, int]] = []
    for (first, last), ids in spans.items():
        if len(ids) < MIN_SPAN_SERIES:
            few += [(first, last, series_id) for series_id in ids.tolist()]
        else:
            _extend_many().run(connection, ids=IdList(ids), earliest=first, latest=last)
    write_rows(connection, _EXTEND_ONE, few)


_EXTEND = update(status).values(
    first_seen=smaller(status.c.first_seen, bindparam("earliest", type_=BigInteger)),
    last_seen=larger(status.c.last_seen, bindparam("latest", type_=BigInteger)),
)
_EXTEND_ONE = _EXTEND.where(status.c.series_id == bindparam("id"))


@cache
def _extend_many() -> FixedStatement:
    return FixedStatement(_EXTEND.where(among(status.c.series_id, "ids")))


def last_seen(connection: Connection, ids: IntArray) -> dict[int, int]:
    """No sample of a series is younger than this."""
    statement = select(status.c.series_id, status.c.last_seen).where(
        status.c.series_id.in_(select(each_of(ids).c.value))
    )
    return dict(rows_of(connection, statement))


def check(connection: Connection, watch: str, ids: IntArray) -> None:
    """Raises StoreError unless all ids are series of the watch, each named once."""
    ((known,),) = _count().rows(connection, watch=watch, ids=IdList(ids))
    if known != len(ids):
        raise StoreError(
            f"watch {watch!r}: some of these {len(ids)} series are not registered, have been"
            " removed, or are named twice: register them first"
        )


@cache
def _count() -> FixedStatement:
    return FixedStatement(
        select(func.count()).where(series.c.watch == bindparam("watch"), among(series.c.id, "ids"))
    )


def remove_gone(connection: Connection, cutoff: int) -> int:
    """Removes series that are gone and have had no sample since; their blocks and models go with
    them.

    Two kinds of series are never marked as gone: covariates, and the series of a watch that was
    removed or renamed. For them only the time of the last sample counts.
    """
    covariates = select(series.c.id).where(series.c.watch.contains(COVARIATE_MARK))
    of_old_watches = (
        select(series.c.id)
        .join(watches, watches.c.watch == series.c.watch)
        .where(watches.c.scored_until < cutoff)
    )
    gone_ids = select(status.c.series_id).where(
        status.c.last_seen < cutoff,
        (status.c.state == SeriesState.GONE.value)
        | status.c.series_id.in_(covariates)
        | status.c.series_id.in_(of_old_watches),
    )
    return connection.execute(delete(series).where(series.c.id.in_(gone_ids))).rowcount
