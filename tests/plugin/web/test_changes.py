"""Changes over the API: reported, listed, removed, drawn, told; a clear answer to each mistake."""

import logging
from typing import Any

import pytest
from flask.testing import FlaskClient

from plugin.config.groups import Group
from plugin.config.model import User
from plugin.domain.alarms import Alarm
from tests.plugin.web.conftest import END, START, Service

NOW = END + 60
PATH = "/api/v1/changes"
BODY = {
    "title": "checkout v1.42",
    "time": "2026-11-21T00:05:00Z",
    "labels": {"job": "api"},
    "link": "https://ci.example.org/42",
    "by": "anna",
}
ALERT = {
    "status": "firing",
    "labels": {"alertname": "Rollout", "severity": "info", "namespace": "shop"},
    "annotations": {"summary": "checkout was rolled out"},
    "startsAt": "2026-11-21T00:04:00.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus:9090/graph?g0.expr=rollout",
    "fingerprint": "c0ffee",
}
NOTIFICATION = {"version": "4", "status": "firing", "receiver": "bandwatch", "alerts": [ALERT]}


@pytest.fixture
def client(service: Service) -> FlaskClient:
    service.clock = lambda: float(NOW)
    return service.app().test_client()


def post(client: FlaskClient, body: Any, status: int = 200, path: str = PATH) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json if status == 200 else answer.json["error"]


def rows(client: FlaskClient, **query: Any) -> Any:
    return client.get(PATH, query_string=query).json


def test_reported_twice_it_is_there_once(client: FlaskClient) -> None:
    row = post(client, BODY)
    assert row == {
        "time": (START + 300) * 1000,
        "id": row["id"],
        "title": "checkout v1.42",
        "labels": '{job="api"}',
        "link": "https://ci.example.org/42",
        "by": "anna",
        "created": NOW * 1000,
        "new": True,
    }
    assert post(client, BODY) == {**row, "new": False}
    assert rows(client) == [{name: row[name] for name in row if name != "new"}]


def test_left_out_it_was_made_now(client: FlaskClient) -> None:
    row = post(client, {"title": " restart\n"})
    assert (row["time"], row["title"], row["labels"], row["by"]) == (
        NOW * 1000,
        "restart",
        "{}",
        "anyone",
    )


def test_chosen_by_labels_range_and_number(client: FlaskClient) -> None:
    for minute, job in ((1, "api"), (2, "db"), (3, "api")):
        post(
            client,
            {"title": str(minute), "time": (START + 60 * minute) * 1000, "labels": {"job": job}},
        )

    def titles(**query: Any) -> list[str]:
        return [row["title"] for row in rows(client, **query)]

    assert titles() == ["1", "2", "3"]
    assert titles(match='{job="api"}') == ["1", "3"]
    assert titles(match='{job="api"}', limit=1) == ["3"]
    assert titles(**{"from": (START + 61) * 1000, "to": (START + 120) * 1000}) == ["2"]


def test_one_id_is_one_change(client: FlaskClient) -> None:
    assert post(client, {**BODY, "id": "deploy-42"})["id"] == "deploy-42"
    assert post(client, {**BODY, "id": "deploy-42"})["new"] is False
    error = post(client, {**BODY, "id": "deploy-42", "title": "v2"}, 409)
    assert "another change, 'checkout v1.42' at 2026-11-21T00:05:00Z" in error["message"]


