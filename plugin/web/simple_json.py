"""The older JSON protocol, for panels of those who still have simpod-json-datasource or
grafana-simple-json-datasource.

Both plugins run in the browser, so Grafana's alerting cannot use them: alert rules read
/api/v1/alert. What is asked for in their words is answered from what the newer routes answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from flask import Response, request
from werkzeug.datastructures import MultiDict

from plugin.config import Watch
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.web import request_bodies
from plugin.web.context import WebContext
from plugin.web.data_source import MAX_ROWS, MAX_SERIES, DataSourceViews, View, json
from plugin.web.incidents import IncidentViews
from plugin.web.maintenance import MaintenanceViews
from plugin.web.parameters import (
    DEFAULT_POINTS,
    FROM,
    LEAST_POINTS,
    TO,
    QueryParameters,
    nearest,
    read_query,
    time_range,
)
from plugin.web.rows import Numbers, Row, number_rows
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.simple_json_targets import (
    Candidate,
    candidates,
    legend,
    read_filters,
    read_target,
    selected,
)
from plugin.web.thinning import thin

Answer = dict[str, Any]
Known = tuple[list[SeriesRecord], Mapping[str, Watch]]

LINES = ("value", "expected", "lower", "upper", "score")  # one line per series
TABLES = ("scores", "watches", "incidents", "annotations")
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
        planned: MaintenanceViews,
    ) -> None:
        """source, incidents, planned: what answers the newer routes."""
        self._context = context
        self._source = source
        self._incidents = incidents
        self._planned = planned
        self._catalog = catalog
        self._made: tuple[Known, list[Candidate]] = ([], {}), []

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

    def test(self, _: QueryParameters) -> Response:
        return Response(
            "Bandwatch answers the older JSON protocol here; it cannot alert.\n",
            mimetype="text/plain",
        )

    def search(self, _: QueryParameters) -> Response:
        """The names of all targets; the values of a variable where one is asked for."""
        body = request_bodies.read_body(request.get_data(), request_bodies.SearchBody)
        try:
            values = self._values(request_bodies.VariablePayload(target=body.target), "")
        except RequestError:  # half of a name, while it is typed
            values = []
        return json(values or [*LINES, *TABLES])

    def metrics(self, _: QueryParameters) -> Response:
        request_bodies.read_body(request.get_data(), request_bodies.MetricsBody)
        return json(
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
                for name in LINES + TABLES
            ]
        )

    def options(self, _: QueryParameters) -> Response:
        body = request_bodies.read_body(request.get_data(), request_bodies.OptionsBody)
        if body.name not in PAYLOADS:
            raise RequestError(
                f"there is no payload `{body.name}`{nearest(body.name, PAYLOADS)}; "
                f"valid: {', '.join(PAYLOADS)}",
                field="name",
            )
        payload = body.payload or request_bodies.TargetPayload()
        others = request_bodies.SeriesSelection(
            watch=payload.watch if body.name == "series" else None, match=payload.match
        )
        found = selected(self._candidates(), others, (), "payload")
        return json([{"label": value, "value": value} for value in _sorted(found, body.name)])

    def query(self, _: QueryParameters) -> Response:
        body = request_bodies.read_body(request.get_data(), request_bodies.QueryBody)
        span = self._span(body.range)
        everything = self._candidates()
        filters = read_filters(body.adhoc_filters or [])
        points = _points(body.max_data_points, self._context.settings.max_points)
        lines = Lines(self._context, self._bounds(span), points)
        answers: list[Answer] = []
        rows = 0
        for number, target in enumerate(body.targets or []):
            if target.hide or not (target.target or "").strip():
                continue
            place = f"targets[{number}]"
            name, conditions = read_target(target.target or "", f"{place}.target")
            found = selected(everything, target.payload, conditions + filters, f"{place}.payload")
            if name in LINES:
                template = (
                    target.payload.legend
                    if isinstance(target.payload, request_bodies.TargetPayload)
                    else None
                )
                answers += lines.draw(name, found, template)
            elif name in TABLES:
                answers.append(_table(made := self._rows(name, found, span)))
                rows += len(made)
                if rows > MAX_ROWS:
                    raise RequestError(
                        f"more than {MAX_ROWS} rows: narrow the targets",
                        field="targets",
                        code="too_much",
                    )
            else:
                raise RequestError(
                    f"there is no target `{name}`{nearest(name, LINES + TABLES)}; "
                    f"valid: {', '.join(LINES + TABLES)}",
                    field=f"{place}.target",
                )
        return json(answers)

    def annotations(self, _: QueryParameters) -> Response:
        body = request_bodies.read_body(request.get_data(), request_bodies.AnnotationsBody)
        text = body.annotation.query if body.annotation else None
        name, conditions = read_target(text or "", "annotation.query")
        if name not in ("", "annotations"):
            raise RequestError(
                f"`annotation.query`: `{name}` is no annotation; leave it empty, or say which"
                ' series: `{watch="web"}`',
                field="annotation.query",
            )
        found = selected(self._candidates(), None, conditions, "annotation.query")
        rows = self._rows("annotations", found, self._span(body.range))
        return json(
            [{**row, "tags": str(row["tags"]).split(","), "annotation": text or ""} for row in rows]
        )

    def variable(self, _: QueryParameters) -> Response:
        body = request_bodies.read_body(request.get_data(), request_bodies.VariableBody)
        payload = body.payload or request_bodies.VariablePayload()
        return json(
            [{"__text": value, "__value": value} for value in self._values(payload, "payload")]
        )

    def tag_keys(self, _: QueryParameters) -> Response:
        request_bodies.read_body(request.get_data(), request_bodies.TagKeysBody)
        return json([{"type": "string", "text": name} for name in _columns(self._candidates())])

    def tag_values(self, _: QueryParameters) -> Response:
        key = request_bodies.read_body(request.get_data(), request_bodies.TagValuesBody).key
        return json([{"text": value} for value in _sorted(self._candidates(), key)])

    def _values(self, wanted: request_bodies.VariablePayload, field: str) -> list[str]:
        """Of one column, or the names of all columns; wanted: its name, and of which series."""
        name, conditions = read_target(wanted.target or "", f"{field}.target".lstrip("."))
        found = selected(self._candidates(), wanted, conditions, field)
        return _columns(found) if name == "labels" else _sorted(found, name)

    def _candidates(self) -> list[Candidate]:
        """Made anew only when series or watches have changed: ten thousand take a quarter of a
        second."""
        known = self._catalog.find(QueryParameters()), self._context.watches()
        made = self._made
        if made[0] != known:
            made = self._made = known, candidates(*known)
        return made[1]

    def _span(self, given: request_bodies.RangeBody | None) -> QueryParameters:
        """The range of a request as a query. Raises RequestError."""
        ends = {"from": given.begin, "to": given.to} if given else {}
        with _placed("range."):
            return read_query(
                MultiDict({name: str(end) for name, end in ends.items() if end is not None}),
                (FROM, TO),
                {},
                self._context.settings,
            )

    def _bounds(self, span: QueryParameters) -> tuple[int, int]:
        with _placed("range."):
            return time_range(span, self._context.clock(), self._context.settings)

    def _rows(self, name: str, found: Sequence[Candidate], span: QueryParameters) -> list[Row]:
        """Rows of a newer route: those of the watches or series that were found."""
        wanted = {(each.columns["watch"], each.columns["series"]) for each in found}
        if not wanted:
            return []
        query = QueryParameters(
            watch=tuple(sorted({watch for watch, _ in wanted})), begin=span.begin, end=span.end
        )
        if name in ("incidents", "annotations"):
            ids = [each.record.id for each in found if each.record is not None]
            with _placed("range."):
                return list(
                    (self._incidents.rows if name == "incidents" else self._planned.annotated)(
                        query, ids
                    )
                )
        view = self._source.watches if name == "watches" else self._source.scores
        rows: list[Row] = msgspec.json.decode(view(query).get_data())
        return (
            rows
            if name == "watches"
            else [row for row in rows if (row["watch"], row["series"]) in wanted]
        )


class Lines:
    """The lines of one request; a series that several targets draw is read and thinned once."""

    def __init__(self, context: WebContext, bounds: tuple[int, int], points: int) -> None:
        """bounds: unix seconds, both ends included."""
        self._context = context
        self._bounds = bounds
        self._points = points
        self._steps = {name: snapshot.step for name, snapshot in context.board.snapshots().items()}
        self._read: dict[int, list[Numbers]] = {}
        self._drawn = 0

    def draw(
        self, field: str, found: Sequence[Candidate], template: str | None
    ) -> Iterator[Answer]:
        """One line per series that has samples. Raises RequestError when they are too many."""
        series = [each for each in found if each.record is not None]
        if len(series) > MAX_SERIES:
            raise RequestError(
                f"`{field}` has {len(series)} series and one answer draws {MAX_SERIES} at most:"
                " narrow the target",
                field="targets",
                code="too_much",
            )
        for each in series:
            numbers = self._numbers(each)
            self._drawn += len(numbers)
            if self._drawn > MAX_ROWS:
                raise RequestError(
                    f"more than {MAX_ROWS} points: narrow the targets or the range, or lower "
                    "`maxDataPoints`",
                    field="targets",
                    code="too_much",
                )
            if numbers:
                yield {
                    "target": legend(template, each.columns, field),
                    "datapoints": [(getattr(row, field), row.time) for row in numbers],
                }

    def _numbers(self, candidate: Candidate) -> list[Numbers]:
        record = candidate.record
        assert record is not None
        if record.id not in self._read:
            samples = self._context.store.samples(record.id, *self._bounds)
            self._read[record.id] = number_rows(
                thin(samples, self._steps.get(record.watch, 0), self._points)
            )
        return self._read[record.id]


@contextmanager
def _placed(prefix: str) -> Iterator[None]:
    """Names the field of the body that an error of a parameter is about."""
    try:
        yield
    except RequestError as error:
        raise RequestError(
            str(error), field=prefix + error.field, status=error.status, code=error.code
        ) from error


def _points(given: float | None, most: int) -> int:
    """A panel does not choose how wide it is: what it asks for is kept within the limits."""
    return int(min(max(given or DEFAULT_POINTS, LEAST_POINTS), most))


def _columns(found: Sequence[Candidate]) -> list[str]:
    return sorted({name for each in found for name in each.columns})


def _sorted(found: Sequence[Candidate], column: str) -> list[str]:
    return sorted({each.columns.get(column, "") for each in found} - {""})


def _table(rows: Sequence[Row]) -> Answer:
    names = list(rows[0]) if rows else []
    return {
        "type": "table",
        "columns": [{"text": name, "type": _kind(name, rows)} for name in names],
        "rows": [[row[name] for name in names] for row in rows],
    }


def _kind(name: str, rows: Sequence[Row]) -> str:
    """Of a column; text is never null in our rows, so a column of nulls holds numbers."""
    if name in ("time", "timeEnd"):
        return "time"
    return "string" if any(isinstance(row[name], str) for row in rows) else "number"
