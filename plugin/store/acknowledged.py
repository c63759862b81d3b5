"""Which incidents people have called nothing to act on: a false alarm, or a new normal.

Derived in each tick from the stored feedback and alarms. So it is the same after a restart and in a
catch-up, and it ends when the feedback is withdrawn.
"""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, select

from plugin.config.groups import Group
from plugin.domain.incidents import Acknowledged, Incident
from plugin.domain.tolerances import Verdict
from plugin.series import MAX_TIME
from plugin.store import incident_queries
from plugin.store.database import FixedStatement, each_name, rows_of
from plugin.store.schema import alarms, feedback, feedback_series, members


def acknowledgements(
    connection: Connection, group: Group, incidents: Collection[Incident]
) -> dict[str, Acknowledged]:
    """By id, those of some incidents of a group whose alarms all have such feedback.

    An alarm that went on after the feedback, farther out than that tolerates, needs a person again.
    A new normal is accepted with the first sample after it, which is still outside.
    """
    if not incidents:
        return {}
    spans_by_series = _feedback_by_series(connection, min(incident.start for incident in incidents))
    if not spans_by_series:
        return {}
    names = [incident.id for incident in incidents]
    statement = (
        select(members.c.incident, members.c.series_id, members.c.start, alarms.c.end)
        .join(alarms, incident_queries.same_alarm())
        .where(members.c.incident.in_(select(each_name(names).c.value)))
    )
    periods: dict[str, list[tuple[tuple[int, int], ...]]] = {}  # one tuple per alarm
    for name, series_id, start, end in rows_of(connection, statement):
        periods.setdefault(name, []).append(
            tuple(
                (given_at, MAX_TIME if ended_at is None else ended_at)
                for first, last, given_at, ended_at, is_normal in spans_by_series.get(series_id, ())
                if first <= end
                and last >= start
                and end <= given_at + group.lag + is_normal * group.step
            )
        )
    return {
        name: Acknowledged(tuple(alarm_periods))
        for name, alarm_periods in periods.items()
        if all(alarm_periods)
    }


def _feedback_by_series(connection: Connection, start: int) -> dict[int, list[tuple[int, ...]]]:
    """(first and last second, given at, ended at, 1 for a new normal) by series, of feedback given
    since a time; withdrawn feedback too."""
    rows = _FEEDBACK.rows(
        connection, since=start, real=Verdict.REAL.value, normal=Verdict.NEW_NORMAL.value
    )
    spans: dict[int, list[tuple[int, ...]]] = {}
    for series_id, *span in rows:
        spans.setdefault(series_id, []).append(tuple(span))
    return spans


_FEEDBACK = FixedStatement(
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
