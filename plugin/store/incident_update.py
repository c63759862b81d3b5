"""Derives incidents from alarms, in the transaction that writes the alarms.

All state is in the tables, so nothing has to be remembered between ticks. Watches of one group that
are scored at the same time take turns as writers do.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, select, update

from plugin.config.groups import Group
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import Incident, join_alarms, new_incident
from plugin.series import MAX_TIME, Labels
from plugin.store import incident_queries
from plugin.store.acknowledged import acknowledgements
from plugin.store.database import each_name, each_of, insert_into, rows_of, write_rows
from plugin.store.group_sizes import GroupSeries, GroupSizes, LabelsOf
from plugin.store.schema import alarms, incidents, members, series, watches

AlarmsByIncident = dict[str, list[Alarm]]


def update_incidents(
    connection: Connection,
    group: Group,
    changed: Sequence[Alarm],
    labels_of: LabelsOf,
    group_sizes: GroupSizes,
) -> int:
    """Adds new and changed alarms of a group to its incidents, and closes incidents that are over.

    The alarms must be written already. The same alarms again change nothing. Returns how many
    incidents have started.
    """
    incident_update = IncidentUpdate(connection, group)
    if changed:
        started = incident_update.add(changed, labels_of, group_sizes)
    else:
        started = 0
    incident_update.open_and_close()
    incident_update.write()
    return started


class IncidentUpdate:
    """The incidents that one tick may change: all open ones, and those that its alarms belong
    to."""

    def __init__(self, connection: Connection, group: Group) -> None:
        self._connection = connection
        self._group = group
        self._stored = {
            incident.id: incident for incident in incident_queries.read_open(connection, group.name)
        }
        self._current = dict(self._stored)
        self._muted = set[str]()  # ids of incidents with an alarm that maintenance has ended

    def add(self, changed: Sequence[Alarm], labels_of: LabelsOf, group_sizes: GroupSizes) -> int:
        """Extends incidents, starts new ones, and merges those that turn out to be one.

        Returns how many start.
        """
        connection = self._connection
        members_by_incident, new_alarms = _by_incident(connection, changed)
        self._load(
            incident_queries.read_some(connection, members_by_incident.keys() - self._stored.keys())
        )
        for name, incident_alarms in members_by_incident.items():
            self._current[name] = self._stored[name].with_alarms(incident_alarms)
            self._muted.update(name for alarm in incident_alarms if alarm.ended_by)
        times = [alarm.start for alarm in new_alarms]
        times += [self._stored[name].end for name in members_by_incident]
        self._load(self._closed_near(min(times), max(alarm.end for alarm in changed)))
        group_series = (
            group_sizes.of(connection, self._group, labels_of)
            if new_alarms
            else GroupSeries({}, {})
        )
        started, alarms_by_incident = self._join(
            _by_labels(self._group, new_alarms, group_series.labels, labels_of)
        )
        rows = [
            (alarm.series_id, alarm.start, name)
            for name, incident_alarms in alarms_by_incident.items()
            for alarm in incident_alarms
        ]
        write_rows(connection, _REPLACE_MEMBERS, sorted(rows))
        self._count(alarms_by_incident.keys() - started, group_series.sizes if started else {})
        for name in started:
            incident = self._current[name]
            among = max(incident.size, group_series.sizes.get(incident.labels, 0))
            self._current[name] = incident._replace(among=among)
        return len(started)

    def open_and_close(self) -> None:
        """An incident is open while one of its alarms is, and for a gap after its end.

        It closes at once when maintenance has ended it, or when all of its alarms are acknowledged.
        """
        active = {
            name: incident
            for name, incident in self._current.items()
            if incident.merged_into is None
            and (incident.open or incident != self._stored.get(name))
        }
        if not active:
            return
        scored_until = self._scored_until()
        finished_names = {
            name
            for name, incident in active.items()
            if name in self._muted or scored_until - incident.end > self._group.gap
        }
        with_open_alarm = (
            _with_open_alarm(self._connection, self._group) if finished_names else set()
        )
        acknowledged = acknowledgements(self._connection, self._group, active.values())
        for name, incident in active.items():
            is_acknowledged = name in acknowledged and acknowledged[name].covers(MAX_TIME)
            is_open = not is_acknowledged and (
                name not in finished_names or name in with_open_alarm
            )
            if incident.open != is_open:
                self._current[name] = incident._replace(open=is_open)

    def write(self) -> None:
        """Stores what has changed."""
        incident_queries.write(
            self._connection,
            [
                incident
                for name, incident in self._current.items()
                if self._stored.get(name) != incident
            ],
        )

    def _load(self, stored: Sequence[Incident]) -> None:
        for incident in stored:
            self._stored.setdefault(incident.id, incident)
            self._current.setdefault(incident.id, incident)

    def _scored_until(self) -> int:
        statement = select(func.max(watches.c.scored_until)).where(
            watches.c.watch.in_(self._group.watches)
        )
        return self._connection.execute(statement).scalar() or 0

    def _closed_near(self, first: int, last: int) -> list[Incident]:
        """The closed incidents that an alarm between two times may belong to."""
        statement = select(incidents).where(
            incidents.c.name == self._group.name,
            incidents.c.end >= first - self._group.gap,
            incidents.c.start <= last + self._group.gap,
            incidents.c.merged_into.is_(None),
            ~incidents.c.open,
        )
        return [incident_queries.incident_of(row) for row in rows_of(self._connection, statement)]

    def _join(
        self, alarms_by_labels: Mapping[Labels, Sequence[Alarm]]
    ) -> tuple[set[str], AlarmsByIncident]:
        """Puts new alarms into incidents.

        Returns the ids of the incidents that start, and the new alarms of each incident.
        """
        incidents_by_labels: dict[Labels, list[Incident]] = {}
        for incident in self._current.values():
            if incident.group == self._group.name and incident.merged_into is None:
                incidents_by_labels.setdefault(incident.labels, []).append(incident)
        acknowledged = acknowledgements(self._connection, self._group, self._current.values())
        started = set[str]()
        alarms_by_incident: AlarmsByIncident = {}
        for labels in {**incidents_by_labels, **alarms_by_labels}:
            for same_incidents, new_alarms in join_alarms(
                incidents_by_labels.get(labels, ()),
                alarms_by_labels.get(labels, ()),
                self._group.gap,
                acknowledged,
            ):
                if same_incidents:
                    incident = self._merged(same_incidents)
                    if new_alarms:
                        incident = incident.with_alarms(new_alarms)
                else:
                    incident = new_incident(self._group.name, labels, new_alarms)
                    started.add(incident.id)
                self._current[incident.id] = incident
                alarms_by_incident[incident.id] = new_alarms
        return started, alarms_by_incident

    def _merged(self, same_incidents: Sequence[Incident]) -> Incident:
        """The oldest, with all others merged into it."""
        merged = same_incidents[0]
        for younger in same_incidents[1:]:
            merged = merged.with_merged(younger)
            self._current[younger.id] = younger._replace(merged_into=merged.id, open=False)
            self._connection.execute(
                update(members).where(members.c.incident == younger.id).values(incident=merged.id)
            )
            self._connection.execute(
                update(incidents)
                .where(incidents.c.merged_into == younger.id)
                .values(merged_into=merged.id)
            )
        return merged

    def _count(self, names: Collection[str], sizes: Mapping[Labels, int]) -> None:
        """Updates how many series are in some incidents, and how many could be."""
        statement = (
            select(members.c.incident, func.count(members.c.series_id.distinct()))
            .where(members.c.incident.in_(select(each_name(names).c.value)))
            .group_by(members.c.incident)
        )
        for name, size in rows_of(self._connection, statement) if names else ():
            incident = self._current[name]
            self._current[name] = incident._replace(
                size=size, among=max(size, incident.among, sizes.get(incident.labels, 0))
            )


def _by_incident(
    connection: Connection, changed: Sequence[Alarm]
) -> tuple[AlarmsByIncident, list[Alarm]]:
    """The alarms of each incident that has some, and those that are in none yet."""
    without_incident = {(alarm.series_id, alarm.start): alarm for alarm in changed}
    by_incident: AlarmsByIncident = {}
    statement = select(members).where(
        members.c.series_id.in_(select(each_of([alarm.series_id for alarm in changed]).c.value)),
        members.c.start >= min(alarm.start for alarm in changed),
    )
    for series_id, start, name in rows_of(connection, statement):
        alarm = without_incident.pop((series_id, start), None)
        if alarm is not None:
            by_incident.setdefault(name, []).append(alarm)
    return by_incident, list(without_incident.values())


def _by_labels(
    group: Group,
    new_alarms: Sequence[Alarm],
    group_labels: Mapping[int, Labels],
    labels_of: LabelsOf,
) -> dict[Labels, list[Alarm]]:
    """By the values of the group's labels; `group_labels` lacks series that are gone."""
    gone_labels = labels_of(
        [alarm.series_id for alarm in new_alarms if alarm.series_id not in group_labels]
    )
    by_labels: dict[Labels, list[Alarm]] = {}
    for alarm in new_alarms:
        series_id = alarm.series_id
        labels = (
            group.labels(gone_labels[series_id])
            if series_id in gone_labels
            else group_labels[series_id]
        )
        by_labels.setdefault(labels, []).append(alarm)
    return by_labels


def _with_open_alarm(connection: Connection, group: Group) -> set[str]:
    """The ids of the incidents with an alarm that is open."""
    statement = (
        select(members.c.incident)
        .distinct()
        .join(alarms, incident_queries.same_alarm())
        .join(series, series.c.id == alarms.c.series_id)
        .where(alarms.c.open, series.c.watch.in_(group.watches))
    )
    return {name for (name,) in rows_of(connection, statement)}


_INSERT_MEMBERS = insert_into(members).values(
    {name: bindparam(name) for name in ("series_id", "start", "incident")}
)
_REPLACE_MEMBERS = _INSERT_MEMBERS.on_conflict_do_update(
    index_elements=["series_id", "start"], set_={"incident": _INSERT_MEMBERS.excluded.incident}
)
