"""When the samples of each watch look back over a hole of their source."""

from sqlalchemy import Connection, delete, select

from plugin.store.database import Database
from plugin.store.schema import source_holes


class SourceHoleTable:
    """Spans of unix seconds, both ends included: from the last sample of the source before a hole
    to when the query does not see the hole any more. Spans that overlap become one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def between(self, watch: str, start: int, end: int) -> list[tuple[int, int]]:
        """Those that overlap start..end, in order of time."""
        statement = (
            select(source_holes.c.start, source_holes.c.end)
            .where(
                source_holes.c.watch == watch,
                source_holes.c.start <= end,
                source_holes.c.end >= start,
            )
            .order_by(source_holes.c.start)
        )
        with self._database.reading() as connection:
            return [(first, last) for first, last in connection.execute(statement)]

    def add(self, watch: str, start: int, end: int) -> bool:
        """Returns whether the span touches none that was known: it is not the same hole, grown."""
        known = self.between(watch, start, end)
        joined = (
            min([start, *(first for first, _ in known)]),
            max([end, *(last for _, last in known)]),
        )
        of_watch = source_holes.c.watch == watch
        with self._database.writing() as connection:
            for first, _ in known:
                connection.execute(
                    delete(source_holes).where(of_watch, source_holes.c.start == first)
                )
            connection.execute(
                source_holes.insert().values(watch=watch, start=joined[0], end=joined[1])
            )
        return not known


def forget(connection: Connection, cutoff: int) -> None:
    """Removes what ended before `cutoff`, unix seconds."""
    connection.execute(delete(source_holes).where(source_holes.c.end < cutoff))
