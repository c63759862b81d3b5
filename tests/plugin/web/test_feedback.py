"""Answers over the API: given, listed, withdrawn, and what is said of those that make no sense."""

from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.domain.alarms import Alarm
from plugin.series import Labels, Tick
from tests.plugin.web.conftest import API, END, OTHER, START, STEP, Service
from tests.plugin.web.test_incidents import keep

SERIES = str(Labels.of(API))
QUIET = str(Labels.of(OTHER))
NOW = END + 120
ALARM = Alarm(1, END, END, True, 1, END, 4.0, 24.0, 4.0, -1.0, 9.0, 1)
RANGE = {"watch": "web", "series": SERIES, "from": (END - STEP) * 1000, "to": END * 1000}


@pytest.fixture
def answered(service: Service) -> FlaskClient:
    keep(service, ALARM)
    service.clock = lambda: NOW
    return service.app().test_client()


def give(client: FlaskClient, status: int = 200, **body: Any) -> Any:
    answer = client.post("/api/v1/feedback", json=body)
    assert answer.status_code == status, answer.text
    return answer.json if status == 200 else answer.json["error"]


def rows(client: FlaskClient, query: str = "") -> Any:
    return client.get(f"/api/v1/feedback{query}").json


def test_a_false_alarm_tells_what_follows_and_is_listed(
    service: Service, answered: FlaskClient
) -> None:
    said = give(answered, **RANGE, verdict="false_alarm", comment="a load test", by="anna")
    assert said == {
        "id": 1,
        "verdict": "false_alarm",
        "incident": "",
        "series": [SERIES],
        "from": (END - STEP) * 1000,
        "to": END * 1000,
        "comment": "a load test",
        "by": "anna",
        "at": NOW * 1000,
        "again": False,
        "replaced": [],
        "effect": (
            "its band reaches up to 4 times as far above; half of that is forgotten in 28 d, at its"
            " own hour of the day 14 d later; it was farther out than the 4 half-widths up to which"
            " anything is tolerated: the like of it alerts again"
        ),
    }
    (row,) = rows(answered)
    assert row == {
        "id": 1,
        "time": (END - STEP) * 1000,
        "timeEnd": END * 1000,
        "watch": "web",
        "series": SERIES,
        "incident": "",
        "verdict": "false_alarm",
        "state": "in_force",
        "comment": "a load test",
        "by": "anna",
        "at": NOW * 1000,
        "ended_at": None,
        "ended_by": "",
        "tolerance_below": 1.0,
        "tolerance_above": 1.0,
    }, "from the next sample on"
    service.clock = lambda: NOW + 28 * 86_400 + 43_200
    assert rows(service.app().test_client())[0]["tolerance_above"] == pytest.approx(2.5, abs=0.02)


@pytest.mark.parametrize(("persistence", "factor"), [((1, 1), 1.483), ((2, 3), 4.0)])
def test_what_made_the_persistence_full_is_part_of_the_alarm(
    service: Service, persistence: tuple[int, int], factor: float
) -> None:
    """The last sample lies at a score of 4 and the next at 1.4, with which the alarm begins."""
    one = np.ones((1, 1))
    tick = Tick(
        "web",
        np.array([1]),
        np.array([END + STEP]),
        11 * one,
        4 * one,
        -1 * one,
        9 * one,
        1.4 * one,
        np.ones(1, np.int64),
    )
    service.store.write([tick], "query", (END, END + STEP))
    settings = service.watches()["web"].model_copy(update={"persistence": persistence})
    service.change(settings=settings)
    service.clock = lambda: NOW
    client = service.app().test_client()
    give(
        client,
        **{**RANGE, "from": (END + STEP) * 1000, "to": (END + STEP) * 1000},
        verdict="false_alarm",
    )
    service.clock = lambda: NOW + 1
    assert rows(service.app().test_client())[0]["tolerance_above"] == pytest.approx(factor)


def test_given_twice_is_one_and_a_contradiction_replaces(answered: FlaskClient) -> None:
    assert give(answered, incident=f"1-{END}", verdict="false_alarm")["id"] == 1
    again = give(answered, incident=f"1-{END}", verdict="false_alarm", comment="I said so")
    assert (again["id"], again["again"]) == (1, True) and "said before" in again["effect"]
    other = give(answered, **RANGE, verdict="real", by="ben")
    assert (other["id"], other["replaced"]) == (2, [1]) and "answer 1 said something else" in other[
        "effect"
    ]
    assert [(row["id"], row["state"], row["ended_by"]) for row in rows(answered)] == [
        (1, "withdrawn", "ben"),
        (2, "in_force", ""),
    ]
    assert answered.delete("/api/v1/feedback/2").json == {
        "id": 2,
        "withdrawn": True,
        "again": False,
        "effect": "withdrawn; the next fit may learn from it",
    }
    assert answered.delete("/api/v1/feedback/2").json == {
        "id": 2,
        "withdrawn": True,
        "again": True,
        "effect": "had no effect any more: withdrawn or replaced by anyone at 2026-11-21T00:11:00Z",
    }
    assert {row["state"] for row in rows(answered)} == {"withdrawn"}


def test_a_list_is_narrowed(answered: FlaskClient) -> None:
    give(answered, **RANGE, verdict="real")
    give(
        answered,
        verdict="real",
        watch="node",
        series=str(Labels.of({"__name__": "load", "instance": "a:9100"})),
        **{"from": "2026-11-21T00:00:00Z", "to": "2026-11-21T00:01:00Z"},
    )
    assert [row["id"] for row in rows(answered, "?watch=node")] == [2]
    assert [row["id"] for row in rows(answered, '?match={job="api"}')] == [1]
    assert [row["id"] for row in rows(answered, f"?to={START + 120}000")] == [2]
    assert [row["id"] for row in rows(answered, f"?from={END}000")] == [1]


