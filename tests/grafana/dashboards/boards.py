"""Every dashboard by the name of its file, and its text."""

import json
from typing import Any

from tests.grafana.dashboards import (
    fleet,
    fleet_prometheus,
    incidents,
    itself,
    series,
    series_prometheus,
)

WIDTH = 116


def made() -> dict[str, dict[str, Any]]:
    """file name -> dashboard, as Grafana's classic JSON."""
    return {
        "fleet.json": fleet.board(),
        "series.json": series.board(),
        "incidents.json": incidents.board(),
        "self.json": itself.board(),
        "fleet-prometheus.json": fleet_prometheus.board(),
        "series-prometheus.json": series_prometheus.board(),
    }


def text(board: dict[str, Any]) -> str:
    """What the file holds: a line for what fits into one."""
    return _text(board, "") + "\n"


def _text(node: Any, indent: str) -> str:
    line = json.dumps(node, ensure_ascii=False)
    if not node or len(indent) + len(line) <= WIDTH or not isinstance(node, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(node, dict):
        parts = [f"{json.dumps(key)}: {_text(value, deeper)}" for key, value in node.items()]
    else:
        parts = [_text(value, deeper) for value in node]
    opening, closing = "{}" if isinstance(node, dict) else "[]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{closing}"
