"""Which grid times of a query have been asked of Prometheus, as inclusive ranges that are joined
where they touch."""

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.sql.expression import ColumnElement

from plugin.series import IntArray
from plugin.store.database import Database
from plugin.store.schema import coverage

Range = tuple[int, int]


class CoverageTable:
    """The ranges of all queries. Times are unix seconds; ranges are inclusive."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def missing(self, watch: str, query_key: str, start: int, end: int, step: int) -> list[Range]:
        """The grid times of start..end that have not been asked of Prometheus yet.

        start and end are multiples of step.
        """
        with self._database.reading() as connection:
            ranges = _ranges(connection, _of(watch, query_key) & (coverage.c.end >= start))
        gaps: list[Range] = []
        gap_start = start
        for first, last in ranges:
            if gap_start > end or first > end:
                break
            if first > gap_start:
                gaps.append((gap_start, (first - 1) // step * step))
            gap_start = max(gap_start, last // step * step + step)
        if gap_start <= end:
            gaps.append((gap_start, end))
        return gaps


def record(
    connection: Connection, watch: str, query_key: str, covered: Range, times: IntArray
) -> None:
    """Adds a range.

    `times` is its grid: where it has two times, neighbours one step apart are joined from then on.
    """
    key = _of(watch, query_key)
    old_step = (
        connection.execute(
            select(coverage.c.step).where(key, coverage.c.step > 0).limit(1)
        ).scalar()
        or 0
    )
    grid = int(times[1] - times[0]) if len(times) > 1 else 0
    step = min(s for s in (old_step, grid) if s) if old_step or grid else 0
    start, end = covered
    overlap = key & (coverage.c.end >= start - step) & (coverage.c.start <= end + step)
    for first, last in _ranges(connection, overlap):
        start = min(start, first)
        end = max(end, last)
    connection.execute(delete(coverage).where(overlap))
    connection.execute(
        insert(coverage).values(watch=watch, query_key=query_key, start=start, end=end, step=step)
    )


def forget(connection: Connection, cutoff: int) -> None:
    """What is no longer stored is no longer covered."""
    connection.execute(delete(coverage).where(coverage.c.end < cutoff))
    connection.execute(update(coverage).where(coverage.c.start < cutoff).values(start=cutoff))


def _of(watch: str, query_key: str) -> ColumnElement[bool]:
    return (coverage.c.watch == watch) & (coverage.c.query_key == query_key)


def _ranges(connection: Connection, condition: ColumnElement[bool]) -> list[Range]:
    statement = select(coverage.c.start, coverage.c.end).where(condition).order_by(coverage.c.start)
    return [(start, end) for start, end in connection.execute(statement)]
