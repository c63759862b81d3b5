"""The settings of a watch that its models depend on, as they were when it was last taken up."""

from sqlalchemy import Connection, select

from plugin.store.database import insert_into
from plugin.store.schema import watch_terms


def read(connection: Connection, watch: str) -> tuple[str, int] | None:
    """The settings as JSON, and since when (unix seconds) its step is what it is."""
    row = connection.execute(
        select(watch_terms.c.terms, watch_terms.c.step_since).where(watch_terms.c.watch == watch)
    ).one_or_none()
    return None if row is None else (str(row.terms), int(row.step_since))


def write(connection: Connection, watch: str, settings: str, step_since: int) -> None:
    statement = insert_into(watch_terms).values(watch=watch, terms=settings, step_since=step_since)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["watch"],
            set_={name: statement.excluded[name] for name in ("terms", "step_since")},
        )
    )
