"""Every query of every shipped dashboard and alert rule, run over real data and judged as in a real
Grafana."""

import re
import time
from typing import Any

import pytest

from plugin.commands.grafana.dashboards import Dashboard, Sources
from plugin.commands.grafana.findings import Finding, Level
from plugin.commands.grafana.frames import QueryResponse, read_response
from plugin.commands.grafana.rules import check_rule
from plugin.commands.grafana.shipped import INFINITY, PROMETHEUS
from plugin.commands.grafana.variables import fill
from tests.grafana.files import dashboards, rules
from tests.grafana.living import OURS, Living

SOURCES = Sources((("bandwatch", INFINITY), ("prometheus-1", PROMETHEUS)))
OWN = re.compile(r"\b(?:bandwatch|process|python)_\w+")


class Grafana:
    """Grafana's query API over the model of Infinity and a real Prometheus."""

    def __init__(self, service: Living) -> None:
        self._service = service
        self.asked: list[dict[str, Any]] = []

    def query(self, targets: Any, begin: int, end: int) -> dict[str, QueryResponse]:
        self.asked += targets
        return {
            target["refId"]: read_response(self._service.ask(target, begin, end))
            for target in targets
        }

    def label_values(self, source: str, label: str, match: str, begin: int, end: int) -> list[str]:
        self.asked.append({"expr": match})
        return self._service.scraping.label_values(label, match, time.time() - 30, time.time())


def wrong(checks: list[tuple[str, Finding]]) -> list[str]:
    return [
        f"{name}: {finding.level.value}: {finding.text}"
        for name, finding in checks
        if finding.level is not Level.OK
    ]


@pytest.mark.parametrize("sort", [1, 2], ids=["first", "last"])
@pytest.mark.parametrize("uid", dashboards())
def test_every_query_of_a_dashboard_gets_what_it_needs(
    service: Living, uid: str, sort: int
) -> None:
    """With the first series by name, which has vanished, and with the last, which had an
    incident."""
    content = dashboards()[uid]
    for variable in content["templating"]["list"]:
        variable["sort"] = sort
    board = Dashboard(content, Grafana(service), SOURCES, service.now)
    checks = list(board.check())
    if uid == "bandwatch-series":
        assert (
            board.values["series"] == f'latency_ms{{service="{"gone" if sort == 1 else "shop"}"}}'
        )
        empty = [name for name, finding in checks if finding.text == "no rows now"]
        assert (
            ("annotation Incidents" in empty)
            == ("panel Incidents of this series" in empty)
            == (sort == 1)
        )
    assert checks and wrong(checks) == [] and board.unresolved == set()


@pytest.mark.parametrize("uid", ["bandwatch-fleet", "bandwatch-incidents", "bandwatch-series"])
def test_an_incident_leads_to_its_answer_and_to_its_series(service: Living, uid: str) -> None:
    """What the links of a row name is in the frame: the address of the page, the incident, and the
    worst series."""
    content = dashboards()[uid]
    for variable in content["templating"]["list"]:
        variable["sort"] = 2
    board = Dashboard(content, Grafana(service), SOURCES, service.now)
    list(board.check())
    asked = [
        target
        for panel in content["panels"]
        for target in panel["targets"]
        if target["url"] == "/api/v1/incidents" and {"feedback_url", "incident"} <= _columns(target)
    ]
    assert asked
    for target in asked:
        filled = fill(target, board.values)
        [frame] = read_response(service.ask(filled, service.now - 6 * 3600, service.now)).frames
        fields = {field.name: field.values for field in frame.fields}
        assert (
            fields["feedback_url"][0].startswith(f"{OURS}/feedback?incident=") and frame.rows == 1
        )
        members = {
            **filled,
            "columns": [],
            "url_options": {
                **filled["url_options"],
                "params": [
                    {"key": "incident", "value": fields["incident"][0]},
                    {"key": "members", "value": "true"},
                ],
            },
        }
        [frame] = read_response(service.ask(members, service.now - 6 * 3600, service.now)).frames
        assert [field.values for field in frame.fields if field.name == "series"] == [
            ('latency_ms{service="shop"}',)
        ]


def _columns(target: dict[str, Any]) -> set[str]:
    return {column["text"] for column in target["columns"]}


@pytest.mark.parametrize("uid", rules())
def test_every_query_of_a_rule_gets_what_it_needs(service: Living, uid: str) -> None:
    checks = list(check_rule(rules()[uid], Grafana(service), SOURCES, service.now))
    assert checks and wrong(checks) == []


@pytest.mark.parametrize("uid", dashboards())
def test_only_metrics_that_are_exported_are_asked_for(service: Living, uid: str) -> None:
    grafana = Grafana(service)
    list(Dashboard(dashboards()[uid], grafana, SOURCES, service.now).check())
    asked = {
        name
        for target in grafana.asked
        for name in OWN.findall(re.sub(r'"[^"]*"', "", target.get("expr", "")))
    }
    families = re.findall(
        r"^# TYPE (\w+) (\w+)$", service.client.get("/metrics").text, re.MULTILINE
    )
    suffixes = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
    exported = {name + suffix for name, kind in families for suffix in suffixes.get(kind, ("",))}
    assert asked - exported == set()
