"""The alert rules that are provisioned into Grafana: what they ask, what they say, and what fires
in the model."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import yaml

from plugin.board import Board, WatchHealth
from plugin.commands.grafana.shipped import FOLDER, RULES
from plugin.series import Labels
from plugin.store import Store
from plugin.web.alert import FIELDS
from tests.grafana.alerting import KEEP_LAST, OK, Answer, Evaluator, Instance, Rule
from tests.plugin.web.conftest import API, CLASH, END, OTHER, Service, fill

ROOT = Path(__file__).parents[2]
[GROUP] = yaml.safe_load((ROOT / "grafana/provisioning/alerting/bandwatch.yml").read_text())[
    "groups"
]
SHIPPED: dict[str, dict[str, Any]] = {rule["uid"]: rule for rule in GROUP["rules"]}
BOOKS = "https://github.com/bandwatch/bandwatch/blob/main/"
FUNCTIONS = {
    "externalURL",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "reReplaceAll",  # Grafana's, as in its template reference
    "args",
    "match",  # Prometheus', by whose expander Grafana fills in
    "and",
    "ge",
    "gt",
    "le",
    "lt",
    "not",
    "or",
    "printf",
    "urlquery",  # Go's
    "define",
    "eq",
    "=",
    "|",
    "else",
    "end",
    "false",
    "if",
    "range",
    "template",
    "with",
}
MINUTE = 60
every_rule = pytest.mark.parametrize("rule", SHIPPED.values(), ids=SHIPPED.keys())


def asked(rule: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The parameters of each query, by refId."""
    return {
        each["refId"]: {
            entry["key"]: entry["value"] for entry in each["model"]["url_options"]["params"]
        }
        for each in rule["data"]
        if each["datasourceUid"] == "bandwatch"
    }


def dashboards() -> dict[str, Any]:
    boards = [json.loads(path.read_text()) for path in (ROOT / "grafana/dashboards").glob("*.json")]
    return {board["uid"]: board for board in boards}


def test_the_group_is_complete_and_has_a_folder() -> None:
    assert tuple(SHIPPED) == RULES and (GROUP["folder"], GROUP["interval"]) == (FOLDER, "1m")
    assert len({rule["title"] for rule in SHIPPED.values()}) == len(RULES)


@every_rule
def test_every_query_of_a_rule_gets_the_same_rows_and_one_number_each(rule: dict[str, Any]) -> None:
    queries = [each for each in rule["data"] if each["datasourceUid"] == "bandwatch"]
    parameters = asked(rule)
    [by] = {each["by"] for each in parameters.values()}
    fields = [each["field"] for each in parameters.values()]
    assert set(fields) <= set(FIELDS[by]) and len(set(fields)) == len(fields)
    for query in queries:
        model = query["model"]
        assert (
            set(parameters[query["refId"]]) == {"by", "field", "to"}
            and model["refId"] == query["refId"]
        )
        assert parameters[query["refId"]]["to"] == "${__timeTo}"
        assert query["relativeTimeRange"] == {"from": 600, "to": 0}
        assert (model["type"], model["source"], model["parser"], model["format"]) == (
            "json",
            "url",
            "backend",
            "table",
        )
        assert (model["url"], model["root_selector"], model["columns"]) == ("/api/v1/alert", "", [])


@every_rule
def test_a_rule_is_a_threshold_on_its_first_query_and_nothing_else(rule: dict[str, Any]) -> None:
    [threshold] = [each for each in rule["data"] if each["datasourceUid"] == "__expr__"]
    assert threshold["refId"] == threshold["model"]["refId"] == rule["condition"]
    assert (threshold["model"]["type"], threshold["model"]["expression"]) == ("threshold", "A")
    [condition] = threshold["model"]["conditions"]
    assert (
        condition["evaluator"]["type"] == "gt"
        and condition.get("unloadEvaluator", {"type": "lt"})["type"] == "lt"
    )


@every_rule
def test_a_rule_swallows_no_column_and_an_outage_ends_no_alert(rule: dict[str, Any]) -> None:
    by_service = asked(rule)["A"]["by"] == "service"
    assert rule.get("labels", {}) == (
        {"severity": "ticket"} if by_service else {}
    )  # all other rows carry severity
    by_incident = asked(rule)["A"]["by"] == "incident"  # no row at all is its normal answer
    is_outage = asked(rule)["A"]["field"] == "heartbeat_age_seconds"
    assert rule["execErrState"] == ("Alerting" if is_outage else KEEP_LAST)
    assert rule["noDataState"] == (OK if by_incident else rule["execErrState"])
    assert "notification_settings" not in rule


@every_rule
def test_a_rule_links_to_pages_and_dashboards_that_exist(rule: dict[str, Any]) -> None:
    said = rule["annotations"]
    assert (
        said["runbook_url"].startswith(BOOKS)
        and (ROOT / said["runbook_url"].removeprefix(BOOKS)).is_file()
    )
    boards = dashboards()
    assert set(re.findall(r"/d/([a-z-]+)", said["dashboard_url"])) <= set(boards)
    if "dashboardUid" in rule:
        assert (said["__dashboardUid__"], said["__panelId__"]) == (
            rule["dashboardUid"],
            str(rule["panelId"]),
        )
        assert rule["panelId"] in [panel["id"] for panel in boards[rule["dashboardUid"]]["panels"]]
        variables = {
            variable["name"] for variable in boards[rule["dashboardUid"]]["templating"]["list"]
        }
        assert set(re.findall(r"var-(\w+)=", said["dashboard_url"])) <= variables


