"""A store copied into an empty database: table by table, then compared row by row.

Until the copy is complete, the version of the schema says what the database is a copy of: nothing
else opens it, and a copy that was cut off goes on where it was. The files of models are no part of
the database.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any

from sqlalchemy import Boolean, Connection, Executable, Table, Text, func, select

from plugin.errors import StoreError
from plugin.store.database import Database, insert_into, write_rows
from plugin.store.migration import COPY_MARK, HEAD, create, migrate, revision, stamp, table_names
from plugin.store.schema import metadata

BATCH_ROWS = 5_000  # in one transaction
BATCH_BLOCKS = 500  # of tables with large values
LARGE = ("blocks", "carries", "publications")
Row = tuple[Any, ...]
Progress = Callable[[float], None]  # takes the share done, 0 to 1


@dataclass(frozen=True)
class CopyReport:
    """What a copy has done."""

    rows: int  # of all tables
    found: int  # of them there already, from a copy that was cut off


def copy_store(source: Database, target: Database, progress: Progress) -> CopyReport:
    """Copies all tables, and compares them. No other process may write the source meanwhile.

    Raises StoreError where the target holds anything else, and where a row differs.
    """
    if source.empty:
        raise StoreError(f"{source.name}: there is no database to copy")
    migrate(source)
    _claim(target, source)
    with source.reading() as connection:
        counts = {table: _count(connection, table) for table in metadata.sorted_tables}
        total = max(1, sum(counts.values()))
        done = _Done(total, progress)
        found = sum(_copy(connection, source, target, table, done) for table in counts)
        for table in counts:
            _compare(connection, source, target, table, done)
        last_ids = source.last_ids(connection)
    with target.writing() as connection:
        target.set_last_ids(connection, last_ids)
        stamp(connection, HEAD)
    return CopyReport(sum(counts.values()), found)


class _Done:
    """How far a copy is: each row is copied once and compared once."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._steps = 2 * total
        self._progress = progress
        self._count = 0

    def add(self, rows: int) -> None:
        self._count += rows
        self._progress(min(1.0, self._count / self._steps))


def _claim(target: Database, source: Database) -> None:
    """Makes the tables of an empty target, and marks it as a copy of the source."""
    identity = hashlib.sha256(f"{source.name} {HEAD}".encode()).hexdigest()
    mark = f"{COPY_MARK}{identity[:16]}"
    with target.writing() as connection:
        names = table_names(connection)
        found = revision(connection)
        if not names:
            create(connection, target, mark)
        elif (found or "").startswith(COPY_MARK) and found != mark:
            raise StoreError(
                f"{target.name}: it holds an unfinished copy of another store: empty it, or name"
                " another database"
            )
        elif found == HEAD and not any(_count(connection, t) for t in metadata.sorted_tables):
            stamp(connection, mark)
        elif found != mark:
            raise StoreError(
                f"{target.name}: it is not empty, and a copy overwrites nothing: name a new"
                " database"
            )


def _copy(
    connection: Connection, source: Database, target: Database, table: Table, done: _Done
) -> int:
    """Returns how many rows were there already: always the first ones, in the order of the key."""
    with target.reading() as there:
        found = _count(there, table)
    done.add(found)
    rows = _rows(connection, source, table)
    deque(islice(rows, found), maxlen=0)
    insert = insert_into(table)
    size = BATCH_BLOCKS if table.name in LARGE else BATCH_ROWS
    while batch := list(islice(rows, size)):
        with target.writing() as there:
            write_rows(there, insert, batch)
        done.add(len(batch))
    return found


def _compare(
    connection: Connection, source: Database, target: Database, table: Table, done: _Done
) -> None:
    with target.reading() as there:
        pairs = zip_longest(_rows(connection, source, table), _rows(there, target, table))
        for number, (ours, theirs) in enumerate(pairs, 1):
            if ours != theirs:
                raise StoreError(
                    f"{target.name}: row {number} of table {table.name} is not that of"
                    f" {source.name}: let nothing write either of them, empty the copy and make it"
                    " anew"
                )
            if number % BATCH_ROWS == 0:
                done.add(BATCH_ROWS)


def _rows(connection: Connection, database: Database, table: Table) -> Iterator[Row]:
    """In the order of the key, which is the same in all databases; a Boolean is one in all."""
    text = database.text_of(_in_order(connection, table))
    rows = database.stream(connection, text, {})
    booleans = [place for place, c in enumerate(table.columns) if isinstance(c.type, Boolean)]
    return _with_booleans(rows, booleans) if booleans else rows


def _in_order(connection: Connection, table: Table) -> Executable:
    """PostgreSQL orders text by language, unless it is told to go by bytes as SQLite does."""
    by_bytes = connection.dialect.name == "postgresql"
    key = [
        column.collate("C") if by_bytes and isinstance(column.type, Text) else column
        for column in table.primary_key
    ]
    return select(table).order_by(*key)


def _with_booleans(rows: Iterator[Row], places: list[int]) -> Iterator[Row]:
    for row in rows:
        cells = list(row)
        for place in places:
            cells[place] = bool(cells[place])
        yield tuple(cells)


def _count(connection: Connection, table: Table) -> int:
    count: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return count
