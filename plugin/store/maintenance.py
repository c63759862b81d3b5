"""Maintenance windows that someone has given over the API, and those that were silences."""

import json
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import delete, select

from plugin.domain.windows import Window
from plugin.store.database import Database, insert_into
from plugin.store.news import Topic
from plugin.store.schema import maintenance

COLUMNS = tuple(column.name for column in maintenance.c)  # in the order of the fields of Window
FIELDS = {"begin": "start"}  # column -> field of Window, where they differ


class MaintenanceTable:
    """Window by window; which of them are over is for whoever asks to say."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Window]:
        """The oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(maintenance).order_by(maintenance.c.created, maintenance.c.id)
            ).all()
        return [replace(Window(*row), watch=tuple(json.loads(row.watch))) for row in rows]

    def put(self, windows: Sequence[Window]) -> None:
        """Adds windows, or puts them in the place of those of the same id."""
        rows = [
            {name: getattr(window, FIELDS.get(name, name)) for name in COLUMNS}
            | {"watch": json.dumps(window.watch)}
            for window in windows
        ]
        if rows:
            statement = insert_into(maintenance)
            with self._database.writing() as connection:
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["id"],
                        set_={name: statement.excluded[name] for name in COLUMNS if name != "id"},
                    ),
                    rows,
                )
                self._database.announce(connection, Topic.WINDOWS)

    def remove(self, ids: Sequence[str]) -> None:
        if ids:
            with self._database.writing() as connection:
                connection.execute(delete(maintenance).where(maintenance.c.id.in_(ids)))
                self._database.announce(connection, Topic.WINDOWS)