@every_rule
def test_what_a_rule_says_is_a_template_that_grafana_can_fill_in(rule: dict[str, Any]) -> None:
    for text in rule["annotations"].values():
        actions = re.findall(r"\{\{-? ?(.*?) ?-?\}\}", text)
        assert (
            len(actions) == text.count("{{") == text.count("}}") and "${" not in text
        )  # Grafana fills in ${NAME}
        first = [action.split()[0] for action in actions]
        assert sum(first.count(word) for word in ("if", "with", "define", "range")) == first.count(
            "end"
        )
        words = re.sub(r'"[^"]*"|[$.][\w.]*|-?\d[\de.]*|[(),]|:=', " ", " ".join(actions)).split()
        assert set(words) <= FUNCTIONS
        assert set(re.findall(r"\$values\.(\w+)", text)) <= set(asked(rule))
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= {"watch", "series", "incident"}
        opened = [
            action
            for action in actions
            if "$values." in action and not action.startswith(("if", "with"))
        ]
        assert (
            not opened or "if and $values.B $values.C $values.D" in actions
        )  # a number that is not there is an error


def service(numbers: Mapping[str, float]) -> Callable[[str], Answer]:
    """Answers every query of a rule with one row; no numbers = nobody answers."""
    heads = {
        "series": {"watch": "web", "series": "up", "severity": "page"},
        "watch": {"watch": "web"},
        "service": {},
        "incident": {"watch": "web", "incident": "web-60", "severity": "page"},
    }

    def fetch(url: str) -> Answer:
        query = dict(parse_qsl(urlsplit(url).query))
        row = {**heads[query["by"]], query["field"]: numbers.get(query["field"], 0.0)}
        none = query["by"] == "incident" and not numbers.get("score", 1.0)
        return (200, json.dumps([] if none else [row])) if numbers else None

    return fetch


def fired(uid: str, *minutes: Mapping[str, float]) -> str:
    """`#` for each minute in which the rule fires."""
    evaluator = Evaluator(Rule.read(SHIPPED[uid], GROUP["interval"]))
    marks = ""
    for minute, numbers in enumerate(minutes):
        evaluator.ask(service(numbers), minute * MINUTE)
        marks += "#" if evaluator.firing() else "."
    return marks


@pytest.mark.parametrize(
    ("uid", "minutes", "marks"),
    [
        ("anomaly", [{"score": each} for each in (0.9, 1.0, 1.1, 1.1, 1.2, 0.9)], "..###."),
        ("anomaly", [{"score": 2.0}, *[{}] * 5, {"score": 2.0}], "#######"),
        ("incident", [{"score": each} for each in (0, 1.5, 7.0, 1.5, 0, 0, 2.0)], ".###..#"),
        ("incident", [{"score": 2.0}, *[{}] * 5, {"score": 2.0}, {"score": 0.0}], "#######."),
        ("missing", [{"missing": each} for each in (0, 1, 1, 0)], ".##."),
        ("stale-model", [*[{"stale_models": 3.0}] * 62, {"stale_models": 0.0}], "." * 60 + "##."),
        ("unhealthy", [*[{"unhealthy": 1.0}] * 7, {"unhealthy": 0.0}], ".....##."),
        (
            "unreachable",
            [{"heartbeat_age_seconds": 5.0}, {}, {}, {}, {}, {"heartbeat_age_seconds": 5.0}],
            "...##.",
        ),
        (
            "unreachable",
            [{"heartbeat_age_seconds": each} for each in (119, 121, 181, 241, 5)],
            "...#.",
        ),
        (
            "reload-refused",
            [*[{"reload_refused": 1.0}] * 7, {}, {"reload_refused": 0.0}],
            ".....###.",
        ),
    ],
)
def test_what_fires_when(uid: str, minutes: list[Mapping[str, float]], marks: str) -> None:
    assert fired(f"bandwatch-{uid}", *minutes) == marks


def test_the_alerts_of_the_application_keep_every_label_and_know_their_numbers(
    tmp_path: Path,
) -> None:
    """A watch of three series, of which one alerts and one has vanished while it did."""
    store = Store.open(tmp_path)
    board = Board()
    fill(store, board, "web", [API, OTHER, CLASH], {"severity": "page"})
    service = Service(store, board)
    service.change(
        alert_score=np.array([4.0, 0.5, 1.5]),
        missing=np.array([False, False, True]),
        upper=np.array([9.0, 9.0, np.inf]),
        outlook=WatchHealth.FAILING,
    )
    client = service.app().test_client()

    def fetch(url: str) -> Answer:
        answer = client.get(url)
        return answer.status_code, answer.text

    fired: dict[str, list[Instance]] = {}
    for uid, rule in SHIPPED.items():
        evaluator = Evaluator(Rule.read(rule, GROUP["interval"]))
        for minute in range(6):
            instances = evaluator.ask(fetch, END + minute * MINUTE)
        fired[uid.removeprefix("bandwatch-")] = [each for each in instances if each.firing]
    store.close()
    above, vanished = fired["anomaly"]
    assert dict(above.labels) == {
        **API,
        "watch": "web",
        "severity": "page",
        "series": str(Labels.of(API)),
    }
    assert (
        above.values == {"A": 4, "B": 24, "C": -1, "D": 9, "E": END * 1000}
        and vanished.values["D"] == 1e300
    )
    assert [each.labels for each in fired["missing"]] == [vanished.labels]
    assert [dict(each.labels) for each in fired["unhealthy"]] == [
        {"watch": "web", "severity": "page"}
    ]
    assert fired["stale-model"] == fired["unreachable"] == fired["reload-refused"] == []
