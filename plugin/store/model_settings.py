"""The settings of a watch that its models depend on, as they were when it was last loaded."""

from sqlalchemy import select

from plugin.store.database import Database, insert_into
from plugin.store.schema import watch_terms


class ModelSettingsTable:
    """One row per watch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, watch: str) -> tuple[str, int] | None:
        """The settings as JSON, and since when (unix seconds) the watch has its present step; None
        = never recorded."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(watch_terms.c.terms, watch_terms.c.step_since).where(
                    watch_terms.c.watch == watch
                )
            ).one_or_none()
        return None if row is None else (str(row.terms), int(row.step_since))

    def record(self, watch: str, settings: str, step_since: int) -> None:
        """Replaces the settings of a watch."""
        statement = insert_into(watch_terms).values(
            watch=watch, terms=settings, step_since=step_since
        )
        with self._database.writing() as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["watch"],
                    set_={name: statement.excluded[name] for name in ("terms", "step_since")},
                )
            )
