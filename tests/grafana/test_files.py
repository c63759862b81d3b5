"""The files for Grafana around the dashboards, and the queries of these against our HTTP API: do
its routes and parameters exist, and do the variables find every series, whatever its labels hold?
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.board import Board
from plugin.commands.grafana.variables import fill, through_regex
from plugin.config import WebSettings
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import Labels
from plugin.store import Store
from plugin.web.application import create_app
from plugin.web.context import WebContext

ROOT = Path(__file__).parent.parent.parent
GRAFANA = ROOT / "grafana"
INFINITY = "yesoreyeram-infinity-datasource"
ODD = ('a "b" & c', r"a\.b|(c", "größe {x}", "/api/v1/*", "100%", "$series")
SERIES = [
    Labels.of({"__name__": "up", "job": job, "the zone": "eu"}) for job in ("api", "apis", *ODD)
]
NOW = 1_795_219_200
TOKEN = {"Authorization": "Bearer a-token-for-reading"}


def provisioned(kind: str) -> dict[str, Any]:
    return dict(yaml.safe_load((GRAFANA / "provisioning" / kind / "bandwatch.yml").read_text()))


def queries(node: Any) -> Iterator[dict[str, Any]]:
    """Every Infinity query, of panels, variables and annotations."""
    if isinstance(node, dict):
        if "url_options" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from queries(inner)


def chained() -> dict[str, dict[str, Any]]:
    """The variables of the dashboard of one series, by name."""
    board = json.loads((GRAFANA / "dashboards" / "series.json").read_text())
    return {variable["name"]: variable for variable in board["templating"]["list"]}


ALL = [
    (path.name, query)
    for path in sorted((GRAFANA / "dashboards").glob("*.json"))
    for query in queries(json.loads(path.read_text()))
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """The application over a store that knows the series."""
    store = Store.open(tmp_path_factory.mktemp("store"))
    registry = CollectorRegistry()
    store.series.register("uptime", SERIES, NOW)
    settings = WebSettings(read_token=SecretStr(TOKEN["Authorization"].removeprefix("Bearer ")))
    context = WebContext(
        store=store,
        board=Board(),
        settings=settings,
        registry=registry,
        config_text=str,
        reload=lambda: None,
        readiness=lambda: None,
        metrics=Metrics(registry),
    )
    yield create_app(context).test_client()
    store.close()


def offered(client: FlaskClient, variable: dict[str, Any], **values: str) -> list[str]:
    """What a variable offers, given the values of those before it."""
    query: Any = fill(variable["query"]["infinityQuery"], values)
    params = {entry["key"]: entry["value"] for entry in query["url_options"]["params"]}
    answer = client.get(query["url"], query_string=params, headers=TOKEN)
    assert answer.status_code == 200, answer.text
    return through_regex(answer.json, variable["regex"])


def test_the_data_source_is_what_the_dashboards_name(client: FlaskClient) -> None:
    [source] = provisioned("datasources")["datasources"]
    assert (source["uid"], source["type"], source["access"]) == ("bandwatch", INFINITY, "proxy")
    settings = source["jsonData"]
    assert settings["auth_method"] == "bearerToken" and settings["allowedHosts"] == [source["url"]]
    assert settings["timeoutInSeconds"] < 30  # Grafana's evaluation_timeout
    health = settings["customHealthCheckUrl"]
    assert client.get(health).status_code == 401  # so that a wrong token is a failed health check
    answer = client.get(health, headers=TOKEN)
    assert answer.status_code == 200 and answer.data


def test_the_compose_file_gives_what_the_data_source_takes_from_the_environment() -> None:
    text = (GRAFANA / "provisioning" / "datasources" / "bandwatch.yml").read_text()
    wanted = set(re.findall(r"\$\{(\w+)\}", text))
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    assert wanted and wanted <= set(grafana["environment"])
    [provider] = provisioned("dashboards")["providers"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]


@pytest.mark.parametrize(("file", "query"), ALL)
def test_a_query_is_documented(client: FlaskClient, file: str, query: dict[str, Any]) -> None:
    answer = client.get("/api/v1/openapi.json", headers=TOKEN)
    [operation] = [
        operations["get"]
        for path, operations in answer.json["paths"].items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), query["url"])
    ]
    sent = {entry["key"] for entry in query["url_options"]["params"]}
    assert sent <= {parameter["name"] for parameter in operation["parameters"]}


def test_labels_are_offered_that_tell_series_apart_and_not_the_watch(client: FlaskClient) -> None:
    variables = chained()
    assert offered(client, variables["watch"]) == ["uptime"]
    assert offered(client, variables["label"], watch="uptime") == ["__name__", "job", "the zone"]
    assert offered(client, variables["value"], watch="uptime", label="the zone") == ["eu"]


def test_a_value_narrows_the_series_to_those_that_have_it(client: FlaskClient) -> None:
    """Quotes, backslashes and what a regular expression would take for itself stand for
    themselves."""
    for series in SERIES:
        chosen = {"watch": "uptime", "label": "job", "value": dict(series.pairs)["job"]}
        assert offered(client, chained()["series"], **chosen) == [str(series)]


def test_all_values_are_all_series_even_those_without_the_label(client: FlaskClient) -> None:
    variable = chained()["series"]
    everything = chained()["value"]["allValue"]  # Grafana puts it in as it is, without a format
    for query in (
        entry
        for entry in variable["query"]["infinityQuery"]["url_options"]["params"]
        if entry["key"] == "match"
    ):
        query["value"] = query["value"].replace("${value:regex}", everything)
    for label in ("job", "the zone", "nobody has it"):
        assert offered(client, variable, watch="uptime", label=label) == sorted(map(str, SERIES))
