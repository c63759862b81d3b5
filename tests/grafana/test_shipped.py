"""What the check looks for is what is in grafana/; and odd names of series, which no query may
stumble over."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import yaml
from flask.testing import FlaskClient

from plugin.board import Board
from plugin.commands.grafana import shipped
from plugin.commands.grafana.dashboards import Dashboard, Sources
from plugin.commands.grafana.findings import Level
from plugin.commands.grafana.frames import QueryResponse, read_response
from plugin.commands.grafana.shipped import INFINITY
from plugin.config import Watch, WebSettings
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import Labels, SeriesState, Tick
from plugin.store import Store
from plugin.web.application import create_app
from plugin.web.context import WebContext
from tests.grafana import files, infinity
from tests.snapshots import snapshot

NOW = 1_795_219_200
ODD = ('a "b" & c', r"a\.b|(c", "größe {x}", "/api/v1/*", "100%", "$series", "a,b", "a`b", "")
OURS = [
    uid
    for uid, board in files.dashboards().items()
    if not any(variable["type"] == "datasource" for variable in board["templating"]["list"])
]


def test_the_check_looks_for_what_is_in_the_files() -> None:
    assert (
        set(files.dashboards()) == set(shipped.DASHBOARDS) and tuple(files.rules()) == shipped.RULES
    )
    [source] = files.sources()
    assert (source["uid"], source["type"]) == (shipped.SOURCE, INFINITY)
    text = (files.ROOT / "provisioning" / "dashboards" / "bandwatch.yml").read_text()
    assert yaml.safe_load(text)["providers"][0]["folder"] == shipped.FOLDER


@dataclass(frozen=True)
class Grafana:
    """Grafana's query API over the model of Infinity."""

    client: FlaskClient

    def query(self, targets: Any, begin: int, end: int) -> dict[str, QueryResponse]:
        return {
            target["refId"]: read_response(infinity.ask(target, self.client, begin, end))
            for target in targets
        }

    def label_values(self, source: str, label: str, match: str, begin: int, end: int) -> list[str]:
        raise AssertionError("there is no Prometheus here")


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[tuple[FlaskClient, Labels]]:
    """The application over one series that is called so, scored for an hour."""
    labels = Labels.of(
        {"__name__": "up", "job": request.param or "api", "the zone": request.param or "eu"}
    )
    store = Store.open(tmp_path)
    board = Board()
    registry = CollectorRegistry()
    records = store.series.register("uptime", [labels], NOW)
    times = np.arange(NOW - 3600, NOW + 1, 60)
    ones = np.ones((1, 61))
    store.write(
        [
            Tick(
                watch="uptime",
                ids=np.array([records[0].id]),
                times=times,
                value=ones,
                expected=ones,
                lower=ones - 0.5,
                upper=ones + 0.5,
                score=ones * 0,
                model_version=np.ones(1, int),
            )
        ],
        "query",
        (int(times[0]), NOW),
    )
    board.publish(snapshot("uptime", [replace(records[0], state=SeriesState.OK)], NOW))
    yield (
        create_app(
            WebContext(
                store=store,
                board=board,
                settings=WebSettings(),
                registry=registry,
                config_text=str,
                reload=lambda: None,
                readiness=lambda: None,
                metrics=Metrics(registry),
                watches=lambda: {"uptime": Watch(name="uptime", query="up")},
            )
        ).test_client(),
        labels,
    )
    store.close()


@pytest.mark.parametrize("uid", OURS)
@pytest.mark.parametrize("label", ["job", "zone"])
def test_an_odd_name_is_no_trouble(odd: tuple[FlaskClient, Labels], uid: str, label: str) -> None:
    client, labels = odd
    content = files.dashboards()[uid]
    for variable in content["templating"]["list"]:
        variable.update({"regex": f".*{label}"} if variable["name"] == "label" else {})
    board = Dashboard(content, Grafana(client), Sources((("bandwatch", INFINITY),)), NOW)
    failed = [
        f"{name}: {finding.text}"
        for name, finding in board.check()
        if finding.level is Level.FAILURE
    ]
    assert failed == [] and board.unresolved == set()
    if uid == "bandwatch-series":
        value = dict(labels.pairs)[board.values["label"]]
        assert board.values["series"] == str(labels)
        assert board.values["value"] == (
            ".*" if "`" in value else value
        )  # such a one cannot be narrowed by
