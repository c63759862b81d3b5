"""The older JSON protocol through Flask's client, over a real store."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.config.groups import groups
from plugin.domain.alarms import Alarm
from plugin.series import Labels, Tick
from plugin.web import simple_json_lines
from plugin.web.routes import ROUTES
from tests.plugin.web.conftest import API, CLASH, END, OTHER, START, STEP, Service

RANGE = {
    "from": "2026-11-21T00:00:00.000Z",
    "to": f"{END}000",
    "raw": {"from": "now-9m", "to": "now"},
}
FIRST, SECOND, THIRD = (str(Labels.of(each)) for each in (API, OTHER, CLASH))
LOAD = 'load{instance="a:9100"}'
TARGETS = [
    "value",
    "expected",
    "lower",
    "upper",
    "score",
    "scores",
    "watches",
    "incidents",
    "annotations",
]
KEYS = [
    "__name__",
    "code",
    "instance",
    "job",
    "label_alertname",
    "label_label_value",
    "label_severity",
    "label_value",
    "series",
    "severity",
    "watch",
]


def post(client: FlaskClient, path: str, body: Any, status: int = 200) -> Any:
    answer = client.post(f"/grafana/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def refusal(client: FlaskClient, path: str, body: Any, status: int = 400) -> tuple[str, str]:
    error = post(client, path, body, status)["error"]
    return error["field"], error["message"]


def panel(*targets: str | Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What a panel sends, with the fields that nobody reads."""
    listed = [
        {"target": each, "refId": "A", "type": "timeserie"} if isinstance(each, str) else each
        for each in targets
    ]
    return {
        "panelId": "Q-1",
        "interval": "30s",
        "intervalMs": 30_000,
        "scopedVars": {"x": {"value": 1}},
        "rangeRaw": {"from": "now-9m"},
        "range": RANGE,
        "maxDataPoints": 550.5,
        "targets": listed,
        **more,
    }


def lines(
    client: FlaskClient, *targets: str | Mapping[str, Any], **more: Any
) -> dict[str, list[list[float | None]]]:
    answer = post(client, "query", panel(*targets, **more))
    return {line["target"]: line["datapoints"] for line in answer}


def test_the_test_button(client: FlaskClient) -> None:
    assert client.get("/grafana/").status_code == client.get("/grafana").status_code == 200


def test_a_line_is_a_target_of_one_series(client: FlaskClient) -> None:
    assert post(client, "query", panel('value{watch="node"}', 'score{watch="node"}')) == [
        {
            "target": f"node {LOAD} value",
            "datapoints": [
                *([float(at), (START + STEP * at) * 1000] for at in range(9)),
                [24.0, END * 1000],
            ],
        },
        {
            "target": f"node {LOAD} score",
            "datapoints": [
                [0.8, START * 1000],
                [0.6, START * 1000 + 60_000],
                [0.4, START * 1000 + 120_000],
                [0.2, START * 1000 + 180_000],
                [0.0, START * 1000 + 240_000],
                [0.2, START * 1000 + 300_000],
                [0.4, START * 1000 + 360_000],
                [0.6, START * 1000 + 420_000],
                [0.8, START * 1000 + 480_000],
                [4.0, END * 1000],
            ],
        },
    ]
    bounds = lines(client, 'lower{watch="node"}', 'expected{watch="node"}', 'upper{watch="node"}')
    assert [points[0][0] for points in bounds.values()] == [-1.0, 4.0, 9.0]


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("score", [FIRST, SECOND, THIRD, LOAD]),
        ('score{watch=~"web|nod"}', [FIRST, SECOND, THIRD]),
        ('score{watch="nowhere"}', []),
        (
            'score{severity="page",instance!=""}',
            [FIRST, SECOND],
        ),  # a label of the watch, and one of the series
        ('score{severity="ticket"}', [LOAD]),
        ('score{label_severity="low"}', [THIRD]),  # the column of a label that had to make way
        ('score{series=~".*9100.*",code=""}', [SECOND, LOAD]),
        ({"target": "score", "payload": {"watch": "node"}}, [LOAD]),
        ({"target": "score", "payload": {"watch": "(node|web)"}}, [FIRST, SECOND, THIRD, LOAD]),
        ({"target": "score", "payload": {"watch": ["node", "young"], "series": None}}, [LOAD]),
        ({"target": "score", "payload": {"series": FIRST}}, [FIRST]),
        (
            {
                "target": "score",
                "payload": {"series": [r"requests\{instance=\"b:9100\",job=\"api\"\}", LOAD]},
            },
            [SECOND, LOAD],
        ),
        ({"target": "score", "payload": {"series": "vanished"}}, []),
        (
            {"target": "score", "payload": {"match": '{severity="low"}'}},
            [THIRD],
        ),  # the label's own name
        ({"target": "score", "payload": ""}, [FIRST, SECOND, THIRD, LOAD]),
        ({"target": "score", "payload": {"watch": "", "match": ""}}, [FIRST, SECOND, THIRD, LOAD]),
        ({"target": "score", "hide": True}, []),
        ({"target": "  "}, []),
        ({"refId": "A"}, []),
    ],
)
def test_what_a_target_selects(
    client: FlaskClient, target: str | Mapping[str, Any], found: list[str]
) -> None:
    assert [name.split(" ", 1)[1].removesuffix(" score") for name in lines(client, target)] == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([{"key": "instance", "operator": "=", "value": "a:9100"}], [FIRST, LOAD]),
        (
            [{"key": "instance", "operator": "!=", "value": "a:9100", "condition": ""}],
            [SECOND, THIRD],
        ),
        (
            [
                {"key": "code", "operator": "=~", "value": "5.."},
                {"key": "watch", "operator": "!~", "value": "n.*"},
            ],
            [FIRST],
        ),
        ([{"key": "series", "operator": "=", "value": FIRST}], [FIRST]),
        ([{"key": "label_value", "operator": "=", "value": "v"}], [THIRD]),
    ],
)
def test_ad_hoc_filters_are_conditions_on_columns(
    client: FlaskClient, filters: list[dict[str, str]], found: list[str]
) -> None:
    names = lines(
        client, {"target": "value", "payload": {"legend": "{{series}}"}}, adhocFilters=filters
    )
    assert list(names) == found
    tables = post(client, "query", panel("scores", adhocFilters=filters))[0]
    column = [each["text"] for each in tables["columns"]].index("series")
    assert sorted(row[column] for row in tables["rows"]) == sorted(found)


