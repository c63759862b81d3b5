"""The data source: what Grafana reads. Every answer is a bare array."""

import time
from collections.abc import Callable, Mapping

from flask import Response

from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.web import rows
from plugin.web.catalog import Catalog, Pins
from plugin.web.context import WebContext
from plugin.web.parameters import Query, time_range
from plugin.web.thinning import thin

MAX_SERIES = 1000  # that one answer of /bands may draw
MAX_ROWS = 200_000  # that one answer of /bands may hold

View = Callable[[Query], Response]


class DataSource:
    """The views under /api/v1 that carry numbers and names."""

    def __init__(self, context: WebContext, clock: Callable[[], float] = time.time) -> None:
        self._context, self._clock = context, clock
        self._catalog, self._pins = Catalog(context), Pins(context.board)

    @property
    def views(self) -> Mapping[str, View]:
        return {"bands": self.bands, "scores": self.scores, "alert": self.alert, "series": self.series,
                "labels": self.labels, "values": self.values}

    def bands(self, query: Query) -> Response:
        begin, end = time_range(query, self._clock(), self._context.settings)
        records = self._catalog.find(query)
        _check_number(query, records)
        steps = {name: snapshot.step for name, snapshot in self._context.board.snapshots().items()}
        points = min(query.max_points, self._context.settings.max_points)
        parts, total = [], 0
        for record in records:
            stored = self._context.store.samples(record.id, begin, end)
            samples = thin(stored, steps.get(record.watch, 0), points)
            total += len(samples)
            if total > MAX_ROWS:
                raise RequestError(f"{len(records)} series have more than {MAX_ROWS} rows in this range: "
                                   "narrow `match` or the range, or lower `max_points`", field="max_points",
                                   code="too_much")
            if len(samples):
                parts.append((record, samples))
        if query.labels == "none":
            return json([row for _, samples in parts for row in rows.number_rows(samples)])
        return json(rows.band_rows(parts))

    def scores(self, query: Query) -> Response:
        snapshots = self._catalog.snapshots(query, self._context.board.snapshots())
        return json(rows.score_rows(*snapshots, now=self._clock()))

    def alert(self, query: Query) -> Response:
        snapshots = self._catalog.snapshots(query, self._pins.at(query.end))
        return json(rows.alert_rows(snapshots, query.field, self._clock()))

    def series(self, query: Query) -> Response:
        return json(sorted({str(record.labels) for record in self._catalog.find(query)}))

    def labels(self, query: Query) -> Response:
        return json(sorted(set().union(*map(_columns, self._catalog.find(query)))))

    def values(self, query: Query) -> Response:
        found = {_columns(record).get(query.name) for record in self._catalog.find(query)}
        return json(sorted(value for value in found if value))


def json(answer: object, status: int = 200) -> Response:
    return Response(rows.encode(answer), status, mimetype="application/json")


def _columns(record: SeriesRecord) -> dict[str, str]:
    return {"watch": record.watch} | rows.label_columns(record.labels)


def _check_number(query: Query, records: list[SeriesRecord]) -> None:
    if query.labels == "none" and len(records) > 1:
        raise RequestError(f"`labels=none` leaves nothing to tell series apart, and {len(records)} are "
                           "selected: choose one by `series` and `watch`", field="labels", code="too_much")
    if len(records) > MAX_SERIES:
        raise RequestError(f"{len(records)} series are selected and one answer draws {MAX_SERIES} at most: "
                           "narrow `watch` or `match`", field="match", code="too_much")
