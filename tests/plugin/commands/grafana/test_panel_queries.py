"""What a dashboard asks, and what each panel needs of the answer."""

from typing import Any

import pytest

from plugin.commands.grafana.answer_needs import Purpose
from plugin.commands.grafana.panel_queries import (
    annotation_queries,
    panel_queries,
    time_range,
    variable_query,
)
from plugin.commands.grafana.shipped import INFINITY, Version

OURS = {"type": INFINITY, "uid": "bandwatch"}
OTHER = {"type": "prometheus", "uid": "p"}
TIME = {"selector": "time", "text": "time", "type": "timestamp_epoch"}
VALUE = {"selector": "labels.value", "text": "value", "type": "number"}
FILLED = {"overrides": [{"properties": [{"id": "custom.fillBelowTo", "value": "lower"}]}]}


def panel(kind: str, **settings: Any) -> dict[str, Any]:
    target = {"refId": "A", "format": "timeseries", "columns": [TIME, VALUE]}
    return {"type": kind, "title": "P", "datasource": OURS, "targets": [target], **settings}


@pytest.mark.parametrize(
    ("given", "needs"),
    [
        (panel("timeseries", fieldConfig=FILLED), Purpose.BAND),
        (panel("timeseries", fieldConfig=FILLED, datasource=OTHER), Purpose.SERIES),
        (panel("timeseries"), Purpose.SERIES),
        (
            panel("timeseries", targets=[{"format": "table", "columns": [VALUE]}]),
            Purpose.TABLE,
        ),  # a unit, beside the series
        (
            panel("timeseries", datasource=OTHER, targets=[{"format": "table", "instant": True}]),
            Purpose.TABLE,
        ),
        (
            panel("timeseries", targets=[{"format": "table", "columns": [TIME, VALUE]}]),
            Purpose.SERIES,
        ),
        (panel("status-history"), Purpose.STATES),
        (panel("stat"), Purpose.SERIES),
        (panel("stat", targets=[{"format": "table", "columns": [VALUE]}]), Purpose.TABLE),
        (
            panel("stat", datasource=OTHER, targets=[{"format": "time_series", "instant": True}]),
            Purpose.TABLE,
        ),
    ],
)
def test_what_a_panel_needs(given: dict[str, Any], needs: Purpose) -> None:
    [query] = panel_queries({"panels": [given]})
    [wanted] = query.needs.values()
    assert wanted.purpose is needs and (wanted.columns is None) == (given["datasource"] == OTHER)
    assert (
        query.targets[0]["datasource"] == given["datasource"] and query.targets[0]["refId"] == "A"
    )


def test_folded_panels_are_asked_and_hidden_targets_and_built_in_sources_are_not() -> None:
    hidden = panel("timeseries", targets=[{"refId": "A", "hide": True}])
    text = panel("text", targets=[])
    own = panel("timeseries", datasource={"type": "datasource", "uid": "-- Dashboard --"})
    row = {"type": "row", "panels": [panel("table", title="inside")]}
    assert [query.name for query in panel_queries({"panels": [hidden, text, own, row]})] == [
        "panel inside"
    ]


def test_annotations_without_the_built_in_one() -> None:
    built_in = {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "target": {"x": 1},
    }
    mine = {"name": "Incidents", "datasource": OURS, "target": {"refId": "Anno"}}
    [query] = annotation_queries({"annotations": {"list": [built_in, mine]}})
    assert (
        query.name == "annotation Incidents" and query.needs["Anno"].purpose is Purpose.ANNOTATIONS
    )


def test_a_variable_of_infinity() -> None:
    query = variable_query(
        {"name": "watch", "datasource": OURS, "query": {"infinityQuery": {"url": "/x"}}}
    )
    assert query is not None and query.targets[0] == {
        "url": "/x",
        "refId": "variable",
        "datasource": OURS,
    }
    assert variable_query({"name": "watch", "query": "label_values(x)"}) is None


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("now-6h", "now", (1_000_000 - 21_600, 1_000_000)),
        ("now-7d", "now+1h", (395_200, 1_003_600)),
        ("now-1d/d", "now", (913_600, 1_000_000)),
        ("2026-01-01", None, (978_400, 1_000_000)),
    ],
)
def test_the_range_that_a_dashboard_opens_with(
    begin: str, end: str | None, expected: tuple[int, int]
) -> None:
    assert time_range({"time": {"from": begin, "to": end}}, 1_000_000) == expected


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("12.4.5", (12, 4, 5)),
        ("v3.11", (3, 11, 0)),
        ("12.1.0+security-01", (12, 1, 0)),
        ("13.3.0-pre", (13, 3, 0)),
        ("", None),
        ("main", None),
    ],
)
def test_versions(text: str, version: tuple[int, int, int] | None) -> None:
    assert Version.read(text) == version


def test_versions_are_ordered_and_written_short() -> None:
    assert Version(11, 6) <= Version(11, 6, 1) < Version(12, 0)
    assert [str(Version(11, 6)), str(Version(3, 11, 1))] == ["11.6", "3.11.1"]
