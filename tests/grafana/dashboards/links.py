"""Where a click leads: addresses within Grafana.

Names are percent-encoded, because they hold quotes and braces.
"""

import json
import re
from typing import Any
from urllib.parse import quote

ALL = "%24__all"  # `$__all`, Grafana's value of "All", kept from being read as a variable
HOURS = 3_600_000  # ms


def to_series(watch: str = "__data.fields.watch") -> dict[str, Any]:
    """From a row with the column `series` to that series, over the same time. watch: the variable
    that names it."""
    return _link("Draw this series", f"/d/bandwatch-series?${{__url_time_range}}&{_row(watch)}")


def to_moment(watch: str, series: str) -> dict[str, Any]:
    """From a row to the series that two of its columns name, over six hours around the row's
    `time`."""
    return _link(
        "Draw this series at that time",
        "/d/bandwatch-series?time=${__data.fields.time.numeric}"
        f"&time.window={6 * HOURS}&{_row(f'__data.fields.{watch}', series)}",
    )


def to_incident() -> dict[str, Any]:
    """From a row with the column `incident` to the series that were in it, six hours around the
    row's `time`."""
    return _link(
        "Which series were in it",
        "/d/bandwatch-incidents?time=${__data.fields.time.numeric}"
        f"&time.window={6 * HOURS}&var-incident=${{__data.fields.incident:percentencode}}",
    )


def to_answer() -> dict[str, Any]:
    """To the page on which the alarm is answered.

    It is encoded already, and leads out of Grafana: so another tab.
    """
    return {**_link("Say what this alarm was", "${__value.raw:raw}"), "targetBlank": True}


def to_query() -> dict[str, Any]:
    """To the query in Prometheus; its address is encoded already."""
    return {**_link("Query in Prometheus", "${__value.raw:raw}"), "targetBlank": True}


def to_silence() -> dict[str, Any]:
    """From a row with the columns `watch` and `series` to a new silence for the alert of that
    series."""
    matchers = (
        f"matcher={name}%3D${{__data.fields.{name}:percentencode}}" for name in ("watch", "series")
    )
    return _link(
        "Silence its alert", f"/alerting/silence/new?alertmanager=grafana&{'&'.join(matchers)}"
    )


def to_watch() -> dict[str, Any]:
    return _link(
        "Series of this watch",
        "/d/bandwatch-series?${__url_time_range}"
        f"&var-watch=${{__data.fields.watch:percentencode}}&var-value={ALL}",
    )


def to_exported() -> dict[str, Any]:
    """From a series of Prometheus to its band; its labels are the name that the dashboard knows it
    by."""
    return _link(
        "Draw this series",
        "/d/bandwatch-series-prometheus?${__url_time_range}&${datasource:queryparam}"
        "&var-watch=${__field.labels.watch:percentencode}&var-series=${__field.labels:percentencode}",
    )


def board(title: str, uid: str, icon: str = "dashboard") -> dict[str, Any]:
    """A link at the top of a dashboard; time and variables go along."""
    return {
        "type": "link",
        "title": title,
        "url": f"/d/{uid}",
        "icon": icon,
        "tooltip": "",
        "tags": [],
        "asDropdown": False,
        "targetBlank": False,
        "keepTime": True,
        "includeVars": True,
    }


def explore(source: str, query: dict[str, Any]) -> dict[str, Any]:
    """A link at the top that opens a query in Explore, at the same time."""
    pane = {
        "datasource": source,
        "queries": [query],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    return {
        **board("Explore", "", "compass"),
        "keepTime": False,
        "includeVars": False,
        "url": (
            "/explore?schemaVersion=1&panes="
            + _encoded(json.dumps({"bandwatch": pane}, separators=(",", ":")))
        ),
    }


def _link(title: str, url: str) -> dict[str, Any]:
    return {"title": title, "url": url, "targetBlank": False}


def _row(watch: str, series: str = "series") -> str:
    return (
        f"var-watch=${{{watch}:percentencode}}&var-value={ALL}"
        f"&var-series=${{__data.fields.{series}:percentencode}}"
    )


def _encoded(text: str) -> str:
    """Percent-encoded but for the variables.

    One in quotes of its own is put there with its quotes escaped.
    """
    text = re.sub(r'"\$\{(\w+):doublequote\}"', r"${\1:doublequote}", text)
    return "".join(
        part if part.startswith("${") else quote(part, safe="")
        for part in re.split(r"(\$\{[^}]+\})", text)
    )
