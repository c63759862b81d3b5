"""Variables of a dashboard, and the whole of one."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.grafana.dashboards.queries import BANDWATCH, PROMETHEUS, Ask

SORTED = 1  # by name, ascending
ON_TIME_RANGE = 2  # asked again when the range changes
EVERYTHING = {"text": "All", "value": "$__all"}


def asked(
    name: str,
    label: str,
    description: str,
    path: str,
    parameters: Mapping[str, str],
    *,
    columns: Sequence[str] = (),
    regex: str = "",
    multi: bool = False,
    every: str | None = None,
) -> dict[str, Any]:
    """A variable whose values Bandwatch tells. every: what "All" stands for; "" = all values, one
    by one."""
    query = Ask(path, parameters, columns, ref="variable").to_json()
    del query["datasource"]
    model = {"queryType": "infinity", "query": "", "refId": "variable", "infinityQuery": query}
    return _variable(name, label, description, BANDWATCH.to_json(), model, regex, multi, every)


def exported(
    name: str,
    label: str,
    description: str,
    query: str,
    *,
    regex: str = "",
    multi: bool = False,
    every: str | None = None,
) -> dict[str, Any]:
    """A variable whose values Prometheus tells."""
    return _variable(name, label, description, PROMETHEUS.to_json(), query, regex, multi, every)


def source() -> dict[str, Any]:
    """Which Prometheus: the one that scrapes Bandwatch."""
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Prometheus",
        "query": "prometheus",
        "hide": 0,
        "description": "The Prometheus that scrapes Bandwatch's /metrics.",
        "regex": "",
        "multi": False,
        "includeAll": False,
        "refresh": 1,
        "options": [],
        "current": {},
    }


def written(name: str, label: str, description: str) -> dict[str, Any]:
    """A text that one writes, or that a link brings along."""
    return {
        "type": "textbox",
        "name": name,
        "label": label,
        "description": description,
        "query": "",
        "hide": 0,
        "options": [],
        "current": {"text": "", "value": ""},
    }


def watches() -> list[dict[str, Any]]:
    """Severity and team of watches, and the watches of these; also those that have no series
    yet."""
    severity = "severity=~`${severity:regex}`"
    return [
        _of_watches("severity", "Severity", "The label `severity` of the watches.", "", ".*"),
        _of_watches(
            "team", "Team", "The label `team` of the watches, if they have one.", severity, ".*"
        ),
        _of_watches(
            "watch",
            "Watch",
            "The queries of Bandwatch's configuration, of this severity and team.",
            f"{severity},team=~`${{team:regex}}`",
            "",
        ),
    ]


def _of_watches(
    column: str, label: str, description: str, match: str, every: str
) -> dict[str, Any]:
    """The values of a column of the watches that match; an empty one is not offered."""
    return asked(
        column,
        label,
        description,
        "/api/v1/watches",
        {"match": f"{{{match}}}"} if match else {},
        columns=[column],
        regex="/.+/",
        multi=True,
        every=every,
    )


def incidents(query: Ask) -> dict[str, Any]:
    """Incidents as regions in every graph."""
    return {
        "name": "Incidents",
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "datasource": BANDWATCH.to_json(),
        "target": query.to_json(),
    }


def dashboard(
    uid: str,
    title: str,
    description: str,
    *,
    panels: Sequence[Mapping[str, Any]],
    variables: Sequence[Mapping[str, Any]],
    links: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]] = (),
    begin: str = "now-6h",
    end: str = "now",
) -> dict[str, Any]:
    """A dashboard as a file for provisioning: schema 41, which Grafana reads from 11.6 on."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["bandwatch"],
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "timezone": "browser",
        "fiscalYearStartMonth": 0,
        "time": {"from": begin, "to": end},
        "timepicker": {},
        "links": list(links),
        "annotations": {
            "list": [
                {
                    "builtIn": 1,
                    "name": "Annotations & Alerts",
                    "type": "dashboard",
                    "enable": True,
                    "hide": True,
                    "iconColor": "rgba(0, 211, 255, 1)",
                    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
                },
                *annotations,
            ]
        },
        "templating": {"list": list(variables)},
        "panels": list(panels),
    }


def _variable(
    name: str,
    label: str,
    description: str,
    datasource: Any,
    query: Any,
    regex: str,
    multi: bool,
    every: str | None,
) -> dict[str, Any]:
    made = {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": datasource,
        "query": query,
        "refresh": ON_TIME_RANGE,
        "sort": SORTED,
        "regex": regex,
        "multi": multi,
        "includeAll": every is not None,
        "hide": 0,
        "options": [],
        "current": {} if every is None else _all(multi),
    }
    return made | ({"allValue": every} if every else {})


def _all(multi: bool) -> dict[str, Any]:
    return {name: [value] if multi else value for name, value in EVERYTHING.items()}
