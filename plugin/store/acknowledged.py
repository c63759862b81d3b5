"""Which incidents people have said to be nothing to act on: a false alarm, or a new normal.

Found anew in each tick from answers and alarms as they are stored, so that it is the same after a
restart, and in a catch-up, and ends when an answer is withdrawn.
"""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, select

from plugin.config.groups import Group
from plugin.domain.incidents import EVER, Acknowledged, Incident
from plugin.domain.tolerances import Verdict
from plugin.store import incident_queries as rows
from plugin.store.database import each_name, rows_of, text_of
from plugin.store.schema import alarms, feedback, feedback_series, members


def answered(
    connection: Connection, group: Group, incidents: Collection[Incident]
) -> dict[str, Acknowledged]:
    """Of those of some incidents of a group of which every alarm has such an answer, by id.

    An alarm that has gone on after the answer, farther out than that tolerates, needs somebody
    again. A new normal is accepted with the first sample after it, which is outside still.
    """
    given = _given(connection, min(each.start for each in incidents)) if incidents else []
    if not given:
        return {}
    about: dict[int, list[tuple[int, ...]]] = {}
    for series_id, *spoken in given:
        about.setdefault(series_id, []).append(tuple(spoken))
    statement = (
        select(members.c.incident, members.c.series_id, members.c.start, alarms.c.end)
        .join(alarms, rows.same_alarm())
        .where(members.c.incident.in_(select(each_name(each.id for each in incidents).c.value)))
    )
    spans: dict[str, list[tuple[tuple[int, int], ...]]] = {}
    for id, series_id, start, end in rows_of(connection, statement):
        spans.setdefault(id, []).append(
            tuple(
                (at, EVER if ended_at is None else ended_at)
                for first, last, at, ended_at, normal in about.get(series_id, ())
                if first <= end and last >= start and end <= at + group.lag + normal * group.step
            )
        )
    return {id: Acknowledged(tuple(those)) for id, those in spans.items() if all(those)}


def _given(connection: Connection, since: int) -> list[tuple[int, ...]]:
    """(series, first and last second, given at, ended at, 1 for a new normal) of those given since
    a time, withdrawn ones too."""
    cursor = connection.exec_driver_sql(
        _GIVEN, {"since": since, "real": Verdict.REAL.value, "normal": Verdict.NEW_NORMAL.value}
    ).cursor
    return list(cursor.fetchall()) if cursor is not None else []


_GIVEN = text_of(
    select(
        feedback_series.c.series_id,
        feedback_series.c.start,
        feedback_series.c.end,
        feedback.c.at,
        feedback_series.c.ended_at,
        feedback.c.verdict == bindparam("normal"),
    )
    .join(feedback, feedback.c.id == feedback_series.c.feedback_id)
    .where(feedback.c.at >= bindparam("since"), feedback.c.verdict != bindparam("real"))
)
