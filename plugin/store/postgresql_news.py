"""LISTEN and NOTIFY. A notification is sent when its transaction commits, and none is when it does
not."""

import secrets
from collections.abc import Collection, Iterable
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, PoolProxiedConnection

from plugin.store.database import Database
from plugin.store.news import Listener, Topic

PREFIX = "bandwatch_"  # of our channels
PROOF_BYTES = 4


def announce(connection: Connection, topic: str) -> None:
    """Equal ones of a transaction are sent once."""
    connection.exec_driver_sql(f"NOTIFY {PREFIX}{topic}")


class PostgresListener(Listener):
    """A connection that only listens: outside transactions, as those in one hear nothing."""

    def __init__(self, engine: Engine, database: Database) -> None:
        """engine: for that connection alone. database: whose pool proofs are sent over."""
        self._engine = engine
        self._database = database
        self._proof = f"proof_{secrets.token_hex(PROOF_BYTES)}"  # nobody else listens to it
        self._connection: PoolProxiedConnection | None = None

    def open(self, topics: Collection[Topic]) -> None:
        self.close()
        with self._database.errors_named():
            self._connection = self._engine.raw_connection()
            for topic in (*topics, self._proof):
                self._driver.execute(f"LISTEN {PREFIX}{topic}")

    def proof(self) -> str:
        with self._database.reading() as connection:
            announce(connection, self._proof)
        return self._proof

    def heard(self, seconds: float) -> set[str]:
        with self._database.errors_named():
            return _topics(self._driver.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()  # never used again, also where it is fine
            self._connection = None

    @property
    def _driver(self) -> "psycopg.Connection[Any]":
        assert self._connection is not None, "it has not been opened"
        driver: psycopg.Connection[Any] = self._connection.driver_connection  # type: ignore[assignment]
        return driver


def _topics(notices: "Iterable[psycopg.Notify]") -> set[str]:
    return {notice.channel.removeprefix(PREFIX) for notice in notices}