def test_the_documented_request(client: FlaskClient) -> None:
    text = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text(encoding="utf-8")
    sent, answered = re.findall(r"grafana/query -d '(.*)'\n(.*)\n", text)[0]
    form = "application/x-www-form-urlencoded"  # what curl says
    assert client.post("/grafana/query", data=sent, content_type=form).text == answered


def test_a_legend_names_the_line(client: FlaskClient) -> None:
    payload = {"series": FIRST, "legend": "{{ instance }}/{{nothing}} {{field}}"}
    assert list(lines(client, {"target": "upper", "payload": payload})) == ["a:9100/ upper"]


def test_a_gap_is_a_point_without_a_number_and_an_anomaly_is_never_thinned_away(
    service: Service, client: FlaskClient
) -> None:
    (record,) = service.store.series.register("node", [Labels.of({"job": "x"})], START)
    at = np.concatenate([np.arange(100), 200 + np.arange(100)])
    ones = np.ones((1, 200))
    none = np.full((1, 200), np.inf)
    service.store.write(
        [
            Tick(
                watch="node",
                ids=np.array([record.id]),
                times=START + STEP * at,
                value=ones,
                expected=ones,
                lower=-none,
                upper=ones,
                score=np.where(at == 123 + 100, 1.5, 0.5)[None],
                model_version=np.ones(1, int),
            )
        ],
        "query",
        (START, START + 299 * STEP),
    )
    span = {"from": START * 1000, "to": (START + 299 * STEP) * 1000}
    target = 'score{job="x"}'
    whole = lines(client, target, range=span)[f"node {record.labels} score"]
    assert len(whole) == 201 and whole[100] == [None, (START + 100 * STEP) * 1000]
    few = lines(client, target, range=span, maxDataPoints=3)[
        f"node {record.labels} score"
    ]  # 10 are the least
    assert (
        len(few) <= 12
        and [1.5, (START + 223 * STEP) * 1000] in few
        and None in [value for value, _ in few]
    )
    assert lines(client, 'lower{job="x"}', range=span, maxDataPoints=1e9)[
        f"node {record.labels} lower"
    ][0] == [None, START * 1000]


def test_a_range_is_both_ends_included(client: FlaskClient) -> None:
    span = {"from": "2026-11-21T00:01:00Z", "to": "2026-11-21T00:03:00.999Z"}
    assert len(lines(client, 'value{watch="node"}', range=span)[f"node {LOAD} value"]) == 3
    assert lines(client, "value", range={"from": START * 1000 - 2, "to": START * 1000 - 1}) == {}
    assert lines(client, "value", range=None) == {}  # the last hours are long after the samples


