"""The files for Grafana, held to what its Infinity plugin does with them and to what our HTTP API answers.

Each query is sent to the real application, its variables filled in as by Grafana; its columns must be there.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.board import Board, Snapshot
from plugin.config import Web
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import Labels, SeriesState, Tick
from plugin.store import Store
from plugin.web import WebContext, create_app

ROOT = Path(__file__).parent.parent.parent
GRAFANA = ROOT / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
INFINITY = "yesoreyeram-infinity-datasource"
SERIES = (Labels.of({"__name__": "up", "job": "api"}), Labels.of({"__name__": "up", "job": 'a "b" & c'}))
NOW = 1_795_219_200
TOKEN = "a-token-for-reading"
MACROS = {"__timeFrom": str((NOW - 3600) * 1000), "__timeTo": str(NOW * 1000)}
KINDS = {"number": (int, float, type(None)), "string": (str,), "timestamp_epoch": (int,)}


def provisioned(kind: str) -> dict[str, Any]:
    return dict(yaml.safe_load((GRAFANA / "provisioning" / kind / "bandwatch.yml").read_text()))


def dashboard(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def queries(node: Any) -> Iterator[dict[str, Any]]:
    """Every Infinity query, of panels, variables and annotations."""
    if isinstance(node, dict):
        if "url_options" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from queries(inner)


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


ALL = [(path.name, query) for path in DASHBOARDS for query in queries(dashboard(path))]
every_dashboard = pytest.mark.parametrize("board", [*map(dashboard, DASHBOARDS)], ids=lambda board: board["uid"])
every_query = pytest.mark.parametrize(("file", "query"), ALL)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """The application over a store with two series of one watch, scored for an hour."""
    store, board, registry = Store.open(tmp_path_factory.mktemp("store")), Board(), CollectorRegistry()
    records = store.register("uptime", SERIES, NOW)
    times, ones = np.arange(NOW - 3600, NOW + 1, 60), np.ones((2, 61))
    ids = np.array([record.id for record in records])
    tick = Tick(watch="uptime", ids=ids, times=times, value=ones, expected=ones, lower=ones - 0.5,
                upper=ones + 0.5, score=ones * 0, model_version=np.ones(2, int))
    store.write([tick], "query", (int(times[0]), NOW))
    board.publish(Snapshot(
        watch="uptime", time=NOW, labels={}, step=60, detector=("baseline", "lstm"),
        series=tuple(replace(record, state=SeriesState.OK) for record in records), times=np.full(2, NOW),
        value=ones[:, 0], expected=ones[:, 0], lower=ones[:, 0], upper=ones[:, 0], score=ones[:, 0],
        alert_score=ones[:, 0], model_version=np.ones(2, int)))
    settings = Web(read_token=SecretStr(TOKEN))
    context = WebContext(store=store, board=board, settings=settings, registry=registry, config_text=str,
                         reload=lambda: None, readiness=lambda: None, metrics=Metrics(registry))
    yield create_app(context).test_client()
    store.close()


def ask(client: FlaskClient, query: dict[str, Any], series: str = str(SERIES[0])) -> Any:
    """The answer to a query whose variables have been filled in."""
    values = {**MACROS, "watch:raw": "uptime", "series:raw": series}
    params = {entry["key"]: re.sub(r"\$\{([^}]+)\}", lambda found: values[found[1]], entry["value"])
              for entry in query["url_options"]["params"]}
    answer = client.get(query["url"], query_string=params, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_the_data_source_is_what_the_dashboards_name(client: FlaskClient) -> None:
    [source] = provisioned("datasources")["datasources"]
    assert (source["uid"], source["type"], source["access"]) == ("bandwatch", INFINITY, "proxy")
    settings = source["jsonData"]
    assert settings["auth_method"] == "bearerToken" and settings["allowedHosts"] == [source["url"]]
    assert settings["timeoutInSeconds"] < 30  # Grafana's evaluation_timeout
    health = settings["customHealthCheckUrl"]
    assert client.get(health).status_code == 401  # so that a wrong token is a failed health check
    answer = client.get(health, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200 and answer.data


def test_the_compose_file_gives_what_the_data_source_takes_from_the_environment() -> None:
    text = (GRAFANA / "provisioning" / "datasources" / "bandwatch.yml").read_text()
    wanted = set(re.findall(r"\$\{(\w+)\}", text))
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    assert wanted and wanted <= set(grafana["environment"])
    [provider] = provisioned("dashboards")["providers"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]


def test_no_two_dashboards_share_a_uid_or_a_title() -> None:
    boards = [dashboard(path) for path in DASHBOARDS]
    assert boards
    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(boards)


@every_dashboard
def test_a_dashboard_loads_from_grafana_11_6_on(board: dict[str, Any]) -> None:
    assert board["schemaVersion"] == 41 and board["editable"] is False and "id" not in board
    assert board["description"] and re.fullmatch(r"bandwatch-[a-z-]+", board["uid"])


@every_dashboard
def test_panels_say_what_they_show_and_do_not_overlap(board: dict[str, Any]) -> None:
    cells: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in panels(board)]
    assert len(set(ids)) == len(ids)
    for panel in panels(board):
        assert panel["title"] and panel["description"].endswith("."), panel["id"]
        x, y, width, height = (panel["gridPos"][name] for name in "xywh")
        covered = {(x + right, y + down) for right in range(width) for down in range(height)}
        assert x + width <= 24 and not covered & cells, panel["title"]
        cells |= covered


@every_dashboard
def test_panels_and_queries_name_our_data_source(board: dict[str, Any]) -> None:
    ours = {"type": INFINITY, "uid": "bandwatch"}
    for panel in panels(board):
        assert panel["datasource"] == ours and all(query["datasource"] == ours for query in panel["targets"])
        references = [query["refId"] for query in panel["targets"]]
        assert len(set(references)) == len(references)
    for variable in board["templating"]["list"]:
        assert variable["datasource"] == ours and variable["query"]["queryType"] == "infinity"


@every_dashboard
def test_only_variables_that_exist_are_used_each_after_its_own(board: dict[str, Any]) -> None:
    known = {"__timeFrom", "__timeTo", "__url_time_range", "__value.text"}
    for part in [*board["templating"]["list"], board["panels"]]:
        used = {name.split(":")[0] for name in re.findall(r"\$\{([^}]+)\}", json.dumps(part))}
        assert used <= known
        known |= {part["name"]} if isinstance(part, dict) else set()
    assert "$series" not in json.dumps(board)  # `${series:raw}`: nothing is escaped, lists never arise


@every_query
def test_a_query_runs_in_the_backend(file: str, query: dict[str, Any]) -> None:
    """Anything but the backend parser runs in the browser: no alerting, no public dashboards."""
    assert (query["parser"], query["type"], query["source"]) == ("backend", "json", "url")
    assert query["url"].startswith("/") and "?" not in query["url"]  # a key in both places is sent twice
    assert query["url_options"]["method"] == "GET" and query["root_selector"] == ""


@every_query
def test_a_query_gets_its_columns(client: FlaskClient, file: str, query: dict[str, Any]) -> None:
    for series in map(str, SERIES):
        rows = ask(client, query, series)
        assert rows
        if not query["columns"]:
            assert all(isinstance(row, str) for row in rows)  # a variable's values
        for column in query["columns"]:
            assert all(isinstance(row[column["selector"]], KINDS[column["type"]]) for row in rows), column


@every_query
def test_a_query_is_documented(client: FlaskClient, file: str, query: dict[str, Any]) -> None:
    answer = client.get("/api/v1/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"})
    [operation] = [operations["get"] for path, operations in answer.json["paths"].items()
                   if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), query["url"])]
    sent = {entry["key"] for entry in query["url_options"]["params"]}
    assert sent <= {parameter["name"] for parameter in operation["parameters"]}


@every_dashboard
def test_a_band_is_one_query_of_numbers(board: dict[str, Any]) -> None:
    """Grafana finds the field to fill down to by its name, which a label or a second query would change."""
    found = 0
    for panel in panels(board):
        for override in panel["fieldConfig"]["overrides"]:
            for setting in (one for one in override["properties"] if one["id"] == "custom.fillBelowTo"):
                [query] = panel["targets"]
                columns = {column["text"]: column["type"] for column in query["columns"]}
                assert {override["matcher"]["options"], setting["value"]} <= set(columns)
                assert "string" not in columns.values() and columns["time"] == "timestamp_epoch"
                found += 1
    assert found == 1


def test_the_variables_offer_every_series_of_the_watch(client: FlaskClient) -> None:
    [path] = [path for path in DASHBOARDS if path.name == "series.json"]
    watch, series = (variable["query"]["infinityQuery"] for variable in dashboard(path)["templating"]["list"])
    assert ask(client, watch) == ["uptime"]
    assert ask(client, series) == sorted(map(str, SERIES))


def test_a_row_of_the_table_leads_to_its_series(client: FlaskClient) -> None:
    """The link puts the name of a series into the variable: it must be one that the variable offers."""
    board = dashboard(GRAFANA / "dashboards" / "series.json")
    [table] = [panel for panel in board["panels"] if panel["type"] == "table"]
    rows = ask(client, table["targets"][0])
    assert sorted(row["series"] for row in rows) == sorted(map(str, SERIES))
    [url] = re.findall(r'"url": "(/d/[^"]+)"', json.dumps(table))
    assert url.startswith(f"/d/{board['uid']}?") and "var-series=${__value.text:percentencode}" in url
