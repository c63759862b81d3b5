"""Where else a series can be looked at: its query in Prometheus, its dashboard in Grafana. Pure."""

from collections.abc import Iterator
from urllib.parse import urlencode

from plugin.config import Watch, WebSettings
from plugin.domain.times import instant
from plugin.errors import SelectorError
from plugin.selectors import parse
from plugin.series import SeriesRecord

DASHBOARD = "/d/bandwatch-series"  # that we ship, see docs/dashboards.md
ALL_VALUES = "$__all"  # how Grafana writes "All"

NamedLink = tuple[str, str]  # text, address


def outside_links(
    settings: WebSettings, watch: Watch | None, record: SeriesRecord, time_range: tuple[int, int]
) -> Iterator[NamedLink]:
    """For each of both whose address is configured. time_range: unix seconds."""
    start, end = time_range
    if watch is not None and (url := prometheus_link(settings, watch, record, time_range)):
        yield "Query in Prometheus", url
    if settings.grafana_url is not None:
        variables = {
            "var-watch": record.watch,
            "var-value": ALL_VALUES,
            "var-series": str(record.labels),
            "from": start * 1000,
            "to": end * 1000,
        }
        yield "Dashboard in Grafana", f"{settings.grafana_url}{DASHBOARD}?{urlencode(variables)}"


def prometheus_link(
    settings: WebSettings, watch: Watch, record: SeriesRecord, time_range: tuple[int, int]
) -> str:
    """The graph of a series in Prometheus; "" where its address is not configured. time_range: unix
    seconds."""
    if settings.prometheus_url is None:
        return ""
    start, end = time_range
    query = {
        "g0.expr": series_expression(watch, record),
        "g0.tab": "0",  # the graph
        "g0.range_input": f"{end - start}s",
        "g0.end_input": instant(end).removesuffix("Z").replace("T", " "),
    }
    return f"{settings.prometheus_url}/graph?{urlencode(query)}"


def series_expression(watch: Watch, record: SeriesRecord) -> str:
    """What selects this series alone, if the query is a selector; else the whole query."""
    try:
        parse(watch.query)
    except SelectorError:
        return watch.query
    return str(record.labels)
