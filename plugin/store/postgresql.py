"""PostgreSQL: a pool of connections, writers that take turns by one advisory lock.

A reader sees one snapshot (REPEATABLE READ) and never waits. A writer begins with the lock, so that
all that it reads is what the last writer left; the lock ends with the transaction, also when the
process or the server dies. A connection that was lost is found when it is taken from the pool, and
replaced. `synchronous_commit` stays as the server has it: on, what was acknowledged survives the
death of the server.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from sqlalchemy import Connection, Executable, Table, func, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from plugin.connection_use import ConnectionUse
from plugin.errors import StoreError
from plugin.store.database import Among, Database, EachId, EachName, EachPair, Larger, Smaller
from plugin.store.news import Topic
from plugin.store.postgresql_bulk import BulkStatement, dialect
from plugin.store.postgresql_connections import POOL_SECONDS, STREAM, open_pool, use_of
from plugin.store.postgresql_errors import remedy_of
from plugin.store.postgresql_news import PostgresListener, announce
from plugin.store.schema import metadata
from plugin.store.server import DatabaseServer

WRITER_LOCK = 0x62616E64  # any number that nobody else uses in this database: "band"
# A tick rewrites each row: on a page with room, and without its index.
FILL_FACTORS = {"series_status": 50, "watches": 50, "rewrites": 50}  # percent
# Compressed by us, or arrays of floats: to compress them again costs time and saves nothing.
UNCOMPRESSED_COLUMNS = (
    ("blocks", "data"),
    ("carries", "data"),
    ("carries", "ids"),
    ("publications", "data"),
)


class PostgresDatabase(Database):
    """One database of a server."""

    inserts_quicker = True

    def __init__(self, server: DatabaseServer) -> None:
        engine = open_pool(server)
        super().__init__(server.name, engine)
        self._server = server
        self.connections: ConnectionUse = use_of(engine)

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
            self.connections.on_timeout()
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
        return PostgresListener(open_pool(replace(self._server, pool_size=1)), self)

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


def _counters(connection: Connection) -> Iterator[tuple[Table, str]]:
    """The tables that give out ids, each with what counts them."""
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            found = func.pg_get_serial_sequence(f'"{table.name}"', column.name)
            yield table, str(connection.execute(select(found)).scalar_one())


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
