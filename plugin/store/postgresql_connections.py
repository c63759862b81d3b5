"""Connections to PostgreSQL: how each is opened, a pool that keeps some, and who waits for one."""

import math
import threading
import time
from typing import Any

import psycopg
from sqlalchemy import (
    Connection,
    Engine,
    PoolProxiedConnection,
    QueuePool,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from plugin.connection_use import ConnectionUse
from plugin.errors import StoreError
from plugin.store.postgresql_arrays import register_arrays
from plugin.store.server import DatabaseServer

OLDEST_VERSION = 13
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


class BinaryCursor(psycopg.Cursor[Any]):
    """Gets all results in binary: numbers need no parsing, and blocks have half the size."""

    def __init__(self, connection: psycopg.Connection[Any], **options: Any) -> None:
        super().__init__(connection, **options)
        self.format = psycopg.pq.Format.BINARY


class CountingPool(QueuePool):
    """Knows how many ask for a connection at this moment."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asking = 0
        self._count_lock = threading.Lock()

    @property
    def limit(self) -> int:
        """Of connections that are open at once."""
        return self.size() + self._max_overflow

    def connect(self) -> PoolProxiedConnection:
        self._count(1)
        try:
            return super().connect()
        finally:
            self._count(-1)

    def _count(self, number: int) -> None:
        with self._count_lock:
            self.asking += number


def use_of(engine: Engine) -> ConnectionUse:
    """engine: of `open_pool`."""

    def pool() -> CountingPool:
        assert isinstance(engine.pool, CountingPool)
        return engine.pool  # another one once it was disposed of

    def waiting() -> int:
        return pool().asking if pool().checkedout() >= limit else 0

    limit = pool().limit
    return ConnectionUse(limit, lambda: pool().checkedout(), lambda: pool().checkedin(), waiting)


def open_pool(server: DatabaseServer) -> Engine:
    idle = min(IDLE_CONNECTIONS, server.pool_size)
    engine = create_engine(
        make_url(server.url),
        poolclass=CountingPool,
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
