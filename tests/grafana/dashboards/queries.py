"""Queries: what a panel asks of Bandwatch through Infinity, or of Prometheus."""

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

BANDWATCH = DataSourceRef(type_val="yesoreyeram-infinity-datasource", uid="bandwatch")
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")
MOMENTS = frozenset({"time", "timeEnd", "last", "at", "alarm_start"})
TEXTS = frozenset(
    {
        "series",
        "watch",
        "state",
        "reason",
        "explanation",
        "detector",
        "unit",
        "incident",
        "title",
        "text",
        "tags",
        "suggestion",
        "first",
        "worst",
        "worst_watch",
        "feedback_url",
        "verdict",
        "by",
        "comment",
        "severity",
        "team",
        "changes",
        "short_name",
        "short_title",
        "short_text",
        "alarm_state",
        "alarm_text",
        "prometheus_url",
    }
)
COUNTS = frozenset({("/api/v1/watches", "series")})  # how many there are, not what they are called
RANGE = {"from": "${__timeFrom}", "to": "${__timeTo}"}


class Ask(Dataquery, Builder["Ask"]):
    """A query of Bandwatch. The backend parser and the types of the columns are written out:
    without the one a query runs in the browser only, without the others a column of nulls becomes
    text and milliseconds stay numbers."""

    def __init__(
        self,
        path: str,
        parameters: Mapping[str, str],
        columns: Sequence[str] = (),
        *,
        ref: str = "A",
        shape: str = "table",
    ) -> None:
        self.path = path
        self.parameters = parameters
        self.columns = columns
        self.ref = ref
        self.shape = shape

    def build(self) -> "Ask":
        return self

    def to_json(self) -> dict[str, Any]:
        return {
            "refId": self.ref,
            "datasource": BANDWATCH.to_json(),
            "type": "json",
            "source": "url",
            "parser": "backend",
            "format": self.shape,
            "url": self.path,
            "url_options": {
                "method": "GET",
                "data": "",
                "params": [{"key": key, "value": value} for key, value in self.parameters.items()],
            },
            "root_selector": "",
            "columns": [
                {"selector": name, "text": name, "type": _type(self.path, name)}
                for name in self.columns
            ],
            "filters": [],
        }


def lines(expression: str, legend: str, ref: str = "A") -> prometheus.Dataquery:
    """A PromQL query over the range of the dashboard."""
    return (
        prometheus.Dataquery()
        .ref_id(ref)
        .datasource(PROMETHEUS)
        .expr(expression)
        .range()
        .legend_format(legend)
        .format(PromQueryFormat.TIME_SERIES)
    )


def latest(
    expression: str, legend: str = "__auto", ref: str = "A", *, rows: bool = False
) -> prometheus.Dataquery:
    """A PromQL query of one moment, the end of the range. rows: a table with a column per label."""
    return (
        prometheus.Dataquery()
        .ref_id(ref)
        .datasource(PROMETHEUS)
        .expr(expression)
        .instant()
        .legend_format(legend)
        .format(PromQueryFormat.TABLE if rows else PromQueryFormat.TIME_SERIES)
    )


def _type(path: str, column: str) -> str:
    if column in MOMENTS:
        return "timestamp_epoch"
    return "string" if column in TEXTS and (path, column) not in COUNTS else "number"
