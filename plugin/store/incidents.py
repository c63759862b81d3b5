"""The door to incidents: queries, and the alarms that become part of them."""

from collections.abc import Collection, Sequence
from operator import attrgetter

from sqlalchemy import Connection, select

from plugin.config.groups import Group
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import Incident
from plugin.series import MAX_TIME, IntArray
from plugin.store import incident_queries
from plugin.store.alarms import alarm_of
from plugin.store.database import Database, each_name, each_of, rows_of
from plugin.store.group_sizes import GroupSizes
from plugin.store.incident_update import update_incidents
from plugin.store.schema import alarms, incidents, members, series
from plugin.store.series import SeriesTable


class IncidentTable:
    """The incidents of all groups."""

    def __init__(self, database: Database, series_table: SeriesTable) -> None:
        self._database = database
        self._series = series_table
        self._group_sizes = GroupSizes()

    def between(
        self,
        start: int,
        end: int,
        groups: Collection[str] | None = None,
        ids: IntArray | Sequence[int] | None = None,
        limit: int | None = None,
    ) -> list[Incident]:
        """Those that overlap a time range, inclusive, sorted by start, the latest `limit`; an open
        one has no end yet.

        groups: names; ids: of series of which one was in it; None = all.
        """
        statement = select(incidents).where(
            incidents.c.start <= end,
            (incidents.c.end >= start) | incidents.c.open,
            incidents.c.merged_into.is_(None),
        )
        if groups is not None:
            statement = statement.where(incidents.c.name.in_(groups))
        if ids is not None:
            statement = statement.where(
                incidents.c.id.in_(
                    select(members.c.incident).where(
                        members.c.series_id.in_(select(each_of(ids).c.value))
                    )
                )
            )
        latest_statement = statement.order_by(
            incidents.c.start.desc(), incidents.c.id.desc()
        ).limit(limit)
        with self._database.reading() as connection:
            return [
                incident_queries.incident_of(row)
                for row in reversed(rows_of(connection, latest_statement))
            ]

    def get(self, incident_id: str) -> Incident | None:
        """The incident with this id, or the one that it was merged into; None = unknown."""
        with self._database.reading() as connection:
            incidents_read = incident_queries.read_some(connection, {incident_id})
            if incidents_read and incidents_read[0].merged_into:
                incidents_read = incident_queries.read_some(
                    connection, {incidents_read[0].merged_into}
                )
        return incidents_read[0] if incidents_read else None

    def open(self, group: str) -> tuple[Incident, ...]:
        """The open incidents of a group, sorted by start."""
        with self._database.reading() as connection:
            open_incidents = incident_queries.read_open(connection, group)
        return tuple(sorted(open_incidents, key=attrgetter("start", "id")))

    def open_alarms(self, names: Collection[str]) -> list[tuple[str, int, int]]:
        """(incident, series, last sample outside so far) of each open alarm of these incidents."""
        statement = (
            select(members.c.incident, alarms.c.series_id, alarms.c.end)
            .join(alarms, incident_queries.same_alarm())
            .where(members.c.incident.in_(select(each_name(names).c.value)), alarms.c.open)
        )
        with self._database.reading() as connection:
            return [tuple(row) for row in rows_of(connection, statement)] if names else []

    def alarms(
        self,
        names: Collection[str],
        start: int = 0,
        end: int = MAX_TIME,
        ids: IntArray | Sequence[int] | None = None,
        limit: int | None = None,
    ) -> list[tuple[str, Alarm]]:
        """The alarms of these incidents that overlap a time range, of some series or all, each with
        its incident.

        Sorted by start, the latest `limit`.
        """
        statement = (
            select(members.c.incident, alarms)
            .join(alarms, incident_queries.same_alarm())
            .where(
                members.c.incident.in_(select(each_name(names).c.value)),
                alarms.c.start <= end,
                (alarms.c.end >= start) | alarms.c.open,
            )
        )
        if ids is not None:
            statement = statement.where(members.c.series_id.in_(select(each_of(ids).c.value)))
        latest_statement = statement.order_by(
            alarms.c.start.desc(), alarms.c.series_id.desc()
        ).limit(limit)
        with self._database.reading() as connection:
            return [
                (row[0], alarm_of(row[1:]))
                for row in reversed(rows_of(connection, latest_statement))
            ]

    def ranks(self, names: Collection[str]) -> dict[str, dict[int, int]]:
        """The rank of each series in each of these incidents.

        Rank 1 moved first. Of several that moved at once, the one that went farthest comes first.
        """
        statement = (
            select(members.c.incident, members.c.series_id)
            .join(alarms, incident_queries.same_alarm())
            .where(members.c.incident.in_(select(each_name(names).c.value)))
            .order_by(alarms.c.start, alarms.c.peak_score.desc(), alarms.c.series_id)
        )
        ranks: dict[str, dict[int, int]] = {name: {} for name in names}
        with self._database.reading() as connection:
            for name, series_id in rows_of(connection, statement):
                ranks[name].setdefault(series_id, len(ranks[name]) + 1)
        return ranks

    def adopt(self, group: Group) -> int:
        """Adds the alarms of a group that are in no incident to its incidents; an older program
        leaves such alarms.

        Returns how many incidents start.
        """
        statement = (
            select(alarms)
            .join(series, series.c.id == alarms.c.series_id)
            .join(members, incident_queries.same_alarm(), isouter=True)
            .where(series.c.watch.in_(group.watches), members.c.incident.is_(None))
        )
        with self._database.reading() as connection:
            if not rows_of(connection, statement.limit(1)):
                return 0  # nothing is written at most starts: the disk may be full
        with self._database.writing() as connection:
            without_incident = [alarm_of(row) for row in rows_of(connection, statement)]
            return self.follow(connection, group, without_incident)

    def follow(self, connection: Connection, group: Group, changed: Sequence[Alarm]) -> int:
        """See incident_update.py; inside the transaction of the caller."""
        return update_incidents(
            connection,
            group,
            changed,
            lambda ids: self._series.labels(connection, ids),
            self._group_sizes,
        )