def test_a_table_of_scores_has_the_columns_of_the_newer_route(client: FlaskClient) -> None:
    (table,) = post(client, "query", panel({"target": "scores", "payload": {"watch": "node"}}))
    rows = client.get("/api/v1/scores?watch=node").get_json()
    assert table["type"] == "table" and [each["text"] for each in table["columns"]] == list(rows[0])
    kinds = {each["text"]: each["type"] for each in table["columns"]}
    known = {
        "time": "time",
        "series": "string",
        "value": "number",
        "instance": "string",
        "step": "number",
    }
    assert kinds | known == kinds
    # which go on
    (row,) = table["rows"]
    ages = {"age_seconds": 0, "model_age_seconds": 0}
    assert dict(zip(kinds, row, strict=True)) | ages == rows[0] | ages


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("watches", ["node", "web", "young"]),
        ('watches{watch!="web"}', ["node", "young"]),
        ('watches{instance="b:9100"}', ["web"]),  # the watches of these series
        ({"target": "watches", "payload": {"watch": "young"}}, ["young"]),
        ('watches{instance="nowhere"}', []),
    ],
)
def test_a_table_of_watches(
    client: FlaskClient, target: str | Mapping[str, Any], found: list[str]
) -> None:
    (table,) = post(client, "query", panel(target))
    names = [each["text"] for each in table["columns"]]
    assert [row[names.index("watch")] for row in table["rows"]] == found


def test_incidents_are_a_table_and_annotations(service: Service, client: FlaskClient) -> None:
    ids = {str(record.labels): record.id for record in service.store.series.all()}
    known = groups(service.watches().values())
    for watch, name in (("web", FIRST), ("node", LOAD)):
        tick = Tick(
            watch=watch,
            ids=np.array([ids[name]]),
            times=np.array([END + 3600]),
            value=np.array([[1.0]]),
            expected=np.array([[4.0]]),
            lower=np.array([[-1.0]]),
            upper=np.array([[9.0]]),
            score=np.array([[0.6]]),
            model_version=np.ones(1, int),
        )
        alarm = Alarm(ids[name], END - 60, END, False, 2, END, 4.0, 24.0, 4.0, -1.0, 9.0, 1)
        service.store.write([tick], "query", (END, END + 3600), [alarm], known[watch])
    (table,) = post(client, "query", panel({"target": "incidents", "payload": {"series": FIRST}}))
    row = dict(zip([each["text"] for each in table["columns"]], table["rows"][0], strict=True))
    told = {
        "time": (END - 60) * 1000,
        "timeEnd": END * 1000,
        "watch": "web",
        "worst": FIRST,
        "score": 4.0,
        "size": 1,
    }
    assert row | told == row
    assert len(table["rows"]) == 1 and {"text": "timeEnd", "type": "time"} in table["columns"]
    newer = client.get(f"/api/v1/annotations?from={START}000&to={END}000").get_json()
    (table,) = post(client, "query", panel("annotations"))
    assert [each["text"] for each in table["columns"]] == [
        "time",
        "timeEnd",
        "title",
        "text",
        "tags",
    ]
    assert table["rows"] == [list(each.values()) for each in newer] and len(newer) == 2
    query = '{instance="a:9100",job="api"}'
    body = {
        "range": RANGE,
        "rangeRaw": {},
        "annotation": {"name": "alarms", "enable": True, "query": query},
    }
    (first,) = post(client, "annotations", body)
    (expected,) = [each for each in newer if "code=500 job=api" in each["title"]]
    assert first == {**expected, "tags": expected["tags"].split(","), "annotation": query}
    assert len(post(client, "annotations", {"range": RANGE})) == 2
    assert (
        post(client, "annotations", {"range": {"from": START * 1000, "to": (END - 61) * 1000}})
        == []
    )
    assert (
        refusal(client, "annotations", {"annotation": {"query": "#deploy"}})[0]
        == "annotation.query"
    )


def test_planned_work_of_the_chosen_series_is_among_the_annotations(
    service: Service, client: FlaskClient
) -> None:
    at = {"begin": "2026-11-21T00:00Z", "duration": "5m"}
    for name, match in (("one", '{instance="a:9100"}'), ("other", '{instance="b:9100"}')):
        assert (
            client.post(
                "/api/v1/maintenance", json={"name": name, "match": match, **at}
            ).status_code
            == 200
        )
    for query, names in (
        ("", ["one", "other"]),
        ('{instance="b:9100"}', ["other"]),
        ('{instance="none"}', []),
    ):
        found = post(client, "annotations", {"range": RANGE, "annotation": {"query": query}})
        assert sorted(row["title"] for row in found) == names and all(
            row["tags"] == ["maintenance"] for row in found
        )


