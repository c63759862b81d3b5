"""Maintenance windows over the API: listed, added, ended; and drawn as annotations."""

from collections.abc import Mapping, Sequence

from flask import Response

from plugin.domain.times import DAY
from plugin.domain.windows import Window
from plugin.web.changes import ChangeViews
from plugin.web.context import WebContext
from plugin.web.feedback import by_whom
from plugin.web.incidents import IncidentViews
from plugin.web.maintenance_actions import MaintenanceActions
from plugin.web.queries import AnnotationsQuery, NoQuery, RangeQuery, RemovalQuery, time_range
from plugin.web.regimes import RegimeViews
from plugin.web.request_bodies import MaintenanceBody, read_json_body
from plugin.web.responses import View, json_response
from plugin.web.row_types import AnnotationRow
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.shortened_range import warning_rows

TAG = "maintenance"
MAX_SPANS = 10_000  # that one answer may hold
AHEAD_SECONDS = 2 * 366 * DAY  # shown at most: every hour of a century is too much


class MaintenanceViews:
    """The views under /api/v1/maintenance, and /api/v1/annotations, which shows windows, too."""

    def __init__(
        self,
        context: WebContext,
        catalog: SeriesCatalog,
        incidents: IncidentViews,
        actions: MaintenanceActions,
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._incidents = incidents
        self._actions = actions

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "maintenance": self.list,
            "maintenance_add": self.add,
            "maintenance_end": self.end,
            "annotations": self.annotations,
        }

    def list(self, _: NoQuery) -> Response:
        return json_response(self._actions.rows())

    def add(self, _: NoQuery) -> Response:
        """The window as it is stored. One that exists already stays as it is."""
        return json_response(self._actions.add(read_json_body(MaintenanceBody, "a window")))

    def end(self, query: RemovalQuery) -> Response:
        return json_response(self._actions.end(query.id, by_whom(query.who)))

    def annotations(self, query: AnnotationsQuery) -> Response:
        return json_response(self.annotation_rows(query))

    def annotation_rows(
        self, query: AnnotationsQuery, ids: Sequence[int] | None = None
    ) -> Sequence[AnnotationRow]:
        """Incidents, windows, new levels and changes, by time. ids: only those of these series."""
        rows = self._incidents.annotations(query, ids)
        if query.incident is None:
            rows += self.occurrences(query, ids)
            regimes = RegimeViews(self._context, self._catalog, self._incidents.words.series)
            rows += regimes.annotations(query, ids)
            rows += ChangeViews(self._context, self._catalog).annotations(query, ids)
        rows += warning_rows()
        return sorted(rows, key=lambda row: row.time)

    def occurrences(self, query: RangeQuery, ids: Sequence[int] | None) -> Sequence[AnnotationRow]:
        """Occurrences in the range, cut off at its end, of windows that are about at least one of
        the chosen series."""
        now = self._context.clock()
        start, end = time_range(query, now, self._context.settings)
        end = min(end, int(now) + AHEAD_SECONDS)
        windows = self._actions.windows() if start <= end else ()
        chosen_ids = None if ids is None else set(ids)
        records = (
            [
                record
                for record in self._catalog.find(query.watch, query.match, query.series)
                if chosen_ids is None or record.id in chosen_ids
            ]
            if windows
            else []
        )
        sizes = self._actions.sizes(windows, records)
        spans = [
            (window, span)
            for window in windows
            if sizes[window.id]
            for span in window.spans(start, end)
        ]
        return [
            AnnotationRow(
                time=first * 1000,
                time_end=min(last, max(end, first)) * 1000,
                title=window.name,
                text=_text(window, sizes[window.id]),
                tags=TAG,
            )
            for window, (first, last) in spans[:MAX_SPANS]
        ]


def _text(window: Window, size: int) -> str:
    comment = window.comment if window.comment != window.name else ""
    return "; ".join(
        filter(None, (comment, f"{size} series", f"by {window.by}" if window.by else ""))
    )
