"""Alarms: one row per episode of a series, written in the transaction of the ticks that it is made
of."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, func, select

from plugin.domain.alarms import Alarm
from plugin.domain.budget import AlarmTotals
from plugin.domain.tolerances import Verdict
from plugin.series import IntArray
from plugin.store.database import Database, each_of, insert_into, rows_of, write_rows
from plugin.store.schema import alarms, feedback, feedback_series, series

COLUMNS = tuple(column.name for column in alarms.c)  # in the order of the fields of Alarm
KEY = ("series_id", "start")


class AlarmTable:
    """The alarms of all series."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def between(
        self,
        start: int,
        end: int,
        ids: IntArray | Sequence[int] | None = None,
        limit: int | None = None,
    ) -> list[Alarm]:
        """Those that overlap a time range, inclusive, of some series or all; an open one has no
        end yet. Sorted by start, the latest `limit`."""
        statement = select(alarms).where(
            alarms.c.start <= end, (alarms.c.end >= start) | alarms.c.open
        )
        if ids is not None:
            statement = statement.where(alarms.c.series_id.in_(select(each_of(ids).c.value)))
        latest_statement = statement.order_by(
            alarms.c.start.desc(), alarms.c.series_id.desc()
        ).limit(limit)
        return self._alarms(latest_statement)[::-1]

    def open(self, watch: str) -> list[Alarm]:
        """The open alarms of a watch, sorted by series."""
        return self._alarms(_of_watch(watch).where(alarms.c.open).order_by(alarms.c.series_id))

    def answered(self, open_alarms: Iterable[Alarm]) -> dict[int, int]:
        """By series id, those of some open alarms that people have called a false alarm or a new
        normal: unix seconds of the answer in force."""
        ids = [alarm.series_id for alarm in open_alarms]
        if not ids:
            return {}
        statement = (
            select(alarms.c.series_id, func.max(feedback.c.at))
            .join(feedback_series, _about_the_alarm())
            .join(feedback, feedback.c.id == feedback_series.c.feedback_id)
            .where(alarms.c.series_id.in_(select(each_of(ids).c.value)), alarms.c.open)
            .where(feedback.c.verdict != Verdict.REAL.value)
            .group_by(alarms.c.series_id)
        )
        with self._database.reading() as connection:
            return dict(rows_of(connection, statement))

    def totals(self, start: int) -> Mapping[int, AlarmTotals]:
        """Totals by series of the alarms that started at `start` or later.

        An alarm that people have called real is no noise and is left out. A series without alarms
        is absent.
        """
        columns = (
            func.count(),
            func.sum(alarms.c.samples),
            func.max(alarms.c.peak_score),
            func.max(alarms.c.start),
        )
        statement = _noise(start, alarms.c.series_id, *columns).group_by(alarms.c.series_id)
        with self._database.reading() as connection:
            rows = rows_of(connection, statement)
        return {series_id: AlarmTotals(*numbers) for series_id, *numbers in rows}

    def starts(self, start: int) -> list[tuple[int, int, int, float]]:
        """(series, start, samples outside, highest score) of each alarm that `totals` counts."""
        statement = _noise(
            start, alarms.c.series_id, alarms.c.start, alarms.c.samples, alarms.c.peak_score
        )
        with self._database.reading() as connection:
            return rows_of(connection, statement)

    def real(self, watch: str, start: int) -> list[Alarm]:
        """The alarms of a watch that started at `start` or later and that people have called
        real."""
        return self._alarms(
            _of_watch(watch).where(alarms.c.end >= start, alarms.c.start >= start, _called_real())
        )

    def _alarms(self, statement: Select[Any]) -> list[Alarm]:
        with self._database.reading() as connection:
            return [alarm_of(row) for row in rows_of(connection, statement)]


def write(connection: Connection, changed: Sequence[Alarm]) -> None:
    """Adds alarms, or replaces those with the same series and start."""
    write_rows(connection, _REPLACE, [_values(alarm) for alarm in changed])


def forget(connection: Connection, cutoff: int) -> None:
    connection.execute(delete(alarms).where(alarms.c.end < cutoff))


def alarm_of(row: Sequence[Any]) -> Alarm:
    """An alarm of a row with all columns."""
    series_id, start, end, is_open, *rest = row
    return Alarm(series_id, start, end, bool(is_open), *rest)


def _of_watch(watch: str) -> Select[Any]:
    return (
        select(alarms)
        .join(series, series.c.id == alarms.c.series_id)
        .where(series.c.watch == watch)
    )


def _noise(start: int, *columns: ColumnElement[Any]) -> Select[Any]:
    """Of the alarms that started at `start` or later and were not called real.

    The condition on `end` follows from the one on `start`; it is there for its index.
    """
    return select(*columns).where(alarms.c.end >= start, alarms.c.start >= start, ~_called_real())


def _about_the_alarm() -> ColumnElement[bool]:
    """Whether feedback is in force, and about any sample of an alarm."""
    return and_(
        feedback_series.c.series_id == alarms.c.series_id,
        feedback_series.c.ended_at.is_(None),
        feedback_series.c.start <= alarms.c.end,
        feedback_series.c.end >= alarms.c.start,
    )


def _called_real() -> ColumnElement[bool]:
    """Whether feedback that is in force says that an alarm was real."""
    return (
        select(1)
        .where(
            _about_the_alarm(),
            feedback.c.id == feedback_series.c.feedback_id,
            feedback.c.verdict == Verdict.REAL.value,
        )
        .exists()
    )


_values = attrgetter(*COLUMNS)
_INSERT = insert_into(alarms)
_REPLACE = _INSERT.values({name: bindparam(name) for name in COLUMNS}).on_conflict_do_update(
    index_elements=KEY, set_={name: _INSERT.excluded[name] for name in COLUMNS if name not in KEY}
)