@pytest.mark.parametrize(
    ("target", "values"),
    [
        ("watch", ["node", "web", "young"]),
        ("series", sorted([FIRST, SECOND, THIRD, LOAD])),
        ('series{watch="web",job="api"}', [FIRST, SECOND]),
        ("labels", KEYS),
        ('labels{watch="node"}', ["__name__", "instance", "series", "severity", "watch"]),
        ("instance", ["a:9100", "b:9100"]),
        ('severity{watch=~"node|young"}', ["ticket"]),
        ("nothing", []),
    ],
)
def test_variables(client: FlaskClient, target: str, values: list[str]) -> None:
    answer = post(client, "variable", {"payload": {"target": target}, "range": RANGE})
    assert answer == [{"__text": value, "__value": value} for value in values]
    assert post(client, "search", {"target": target, "type": "timeseries"}) == (values or TARGETS)


def test_a_variable_may_be_narrowed_beside_its_name(client: FlaskClient) -> None:
    payload = {"target": "instance", "watch": ["web"], "match": '{code=""}'}
    assert post(client, "variable", {"payload": payload}) == [
        {"__text": "b:9100", "__value": "b:9100"}
    ]
    assert (
        refusal(client, "variable", {"payload": {"target": "instance", "watch": "wep"}}, 404)[0]
        == "payload.watch"
    )


@pytest.mark.parametrize("target", ["", None, "sco", "score{wat", "score"])
def test_search_lists_the_targets(client: FlaskClient, target: str | None) -> None:
    assert post(client, "search", {"target": target}) == TARGETS


def test_the_builder_offers_targets_and_what_they_take(client: FlaskClient) -> None:
    metrics = post(client, "metrics", {"metric": "score", "payload": {"watch": ["web"]}})
    assert [each["value"] for each in metrics] == TARGETS
    taken = {each["value"]: [payload["name"] for payload in each["payloads"]] for each in metrics}
    assert taken["score"] == ["watch", "series", "match", "legend"] and taken["scores"] == [
        "watch",
        "series",
        "match",
    ]
    assert metrics[0]["payloads"][0] == {
        "name": "watch",
        "label": "watch",
        "type": "multi-select",
        "placeholder": "all watches",
    }


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ({"name": "watch", "payload": {"watch": ["node"]}}, ["node", "web", "young"]),
        ({"name": "series", "payload": {"watch": ["node"], "series": [FIRST]}}, [LOAD]),
        ({"name": "series", "payload": {"match": '{code="500"}'}}, [FIRST]),
        ({"name": "match", "metric": "score"}, []),
    ],
)
def test_options_of_a_payload(client: FlaskClient, body: dict[str, Any], values: list[str]) -> None:
    answer = post(client, "metric-payload-options", {"metric": "score", **body})
    assert answer == [{"label": value, "value": value} for value in values]


def test_columns_and_values_of_ad_hoc_filters(client: FlaskClient) -> None:
    assert post(client, "tag-keys", {}) == [{"type": "string", "text": name} for name in KEYS]
    assert client.post("/grafana/tag-keys").get_json() == post(
        client, "tag-keys", {"filters": []}
    )  # no body at all
    assert post(client, "tag-values", {"key": "instance"}) == [
        {"text": "a:9100"},
        {"text": "b:9100"},
    ]
    assert post(client, "tag-values", {"key": "nothing"}) == []


