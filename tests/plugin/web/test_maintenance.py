"""Windows over the API: added, listed, ended, drawn; and a clear answer to each mistake."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.config import MaintenanceSettings, MaintenanceWindow
from plugin.config.model import User
from plugin.series import SeriesState
from tests.plugin.web.conftest import END, START, Service

NOW = END + 60
BODY = {
    "name": "swap",
    "match": '{instance="a:9100"}',
    "begin": "2026-11-21T00:00Z",
    "duration": "1h",
    "by": "anna",
}


@pytest.fixture
def client(service: Service) -> FlaskClient:
    service.clock = lambda: float(NOW)
    return service.app().test_client()


def post(client: FlaskClient, status: int = 200, **body: Any) -> Any:
    answer = client.post("/api/v1/maintenance", json=body)
    assert answer.status_code == status, answer.text
    return answer.json if status == 200 else answer.json["error"]


def rows(client: FlaskClient) -> Any:
    return client.get("/api/v1/maintenance").json


def test_added_twice_it_is_there_once(client: FlaskClient) -> None:
    row = post(client, **BODY)
    assert row == {
        "time": START * 1000,
        "timeEnd": (START + 3600) * 1000,
        "id": row["id"],
        "name": "swap",
        "state": "active",
        "size": 2,
        "match": '{instance="a:9100"}',
        "watch": "",
        "begin": "2026-11-21T00:00Z",
        "duration_seconds": 3600,
        "rule": "",
        "timezone": "UTC",
        "before_seconds": 0,
        "after_seconds": 0,
        "comment": "",
        "by": "anna",
        "created": NOW * 1000,
        "source": "api",
        "ended": None,
        "ended_by": "",
        "new": True,
        "effect": "about 2 series; those that learnt from such a time are fitted anew",
    }
    again = f"was there already, nothing was added; {row['effect']}"
    assert post(client, **BODY) == {**row, "new": False, "effect": again}
    assert rows(client) == [{name: row[name] for name in row if name not in ("new", "effect")}]


def test_left_out_it_begins_now_and_is_called_by_its_comment(client: FlaskClient) -> None:
    row = post(client, watch="web", duration="5m", comment="load test")
    assert (row["time"], row["name"], row["size"], row["watch"], row["by"]) == (
        NOW * 1000,
        "load test",
        3,
        "web",
        "anyone",
    )


def test_what_runs_comes_first_then_what_is_to_come_then_what_is_over(service: Service) -> None:
    service.clock = lambda: float(NOW)
    service.planned = MaintenanceSettings(
        windows=(
            MaintenanceWindow(
                name="weekly",
                match="{}",
                begin="2026-01-03T02:00",
                duration=7200,
                rule="FREQ=WEEKLY;BYDAY=SA",
                timezone="Europe/Vienna",
            ),
        )
    )
    client = service.app().test_client()
    post(client, **{**BODY, "name": "past", "begin": "2026-11-20T00:00Z"})
    post(client, **BODY)
    found = rows(client)
    assert [(row["name"], row["state"], row["source"]) for row in found] == [
        ("swap", "active", "api"),
        ("weekly", "pending", "config"),
        ("past", "ended", "api"),
    ]
    assert found[1]["time"] == (START + 3600) * 1000, "Saturday 02:00 in Vienna"


@pytest.mark.parametrize("again", [False, True])
def test_ended(client: FlaskClient, again: bool) -> None:
    body = {**BODY, "rule": "FREQ=DAILY"} if again else BODY
    row = client.delete(f"/api/v1/maintenance/{post(client, **body)['id']}?by=ben").json
    assert (row["state"], row["timeEnd"]) == ("ended", NOW * 1000) and rows(client)[0][
        "state"
    ] == "ended"
    assert (row["ended"], row["ended_by"]) == (NOW * 1000, "ben")
    answer = client.delete(f"/api/v1/maintenance/{row['id']}")
    said = "which has been ended by ben at 2026-11-21T00:10:00Z"
    assert answer.status_code == 409 and said in answer.json["error"]["message"]
    assert said in post(client, 409, **body)["message"]


def test_one_to_come_is_removed(client: FlaskClient) -> None:
    id = post(client, **{**BODY, "begin": "2026-11-22T00:00Z"})["id"]
    assert client.delete(f"/api/v1/maintenance/{id}").json["time"] is None and rows(client) == []


@pytest.mark.parametrize(
    ("change", "status", "field", "said"),
    [
        ({"match": "{job=api}"}, 400, "match", "expected a label value in quotes"),
        ({"match": ""}, 400, "match", "'{}' stands for every series"),
        (
            {"watch": ["wep"]},
            404,
            "watch",
            "there is no watch `wep`; the nearest is `web`; valid: node, web, young",
        ),
        ({"timezone": "Europe/Wien"}, 400, "timezone", "an IANA time zone"),
        ({"begin": "now"}, 400, "begin", "a time such as 2026-11-21T02:00"),
        ({"end": "2026-11-20T00:00Z", "duration": None}, 400, "end", "later than begin"),
        ({"duration": None}, 400, "end", "neither end nor duration"),
        ({"duration": "an hour"}, 400, "duration", "a duration such as 30s"),
        ({"before": "-5m"}, 400, "before", "a duration such as 30s"),
        ({"rule": "weekly"}, 400, "rule", "a rule of iCalendar"),
        ({"id": "a b"}, 400, "id", "1 to 64 letters, digits"),
        ({"until": "x"}, 400, "until", "unknown field"),
    ],
)
def test_a_clear_answer(
    client: FlaskClient, change: dict[str, Any], status: int, field: str, said: str
) -> None:
    error = post(client, status, **{**BODY, **change})
    assert error["field"] == field and said in error["message"] and rows(client) == []


def test_a_matcher_that_matches_nothing_is_kept_and_says_so(client: FlaskClient) -> None:
    row = post(client, **{**BODY, "match": '{instance="c"}'})
    assert (
        row["size"] == 0
        and row["effect"] == "about no series that is known now: check `match` and `watch`"
    )


def test_one_id_is_one_window(client: FlaskClient) -> None:
    assert post(client, id="swap-1", **BODY)["id"] == "swap-1"
    error = post(client, 409, id="swap-1", **{**BODY, "duration": "2h"})
    assert "which is another window: it has another duration" in error["message"]


def test_of_a_file_or_unknown(service: Service) -> None:
    service.planned = MaintenanceSettings(
        windows=(MaintenanceWindow(name="w", match="{}", begin="2026-11-21", duration=60),)
    )
    client = service.app().test_client()
    answer = client.delete(f"/api/v1/maintenance/{rows(client)[0]['id']}")
    assert (
        answer.status_code == 409
        and "change it where it is from" in answer.json["error"]["message"]
    )
    answer = client.delete("/api/v1/maintenance/none")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "not_found")


def test_who_may_read_may_not_plan(service: Service) -> None:
    users = tuple(
        User.model_validate({"username": name, "password": "x", "may_write": name == "eva"})
        for name in ("eva", "tom")
    )
    client = service.app(basic_auth=users).test_client()
    assert client.post("/api/v1/maintenance", json=BODY, auth=("tom", "x")).status_code == 403
    assert client.delete("/api/v1/maintenance/x", auth=("tom", "x")).status_code == 403
    assert client.post("/api/v1/maintenance", json=BODY, auth=("eva", "x")).json["by"] == "eva", (
        "not whom it names"
    )
    assert client.post("/api/v1/maintenance", data=b"{}", auth=("eva", "x")).status_code == 415


def test_annotations_have_them_with_a_tag(client: FlaskClient) -> None:
    post(client, **{**BODY, "comment": "disks"})
    post(client, watch="node", begin="2026-11-21T00:05Z", duration="1m", comment="reboot")
    asked = {"from": START * 1000, "to": NOW * 1000}

    def drawn(**more: str) -> list[tuple[int, int, str, str]]:
        found = client.get("/api/v1/annotations", query_string={**asked, **more}).json
        return [
            (row["time"] // 1000, row["timeEnd"] // 1000, row["title"], row["text"])
            for row in found
            if row["tags"] == "maintenance"
        ]

    swap = (START, NOW, "swap")
    reboot = (START + 300, START + 360, "reboot")
    assert drawn() == [(*swap, "disks; 2 series; by anna"), (*reboot, "1 series; by anyone")]
    assert [row[:3] for row in drawn(watch="web")] == [swap]
    assert drawn(match='{instance="b:9100"}') == []


def test_rows_in_maintenance_stay_at_zero(service: Service) -> None:
    client = service.app().test_client()
    shown = service.board.snapshots()["web"]
    series = tuple(replace(record, state=SeriesState.MAINTENANCE) for record in shown.series)
    missing = np.array([True, False, False])
    service.change(series=series, muted=np.ones(3, bool), missing=missing, alert_score=np.zeros(3))
    for field in ("score", "missing"):
        assert [
            row[field] for row in client.get(f"/api/v1/alert?watch=web&field={field}").json
        ] == [0, 0, 0]
    assert {
        row["state"] for row in client.get("/api/v1/scores?watch=web&state=maintenance").json
    } == {"maintenance"}
    (row,) = client.get("/api/v1/watches?watch=web").json
    assert (row["maintenance"], row["missing"], row["anomalous"], row["ok"]) == (3, 0, 0, 0)
