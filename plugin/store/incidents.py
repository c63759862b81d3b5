"""The door to incidents: what is known of them, and how alarms come into them."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from plugin.config.groups import Group
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import EVER, Incident
from plugin.series import IntArray
from plugin.store import incident_queries as rows
from plugin.store.alarms import alarm_of
from plugin.store.database import Database, each_name, each_of, rows_of
from plugin.store.group_sizes import GroupSizes
from plugin.store.incident_update import follow
from plugin.store.schema import alarms, incidents, members, series
from plugin.store.series import SeriesTable


class IncidentTable:
    """What the store knows of incidents."""

    def __init__(self, database: Database, known: SeriesTable) -> None:
        self._database = database
        self._series = known
        self._census = GroupSizes()

    def between(
        self,
        begin: int,
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
            (incidents.c.end >= begin) | incidents.c.open,
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
        latest = statement.order_by(incidents.c.start.desc(), incidents.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [rows.incident_of(row) for row in reversed(rows_of(connection, latest))]

    def one(self, id: str) -> Incident | None:
        """The one of this id, or the one that it was merged into."""
        with self._database.reading() as connection:
            found = rows.read_some(connection, {id})
            if found and found[0].merged_into:
                found = rows.read_some(connection, {found[0].merged_into})
        return found[0] if found else None

    def still_open(self, group: str) -> tuple[Incident, ...]:
        """Of the group of this name, sorted by start."""
        with self._database.reading() as connection:
            return tuple(
                sorted(rows.read_open(connection, group), key=lambda each: (each.start, each.id))
            )

    def outside(self, names: Collection[str]) -> set[str]:
        """Those of these incidents of which an alarm is open."""
        statement = (
            select(members.c.incident)
            .distinct()
            .join(alarms, rows.same_alarm())
            .where(members.c.incident.in_(select(each_name(names).c.value)), alarms.c.open)
        )
        with self._database.reading() as connection:
            return {row[0] for row in rows_of(connection, statement)} if names else set()

    def alarms(
        self,
        names: Collection[str],
        begin: int = 0,
        end: int = EVER,
        ids: IntArray | Sequence[int] | None = None,
        limit: int | None = None,
    ) -> list[tuple[str, Alarm]]:
        """The alarms of these incidents that overlap a time range, of some series or all, each with
        its incident.

        Sorted by start, the latest `limit`.
        """
        statement = (
            select(members.c.incident, alarms)
            .join(alarms, rows.same_alarm())
            .where(
                members.c.incident.in_(select(each_name(names).c.value)),
                alarms.c.start <= end,
                (alarms.c.end >= begin) | alarms.c.open,
            )
        )
        if ids is not None:
            statement = statement.where(members.c.series_id.in_(select(each_of(ids).c.value)))
        latest = statement.order_by(alarms.c.start.desc(), alarms.c.series_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [(row[0], alarm_of(row[1:])) for row in reversed(rows_of(connection, latest))]

    def ranks(self, names: Collection[str]) -> dict[str, dict[int, int]]:
        """The rank of each series in each of these incidents: 1 moved first; of several, the one
        that went farthest."""
        statement = (
            select(members.c.incident, members.c.series_id)
            .join(alarms, rows.same_alarm())
            .where(members.c.incident.in_(select(each_name(names).c.value)))
            .order_by(alarms.c.start, alarms.c.peak_score.desc(), alarms.c.series_id)
        )
        found: dict[str, dict[int, int]] = {name: {} for name in names}
        with self._database.reading() as connection:
            for name, series_id in rows_of(connection, statement):
                found[name].setdefault(series_id, len(found[name]) + 1)
        return found

    def adopt(self, group: Group) -> int:
        """Takes alarms of a group that are in no incident, as an older program leaves them, into
        its incidents.

        Returns how many incidents that makes.
        """
        statement = (
            select(alarms)
            .join(series, series.c.id == alarms.c.series_id)
            .join(members, rows.same_alarm(), isouter=True)
            .where(series.c.watch.in_(group.watches), members.c.incident.is_(None))
        )
        with self._database.writing() as connection:
            alone = [alarm_of(row) for row in rows_of(connection, statement)]
            return self.follow(connection, group, alone) if alone else 0

    def follow(self, connection: Connection, group: Group, changed: Sequence[Alarm]) -> int:
        """See incident_update.py."""
        return follow(
            connection,
            group,
            changed,
            lambda ids: self._series.labels(connection, ids),
            self._census,
        )