def test_removed(client: FlaskClient) -> None:
    row = post(client, BODY)
    assert client.delete(f"{PATH}/{row['id']}").json["title"] == "checkout v1.42"
    assert rows(client) == []
    answer = client.delete(f"{PATH}/{row['id']}")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"title": None}, "title", "Expected `str`"),
        ({"title": " \n"}, "title", "found nothing"),
        ({"title": "\x1b[2J"}, "title", "text without control characters"),
        ({"title": "x" * 201}, "title", "length <= 200"),
        ({"time": 1_795_219_200}, "time", "looks like seconds"),
        ({"time": "yesterday"}, "time", "neither milliseconds since 1970 nor a time"),
        ({"time": 10**300}, "time", "`time`: "),
        ({"time": "2026-11-21T05:00:00Z"}, "time", "lies ahead: report a change when it is made"),
        ({"labels": {"": "x"}}, "labels", "length >= 1"),
        ({"labels": {"a": 1}}, "labels", "Expected `str`"),
        ({"labels": {"a": "\x00"}}, "labels", "text without control characters"),
        ({"labels": {f"l{n}": "x" for n in range(65)}}, "labels", "length <= 64"),
        ({"link": "javascript:alert(1)"}, "link", "with http or https"),
        ({"link": "https://a b"}, "link", "with http or https"),
        ({"link": "https://eva:secret@ci"}, "link", "without a user"),
        ({"link": "http://["}, "link", "with http or https"),
        ({"id": "../x"}, "id", "1 to 64 letters"),
        ({"until": 1}, "until", "unknown field"),
    ],
)
def test_a_clear_answer(client: FlaskClient, change: Any, field: str, said: str) -> None:
    error = post(client, {**BODY, **change}, 400)
    assert error["field"].startswith(field) and said in error["message"]
    assert "secret" not in error["message"]
    assert rows(client) == []


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000", "\\u202e" * 100])
@pytest.mark.parametrize("name", ["title", "link", "id", "by"])
def test_odd_text_is_refused_or_kept(client: FlaskClient, name: str, text: str) -> None:
    body = f'{{"title": "x", "{name}": "{text}"}}'
    if name == "title":
        body = f'{{"title": "{text}"}}'
    answer = client.post(PATH, data=body, content_type="application/json")
    assert answer.status_code in (200, 400)
    assert client.get(PATH).status_code == client.get("/api/v1/annotations").status_code == 200


def test_a_body_that_is_too_large_or_no_json_is_refused(client: FlaskClient) -> None:
    assert client.post(PATH, data=b"[" * 70_000, content_type="application/json").status_code == 413
    assert client.post(PATH, data=b"[" * 60_000, content_type="application/json").status_code == 400
    assert client.post(PATH, data=b"title=x").status_code == 415


def test_who_may_read_may_not_report(service: Service) -> None:
    users = tuple(
        User.model_validate({"username": name, "password": "x", "may_write": name == "eva"})
        for name in ("eva", "tom")
    )
    client = service.app(basic_auth=users).test_client()
    for path in (PATH, f"{PATH}/alertmanager"):
        assert client.post(path, json=BODY, auth=("tom", "x")).status_code == 403
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert client.post(path, json=BODY, auth=("eva", "x"), headers=foreign).status_code == 403
    assert client.delete(f"{PATH}/x", auth=("tom", "x")).status_code == 403
    assert client.post(PATH, json=BODY, auth=("eva", "x")).json["by"] == "eva", "not who it names"


def test_each_report_is_in_the_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "plugin.web.audit")
    row = post(client, BODY)
    client.delete(f"{PATH}/{row['id']}?by=ben")
    said = [(record.change, record.by, record.entry) for record in caplog.records]  # type: ignore[attr-defined]
    assert said == [("change_add", "anna", row["id"]), ("change_remove", "ben", row["id"])]


def test_alerts_of_alertmanager_are_changes(client: FlaskClient) -> None:
    resolved = {**ALERT, "status": "resolved"}
    again = {**NOTIFICATION, "alerts": [ALERT, {**ALERT, "annotations": {}}, resolved]}
    path = f"{PATH}/alertmanager"
    assert post(client, NOTIFICATION, path=path) == {"added": 1, "known": 0}
    assert post(client, again, path=path) == {"added": 0, "known": 2}
    [row] = rows(client)
    assert (row["time"], row["title"], row["labels"], row["link"], row["by"]) == (
        (START + 240) * 1000,
        "checkout was rolled out",
        '{namespace="shop"}',
        ALERT["generatorURL"],
        "alertmanager",
    )


