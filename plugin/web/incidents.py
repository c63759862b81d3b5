"""Incidents as rows, for lists and for annotations. An incident is one alarm of one series."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Response

from plugin import wording
from plugin.alarms import Alarm
from plugin.config import Watch
from plugin.errors import RequestError
from plugin.series import Labels, SeriesRecord
from plugin.web.catalog import Catalog
from plugin.web.context import WebContext
from plugin.web.data import View, json
from plugin.web.parameters import Query, time_range
from plugin.web.rows import Row, filled, label_columns

MAX_ROWS = 10_000  # that one answer may hold


@dataclass(frozen=True)
class Incident:
    """An alarm, whose it is, and how its watch is configured; None = the configuration has no such watch any more."""

    alarm: Alarm
    record: SeriesRecord
    watch: Watch | None

    @property
    def open(self) -> bool:
        """Nobody looks at a watch that has been removed: nothing of it goes on."""
        return self.alarm.open and self.watch is not None

    @property
    def title(self) -> str:
        return wording.alarm_title(str(self.record.labels), self.alarm.direction)

    @property
    def text(self) -> str:
        alarm = self.alarm
        return wording.alarm_text(
            alarm.peak_value, alarm.peak_expected, alarm.peak_lower, alarm.peak_upper,
            self.watch.unit if self.watch is not None else "", at=alarm.peak_time, seconds=alarm.end - alarm.start,
            open=self.open)

    @property
    def tags(self) -> str:
        """Separated by commas."""
        severity = (self.watch.own_labels["severity"],) if self.watch is not None else ()
        return ",".join((self.record.watch, "above" if self.alarm.direction > 0 else "below", *severity))


class Incidents:
    """The views under /api/v1 that tell what has been outside its band."""

    def __init__(self, context: WebContext, catalog: Catalog) -> None:
        self._context = context
        self._catalog = catalog

    @property
    def views(self) -> Mapping[str, View]:
        return {"incidents": self.incidents, "annotations": self.annotations}

    def incidents(self, query: Query) -> Response:
        return json(incident_rows(self.find(query)))

    def annotations(self, query: Query) -> Response:
        return json(annotation_rows(self.find(query)))

    def find(self, query: Query) -> list[Incident]:
        """Those that overlap the range, sorted by start. Raises RequestError when they are too many."""
        begin, end = time_range(query, self._context.clock(), self._context.settings)
        records = {record.id: record for record in self._catalog.find(query)}
        narrowed = query.watch or query.match or query.series is not None
        limit = min(query.limit or MAX_ROWS + 1, MAX_ROWS + 1)
        alarms = self._context.store.alarms(begin, end, list(records) if narrowed else None, limit)
        if len(alarms) > MAX_ROWS:
            raise RequestError(f"more than {MAX_ROWS} incidents in this range: narrow `match` or the range, or ask for "
                               "the latest with `limit`", field="from", code="too_much")
        watches = self._context.watches()
        found = [Incident(alarm, record, watches.get(record.watch)) for alarm in alarms
                 if (record := records.get(alarm.series_id)) is not None]
        return [incident for incident in found if incident.open or incident.alarm.end >= begin]


def incident_rows(incidents: Sequence[Incident]) -> list[Row]:
    """One row per incident; value and band are those of its peak."""
    heads: dict[int, dict[str, str]] = {}
    for incident in incidents:
        record, own = incident.record, incident.watch.own_labels if incident.watch is not None else Labels(())
        if record.id not in heads:
            heads[record.id] = {"watch": record.watch, "series": str(record.labels),
                                **label_columns(record.labels, own)}
    heads = dict(zip(heads, filled(list(heads.values())), strict=True))
    return [{**_row(incident), **heads[incident.record.id]} for incident in incidents]


def _row(incident: Incident) -> Row:
    alarm = incident.alarm
    return {
        "time": alarm.start * 1000, "timeEnd": None if incident.open else alarm.end * 1000,
        "incident": f"{alarm.series_id}-{alarm.start}", "state": "open" if incident.open else "closed",
        "duration_seconds": alarm.end - alarm.start, "score": alarm.peak_score, "value": alarm.peak_value,
        "expected": alarm.peak_expected, "lower": _bound(alarm.peak_lower), "upper": _bound(alarm.peak_upper),
        "direction": alarm.direction, "title": incident.title, "text": incident.text}


def annotation_rows(incidents: Sequence[Incident]) -> list[Row]:
    """What Grafana draws: an open incident up to its last sample outside, as a region needs an end."""
    return [{"time": each.alarm.start * 1000, "timeEnd": each.alarm.end * 1000, "title": each.title,
             "text": each.text, "tags": each.tags} for each in incidents]


def _bound(number: float) -> float | None:
    return number if math.isfinite(number) else None
