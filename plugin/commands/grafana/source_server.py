"""Which server stands behind the data source: Bandwatch, an older one, or another server."""

import json
from collections.abc import Mapping

from plugin.commands.grafana import shipped
from plugin.commands.grafana.client import GrafanaClient
from plugin.commands.grafana.findings import Finding, failure, ok
from plugin.commands.grafana.frames import QueryResponse
from plugin.commands.grafana.remedies import OLDER, OTHER_SERVER, ROLE, remedy_for

IDENTITY_PATH = "/api/v1/status/bandwatch"  # that only Bandwatch has
BUILDINFO_PATH = "/api/v1/status/buildinfo"  # that whatever speaks the API of Prometheus has
RANGE_SECONDS = 3600


def server_behind(grafana: GrafanaClient, source: str, now: int) -> Finding:
    """Asks it through Grafana. source: uid of the data source; now: unix seconds."""
    identity = _ask(grafana, source, IDENTITY_PATH, now)
    if _text(identity, "service") == "bandwatch":
        return ok(f"reaches Bandwatch {_text(identity, 'version')}, token accepted there")
    if identity.error and "status code : 404" not in identity.error:
        remedy = ROLE if identity.status == 403 else remedy_for(identity.error)
        return failure(f"Grafana says: {identity.error}", remedy)
    build = _ask(grafana, source, BUILDINFO_PATH, now)
    if _text(build, "python"):
        return failure(f"an older Bandwatch answers, {_text(build, 'version')}", OLDER)
    version = _prometheus_version(_text(build, "data"))
    name = f"a server that speaks the API of Prometheus ({version})" if version else "a server"
    return failure(f"{name} answers there, and it is not Bandwatch", OTHER_SERVER)


def _ask(grafana: GrafanaClient, source: str, path: str, now: int) -> QueryResponse:
    target: Mapping[str, object] = {
        "refId": "A",
        "datasource": {"type": shipped.INFINITY, "uid": source},
        "type": "json",
        "source": "url",
        "parser": "backend",
        "format": "table",
        "url": path,
        "url_options": {"method": "GET", "data": ""},
        "root_selector": "",
        "columns": [],
        "filters": [],
    }
    return grafana.query([target], now - RANGE_SECONDS, now)["A"]


def _text(answer: QueryResponse, name: str) -> str:
    """The first value of a column; "" = there is none."""
    column = next((frame.field(name) for frame in answer.frames if frame.field(name)), None)
    return str(column.values[0]) if column and column.values and column.values[0] else ""


def _prometheus_version(data: str) -> str:
    """Of `data` of an answer of Prometheus' HTTP API; "" = it is something else."""
    try:
        return str(json.loads(data)["version"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