@pytest.mark.parametrize(
    ("alert", "field"),
    [
        ({"startsAt": "soon"}, "alerts[0].startsAt"),
        ({"startsAt": "2027-01-01T00:00:00Z"}, "alerts[0].startsAt"),
        ({"labels": {"a": "\x07"}}, "alerts[0].labels"),
        ({"labels": None}, "alerts[0].labels"),
    ],
)
def test_a_notification_with_a_mistake(client: FlaskClient, alert: Any, field: str) -> None:
    body = {"alerts": [{**ALERT, **alert}]}
    error = post(client, body, 400, path=f"{PATH}/alertmanager")
    assert error["field"].startswith(field)
    assert post(client, {}, 400, path=f"{PATH}/alertmanager")["field"] == "alerts"


def test_an_alert_with_a_strange_link_or_a_long_summary_is_kept(client: FlaskClient) -> None:
    odd = {**ALERT, "generatorURL": "javascript:x", "annotations": {"summary": "x" * 4000}}
    post(client, {"alerts": [odd]}, path=f"{PATH}/alertmanager")
    [row] = rows(client)
    assert (row["link"], len(row["title"])) == ("", 200)


def test_annotations_have_those_that_may_be_about_the_chosen_series(client: FlaskClient) -> None:
    post(client, BODY)
    post(client, {"title": "router", "time": START * 1000})

    def drawn(**query: Any) -> list[tuple[Any, ...]]:
        found = client.get("/api/v1/annotations", query_string=query).json
        return [
            (row["time"] // 1000 - START, row["title"], row["text"])
            for row in found
            if row["tags"] == "change"
        ]

    router = (0, "router", "by anyone")
    checkout = (300, "checkout v1.42", '{job="api"}; https://ci.example.org/42; by anna')
    assert drawn() == [router, checkout]
    assert drawn(match='{job="api"}') == [router, checkout]
    assert drawn(match='{job="db"}') == [router]
    assert drawn(watch="node") == [router, checkout], "its series has no job"
    assert drawn(match='{job="none"}') == []


@pytest.fixture
def with_incident(service: Service) -> Service:
    """One of the first series of `web`, which has begun with its last sample."""
    service.clock = lambda: float(NOW)
    snapshot = service.board.snapshots()["web"]
    [first, *_] = snapshot.series
    alarm = Alarm(
        series_id=first.id,
        start=END,
        end=END,
        open=True,
        samples=1,
        peak_time=END,
        peak_score=4.0,
        peak_value=24.0,
        peak_expected=4.0,
        peak_lower=-1.0,
        peak_upper=9.0,
        direction=1,
    )
    service.store.end_alarms([alarm], Group("web", (), ("web",), 1800))
    return service


def test_incidents_and_explanations_tell_what_was_changed(with_incident: Service) -> None:
    client = with_incident.app().test_client()
    [row] = client.get("/api/v1/incidents").json
    assert row["changes"] == ""
    post(client, BODY)
    post(client, {"title": "of db", "time": END * 1000, "labels": {"job": "db"}})
    text = "began 4 min after checkout v1.42"
    [row] = client.get("/api/v1/incidents").json
    assert row["changes"] == text
    [explained, *_] = client.get("/api/v1/explain", query_string={"incident": row["incident"]}).json
    assert explained["changes"] == text and f"; {text}" in explained["text"]
    page = client.get("/").text
    assert "Began 4 min after checkout v1.42" in page
    scores = client.get("/api/v1/scores?watch=web").json
    assert [text in row["explanation"] for row in scores].count(True) == 1


def test_a_title_is_text_on_the_page(with_incident: Service) -> None:
    client = with_incident.app().test_client()
    post(client, {**BODY, "title": "<script>alert(1)</script>"})
    page = client.get("/").text
    assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page
