"""Orders about models on their way from the process that was asked to the one that holds the
watch.

An order is open until it is taken, and taken until it is answered. Only an open one can be taken
back: then it was not carried out, for certain.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from plugin.store.database import Database, each_name, rows_of
from plugin.store.news import Topic
from plugin.store.schema import orders

OPEN = "open"
TAKEN = "taken"
ANSWERED = "answered"
KEEP_SECONDS = 3600  # after which nobody waits for an answer


class StoredOrder(NamedTuple):
    """An order that has just been taken."""

    id: int
    watch: str
    body: str  # JSON


class OrderTable:
    """The orders of the last hour."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, watch: str, body: str, now: int) -> int:
        """Puts an order where the holder of its watch finds it. Returns its id."""
        with self._database.writing() as connection:
            connection.execute(delete(orders).where(orders.c.asked_at < now - KEEP_SECONDS))
            key = connection.execute(
                insert(orders).values(watch=watch, body=body, asked_at=now, state=OPEN)
            ).inserted_primary_key
            self._database.announce(connection, Topic.ORDERS)
        assert key is not None
        return int(key[0])

    def waiting(self, watches: Collection[str]) -> set[str]:
        """Those of some watches that have an open order."""
        chosen = select(each_name(watches).c.value)
        statement = (
            select(orders.c.watch)
            .where(orders.c.state == OPEN, orders.c.watch.in_(chosen))
            .distinct()
        )
        with self._database.reading() as connection:
            return {watch for (watch,) in rows_of(connection, statement)}

    def take(self, watch: str) -> list[StoredOrder]:
        """The open orders of a watch, the oldest first; they are taken from now on."""
        columns = select(orders.c.id, orders.c.watch, orders.c.body)
        wanted = columns.where(orders.c.state == OPEN, orders.c.watch == watch)
        with self._database.writing() as connection:
            taken = [StoredOrder(*row) for row in rows_of(connection, wanted.order_by(orders.c.id))]
            for order in taken:
                connection.execute(
                    update(orders).where(orders.c.id == order.id).values(state=TAKEN)
                )
        return taken

    def answer(self, order_id: int, text: str) -> None:
        """text: JSON."""
        with self._database.writing() as connection:
            connection.execute(
                update(orders).where(orders.c.id == order_id).values(state=ANSWERED, answer=text)
            )

    def answer_to(self, order_id: int) -> str | None:
        """JSON; None while there is none."""
        with self._database.reading() as connection:
            return connection.execute(
                select(orders.c.answer).where(orders.c.id == order_id)
            ).scalar()

    def take_back(self, order_id: int) -> bool:
        """Whether the order was still open, and is gone now."""
        with self._database.writing() as connection:
            removed = connection.execute(
                delete(orders).where(orders.c.id == order_id, orders.c.state == OPEN)
            ).rowcount
        return removed > 0
