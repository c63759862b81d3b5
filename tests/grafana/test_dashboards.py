"""The dashboards as files: what the script makes, what Grafana's SDK reads, and what a panel must
not lack."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from plugin.commands.grafana.variables import through_regex
from tests.grafana.dashboards.boards import importable, made, text

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"
FILES = {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
UIDS = {board["uid"]: board for board in FILES.values()}
BANDWATCH = {"type": "yesoreyeram-infinity-datasource", "uid": "bandwatch"}
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
MACROS = {
    "__timeFrom",
    "__timeTo",
    "__from",
    "__to",
    "__url_time_range",
    "__data",
    "__field",
    "__value",
    "__rate_interval",
    "__range",
}

DRAWN = [
    "lower",
    "upper",
    "provisional",
    "value",
    "anomaly",
    "expected",
]  # in a band panel, from the bottom to the top
every_board = pytest.mark.parametrize("board", FILES.values(), ids=FILES)


def inner(node: Any, key: str) -> Iterator[Any]:
    """Every dictionary that has a key, wherever it is."""
    if isinstance(node, dict):
        if key in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from inner(each, key)


def used(node: Any) -> set[str]:
    return set(
        re.findall(r"\$\{?(__[a-zA-Z_]+|[a-z]+)", re.sub(r"%24|\$__all", "", json.dumps(node)))
    )


def test_the_files_are_what_the_script_makes() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == {
        name: text(board) for name, board in made().items()
    }


def test_the_uids_are_those_that_links_and_alerts_know() -> None:
    assert {name: board["uid"] for name, board in FILES.items()} == {
        "fleet.json": "bandwatch-fleet",
        "series.json": "bandwatch-series",
        "incidents.json": "bandwatch-incidents",
        "self.json": "bandwatch-self",
        "fleet-prometheus.json": "bandwatch-fleet-prometheus",
        "series-prometheus.json": "bandwatch-series-prometheus",
    }
    assert len({board["title"] for board in FILES.values()}) == len(FILES)


@every_board
def test_the_sdk_of_grafana_reads_a_dashboard_and_loses_nothing(board: dict[str, Any]) -> None:
    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))

    def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
        if isinstance(before, dict) and isinstance(after, dict):
            for key, value in before.items():
                yield from lost(value, after.get(key), f"{path}.{key}")
        elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
            for index, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from lost(one, other, f"{path}[{index}]")
        elif before != after:
            yield f"{path}: {before!r} -> {after!r}"

    assert list(lost(board, again)) == []


@every_board
def test_a_dashboard_is_one_that_grafana_11_6_reads_and_nobody_edits(board: dict[str, Any]) -> None:
    assert (board["schemaVersion"], board["editable"]) == (41, False) and "id" not in board
    assert board["description"] and board["tags"] == ["bandwatch"] and len(board["panels"]) <= 15


@every_board
def test_panels_say_what_they_show_and_fill_the_width_without_overlap(
    board: dict[str, Any],
) -> None:
    cells: dict[tuple[int, int], str] = {}
    for panel in board["panels"]:
        assert len(panel["title"]) <= 30 and panel["description"].endswith("."), panel["title"]
        x, y, width, height = (panel["gridPos"][name] for name in "xywh")
        for cell in ((x + right, y + down) for right in range(width) for down in range(height)):
            assert cells.setdefault(cell, panel["title"]) == panel["title"]
    assert len(cells) == 24 * (1 + max(y for _, y in cells)) and max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@every_board
def test_queries_name_their_source_and_are_told_apart(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(set(references)) == len(references)
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"] in (BANDWATCH, PROMETHEUS), panel[
                "title"
            ]
    if PROMETHEUS in [panel["datasource"] for panel in board["panels"]]:
        assert all(panel["datasource"] == PROMETHEUS for panel in board["panels"])
        assert board["templating"]["list"][0]["type"] == "datasource"


@every_board
def test_queries_of_bandwatch_run_in_the_backend_with_typed_columns(board: dict[str, Any]) -> None:
    """Without the parser a query runs in the browser; without a type a column of nulls becomes
    text."""
    for query in inner(board, "url_options"):
        assert (query["type"], query["source"], query["parser"]) == ("json", "url", "backend")
        assert (
            query["url"].startswith("/api/v1/")
            and "?" not in query["url"]
            and query["root_selector"] == ""
        )
        assert query["format"] in ("table", "timeseries", "dataframe")
        assert all(
            column["text"] == column["selector"]
            and column["type"] in ("string", "number", "timestamp_epoch")
            for column in query["columns"]
        )
        assert query["columns"] or query["refId"] == "variable"


@every_board
def test_variables_exist_and_stand_before_those_that_need_them(board: dict[str, Any]) -> None:
    known: set[str] = set(MACROS)
    for variable in board["templating"]["list"]:
        assert used(variable) <= known and variable["description"], variable["name"]
        known.add(variable["name"])
    for part in ("panels", "annotations", "links"):
        assert used(board[part]) <= known


@every_board
def test_links_lead_to_dashboards_and_set_variables_that_these_have(board: dict[str, Any]) -> None:
    urls = [
        link["url"] for link in inner(board, "url") if link["url"].startswith(("/d/", "/explore"))
    ]
    assert len(urls) >= 2
    for url in (url for url in urls if url.startswith("/d/")):
        address = urlsplit(url.replace("${datasource:queryparam}", "var-datasource=x"))
        target = UIDS[address.path.removeprefix("/d/")]
        names = {variable["name"] for variable in target["templating"]["list"]}
        assert {
            name[4:] for name, _ in parse_qsl(address.query) if name.startswith("var-")
        } <= names
        assert all(
            ":percentencode}" in value or value == "$__all" or value == "x"
            for name, value in parse_qsl(address.query)
            if name.startswith("var-")
        )


@pytest.mark.parametrize("name", ["series.json", "series-prometheus.json"])
def test_explore_gets_a_query_once_its_variables_are_put_in(name: str) -> None:
    [link] = [link for link in FILES[name]["links"] if link["title"] == "Explore"]
    values = {"${series:doublequote}": r'"up{job=\"a\"}"', "${watch:doublequote}": '"web"'}
    filled = re.sub(r"\$\{\w+:doublequote\}", lambda found: values[found[0]], link["url"])
    panes = json.loads(unquote(dict(parse_qsl(urlsplit(filled).query))["panes"]))
    [pane] = panes.values()
    assert pane["range"] == {"from": "${__from}", "to": "${__to}"} and len(pane["queries"]) == 1
    sent = {
        param["key"]: param["value"]
        for query in inner(pane, "url_options")
        for param in query["url_options"]["params"]
    }
    assert not sent or (sent["watch"], sent["series"]) == ("web", 'up{job="a"}')


def test_only_series_whose_labels_make_a_selector_are_offered_where_prometheus_is_read() -> None:
    """Grafana puts label values between quotes as they are."""

    def text(value: str) -> str:
        return f'bandwatch_value{{job="api",path="{value}",watch="web"}} 1.5 1795219200000'

    [variable] = [
        one
        for one in FILES["series-prometheus.json"]["templating"]["list"]
        if one["name"] == "series"
    ]
    for good in ("/a", "", "{x}", "a, b", "it's `a`", "größe 100%"):
        assert through_regex([text(good)], variable["regex"]) == [
            f'job="api",path="{good}",watch="web"'
        ]
    assert (
        through_regex(
            [text(bad) for bad in ('a "b"', "a\\b", '{a="b"}', "a\nb", '"')], variable["regex"]
        )
        == []
    )


@pytest.mark.parametrize("name", ["fleet.json", "incidents.json", "series.json"])
def test_an_answer_is_a_word_that_opens_its_page_in_a_tab_of_its_own(name: str) -> None:
    """The address is encoded already: any format but `raw` would do so again.

    No address, no word and no dash.
    """
    rules = [
        rule
        for panel in FILES[name]["panels"]
        for rule in panel["fieldConfig"]["overrides"]
        if rule["matcher"]["options"] == "feedback_url"
    ]
    assert len(rules) == 1 + (name != "incidents.json")
    for rule in rules:
        found = {one["id"]: one["value"] for one in rule["properties"]}
        [link] = found["links"]
        [word] = found["mappings"]
        assert (link["url"], link["targetBlank"], found["noValue"]) == (
            "${__value.raw:raw}",
            True,
            "",
        )
        assert word["options"] == {
            "pattern": "/^http.*$/",
            "result": {"text": "answer", "index": 0},
        }


@every_board
def test_one_band_a_panel_and_its_names_are_bare(board: dict[str, Any]) -> None:
    """Grafana finds the field to fill down to by its name, which a label or a prefix would
    change."""
    bands = [
        (panel, rule)
        for panel in board["panels"]
        for rule in inner(panel["fieldConfig"], "matcher")
        for prop in rule["properties"]
        if prop["id"] == "custom.fillBelowTo"
    ]
    assert len(bands) == ("series" in board["uid"])
    for panel, rule in bands:
        assert rule["matcher"] == {"id": "byName", "options": "upper"}
        assert {"id": "custom.fillBelowTo", "value": "lower"} in rule["properties"]
        *drawn, unit = panel["targets"]
        if panel["datasource"] == PROMETHEUS:
            assert [target["legendFormat"] for target in drawn] == DRAWN
            order = []
        else:
            [bands] = drawn
            assert {column["text"]: column["type"] for column in bands["columns"]} == {
                "time": "timestamp_epoch",
                **dict.fromkeys(DRAWN, "number"),
            }  # a frame of Infinity is sorted by name
            order = [{name: place for place, name in enumerate(["time", *DRAWN])}]
        taken, *organized = [step["options"] for step in panel["transformations"]]
        assert [step["indexByName"] for step in organized] == order
        assert (taken["configRefId"], unit["format"]) == (unit["refId"], "table")
        assert taken["applyTo"]["id"] == "byType"  # a match by name would fix prefixed names


@every_board
def test_a_missing_number_in_a_table_or_a_graph_is_not_taken_for_an_empty_panel(
    board: dict[str, Any],
) -> None:
    """`noValue` stands for every null, in cells and tooltips as well."""
    for panel in board["panels"]:
        empty = panel["fieldConfig"]["defaults"].get("noValue")
        assert empty or panel["type"] == "timeseries", panel["title"]
        if empty and panel["type"] in ("table", "timeseries"):
            assert panel["fieldConfig"]["overrides"][0] == {
                "matcher": {"id": "byRegexp", "options": "/.*/"},
                "properties": [{"id": "noValue", "value": "–"}],
            }


def test_what_is_imported_by_hand_asks_for_its_data_source() -> None:
    folder = FOLDER.parent / "import"
    assert {path.name: path.read_text() for path in folder.glob("*.json")} == {
        name: text(board) for name, board in importable().items()
    }
    assert set(importable()) == {"fleet.json", "series.json", "incidents.json"}
    for name, board in importable().items():
        [asked] = board["__inputs"]
        assert asked["name"] == "DS_BANDWATCH" and asked["pluginId"] == BANDWATCH["type"]
        sources = {source["uid"] for source in inner(board, "uid") if source.get("type")}
        assert sources - {"-- Grafana --"} == {"${DS_BANDWATCH}"}
        assert "%22bandwatch%22" not in json.dumps(board)
        chosen = json.dumps(board).replace("${DS_BANDWATCH}", "bandwatch")
        shipped = FILES[name] | {"editable": True}
        assert {key: json.loads(chosen)[key] for key in shipped} == shipped


def test_an_unusual_series_leads_to_its_query_and_to_a_silence() -> None:
    [panel] = [one for one in UIDS["bandwatch-fleet"]["panels"] if one["id"] == 7]
    rules = {
        one["matcher"]["options"]: one["properties"] for one in panel["fieldConfig"]["overrides"]
    }
    links = {
        name: [
            link["url"] for prop in rules[name] if prop["id"] == "links" for link in prop["value"]
        ]
        for name in ("short_name", "prometheus_url")
    }
    assert links["prometheus_url"] == ["${__value.raw:raw}"]
    series, silence = links["short_name"]
    assert series.startswith("/d/bandwatch-series?")
    assert silence == (
        "/alerting/silence/new?alertmanager=grafana"
        "&matcher=watch%3D${__data.fields.watch:percentencode}"
        "&matcher=series%3D${__data.fields.series:percentencode}"
    )
    asked = {column["text"] for column in panel["targets"][0]["columns"]}
    assert {"series", "watch"} <= asked