@pytest.mark.parametrize(
    ("path", "body", "field", "message"),
    [
        ("query", panel({"target": 5}), "targets[0].target", "Expected `str | null`, got `int`"),
        ("query", {"targets": {"target": "x"}}, "targets", "Expected `array | null`, got `object`"),
        (
            "query",
            panel("score", {"target": "score", "payload": {"wach": "x"}}),
            "targets[1].payload.wach",
            "unknown field `wach`",
        ),
        (
            "query",
            panel({"target": "score", "payload": {"watch": 3}}),
            "targets[0].payload.watch",
            "got `int`",
        ),
        (
            "query",
            panel({"target": "score", "payload": {"match": "{job=api}"}}),
            "targets[0].payload.match",
            "expected a label value in quotes",
        ),
        (
            "query",
            panel({"target": "score", "payload": {"series": "("}}),
            "targets[0].payload.series",
            "is not RE2",
        ),
        (
            "query",
            panel("scor"),
            "targets[0].target",
            "there is no target `scor`; the nearest is `score`",
        ),
        ("query", panel("score{"), "targets[0].target", "at character 7"),
        ("query", panel('{watch="web"}'), "targets[0].target", "there is no target ``"),
        (
            "query",
            panel("score", maxDataPoints="many"),
            "maxDataPoints",
            "Expected `float | null`, got `str`",
        ),
        ("query", panel("score", range={"from": True}), "range.from", "got `bool`"),
        (
            "query",
            panel("score", range={"from": "now-6h"}),
            "range.from",
            "neither milliseconds since 1970",
        ),
        (
            "query",
            panel("score", range={"from": START * 1000, "to": 1}),
            "range.to",
            "looks like seconds",
        ),
        (
            "query",
            panel("scores", range={"from": START * 1000, "to": START * 1000 - 1}),
            "range.from",
            "is after",
        ),
        (
            "query",
            panel("score", adhocFilters=[{"key": "a", "operator": "<", "value": "1"}]),
            "adhocFilters[0].operator",
            "Invalid enum value '<'",
        ),
        (
            "query",
            panel("score", adhocFilters=[{"key": "a", "operator": "=~", "value": "("}]),
            "adhocFilters[0]",
            "is not RE2",
        ),
        ("metric-payload-options", {"name": "seris"}, "name", "the nearest is `series`"),
        ("metric-payload-options", {}, "name", "missing required field `name`"),
        ("tag-values", {}, "key", "missing required field `key`"),
        ("variable", {"payload": {"target": "job{"}}, "payload.target", "at character 5"),
        ("annotations", {"annotation": "x"}, "annotation", "Expected `object | null`, got `str`"),
    ],
)
def test_what_is_wrong_is_named(
    client: FlaskClient, path: str, body: Any, field: str, message: str
) -> None:
    named, text = refusal(client, path, body)
    assert named == field and message in text


def test_an_unknown_watch_is_no_quiet_watch(client: FlaskClient) -> None:
    field, message = refusal(
        client, "query", panel({"target": "score", "payload": {"watch": ["web", "nide"]}}), 404
    )
    assert (
        field == "targets[0].payload.watch"
        and "the nearest is `node`; valid: node, web, young" in message
    )


def test_every_body_is_a_json_object(client: FlaskClient) -> None:
    older = [
        route for route in ROUTES if route.body is not None and route.path.startswith("/grafana/")
    ]
    assert len(older) == 8
    for route in older:
        for body in (b"[]", b"text", b"\xff", b'{"a":' * 10_000):
            answer = client.post(route.path, data=body)
            assert (answer.status_code, answer.get_json()["error"]["code"]) == (
                400,
                "bad_request",
            ), route.path
        assert client.post(route.path, data=b" " * 70_000).status_code == 413


def test_bodies_are_described(client: FlaskClient) -> None:
    described = client.get("/api/v1/openapi.json").get_json()
    reference = described["paths"]["/grafana/query"]["post"]["requestBody"]["content"][
        "application/json"
    ]["schema"]
    assert reference == {"$ref": "#/components/schemas/QueryBody"}
    schemas = described["components"]["schemas"]
    assert {"targets", "range", "maxDataPoints", "adhocFilters"} == set(
        schemas["QueryBody"]["properties"]
    )
    assert {"PanelTarget", "TargetPayload", "FilterBody", "RangeBody"} < set(schemas)


def test_whoever_may_read_may_ask(service: Service) -> None:
    locked = service.app(read_token=SecretStr("reading")).test_client()
    for route in ROUTES:
        if route.path.startswith("/grafana/"):
            assert locked.open(route.path, method=route.method, json={}).status_code == 401
    answer = locked.post(
        "/grafana/query", json=panel("score"), headers={"Authorization": "Bearer reading"}
    )
    assert answer.status_code == 200


def test_too_much_is_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simple_json_lines, "MAX_POINTS", 39)
    assert "more than 39 points" in refusal(client, "query", panel("score"))[1]
    monkeypatch.setattr(simple_json_lines, "MAX_SERIES", 3)
    assert refusal(client, "query", panel("score")) == (
        "targets",
        "`score` has 4 series and one answer draws 3 at most: narrow the target",
    )


def test_a_new_series_is_found_after_the_next_tick(service: Service, client: FlaskClient) -> None:
    assert len(post(client, "variable", {"payload": {"target": 'series{watch="node"}'}})) == 1
    service.store.series.register("node", [Labels.of({"job": "new"})], END + STEP)
    service.board.publish(service.board.snapshots()["node"])
    assert len(post(client, "variable", {"payload": {"target": 'series{watch="node"}'}})) == 2
