"""The older JSON protocol, for panels that still use simpod-json-datasource or
grafana-simple-json-datasource.

Both plugins run in the browser, so Grafana's alerting cannot use them: alert rules read
/api/v1/alert. The answers hold the same rows as those of the newer routes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from flask import Response

from plugin.config import Watch
from plugin.errors import RequestError
from plugin.nearest_name import nearest
from plugin.series import SeriesRecord
from plugin.web import request_bodies
from plugin.web.answer_types import Line, Table
from plugin.web.context import WebContext
from plugin.web.data_source import MAX_ROWS, DataSourceViews
from plugin.web.incidents import IncidentViews
from plugin.web.maintenance import MaintenanceViews
from plugin.web.parameter_readers import MIN_POINTS
from plugin.web.parameters import DEFAULT_POINTS
from plugin.web.queries import (
    AnnotationsQuery,
    NoQuery,
    RangeQuery,
    ScoresQuery,
    read_query,
    time_range,
)
from plugin.web.request_bodies import read_body
from plugin.web.responses import View, json_response
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.simple_json_lines import LineDrawing, table
from plugin.web.simple_json_targets import (
    TargetCandidate,
    candidates,
    read_filters,
    read_target,
    selected,
)

Selectable = tuple[list[SeriesRecord], Mapping[str, Watch]]

LINES = ("value", "expected", "lower", "upper", "score")  # one line per series
TABLES = ("scores", "watches", "incidents", "annotations")
TARGETS = LINES + TABLES
PAYLOADS = {"watch": "multi-select", "series": "multi-select", "match": "input", "legend": "input"}
PLACEHOLDERS = {
    "watch": "all watches",
    "series": "all series",
    "match": '{job="api",code=~"5.."}',
    "legend": "{{instance}} {{field}}",
}


class SimpleJsonViews:
    """The views under /grafana."""

    def __init__(
        self,
        context: WebContext,
        catalog: SeriesCatalog,
        source: DataSourceViews,
        incidents: IncidentViews,
        maintenance: MaintenanceViews,
    ) -> None:
        """source, incidents, maintenance: the views of the newer routes, whose rows are used."""
        self._context = context
        self._source = source
        self._incidents = incidents
        self._maintenance = maintenance
        self._catalog = catalog
        self._selectable: Selectable = ([], {})
        self._all_candidates: list[TargetCandidate] = []  # of `_selectable`

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "json_test": self.test,
            "json_search": self.search,
            "json_metrics": self.metrics,
            "json_options": self.options,
            "json_query": self.query,
            "json_annotations": self.annotations,
            "json_variable": self.variable,
            "json_tag_keys": self.tag_keys,
            "json_tag_values": self.tag_values,
        }

    def test(self, _: NoQuery) -> Response:
        return Response(
            "Bandwatch answers the older JSON protocol here; it cannot alert.\n",
            mimetype="text/plain",
        )

    def search(self, _: NoQuery) -> Response:
        """The names of all targets; the values of a variable where one is asked for."""
        body = read_body(request_bodies.SearchBody)
        try:
            values = self._values(request_bodies.VariablePayload(target=body.target), "")
        except RequestError:  # half of a name, while it is typed
            values = []
        return json_response(values or TARGETS)

    def metrics(self, _: NoQuery) -> Response:
        read_body(request_bodies.MetricsBody)
        return json_response(
            [
                {
                    "label": name,
                    "value": name,
                    "payloads": [
                        {
                            "name": payload,
                            "label": payload,
                            "type": kind,
                            "placeholder": PLACEHOLDERS[payload],
                        }
                        for payload, kind in PAYLOADS.items()
                        if name in LINES or payload != "legend"
                    ],
                }
                for name in TARGETS
            ]
        )

    def options(self, _: NoQuery) -> Response:
        body = read_body(request_bodies.OptionsBody)
        if body.name not in PAYLOADS:
            raise RequestError(
                f"there is no payload `{body.name}`{nearest(body.name, PAYLOADS)}; "
                f"valid: {', '.join(PAYLOADS)}",
                field="name",
            )
        payload = body.payload or request_bodies.TargetPayload()
        selection = request_bodies.SeriesSelection(
            watch=payload.watch if body.name == "series" else None, match=payload.match
        )
        values = _values_of(selected(self._candidates(), selection, (), "payload"), body.name)
        return json_response([{"label": value, "value": value} for value in values])

    def query(self, _: NoQuery) -> Response:
        body = read_body(request_bodies.QueryBody)
        span = self._span(body.range)
        filters = read_filters(body.adhoc_filters or [])
        points = _points(body.max_data_points, self._context.settings.max_points)
        drawing = LineDrawing(self._context, self._bounds(span), points)
        answers: list[Line | Table] = []
        rows = 0
        for number, target in enumerate(body.targets or []):
            if target.hide or not (target.target or "").strip():
                continue
            field = f"targets[{number}]"
            name, conditions = read_target(target.target or "", f"{field}.target")
            selection = selected(
                self._candidates(), target.payload, conditions + filters, f"{field}.payload"
            )
            if name in LINES:
                answers += drawing.draw(name, selection, _legend(target.payload))
            elif name in TABLES:
                answers.append(table(table_rows := self._rows(name, selection, span)))
                rows += len(table_rows)
                if rows > MAX_ROWS:
                    raise RequestError(
                        f"more than {MAX_ROWS} rows: narrow the targets",
                        field="targets",
                        code="too_much",
                    )
            else:
                raise RequestError(
                    f"there is no target `{name}`{nearest(name, TARGETS)}; "
                    f"valid: {', '.join(TARGETS)}",
                    field=f"{field}.target",
                )
        return json_response(answers)

    def annotations(self, _: NoQuery) -> Response:
        body = read_body(request_bodies.AnnotationsBody)
        text = body.annotation.query if body.annotation else None
        name, conditions = read_target(text or "", "annotation.query")
        if name not in ("", "annotations"):
            raise RequestError(
                f"`annotation.query`: `{name}` is no annotation; leave it empty, or say which"
                ' series: `{watch="web"}`',
                field="annotation.query",
            )
        selection = selected(self._candidates(), None, conditions, "annotation.query")
        rows = self._rows("annotations", selection, self._span(body.range))
        return json_response(
            [{**row, "tags": str(row["tags"]).split(","), "annotation": text or ""} for row in rows]
        )

    def variable(self, _: NoQuery) -> Response:
        body = read_body(request_bodies.VariableBody)
        payload = body.payload or request_bodies.VariablePayload()
        return json_response(
            [{"__text": value, "__value": value} for value in self._values(payload, "payload")]
        )

    def tag_keys(self, _: NoQuery) -> Response:
        read_body(request_bodies.TagKeysBody)
        names = _columns(self._candidates())
        return json_response([{"type": "string", "text": name} for name in names])

    def tag_values(self, _: NoQuery) -> Response:
        key = read_body(request_bodies.TagValuesBody).key
        return json_response([{"text": value} for value in _values_of(self._candidates(), key)])

    def _values(self, variable: request_bodies.VariablePayload, field: str) -> list[str]:
        """The values of one column, or the names of all columns, of the chosen series."""
        name, conditions = read_target(variable.target or "", f"{field}.target".lstrip("."))
        selection = selected(self._candidates(), variable, conditions, field)
        return _columns(selection) if name == "labels" else _values_of(selection, name)

    def _candidates(self) -> list[TargetCandidate]:
        """Made anew only when series or watches have changed: ten thousand take a quarter of a
        second."""
        selectable = self._catalog.find(), self._context.watches()
        if self._selectable != selectable:
            self._all_candidates = candidates(*selectable)
            self._selectable = selectable
        return self._all_candidates

    def _span(self, span: request_bodies.RangeBody | None) -> RangeQuery:
        """The range of a request as a query. Raises RequestError."""
        ends = {"from": span.start, "to": span.to} if span else {}
        texts = {name: [str(end)] for name, end in ends.items() if end is not None}
        with _prefixed("range."):
            return read_query(RangeQuery, texts, {}, self._context.settings)

    def _bounds(self, span: RangeQuery) -> tuple[int, int]:
        with _prefixed("range."):
            return time_range(span, self._context.clock(), self._context.settings)

    def _rows(
        self, name: str, selection: Sequence[TargetCandidate], span: RangeQuery
    ) -> Sequence[Row]:
        """The rows of a newer route that are about the chosen watches or series."""
        pairs = {
            (candidate.columns["watch"], candidate.columns["series"]) for candidate in selection
        }
        if not pairs:
            return []
        watches = tuple(sorted({watch for watch, _ in pairs}))
        if name == "watches":
            return self._source.watch_rows(watches)
        if name == "scores":
            rows = self._source.score_rows(ScoresQuery(watch=watches))
            return [row for row in rows if (row["watch"], row["series"]) in pairs]
        query = AnnotationsQuery(watch=watches, start=span.start, end=span.end)
        ids = [candidate.record.id for candidate in selection if candidate.record is not None]
        with _prefixed("range."):
            if name == "incidents":
                return self._incidents.rows(query, ids)
            annotations = self._maintenance.annotation_rows(query, ids)
            return [msgspec.to_builtins(row) for row in annotations]


@contextmanager
def _prefixed(prefix: str) -> Iterator[None]:
    """Names the field of the body that an error of a parameter is about."""
    try:
        yield
    except RequestError as error:
        raise RequestError(
            str(error), field=prefix + error.field, status=error.status, code=error.code
        ) from error


def _points(width: float | None, max_points: int) -> int:
    """The width of a panel is not the choice of its user, so it is limited and never refused."""
    return int(min(max(width or DEFAULT_POINTS, MIN_POINTS), max_points))


def _legend(payload: object) -> str | None:
    return payload.legend if isinstance(payload, request_bodies.TargetPayload) else None


def _columns(selection: Sequence[TargetCandidate]) -> list[str]:
    return sorted({name for candidate in selection for name in candidate.columns})


def _values_of(selection: Sequence[TargetCandidate], column: str) -> list[str]:
    return sorted({candidate.columns.get(column, "") for candidate in selection} - {""})
