"""The connection to the database, and the statements that both kinds of it understand.

Here is what SQLite and PostgreSQL share. What only one of them knows is in sqlite.py and in
postgresql.py: how it is opened, how writers take turns, its errors in words, its SQL where the two
differ.
"""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from typing import Any, Self

import numpy as np
from sqlalchemy import ColumnElement, Connection, Engine, Executable, Table, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias

from plugin.connection_use import ConnectionUse
from plugin.series import IntArray
from plugin.store.news import Listener, Topic

DATABASE_OPTION = "bandwatch_database"  # of every connection
Ids = IntArray | Sequence[int]


class Database(ABC):
    """One database. Any thread may read; writers take turns, across processes too."""

    inserts_quicker = False  # than an insert that looks for conflicts
    connections: ConnectionUse | None = None  # None = a file: they are not limited

    def __init__(self, name: str, engine: Engine) -> None:
        """name: in messages, without secrets."""
        self.name = name
        self._engine = engine.execution_options(**{DATABASE_OPTION: self})
        self._readers = self._engine
        self._lock = threading.Lock()
        self._fence: Callable[[Connection], None] | None = None

    def fenced(self, fence: Callable[[Connection], None]) -> Self:
        """The same database, for a process that may have been replaced: each writing transaction
        begins with `fence`, which raises if it has."""
        fenced = copy(self)
        fenced._fence = fence
        return fenced

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot for all statements inside."""
        with self.errors_named(), self._readers.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; it commits at the end or leaves no trace."""
        self.check()
        with self._lock, self.errors_named(), self._engine.connect() as connection:
            with self.begin_writing(connection):
                if self._fence is not None:
                    self._fence(connection)
                yield connection

    def close(self) -> None:
        self._engine.dispose()

    @property
    @abstractmethod
    def empty(self) -> bool:
        """Whether there is no table yet."""

    @abstractmethod
    def remember(self) -> None:
        """From now on it has to be this database."""

    @abstractmethod
    def check(self) -> None:
        """Raises StoreError where it is not the database any more that was opened."""

    @abstractmethod
    def errors_named(self) -> AbstractContextManager[None]:
        """Turns what the database and the disk raise into StoreError with name, reason and
        remedy."""

    @abstractmethod
    def begin_writing(self, connection: Connection) -> AbstractContextManager[object]:
        """A transaction in which no other writer is at work."""

    @abstractmethod
    def announce(self, connection: Connection, topic: Topic) -> None:
        """Tells listeners, once the transaction commits, that there is something new."""

    @abstractmethod
    def listener(self) -> Listener | None:
        """A new one, for one thread. None = this database announces nothing."""

    @abstractmethod
    def finish_tables(self, connection: Connection) -> None:
        """What new tables need besides the schema."""

    @abstractmethod
    def text_of(self, statement: Executable) -> str:
        """SQL with named parameters, as the driver takes it."""

    @abstractmethod
    def stream(
        self, connection: Connection, query: str, parameters: Mapping[str, Any]
    ) -> Iterator[tuple[Any, ...]]:
        """The rows of a text, few at a time in memory. No other statement may run before its
        end."""

    @abstractmethod
    def write_rows(
        self, connection: Connection, statement: Executable, rows: list[tuple[Any, ...]]
    ) -> int:
        """See the function of the same name."""

    @abstractmethod
    def last_ids(self, connection: Connection) -> dict[str, int]:
        """Table -> the highest id that it has ever given out; none is given twice."""

    @abstractmethod
    def set_last_ids(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """From now on ids are higher than these and than all that are there."""

    @abstractmethod
    def give_back_space(self) -> None:
        """Returns what was freed to the file system."""

    @abstractmethod
    def size_bytes(self) -> int:
        """On disk."""


class IdList:
    """Any number of integers as one parameter: the driver of each database knows how it takes
    them."""

    __slots__ = ("values",)

    def __init__(self, ids: Ids) -> None:
        self.values = np.asarray(ids, np.int64)


class FixedStatement:
    """A statement that runs at every request: its SQL is made once, because that takes longer than
    to run it. It carries no values: all parameters have names."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._texts: dict[str, str] = {}  # by dialect

    def rows(self, connection: Connection, **parameters: Any) -> list[tuple[Any, ...]]:
        """All rows as the driver gives them."""
        cursor = connection.exec_driver_sql(self._text(connection), parameters).cursor
        return list(cursor.fetchall()) if cursor is not None else []

    def stream(self, connection: Connection, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        """Row by row, few at a time in memory."""
        return database_of(connection).stream(connection, self._text(connection), parameters)

    def run(self, connection: Connection, **parameters: Any) -> None:
        connection.exec_driver_sql(self._text(connection), parameters)

    def _text(self, connection: Connection) -> str:
        dialect = connection.dialect.name
        text = self._texts.get(dialect)
        if text is None:
            text = self._texts[dialect] = database_of(connection).text_of(self._statement)
        return text


class EachId(FunctionElement[int]):
    """A table of one column `value`, of an `IdList`."""

    name = "each_id"
    inherit_cache = True


class Among(FunctionElement[bool]):
    """Whether a column is one of an `IdList`."""

    name = "among"
    inherit_cache = True  # without a type: SQLite compares a Boolean with 1, and then uses no index


class EachName(FunctionElement[str]):
    """A table of one column `value`, of a JSON list of texts."""

    name = "each_name"
    inherit_cache = True


class EachPair(FunctionElement[int]):
    """A table of `key` and `value`, of a JSON object of integers."""

    name = "each_pair"
    inherit_cache = True


class Smaller(FunctionElement[Any]):
    """The smaller one of two numbers."""

    name = "smaller"
    inherit_cache = True

    def __init__(self, first: ColumnElement[Any], second: ColumnElement[Any]) -> None:
        super().__init__(first, second)
        self.type = first.type


class Larger(FunctionElement[Any]):
    """The larger one of two numbers."""

    name = "larger"
    inherit_cache = True

    def __init__(self, first: ColumnElement[Any], second: ColumnElement[Any]) -> None:
        super().__init__(first, second)
        self.type = first.type


def database_of(connection: Connection) -> Database:
    """The database that a connection belongs to."""
    database: Database = connection.get_execution_options()[DATABASE_OPTION]
    return database


def each_of(ids: Ids) -> TableValuedAlias:
    """Any number of integers as a table with one column `value`; bound parameters are limited in
    number."""
    return EachId(bindparam(None, IdList(ids))).table_valued("value")


def one_each(name: str) -> TableValuedAlias:
    """As `each_of`, of a parameter that is given later: an `IdList`."""
    return EachId(bindparam(name)).table_valued("value")


def among(column: ColumnElement[int], name: str) -> ColumnElement[bool]:
    """Whether a column is one of a parameter that is given later, an `IdList`. For what runs at
    every tick or request."""
    return Among(column, bindparam(name))


def each_name(names: Iterable[str]) -> TableValuedAlias:
    """As `each_of`, of texts."""
    return EachName(bindparam(None, json.dumps(sorted(names)))).table_valued("value")


def each_pair(numbers: Mapping[str, int]) -> TableValuedAlias:
    """As `each_of`, of texts with an integer each: columns `key` and `value`."""
    return EachPair(bindparam(None, json.dumps(dict(numbers)))).table_valued("key", "value")


def smaller(first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[Any]:
    return Smaller(first, second)


def larger(first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[Any]:
    return Larger(first, second)


def insert_into(table: Table) -> postgresql.Insert:
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`. SQLite has them
    from PostgreSQL, and its SQL is the same."""
    return postgresql.insert(table)


def rows_of(connection: Connection, statement: Executable) -> list[tuple[Any, ...]]:
    """All rows as the driver gives them: for millions of them, half the time of SQLAlchemy's own
    rows."""
    cursor = connection.execute(statement).cursor
    return list(cursor.fetchall()) if cursor is not None else []


def write_rows(connection: Connection, statement: Executable, rows: list[tuple[Any, ...]]) -> int:
    """Runs one statement for many rows, given in the order of its parameters. Of rows with the same
    key, the last counts; NaN becomes NULL.

    Returns how many rows changed.
    """
    return database_of(connection).write_rows(connection, statement, rows) if rows else 0
