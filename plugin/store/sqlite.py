"""SQLite: one file with its pragmas, one writer at a time, its errors in words.

Write-ahead log with `synchronous=NORMAL`: readers never wait for the writer, and whatever was
committed survives the death of the process at any instant. A power cut may take back the
transactions since the last checkpoint (the file stays sound); the score job then goes on from the
last tick that is left, with its carry, and asks Prometheus for the rest again. FULL would cost one
flush of the disk per tick for that.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Executable, QueuePool, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from plugin.errors import StoreError
from plugin.store.database import (
    Among,
    Database,
    EachId,
    EachName,
    EachPair,
    IdList,
    Larger,
    Smaller,
)
from plugin.store.database_file import DatabaseFile
from plugin.store.disk_errors import DISK_FULL, disk_error
from plugin.store.news import Topic
from plugin.store.schema import metadata

FILE_NAME = "bandwatch.db"
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


class SqliteDatabase(Database):
    """One SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = DatabaseFile(path)
        super().__init__(str(path), _engine(self.file, path))

    @property
    def empty(self) -> bool:
        return self.file.empty

    def remember(self) -> None:
        self.file.remember()

    def check(self) -> None:
        self.file.check()

    def errors_named(self) -> AbstractContextManager[None]:
        return errors_named(self.path)

    def begin_writing(self, connection: Connection) -> AbstractContextManager[object]:
        return connection.execution_options(immediate=True).begin()

    def announce(self, connection: Connection, topic: Topic) -> None:
        """Nothing: a file is looked at again and again."""

    def listener(self) -> None:
        """None, as above."""

    def finish_tables(self, connection: Connection) -> None:
        """Nothing."""

    def text_of(self, statement: Executable) -> str:
        return str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))  # type: ignore[attr-defined]

    def stream(
        self, connection: Connection, query: str, parameters: Mapping[str, Any]
    ) -> Iterator[tuple[Any, ...]]:
        cursor = connection.exec_driver_sql(query, parameters).cursor
        return iter(cursor.fetchone, None) if cursor is not None else iter(())

    def write_rows(
        self, connection: Connection, statement: Executable, rows: list[tuple[Any, ...]]
    ) -> int:
        return connection.exec_driver_sql(_sql(statement), rows).rowcount

    def last_ids(self, connection: Connection) -> dict[str, int]:
        found = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
        return {name: last for name, last in found}

    def set_last_ids(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """Other tables go on from the highest id that is there."""
        found = self.last_ids(connection)
        for name, table in metadata.tables.items():
            if table.dialect_options["sqlite"]["autoincrement"]:
                last = max(found.get(name, 0), last_ids.get(name, 0))
                connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
                text = "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)"
                connection.exec_driver_sql(text, (name, last))

    def give_back_space(self) -> None:
        """Returns free pages to the file system when they are more than a quarter of the file, some
        at a time."""
        with self.errors_named(), closing(self._engine.raw_connection()) as borrowed:
            connection: sqlite3.Connection = borrowed.driver_connection  # type: ignore[assignment]
            free, pages = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("freelist_count", "page_count")
            )
            for _ in range(0, free if free > pages // 4 else 0, PAGES_AT_ONCE):
                with self._lock:  # `execute` would free one page only
                    connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")

    def size_bytes(self) -> int:
        with os.scandir(self.path.parent) as files:
            return sum(
                file.stat().st_size for file in files if file.name.startswith(self.path.name)
            )


def _engine(file: DatabaseFile, path: Path) -> Engine:
    sqlite3.register_adapter(IdList, _as_json)
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
    """Turns what the file and the disk raise into StoreError with path, reason and remedy."""
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


def _as_json(ids: IdList) -> str:
    return json.dumps(ids.values.tolist())


@lru_cache(64)  # for a few rows, to compile it takes longer than to run it
def _sql(statement: Executable) -> str:
    """SQL with parameters by position."""
    return str(statement.compile(dialect=sqlite.dialect()))  # type: ignore[attr-defined]


@compiles(EachId, "sqlite")
@compiles(EachName, "sqlite")
@compiles(EachPair, "sqlite")
def _each(element: EachId | EachName | EachPair, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(Among, "sqlite")
def _among(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, ids = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({ids}))"


@compiles(Smaller, "sqlite")
def _smaller(element: Smaller, compiler: SQLCompiler, **options: Any) -> str:
    return f"min({compiler.process(element.clauses, **options)})"


@compiles(Larger, "sqlite")
def _larger(element: Larger, compiler: SQLCompiler, **options: Any) -> str:
    return f"max({compiler.process(element.clauses, **options)})"
