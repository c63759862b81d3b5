"""PostgreSQL: a pool of connections, writers that take turns by one advisory lock.

A reader sees one snapshot (REPEATABLE READ) and never waits. A writer begins with the lock, so that
all that it reads is what the last writer left; the lock ends with the transaction, also when the
process or the server dies. A connection that was lost is found when it is taken from the pool, and
replaced. `synchronous_commit` stays as the server has it: on, what was acknowledged survives the
death of the server.
"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    QueuePool,
    Table,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler

from plugin.errors import StoreError
from plugin.store.database import Among, Database, EachId, EachName, EachPair, Larger, Smaller
from plugin.store.news import Topic
from plugin.store.postgresql_arrays import register_arrays
from plugin.store.postgresql_bulk import BulkStatement, dialect
from plugin.store.postgresql_errors import remedy_of
from plugin.store.postgresql_news import PostgresListener, announce
from plugin.store.schema import metadata
from plugin.store.server import DatabaseServer

OLDEST_VERSION = 13
WRITER_LOCK = 0x62616E64  # any number that nobody else uses in this database: "band"
POOL_SECONDS = 30  # that anyone waits for a connection
PING_SECONDS = 2  # after which a connection is looked at before it is used again
IDLE_CONNECTIONS = 4  # that stay open; further ones are closed after use
# Of TCP: a server that vanished without a word is noticed after about a minute.
KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
CONNECT_ARGUMENTS = {"connect_timeout": 10, "application_name": "bandwatch", **KEEPALIVES}
STREAM = "bandwatch_stream"  # of a connection: the rows that are being read
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
SETTINGS = (
    "SET lock_timeout = '30s'",  # that a writer waits for the others
    # Of a process that is asleep in the middle of a transaction: the others go on.
    "SET idle_in_transaction_session_timeout = '20s'",
    "SET jit = off",  # takes longer than any of our statements
    "SET plan_cache_mode = force_custom_plan",  # a plan for one series is none for ten thousand
)
# A tick rewrites each row: on a page with room, and without its index.
FILL_FACTORS = {"series_status": 50, "watches": 50, "rewrites": 50}  # percent
# Compressed by us, or arrays of floats: to compress them again costs time and saves nothing.
UNCOMPRESSED_COLUMNS = (
    ("blocks", "data"),
    ("carries", "data"),
    ("carries", "ids"),
    ("publications", "data"),
)


class BinaryCursor(psycopg.Cursor[Any]):
    """Gets all results in binary: numbers need no parsing, and blocks have half the size."""

    def __init__(self, connection: psycopg.Connection[Any], **options: Any) -> None:
        super().__init__(connection, **options)
        self.format = psycopg.pq.Format.BINARY


class PostgresDatabase(Database):
    """One database of a server."""

    inserts_quicker = True

    def __init__(self, server: DatabaseServer) -> None:
        super().__init__(server.name, _engine(server))
        self._server = server

    @property
    def empty(self) -> bool:
        with self.reading() as connection:
            return not inspect(connection).has_table("alembic_version")

    def remember(self) -> None:
        """Nothing: a server has no file that could be taken from under it."""

    def check(self) -> None:
        """Nothing, as above."""

    @contextmanager
    def errors_named(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise StoreError(
                f"{self.name}: no connection was free for {POOL_SECONDS} s: raise"
                f" `store.pool_size`, {self._server.pool_size}, or lower `web.threads`"
            ) from error
        except (DBAPIError, psycopg.Error) as error:
            remedy = remedy_of(error.orig if isinstance(error, DBAPIError) else error)
            if remedy is None:
                raise
            raise StoreError(f"{self.name}: {remedy}") from error

    @contextmanager
    def begin_writing(self, connection: Connection) -> Iterator[None]:
        with connection.execution_options(writing=True).begin():
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
            yield

    def announce(self, connection: Connection, topic: Topic) -> None:
        announce(connection, topic)

    def listener(self) -> PostgresListener:
        return PostgresListener(_engine(replace(self._server, pool_size=1)), self)

    def finish_tables(self, connection: Connection) -> None:
        for table, percent in FILL_FACTORS.items():
            connection.execute(text(f'ALTER TABLE "{table}" SET (fillfactor = {percent})'))
        for table, name in UNCOMPRESSED_COLUMNS:
            connection.execute(
                text(f'ALTER TABLE "{table}" ALTER COLUMN "{name}" SET STORAGE EXTERNAL')
            )

    def text_of(self, statement: Any) -> str:
        return str(statement.compile(dialect=dialect()))

    def stream(
        self, connection: Connection, query: str, parameters: Mapping[str, Any]
    ) -> Iterator[tuple[Any, ...]]:
        driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        rows = driver.cursor().stream(query, parameters)
        connection.info[STREAM] = rows
        return rows

    def write_rows(
        self, connection: Connection, statement: Executable, rows: list[tuple[Any, ...]]
    ) -> int:
        bulk = BulkStatement.of(statement)
        return connection.exec_driver_sql(bulk.text, bulk.parameters(rows)).rowcount

    def last_ids(self, connection: Connection) -> dict[str, int]:
        """Of a table that has given out none: 0."""
        last_ids = {}
        for table, counter in _counters(connection):
            query = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {counter}"
            last_ids[table.name] = int(connection.execute(text(query)).scalar_one())
        return last_ids

    def set_last_ids(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        for table, counter in _counters(connection):
            highest = func.coalesce(func.max(*table.primary_key), 0)
            last = max(
                last_ids.get(table.name, 0), connection.execute(select(highest)).scalar_one()
            )
            if last:
                connection.execute(select(func.setval(counter, last)))

    def give_back_space(self) -> None:
        """Nothing: the server does it by itself (autovacuum)."""

    def size_bytes(self) -> int:
        with self.reading() as connection:
            size = text("SELECT pg_database_size(current_database())")
            return int(connection.execute(size).scalar_one())


def _engine(server: DatabaseServer) -> Engine:
    idle = min(IDLE_CONNECTIONS, server.pool_size)
    engine = create_engine(
        make_url(server.url),
        poolclass=QueuePool,
        pool_size=idle,
        max_overflow=server.pool_size - idle,
        pool_timeout=POOL_SECONDS,
        use_native_hstore=False,  # it would ask for a type at each new connection
        connect_args={**CONNECT_ARGUMENTS, "cursor_factory": BinaryCursor},
    )

    @event.listens_for(engine, "do_connect")
    def _(_: object, record: object, arguments: object, options: dict[str, Any]) -> None:
        if password := server.current_password():
            options["password"] = password

    @event.listens_for(engine, "connect")
    def _(connection: psycopg.Connection[Any], record: object) -> None:
        _refuse_old(server.name, connection)
        register_arrays(connection)
        for setting in SETTINGS:
            connection.execute(setting)
        connection.commit()
        connection.autocommit = True  # we say BEGIN, not the driver

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing")
        connection.exec_driver_sql(BEGIN_WRITING if writing else BEGIN)

    event.listen(engine, "commit", _end_stream)
    event.listen(engine, "rollback", _end_stream)
    event.listen(engine, "checkout", _refuse_lost)
    event.listen(engine, "checkin", _note_use)
    return engine


def _counters(connection: Connection) -> Iterator[tuple[Table, str]]:
    """The tables that give out ids, each with what counts them."""
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            found = func.pg_get_serial_sequence(f'"{table.name}"', column.name)
            yield table, str(connection.execute(select(found)).scalar_one())


def _end_stream(connection: Connection) -> None:
    """Rows that were not read to their end, as after an error, would hold the connection for
    ever."""
    rows = None if connection.invalidated else connection.info.pop(STREAM, None)
    if rows is not None:
        rows.close()


def _refuse_lost(
    connection: psycopg.Connection[Any], record: ConnectionPoolEntry, _: object
) -> None:
    """A connection that the server has closed meanwhile is replaced. Not looked at where it has
    just been used: that takes as long as a small query."""
    if time.monotonic() - record.info.get("used", -math.inf) < PING_SECONDS:
        return
    try:
        connection.execute("")
    except psycopg.Error as error:
        raise DisconnectionError from error


def _note_use(connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _refuse_old(name: str, connection: psycopg.Connection[Any]) -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST_VERSION:
        raise StoreError(
            f"{name}: it is PostgreSQL {version}; this needs {OLDEST_VERSION} or newer: upgrade the"
            " server"
        )


@compiles(EachId, "postgresql")
def _each_id(element: EachId, compiler: SQLCompiler, **options: Any) -> str:
    ids = compiler.process(element.clauses, **options)
    return f"(SELECT unnest(CAST({ids} AS bigint[])) AS value)"


@compiles(Among, "postgresql")
def _among(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, ids = (compiler.process(part, **options) for part in element.clauses)
    # Of the type of the column: only then is the array hashed.
    return f"{column} = ANY(CAST({ids} AS integer[]))"


@compiles(EachName, "postgresql")
def _each_name(element: EachName, compiler: SQLCompiler, **options: Any) -> str:
    names = compiler.process(element.clauses, **options)
    return f"(SELECT value FROM json_array_elements_text(CAST({names} AS json)))"


@compiles(EachPair, "postgresql")
def _each_pair(element: EachPair, compiler: SQLCompiler, **options: Any) -> str:
    pairs = compiler.process(element.clauses, **options)
    table = f"json_each_text(CAST({pairs} AS json))"
    return f"(SELECT key, CAST(value AS bigint) AS value FROM {table})"


@compiles(Smaller, "postgresql")
def _smaller(element: Smaller, compiler: SQLCompiler, **options: Any) -> str:
    return f"least({compiler.process(element.clauses, **options)})"


@compiles(Larger, "postgresql")
def _larger(element: Larger, compiler: SQLCompiler, **options: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **options)})"
