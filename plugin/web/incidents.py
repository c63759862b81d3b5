"""Incidents as rows and as annotations: one per incident, or one per alarm of it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Response

from plugin.config import Watch
from plugin.domain.incidents import Incident
from plugin.errors import RequestError
from plugin.series import MAX_TIME, SeriesRecord
from plugin.web.context import WebContext
from plugin.web.incident_details import IncidentDetails, IncidentMember
from plugin.web.incident_rows import (
    MAX_ENCODED_ROWS,
    IncidentRows,
    annotation_rows,
    incident_rows,
    member_rows,
)
from plugin.web.incident_words import IncidentWords
from plugin.web.links import SignedLinks
from plugin.web.nearby_changes import incident_texts
from plugin.web.present_states import AlarmState, PresentStates, severest
from plugin.web.queries import AnnotationsQuery, IncidentsQuery, time_range
from plugin.web.responses import View, encoded_response, json_response
from plugin.web.row_types import AnnotationRow
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.short_names import ShortNames

MAX_ROWS = 10_000  # that one answer may hold


@dataclass(frozen=True)
class IncidentFilter:
    """What a query asks for, as the store can find it."""

    start: int  # unix seconds, as `end`
    end: int
    groups: Collection[str] | None  # names; None = all
    ids: Sequence[int] | None  # of series; None = all
    limit: int


class IncidentViews:
    """The view /api/v1/incidents, and the incidents among the annotations."""

    def __init__(
        self, context: WebContext, catalog: SeriesCatalog, links: SignedLinks, names: ShortNames
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._links = links
        self.words = IncidentWords(names)
        self._encoded_rows = IncidentRows(self.words)
        self._details = dict[str, IncidentDetails]()  # by the id of the incident

    @property
    def views(self) -> Mapping[str, View]:
        return {"incidents": self.incidents}

    def incidents(self, query: IncidentsQuery) -> Response:
        details, members = self._find(query, limit=query.limit)
        links = self._feedback_links(details)
        if not query.members:
            texts = incident_texts(self._context.store, details)
            columns = [{"changes": text, **link} for text, link in zip(texts, links, strict=True)]
            return encoded_response(self._encoded_rows.encoded(details, columns))
        link_of = {detail.incident.id: link for detail, link in zip(details, links, strict=True)}
        return json_response(
            [
                {**row, **self.words.of_member(member), **link_of.get(str(row["incident"]), {})}
                for row, member in zip(member_rows(members), members, strict=True)
            ]
        )

    def _feedback_links(self, details: Sequence[IncidentDetails]) -> Sequence[Mapping[str, str]]:
        """The column `feedback_url` of each incident, where it is known how people reach us."""
        if not self._links.offered:
            return [{}] * len(details)
        now = self._context.clock()
        return [
            {"feedback_url": self._links.url({"incident": detail.incident.id}, now)}
            for detail in details
        ]

    def open_incidents(
        self, now: int, records: Mapping[int, SeriesRecord]
    ) -> list[IncidentDetails]:
        """Those of the configured groups that are open, the latest first.

        now: unix seconds; records: all series by their ids.
        """
        incidents = self._context.store.incidents.between(now, MAX_TIME)
        described = self._described(
            [incident for incident in incidents if incident.open], records, self._present_states()
        )
        return [detail for detail in described if detail.open][::-1]

    def find(self, query: IncidentsQuery) -> list[IncidentDetails]:
        """Those that /api/v1/incidents has a row for, the latest first."""
        return self._find(query, limit=query.limit)[0][::-1]

    def whole(self, incident_id: str) -> tuple[IncidentDetails, list[IncidentMember]]:
        """One incident and its alarms, sorted by start. Raises RequestError when there is none."""
        [details], members = self._find(AnnotationsQuery(incident=incident_id, members=True))
        return details, members

    def rows(self, query: AnnotationsQuery, ids: Sequence[int] | None = None) -> list[Row]:
        """One row per incident, or per alarm. ids: only incidents of one of these series."""
        details, members = self._find(query, ids)
        if query.members:
            return member_rows(members)
        texts = incident_texts(self._context.store, details)
        return [
            {**row, "changes": text}
            for row, text in zip(incident_rows(details), texts, strict=True)
        ]

    def annotations(
        self, query: AnnotationsQuery, ids: Sequence[int] | None = None
    ) -> list[AnnotationRow]:
        """The same as annotations."""
        details, members = self._find(query, ids)
        return annotation_rows(members if query.members else details, self.words)

    def _find(
        self, query: AnnotationsQuery, ids: Sequence[int] | None = None, limit: int | None = None
    ) -> tuple[list[IncidentDetails], list[IncidentMember]]:
        """The incidents, and their alarms where these are asked for, sorted by start.

        limit: only so many, the latest. Raises RequestError when they are too many.
        """
        selection = self._filter(query, ids, limit)
        records = self._catalog.by_id()
        present = self._present_states()
        details = [
            detail
            for detail in self._described(self._incidents(query, selection), records, present)
            if detail.open or detail.incident.end >= selection.start
        ]
        members = (
            self._members(
                {detail.incident.id: detail for detail in details}, records, present, selection
            )
            if query.members
            else []
        )
        if len(members if query.members else details) > MAX_ROWS:
            raise RequestError(
                f"more than {MAX_ROWS} incidents in this range: narrow `match` or the range, or ask"
                " for the latest with `limit`",
                field="from",
                code="too_much",
            )
        return details, members

    def _filter(
        self, query: AnnotationsQuery, ids: Sequence[int] | None, limit: int | None
    ) -> IncidentFilter:
        if query.incident is not None and query.start is None and query.end is None:
            start, end = 0, MAX_TIME  # one incident is found whenever it was
        else:
            start, end = time_range(query, self._context.clock(), self._context.settings)
        self._catalog.check_watch(query.watch)
        watched = self._catalog.watched(query.watch)
        watches = self._context.watches()
        groups = (
            None
            if watched is None
            else {*watched, *(watches[name].group for name in watched & watches.keys())}
        )
        # Another watch belongs to one of these groups: its alarms do not count.
        partly = watched is not None and any(
            watch.group in (groups or ()) and name not in watched for name, watch in watches.items()
        )
        if ids is None and (query.match or query.series is not None or partly):
            records = self._catalog.find(query.watch, query.match, query.series)
            ids = [record.id for record in records]
        return IncidentFilter(start, end, groups, ids, min(limit or MAX_ROWS + 1, MAX_ROWS + 1))

    def _incidents(self, query: AnnotationsQuery, selection: IncidentFilter) -> Sequence[Incident]:
        store = self._context.store
        if query.incident is None:
            limit = None if query.members else selection.limit
            return store.incidents.between(
                selection.start, selection.end, selection.groups, selection.ids, limit
            )
        incident = store.incidents.get(query.incident)
        if incident is None:
            raise RequestError(
                f"there is no incident `{query.incident}`: it never was, or it is older than "
                "store.retention",
                field="incident",
                status=404,
                code="unknown_incident",
            )
        is_selected = (
            incident.start <= selection.end
            and (selection.groups is None or incident.group in selection.groups)
            and (
                selection.ids is None
                or bool(store.incidents.alarms([incident.id], ids=selection.ids))
            )
        )
        return [incident] if is_selected else []

    def _members(
        self,
        details: Mapping[str, IncidentDetails],
        records: Mapping[int, SeriesRecord],
        present: PresentStates,
        selection: IncidentFilter,
    ) -> list[IncidentMember]:
        """The alarms of these incidents that are selected themselves."""
        alarms = self._context.store.incidents.alarms(
            details, selection.start, selection.end, selection.ids, selection.limit
        )
        ranks = self._context.store.incidents.ranks({incident_id for incident_id, _ in alarms})
        watches = self._context.watches()
        return [
            IncidentMember(
                alarm=alarm,
                of=details[incident_id],
                record=record,
                watch=watches.get(record.watch),
                rank=ranks[incident_id][alarm.series_id],
                state=present.of_alarm(record, alarm.end)
                if alarm.open and record.watch in watches
                else "over",
            )
            for incident_id, alarm in alarms
            if (record := records.get(alarm.series_id)) is not None
        ]

    def _described(
        self,
        incidents: Sequence[Incident],
        records: Mapping[int, SeriesRecord],
        present: PresentStates,
    ) -> Iterator[IncidentDetails]:
        """The same object as before for an incident that has not changed, so that its encoded row
        is found again."""
        watches = self._context.watches()
        groups = dict[str, tuple[Watch, ...]]()
        for watch in watches.values():
            groups[watch.group] = (*groups.get(watch.group, ()), watch)
        if len(self._details) > MAX_ENCODED_ROWS:
            self._details = {}
        states = self._states(incidents, records, present)
        for incident in incidents:
            worst = records.get(incident.worst)
            watch_of_worst = watches.get(worst.watch) if worst is not None else None
            group = groups.get(incident.group, ())
            state = states[incident.id] if group and incident.open else "over"
            details = self._details.get(incident.id)
            if details is None or not details.agrees(incident, group, state):
                details = self._details[incident.id] = IncidentDetails(
                    incident=incident,
                    watches=group,
                    first=records.get(incident.first),
                    worst=worst,
                    unit=watch_of_worst.unit if watch_of_worst is not None else "",
                    state=state,
                )
            yield details

    def _states(
        self,
        incidents: Sequence[Incident],
        records: Mapping[int, SeriesRecord],
        present: PresentStates,
    ) -> Mapping[str, AlarmState]:
        """Of each of these that is open. Alarms of watches that were removed do not count."""
        watches = self._context.watches()
        names = [incident.id for incident in incidents if incident.open]
        states = {name: set[AlarmState]() for name in names}
        for name, series_id, end in self._context.store.incidents.open_alarms(names):
            record = records.get(series_id)
            if record is not None and record.watch in watches:
                states[name].add(present.of_alarm(record, end))
        return {name: severest(states[name]) for name in names}

    def _present_states(self) -> PresentStates:
        return PresentStates(self._context.board.snapshots())
