"""Every dashboard by the name of its file, and its text."""

import json
from typing import Any
from urllib.parse import quote

from tests.grafana.dashboards import (
    fleet,
    fleet_prometheus,
    incidents,
    itself,
    series,
    series_prometheus,
)
from tests.grafana.dashboards.queries import BANDWATCH

WIDTH = 116
INPUT = "DS_BANDWATCH"  # what an import puts in its place: the uid of the chosen data source
BANDWATCH_UID = json.dumps({"uid": BANDWATCH.uid})[1:]
BANDWATCH_UID_ENCODED = quote(json.dumps(BANDWATCH.uid))  # as in the links to Explore


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


def importable() -> dict[str, dict[str, Any]]:
    """The same for an import by hand, which asks for the data source: those that read Bandwatch.

    The others have a variable for theirs, and are imported as they are.
    """
    return {
        name: _with_inputs(board)
        for name, board in made().items()
        if BANDWATCH_UID in json.dumps(board)
    }


def _with_inputs(board: dict[str, Any]) -> dict[str, Any]:
    asked = json.dumps(board, ensure_ascii=False)
    for spelled in (BANDWATCH_UID, BANDWATCH_UID_ENCODED):
        asked = asked.replace(spelled, spelled.replace(BANDWATCH.uid or "", f"${{{INPUT}}}"))
    source = {
        "name": INPUT,
        "label": "Bandwatch",
        "description": "The Infinity data source whose URL is that of Bandwatch.",
        "type": "datasource",
        "pluginId": BANDWATCH.type_val,
        "pluginName": "Infinity",
    }
    requires = [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "11.6.0"},
        {"type": "datasource", "id": BANDWATCH.type_val, "name": "Infinity", "version": "3.11.1"},
    ]
    return {"__inputs": [source], "__requires": requires, **json.loads(asked), "editable": True}


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
