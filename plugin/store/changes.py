"""Changes that people and machines have reported over the API."""

import json

from sqlalchemy import BigInteger, Connection, bindparam, delete, select

from plugin.domain.changes import Change
from plugin.series import MAX_TIME, Labels
from plugin.store.database import Database, FixedStatement, insert_into, rows_of
from plugin.store.schema import changes

COLUMNS = tuple(column.name for column in changes.c)  # in the order of the fields of Change
LATEST_CHANGES = FixedStatement(
    select(changes)
    .where(changes.c.time.between(bindparam("start"), bindparam("end")))
    .order_by(changes.c.time.desc(), changes.c.id.desc())
    .limit(bindparam("limit", type_=BigInteger))
    .offset(bindparam("offset", type_=BigInteger))  # SQLAlchemy writes one for SQLite in any case
)


class ChangeTable:
    """Change by change, by the time at which each was made."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def between(
        self, start: int = 0, end: int = MAX_TIME, limit: int | None = None
    ) -> list[Change]:
        """Those of this time, unix seconds, both ends included, in its order; at most the latest
        `limit`."""
        parameters = {"start": start, "end": end, "limit": MAX_TIME if limit is None else limit}
        with self._database.reading() as connection:
            rows = LATEST_CHANGES.rows(connection, **parameters, offset=0)
        return [_change(row) for row in reversed(rows)]

    def add(self, change: Change) -> tuple[Change, bool]:
        """The change of this id as it is stored, and whether it is new: one that is there already
        stays as it is."""
        row = change._asdict() | {"labels": json.dumps(dict(change.labels))}
        with self._database.writing() as connection:
            added = connection.execute(
                insert_into(changes).values(row).on_conflict_do_nothing(),
                execution_options={"preserve_rowcount": True},
            ).rowcount
            return _stored(connection, change.id) or change, added > 0

    def remove(self, change_id: str) -> Change | None:
        """The change that is gone now; None where there was none."""
        with self._database.writing() as connection:
            change = _stored(connection, change_id)
            connection.execute(delete(changes).where(changes.c.id == change_id))
            return change


def forget(connection: Connection, cutoff: int) -> None:
    """Removes what was made before `cutoff`, unix seconds."""
    connection.execute(delete(changes).where(changes.c.time < cutoff))


def _stored(connection: Connection, change_id: str) -> Change | None:
    rows = rows_of(connection, select(changes).where(changes.c.id == change_id))
    return _change(rows[0]) if rows else None


def _change(row: tuple[object, ...]) -> Change:
    fields = dict(zip(COLUMNS, row, strict=True))
    return Change(**{**fields, "labels": Labels.of(json.loads(str(fields["labels"])))})  # type: ignore[arg-type]