def test_a_new_normal_asks_for_the_level_and_takes_the_wish_back(
    service: Service, answered: FlaskClient
) -> None:
    give(answered, incident=f"1-{END}", verdict="new_normal", comment="two more servers", by="anna")
    (wish,) = service.store.regimes.requests("web")
    assert (wish.series_id, wish.seen, wish.by, wish.reason) == (
        1,
        END,
        "anna",
        "feedback 1: two more servers",
    )
    assert (
        answered.delete("/api/v1/feedback/1").json["effect"]
        == "withdrawn; a level that was accepted by it stays until the next fit, which `bandwatch"
        " models refit` asks for"
    )
    assert service.store.regimes.requests("web") == []


def test_what_replaces_a_new_normal_takes_its_wish_with_it(
    service: Service, answered: FlaskClient
) -> None:
    give(answered, incident=f"1-{END}", verdict="new_normal", by="anna")
    assert give(answered, **RANGE, verdict="real")["replaced"] == [1]
    assert service.store.regimes.requests("web") == [], "it was real: no level is accepted"
    give(answered, incident=f"1-{END}", verdict="new_normal", by="ben")
    give(answered, **RANGE, verdict="new_normal", by="cy")
    assert [(wish.by, wish.reason) for wish in service.store.regimes.requests("web")] == [
        ("cy", "feedback 4")
    ]
    answered.delete("/api/v1/feedback/4")
    assert service.store.regimes.requests("web") == []


@pytest.mark.parametrize(
    ("change", "status", "field", "message"),
    [
        (
            {"verdict": "real!"},
            400,
            "verdict",
            "is not one of: false_alarm, real, new_normal; the nearest is `real`",
        ),
        ({"series": SERIES.replace("500", "50")}, 404, "series", f"the nearest is `{SERIES}`"),
        ({"watch": "wep"}, 404, "watch", "there is no watch `wep`; the nearest is `web`"),
        ({"from": END * 1000, "to": (END - 1) * 1000}, 400, "from", "`from` is after `to`"),
        ({"to": (NOW + 60) * 1000}, 400, "to", "has not come yet"),
        ({"from": None}, 400, "from", "say from when"),
        ({"from": END}, 400, "from", "looks like seconds"),
        ({"series": None}, 400, "series", "name what the answer is about"),
        ({"series": QUIET}, 400, "from", "nothing of it was outside its band"),
        ({"from": 1000, "to": 100_000_000_000}, 400, "from", "looks like seconds"),
        ({"incident": "1-5"}, 400, "incident", "not both"),
        ({"comment": "x" * 1001}, 400, "comment", "length <= 1000"),
        ({"who": "me"}, 400, "who", "unknown field"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    answered: FlaskClient, change: dict[str, Any], status: int, field: str, message: str
) -> None:
    error = give(answered, status, **{**RANGE, "verdict": "false_alarm", **change})
    assert error["field"] == field and message in error["message"]
    assert rows(answered) == []


@pytest.mark.parametrize("id", ["9-9", f"1-{END + 1}", "x", f"99-{END}", "1-" + "9" * 50, "²-1"])
def test_an_unknown_incident_is_told(answered: FlaskClient, id: str) -> None:
    assert give(answered, 404, incident=id, verdict="real")["code"] == "unknown_incident"


def test_an_unknown_answer_cannot_be_withdrawn(answered: FlaskClient) -> None:
    assert answered.delete("/api/v1/feedback/7").status_code == 404
    assert answered.delete("/api/v1/feedback/x").status_code == 400


def test_a_form_of_another_site_is_no_json(answered: FlaskClient) -> None:
    refused = answered.post(
        "/api/v1/feedback", data='{"verdict": "real"}', content_type="text/plain"
    )
    assert refused.status_code == 415 and rows(answered) == []


def test_who_answers(service: Service, answered: FlaskClient) -> None:
    users = [
        {"username": "anna", "password": "a", "may_write": True},
        {"username": "reader", "password": "r"},
    ]
    client = service.app(write_token=_secret("w"), basic_auth=_users(users)).test_client()
    body = {**RANGE, "verdict": "real", "by": "told"}
    sent = [
        client.post("/api/v1/feedback", json=body, **auth)
        for auth in ({}, {"auth": ("reader", "r")}, {"auth": ("anna", "a")})
    ]
    assert [answer.status_code for answer in sent] == [401, 403, 200]
    assert sent[2].json["by"] == "anna", "whoever has a name is not asked for one"
    client.delete("/api/v1/feedback/1", auth=("anna", "a"))
    by_token = client.post("/api/v1/feedback", json=body, headers={"Authorization": "Bearer w"})
    assert by_token.json["by"] == "told"
    for by, status in (("x" * 101, 400), ("\x1b[2J", 400), ("ben", 200)):
        answer = client.delete(
            "/api/v1/feedback/2", query_string={"by": by}, headers={"Authorization": "Bearer w"}
        )
        assert answer.status_code == status, answer.text
    assert [
        row["ended_by"] for row in client.get("/api/v1/feedback", auth=("reader", "r")).json
    ] == ["anna", "ben"]


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)


def _users(users: list[dict[str, Any]]) -> Any:
    from plugin.config.model import User

    return tuple(User.model_validate(user) for user in users)


def test_answers_are_counted(service: Service) -> None:
    keep(service, ALARM)
    service.clock = lambda: NOW
    client = service.app().test_client()
    for _ in range(2):
        give(client, **RANGE, verdict="real")
    assert 'bandwatch_feedback_total{verdict="real",watch="web"} 1.0' in client.get("/metrics").text
