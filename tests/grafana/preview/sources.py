"""What the queries of a panel give: frames as Grafana's /api/ds/query answers them."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plugin.commands.grafana.shipped import INFINITY, PROMETHEUS
from plugin.commands.grafana.variables import LABEL_VALUES
from tests.grafana import infinity
from tests.grafana.preview.variables import Range, Values, filled_in

Frame = dict[str, Any]
Model = Mapping[str, Any]


class NotAsked(Exception):
    """A query that cannot be asked here, or that was refused; with the reason."""


@dataclass(frozen=True)
class Sources:
    """The service and the Prometheus that a dashboard reads."""

    service: str  # url
    prometheus: str | None  # url
    token: str = ""  # of the service

    def frames(
        self, query: Model, values: Values, span: Range, *, several: bool = False
    ) -> list[Frame]:
        """Of one target. several: its panel has more tables of Prometheus. Raises NotAsked."""
        kind = query["datasource"]["type"]
        if kind == INFINITY:
            return self._rows(query, values, span)
        if kind == PROMETHEUS:
            return self._series(query, values, span, several)
        raise NotAsked(f"a query of {kind} is not asked here")

    def columns(self, query: Model, values: Values, span: Range) -> dict[str, list[Any]]:
        """The columns of Infinity's one frame, by name. Raises NotAsked."""
        [frame] = self._rows(query, values, span)
        names = (field["name"] for field in frame["schema"]["fields"])
        return dict(zip(names, frame["data"]["values"], strict=True))

    def options(self, query: str, values: Values, span: Range) -> list[str]:
        """What a Prometheus variable offers: of `label_values(...)` or `query_result(...)`.

        Raises NotAsked.
        """
        query = filled_in(query.strip(), {**values, **span.values}, promql=True)
        if found := LABEL_VALUES.fullmatch(query):
            match = {"match[]": found["match"]} if found["match"] else {}
            return list(self._asked(f"/api/v1/label/{found['label']}/values", match))
        if found := re.fullmatch(r"query_result\((.+)\)", query):
            result = self._asked("/api/v1/query", {"query": found[1], "time": span.end})["result"]
            return [
                f"{legend('__auto', one['metric'], ',')} {one['value'][1]} {one['value'][0]}"
                for one in result
            ]
        raise NotAsked(f"a variable from `{query}` is not known here")

    def _rows(self, query: Model, values: Values, span: Range) -> list[Frame]:
        options = query["url_options"]
        params = [
            {**entry, "value": filled_in(entry["value"], values)}
            for entry in options.get("params", ())
        ]
        target = {
            **query,
            "url": filled_in(query["url"], values),
            "url_options": {**options, "params": params},
        }
        request = infinity.request_of(target, span.begin, span.end, self.service)
        try:
            result = infinity.result_of(target, *answer(request.url, self.token), request.url)
        except infinity.NotModelled as error:
            raise NotAsked(f"Infinity's model does not know {error}") from error
        if "error" in result:
            raise NotAsked(f"{request.url}: {result['error']}")
        return list(result["frames"])

    def _series(self, query: Model, values: Values, span: Range, several: bool) -> list[Frame]:
        expression = filled_in(query["expr"], {**values, **span.values}, promql=True)
        step = span.step
        if query.get("instant"):
            found = self._asked("/api/v1/query", {"query": expression, "time": span.end})["result"]
            found = [{**one, "values": [one["value"]]} for one in found]
            if is_table(query):
                return [prometheus_table(query, found, several)] if found else []
            return [prometheus_frame(query, one, step) for one in found]
        params = {
            "query": expression,
            "step": step,
            "start": span.begin // step * step,
            "end": span.end // step * step,
        }
        found = self._asked("/api/v1/query_range", params)["result"]
        return [prometheus_frame(query, one, step) for one in found]

    def _asked(self, path: str, params: Mapping[str, object]) -> Any:
        if self.prometheus is None:
            raise NotAsked("no Prometheus is known: --prometheus URL")
        status, text = answer(f"{self.prometheus}{path}?{urllib.parse.urlencode(params)}")
        if status != 200:
            raise NotAsked(f"Prometheus answers {status}: {text[:300]}")
        return json.loads(text)["data"]


def answer(url: str, token: str = "") -> tuple[int, str]:
    """Status and text at an address. Raises NotAsked when nothing answers."""
    request = urllib.request.Request(
        url, headers={"Authorization": f"Bearer {token}"} if token else {}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except urllib.error.URLError as error:
        raise NotAsked(f"{url}: {error.reason}") from error


def prometheus_frame(query: Model, series: Model, step: int) -> Frame:
    """One series as the Prometheus plugin frames it, under its legend.

    Source: grafana/grafana, pkg/promlib.
    """
    labels: dict[str, str] = series["metric"]
    name = legend(query.get("legendFormat") or "__auto", labels) or query["expr"]
    fields: Sequence[Model] = [
        {"name": "Time", "type": "time", "config": {"interval": step * 1000}},
        {
            "name": "Value",
            "type": "number",
            "labels": labels,
            "config": {"displayNameFromDS": name},
        },
    ]
    times = [round(1000 * at) for at, _ in series["values"]]
    return {
        "schema": {"refId": query["refId"], "name": name, "fields": fields},
        "data": {"values": [times, [number(value) for _, value in series["values"]]]},
    }


def is_table(query: Model) -> bool:
    return bool(query["datasource"]["type"] == PROMETHEUS and query.get("format") == "table")


def prometheus_table(query: Model, found: Sequence[Model], several: bool) -> Frame:
    """A row for each series, a column for each label.

    Source: grafana/grafana, packages/grafana-prometheus.
    """
    labels = dict.fromkeys(label for one in found for label in sorted(one["metric"]))
    fields = [
        {"name": "Time", "type": "time"},
        *({"name": label, "type": "string"} for label in labels),
        {"name": f"Value #{query['refId']}" if several else "Value", "type": "number"},
    ]
    columns = [
        [round(1000 * one["value"][0]) for one in found],
        *([one["metric"].get(label, "") for one in found] for label in labels),
        [number(one["value"][1]) for one in found],
    ]
    return {"schema": {"refId": query["refId"], "fields": fields}, "data": {"values": columns}}


def legend(form: str, labels: Mapping[str, str], comma: str = ", ") -> str:
    """`{{label}}` replaced; `__auto` is the series as Prometheus writes it."""
    if form != "__auto":
        return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), form)
    inner = comma.join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return labels.get("__name__", "") + (f"{{{inner}}}" if inner else "")


def number(text: str) -> float | None:
    """JSON knows no NaN and no infinity."""
    value = float(text)
    return value if abs(value) < float("inf") else None
