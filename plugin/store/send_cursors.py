"""Up to which time the samples of each watch have been sent by remote write."""

from sqlalchemy import Connection, select

from plugin.store.database import insert_into, larger
from plugin.store.schema import positions


def read(connection: Connection, watch: str) -> int | None:
    return connection.execute(
        select(positions.c.sent_until).where(positions.c.watch == watch)
    ).scalar()


def advance(connection: Connection, watch: str, until: int) -> None:
    """Never goes back."""
    statement = insert_into(positions).values(watch=watch, sent_until=until)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["watch"],
            set_={"sent_until": larger(positions.c.sent_until, statement.excluded.sent_until)},
        )
    )
