"""How incidents follow from alarms: in the transaction that writes the alarms, whoever's tick it
is.

All that is known is in the tables: nothing has to be remembered between ticks, and watches of one
group that are scored at the same time take turns as writers do.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, func, select, update

from plugin.config.groups import Group
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import EVER, Incident, chains, new_incident
from plugin.series import Labels
from plugin.store import incident_queries as rows
from plugin.store.acknowledged import answered
from plugin.store.database import each_name, each_of, insert_into, rows_of, write_rows
from plugin.store.group_sizes import Counts, GroupSizes, Homes, LabelsOf
from plugin.store.schema import alarms, incidents, members, series, watches


def follow(
    connection: Connection,
    group: Group,
    changed: Sequence[Alarm],
    labels_of: LabelsOf,
    census: GroupSizes,
) -> int:
    """Takes alarms of a group that are new or have changed into its incidents, and closes those
    that are over.

    The alarms must be written already. The same alarms again change nothing. Returns how many
    incidents have begun.
    """
    ledger = _Ledger(connection, group)
    began = ledger.take_in(changed, labels_of, census) if changed else 0
    ledger.settle()
    return began


class _Ledger:
    """The incidents that one tick may change: all that are open, and what its alarms belong to."""

    def __init__(self, connection: Connection, group: Group) -> None:
        self._connection = connection
        self._group = group
        self._before = {each.id: each for each in rows.read_open(connection, group.name)}
        self._after = dict(self._before)
        self._muted = set[str]()  # of which an alarm was ended: by maintenance, not by itself

    def take_in(self, changed: Sequence[Alarm], labels_of: LabelsOf, census: GroupSizes) -> int:
        """Grows incidents, begins them, and merges those that turn out to be one.

        Returns how many begin.
        """
        owned, new = _by_owner(self._connection, changed)
        self._know(rows.read_some(self._connection, owned.keys() - self._before.keys()))
        for id, grown in owned.items():
            self._after[id] = self._before[id].grown(grown)
            self._muted.update(id for alarm in grown if alarm.ended_by)
        self._know(
            self._near(
                [*(alarm.start for alarm in new), *(self._before[id].end for id in owned)],
                max(alarm.end for alarm in changed),
            )
        )
        among, homes = census.of(self._connection, self._group, labels_of) if new else ({}, {})
        alike = _by_labels(self._group, new, homes, labels_of)
        known: dict[Labels, list[Incident]] = {}
        for each in self._after.values():
            if each.group == self._group.name and each.merged_into is None:
                known.setdefault(each.labels, []).append(each)
        said = answered(self._connection, self._group, self._after.values())
        began = dict[str, Incident]()
        joined = dict[str, list[Alarm]]()
        for labels in {**known, **alike}:
            for old, more in chains(
                known.get(labels, ()), alike.get(labels, ()), self._group.gap, said
            ):
                whole = self._one(old) if old else new_incident(self._group.name, labels, more)
                if not old:
                    began[whole.id] = whole
                self._after[whole.id] = whole.grown(more) if old and more else whole
                joined[whole.id] = more
        write_rows(
            self._connection,
            _JOIN,
            sorted(
                (alarm.series_id, alarm.start, id) for id, more in joined.items() for alarm in more
            ),
        )
        self._count(joined.keys() - began.keys(), among if began else {})
        for id, each in began.items():
            self._after[id] = each._replace(among=max(each.size, among.get(each.labels, 0)))
        return len(began)

    def settle(self) -> None:
        """Opens, closes and writes: an incident is open while an alarm of it is, and for a gap
        after its end, unless maintenance has ended it, or an answer to all of its alarms."""
        living = {
            id: each
            for id, each in self._after.items()
            if each.merged_into is None and (each.open or each != self._before.get(id))
        }
        if living:
            now = (
                self._connection.execute(
                    select(func.max(watches.c.scored_until)).where(
                        watches.c.watch.in_(self._group.watches)
                    )
                ).scalar()
                or 0
            )
            over = {
                id
                for id, each in living.items()
                if id in self._muted or now - each.end > self._group.gap
            }
            held = _held(self._connection, self._group) if over else set()
            said = answered(self._connection, self._group, living.values())
            for id, each in living.items():
                done = id in said and said[id].at(EVER)
                if each.open != (not done and (id not in over or id in held)):
                    self._after[id] = each._replace(open=not each.open)
        rows.write(
            self._connection,
            [each for id, each in self._after.items() if self._before.get(id) != each],
        )

    def _know(self, found: Sequence[Incident]) -> None:
        for each in found:
            self._before.setdefault(each.id, each)
            self._after.setdefault(each.id, each)

    def _near(self, starts: Sequence[int], last: int) -> list[Incident]:
        """Those that are closed, and that something between the first of `starts` and `last` may
        belong to."""
        statement = select(incidents).where(
            incidents.c.name == self._group.name,
            incidents.c.end >= min(starts) - self._group.gap,
            incidents.c.start <= last + self._group.gap,
            incidents.c.merged_into.is_(None),
            ~incidents.c.open,
        )
        return [rows.incident_of(row) for row in rows_of(self._connection, statement)]

    def _one(self, known: Sequence[Incident]) -> Incident:
        """The oldest, with all that turned out to be it."""
        whole = known[0]
        for younger in known[1:]:
            whole = whole.merged(younger)
            self._after[younger.id] = younger._replace(merged_into=whole.id, open=False)
            self._connection.execute(
                update(members).where(members.c.incident == younger.id).values(incident=whole.id)
            )
            self._connection.execute(
                update(incidents)
                .where(incidents.c.merged_into == younger.id)
                .values(merged_into=whole.id)
            )
        return whole

    def _count(self, gained: Collection[str], among: Counts) -> None:
        """How many series are in each incident that has gained alarms, and how many might be."""
        statement = (
            select(members.c.incident, func.count(members.c.series_id.distinct()))
            .where(members.c.incident.in_(select(each_name(gained).c.value)))
            .group_by(members.c.incident)
        )
        for id, size in rows_of(self._connection, statement) if gained else ():
            each = self._after[id]
            self._after[id] = each._replace(
                size=size, among=max(size, each.among, among.get(each.labels, 0))
            )


def _by_owner(
    connection: Connection, changed: Sequence[Alarm]
) -> tuple[dict[str, list[Alarm]], list[Alarm]]:
    """The alarms of each incident that has some, and those that are in none yet."""
    left = {(alarm.series_id, alarm.start): alarm for alarm in changed}
    found = dict[str, list[Alarm]]()
    statement = select(members).where(
        members.c.series_id.in_(select(each_of([alarm.series_id for alarm in changed]).c.value)),
        members.c.start >= min(alarm.start for alarm in changed),
    )
    for id, start, owner in rows_of(connection, statement):
        alarm = left.pop((id, start), None)
        if alarm is not None:
            found.setdefault(owner, []).append(alarm)
    return found, list(left.values())


def _by_labels(
    group: Group, new: Sequence[Alarm], homes: Homes, labels_of: LabelsOf
) -> dict[Labels, list[Alarm]]:
    gone = labels_of([alarm.series_id for alarm in new if alarm.series_id not in homes])
    found: dict[Labels, list[Alarm]] = {}
    for alarm in new:
        id = alarm.series_id
        found.setdefault(group.labels(gone[id]) if id in gone else homes[id], []).append(alarm)
    return found


def _held(connection: Connection, group: Group) -> set[str]:
    """The incidents with an alarm that is open."""
    statement = (
        select(members.c.incident)
        .distinct()
        .join(alarms, rows.same_alarm())
        .join(series, series.c.id == alarms.c.series_id)
        .where(alarms.c.open, series.c.watch.in_(group.watches))
    )
    return {row[0] for row in rows_of(connection, statement)}


_JOINED = insert_into(members).values(
    {name: bindparam(name) for name in ("series_id", "start", "incident")}
)
_JOIN = _JOINED.on_conflict_do_update(
    index_elements=["series_id", "start"], set_={"incident": _JOINED.excluded.incident}
)
