"""The connection: SQLite with its pragmas, one writer at a time, its errors in words. What only
SQLite knows is here.

Write-ahead log with `synchronous=NORMAL`: readers never wait for the writer, and whatever was
committed survives the death of the process at any instant. A power cut may take back the
transactions since the last checkpoint (the file stays sound); the score job then goes on from the
last tick that is left, with its carry, and asks Prometheus for the rest again. FULL would cost one
flush of the disk per tick for that.
"""

import errno
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    QueuePool,
    Table,
    bindparam,
    create_engine,
    event,
    func,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.sql.selectable import TableValuedAlias

from plugin.errors import StoreError
from plugin.series import IntArray
from plugin.store.database_file import DatabaseFile

PRAGMAS = (
    "busy_timeout = 30000",  # milliseconds; a worker process opens the same file
    "auto_vacuum = INCREMENTAL",  # takes effect on an empty file only
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "cache_size = -8000",  # KiB, for each connection
    "wal_autocheckpoint = 4000",  # pages
    "journal_size_limit = 67108864",
)
PAGES_AT_ONCE = 2000
DISK_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
DISK_FULL = "the disk is full: free some space; all that was acknowledged is kept"
REMEDIES = {  # by the beginning of SQLite's error name, the first one that fits
    "SQLITE_FULL": DISK_FULL,
    "SQLITE_IOERR_SHMSIZE": DISK_FULL,
    "SQLITE_READONLY": "it is read-only: give this user the right to write the file and its folder",
    "SQLITE_CANTOPEN": (
        "it cannot be opened: check that the folder exists and that this user may write it"
    ),
    "SQLITE_CORRUPT": (
        "it is damaged: stop, move it away and restore a copy, or start with an empty folder"
    ),
    "SQLITE_NOTADB": (
        "it is not an SQLite database: move it away, or name another folder as `store.path`"
    ),
    "SQLITE_BUSY": (
        "another process has held it for 30 s: let only one `bandwatch run` use the folder"
    ),
    "SQLITE_CONSTRAINT": "it holds no such series or model version (any more)",
    "SQLITE_IOERR": "the disk fails: check the system log and the disk",
}


class Database:
    """One SQLite file. Any thread may read; writers take turns, across processes too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = DatabaseFile(path)
        self._lock = threading.Lock()
        self._engine = _engine(self.file, path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot for all statements inside."""
        with errors_named(self.path), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; it commits at the end or leaves no trace."""
        self.file.check()
        with self._lock, errors_named(self.path), self._engine.connect() as connection:
            with connection.execution_options(immediate=True).begin():
                yield connection

    def give_back_space(self) -> None:
        """Returns free pages to the file system when they are more than a quarter of the file, some
        at a time."""
        with errors_named(self.path), closing(self._engine.raw_connection()) as borrowed:
            connection: sqlite3.Connection = borrowed.driver_connection  # type: ignore[assignment]
            free, pages = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("freelist_count", "page_count")
            )
            for _ in range(0, free if free > pages // 4 else 0, PAGES_AT_ONCE):
                with self._lock:  # `execute` would free one page only
                    connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")

    def close(self) -> None:
        self._engine.dispose()


def _engine(file: DatabaseFile, path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=QueuePool, pool_size=8, max_overflow=56
    )

    @event.listens_for(engine, "do_connect")
    def _(*_: object) -> None:  # SQLite would make a new file
        file.check()

    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None  # we say BEGIN, not the driver
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Turns what the database and the disk raise into StoreError with path, reason and remedy."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreError(f"{path}: no connection was free for 30 s: lower `web.threads`") from error
    except (DBAPIError, sqlite3.Error) as error:
        name = getattr(
            error.orig if isinstance(error, DBAPIError) else error, "sqlite_errorname", ""
        )
        remedy = next((text for start, text in REMEDIES.items() if name.startswith(start)), None)
        if remedy is None:  # a mistake of ours: let it be seen
            raise
        raise StoreError(f"{path}: {remedy} ({name})") from error
    except OSError as error:
        raise disk_error(path, error) from error


def disk_error(path: Path, error: OSError) -> StoreError:
    """Why a file or a folder cannot be used, with its remedy."""
    if error.errno in DISK_FULL_NUMBERS:
        return StoreError(f"{error.filename or path}: {DISK_FULL}")
    return StoreError(
        f"{error.filename or path}: {error.strerror or error}: check the disk, the folder and"
        " its permissions"
    )


def as_json(ids: IntArray | Sequence[int]) -> str:
    return json.dumps(np.asarray(ids, np.int64).tolist())


def each_of(ids: IntArray | Sequence[int]) -> TableValuedAlias:
    """Any number of integers as a table with one column `value`; bound parameters are limited in
    number."""
    return func.json_each(as_json(ids)).table_valued("value")


def each_name(names: Iterable[str]) -> TableValuedAlias:
    """As `each_of`, of texts."""
    return func.json_each(json.dumps(sorted(names))).table_valued("value")


def each_pair(numbers: Mapping[str, int]) -> TableValuedAlias:
    """As `each_of`, of texts with an integer each: columns `key` and `value`."""
    return func.json_each(json.dumps(dict(numbers))).table_valued("key", "value")


def one_each(name: str) -> TableValuedAlias:
    """As `each_of`, of a parameter that is given later, made by `as_json`."""
    return func.json_each(bindparam(name)).table_valued("value")


def text_of(statement: Executable) -> str:
    """SQL with named parameters, for what runs at every request: building a statement takes longer
    than running it."""
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))  # type: ignore[attr-defined]


def rows_for(
    connection: Connection, text: str, ids: IntArray | Sequence[int], **parameters: int
) -> list[tuple[Any, ...]]:
    """All rows of a text made by `text_of` that asks for some `ids`, as the driver gives them."""
    cursor = connection.exec_driver_sql(text, {"ids": as_json(ids), **parameters}).cursor
    return list(cursor.fetchall()) if cursor is not None else []


def rows_of(connection: Connection, statement: Executable) -> list[tuple[Any, ...]]:
    """All rows as the driver gives them: for millions of them, half the time of SQLAlchemy's own
    rows."""
    cursor = connection.execute(statement).cursor
    return list(cursor.fetchall()) if cursor is not None else []


def write_rows(connection: Connection, statement: Executable, rows: list[tuple[Any, ...]]) -> int:
    """Runs one statement for many rows, given in the order of its parameters.

    Returns how many rows changed.
    """
    return connection.exec_driver_sql(_sql(statement), rows).rowcount if rows else 0


@lru_cache(64)  # for a few rows, to compile it takes longer than to run it
def _sql(statement: Executable) -> str:
    """SQL with parameters by position."""
    return str(statement.compile(dialect=sqlite.dialect()))  # type: ignore[attr-defined]


def insert_into(table: Table) -> sqlite.Insert:
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return sqlite.insert(table)


def smaller(first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.min(first, second)  # `least` elsewhere


def larger(first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.max(first, second)  # `greatest` elsewhere
