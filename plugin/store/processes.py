"""The processes that share the store: each counts its beats here, so that the others know that it
lives."""

from typing import NamedTuple

from sqlalchemy import delete, select

from plugin.store.database import Database, insert_into, rows_of
from plugin.store.schema import processes


class Process(NamedTuple):
    """A process, as of its last beat."""

    name: str
    beats: int
    capacity: float  # what it can do, compared with the others
    beat_at: float  # unix seconds by its own clock: for people, nothing depends on it


class ProcessTable:
    """One row per process, until it ends or is found dead."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, Process]:
        """By name."""
        with self._database.reading() as connection:
            rows = rows_of(connection, select(processes).order_by(processes.c.name))
        return {row[0]: Process(*row) for row in rows}

    def beat(self, process: Process) -> None:
        """Says that a process lives; it counts the beats itself."""
        row = process._asdict()
        with self._database.writing() as connection:
            connection.execute(
                insert_into(processes)
                .values(row)
                .on_conflict_do_update(index_elements=["name"], set_=row)
            )

    def remove(self, name: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(processes).where(processes.c.name == name))
