"""Up to which time the samples of each watch have been sent by remote write."""

from sqlalchemy import select

from plugin.store.database import Database, insert_into, larger
from plugin.store.schema import positions


class SendCursorTable:
    """One time per watch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, watch: str) -> int | None:
        """The time (unix seconds) up to which a watch has been sent; None = never."""
        with self._database.reading() as connection:
            return connection.execute(
                select(positions.c.sent_until).where(positions.c.watch == watch)
            ).scalar()

    def advance(self, watch: str, time: int) -> None:
        """Never goes back."""
        statement = insert_into(positions).values(watch=watch, sent_until=time)
        with self._database.writing() as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["watch"],
                    set_={
                        "sent_until": larger(positions.c.sent_until, statement.excluded.sent_until)
                    },
                )
            )
