"""Incidents as rows, for lists and for annotations: one row per incident, or one per alarm of
it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Response

from plugin.config import Watch
from plugin.domain.incidents import Incident
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.web.context import WebContext
from plugin.web.data_source import View, json, raw
from plugin.web.incident_rows import (
    MOST_MADE,
    IncidentDetails,
    IncidentMember,
    IncidentRows,
    annotation_rows,
    incident_rows,
    member_rows,
)
from plugin.web.links import SignedLinks
from plugin.web.parameters import QueryParameters, time_range
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog

MAX_ROWS = 10_000  # that one answer may hold
EVER = 0, 2**62  # seconds


@dataclass(frozen=True)
class IncidentFilter:
    """What a query asks for, as the store can find it."""

    begin: int  # unix seconds
    end: int
    groups: Collection[str] | None  # names; None = all
    ids: Sequence[int] | None  # of series; None = all
    limit: int


class IncidentViews:
    """The views under /api/v1 that tell what has been outside its band."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog, links: SignedLinks) -> None:
        self._context = context
        self._catalog = catalog
        self._links = links
        self._json = IncidentRows()
        self._telling = dict[str, IncidentDetails]()

    @property
    def views(self) -> Mapping[str, View]:
        return {"incidents": self.incidents}

    def incidents(self, query: QueryParameters) -> Response:
        told, members = self._find(query, None)
        now = self._context.clock()
        offered = (
            [self._links.url({"incident": each.incident.id}, now) for each in told]
            if self._links.offered
            else []
        )
        if not query.members:
            return raw(self._json.encoded(told, offered))
        urls = {
            each.incident.id: {"feedback_url": url}
            for each, url in zip(told, offered, strict=False)
        }
        return json([{**row, **urls.get(str(row["incident"]), {})} for row in member_rows(members)])

    def rows(self, query: QueryParameters, ids: Sequence[int] | None = None) -> list[Row]:
        """One row per incident, or per alarm. ids: only those that hold one of these series."""
        told, members = self._find(query, ids)
        return member_rows(members) if query.members else incident_rows(told)

    def annotated(self, query: QueryParameters, ids: Sequence[int] | None = None) -> list[Row]:
        """The same as annotations."""
        told, members = self._find(query, ids)
        return annotation_rows(members if query.members else told)

    def _find(
        self, query: QueryParameters, ids: Sequence[int] | None
    ) -> tuple[list[IncidentDetails], list[IncidentMember]]:
        """The incidents, and their alarms where these are asked for, sorted by start.

        Raises RequestError.
        """
        wanted = self._wanted(query, ids)
        records = self._catalog.by_id()
        told = [
            each
            for each in self._told(self._incidents(query, wanted), records)
            if each.open or each.incident.end >= wanted.begin
        ]
        members = (
            self._members({each.incident.id: each for each in told}, records, wanted)
            if query.members
            else []
        )
        if len(members if query.members else told) > MAX_ROWS:
            raise RequestError(
                f"more than {MAX_ROWS} incidents in this range: narrow `match` or the range, or ask"
                " for the latest with `limit`",
                field="from",
                code="too_much",
            )
        return told, members

    def _wanted(self, query: QueryParameters, ids: Sequence[int] | None) -> IncidentFilter:
        unbound = query.incident is not None and query.begin is None and query.end is None
        begin, end = (
            EVER if unbound else time_range(query, self._context.clock(), self._context.settings)
        )
        self._catalog.check_watch(query)
        watched = self._catalog.watched(query)
        watches = self._context.watches()
        groups = (
            None
            if watched is None
            else {*watched, *(watches[name].group for name in watched & watches.keys())}
        )
        partly = watched is not None and any(
            watch.group in (groups or ()) and name not in watched for name, watch in watches.items()
        )
        if ids is None and (query.match or query.series is not None or partly):
            ids = [record.id for record in self._catalog.find(query)]
        return IncidentFilter(
            begin, end, groups, ids, min(query.limit or MAX_ROWS + 1, MAX_ROWS + 1)
        )

    def _incidents(self, query: QueryParameters, wanted: IncidentFilter) -> Sequence[Incident]:
        store = self._context.store
        if query.incident is None:
            limit = None if query.members else wanted.limit
            return store.incidents.between(
                wanted.begin, wanted.end, wanted.groups, wanted.ids, limit
            )
        found = store.incidents.one(query.incident)
        if found is None:
            raise RequestError(
                f"there is no incident `{query.incident}`: it never was, or it is older than "
                "store.retention",
                field="incident",
                status=404,
                code="unknown_incident",
            )
        chosen = (
            found.start <= wanted.end
            and (wanted.groups is None or found.group in wanted.groups)
            and (wanted.ids is None or bool(store.incidents.alarms([found.id], ids=wanted.ids)))
        )
        return [found] if chosen else []

    def _members(
        self,
        told: Mapping[str, IncidentDetails],
        records: Mapping[int, SeriesRecord],
        wanted: IncidentFilter,
    ) -> list[IncidentMember]:
        """The alarms of these incidents that are wanted themselves."""
        alarms = self._context.store.incidents.alarms(
            told, wanted.begin, wanted.end, wanted.ids, wanted.limit
        )
        ranks = self._context.store.incidents.ranks({id for id, _ in alarms})
        watches = self._context.watches()
        return [
            IncidentMember(
                alarm, told[id], record, watches.get(record.watch), ranks[id][alarm.series_id]
            )
            for id, alarm in alarms
            if (record := records.get(alarm.series_id)) is not None
        ]

    def _told(
        self, incidents: Sequence[Incident], records: Mapping[int, SeriesRecord]
    ) -> Iterator[IncidentDetails]:
        """What is over is told as it was before, by the same object."""
        watches = self._context.watches()
        groups = dict[str, tuple[Watch, ...]]()
        for watch in watches.values():
            groups[watch.group] = (*groups.get(watch.group, ()), watch)
        if len(self._telling) > MOST_MADE:
            self._telling = {}
        outside = self._context.store.incidents.outside(
            [each.id for each in incidents if each.open]
        )
        for each in incidents:
            kept = self._telling.get(each.id)
            its = groups.get(each.group, ())
            goes_on = each.id in outside
            if (
                kept is None
                or kept.incident != each
                or kept.watches != its
                or kept.outside != goes_on
            ):
                worst = records.get(each.worst)
                unit = (
                    watches[worst.watch].unit
                    if worst is not None and worst.watch in watches
                    else ""
                )
                kept = self._telling[each.id] = IncidentDetails(
                    each, its, records.get(each.first), worst, unit, goes_on
                )
            yield kept
