"""The noise budget through the API: by series, by watch, by day, and as /watches and alert rules
have it."""

from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.domain.alarms import Alarm
from plugin.domain.budget import NoiseReport, Suggestion
from plugin.domain.times import DAY
from plugin.series import Labels
from plugin.store import alarms
from tests.plugin.web.conftest import API, CLASH, END, OTHER, START, STEP, Service

# seconds, samples
WEEK = 7 * 86_400 // STEP
NOW = START + 20 * DAY
FIRST, SECOND, THIRD = (str(Labels.of(labels)) for labels in (API, OTHER, CLASH))


def alarm(series: int, start: int, samples: int = 1, score: float = 2.0) -> Alarm:
    return Alarm(
        series,
        start,
        start + STEP * (samples - 1),
        False,
        samples,
        start,
        score,
        9.0,
        5.0,
        2.0,
        8.0,
        1,
    )


@pytest.fixture
def client(service: Service) -> FlaskClient:
    """Three series of `web` with alarms 2, 6 and 10 days ago, one of `node` without; two weeks
    scored of each."""
    with service.store._database.writing() as connection:
        alarms.write(
            connection,
            [
                alarm(1, NOW - 2 * DAY, 5, 7.5),
                alarm(2, NOW - 6 * DAY),
                alarm(2, NOW - 2 * DAY, 2),
                alarm(2, NOW - 10 * DAY, 30, 9.0),
                alarm(1, START - 20 * DAY),
            ],
        )
    ids = np.array([1, 2, 3, 4])
    service.board.publish_noise(
        NoiseReport(
            NOW,
            ids,
            {7: np.full(4, 1.0 * WEEK), 30: np.array([2.0, 2, 1, 2]) * WEEK},
            {2: Suggestion("min_deviation: 5", 2, 3, 0, True)},
        )
    )
    service.clock = lambda: float(NOW)
    return service.app().test_client()


def get(client: FlaskClient, **parameters: object) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/budget", query_string=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()
    return found


def test_by_series_the_noisiest_come_first(client: FlaskClient) -> None:
    rows = get(client)
    assert rows[0] == {
        "watch": "web",
        "series": SECOND,
        "alarms": 2,
        "promised": 1.0,
        "spent": 2.0,
        "days_scored": 7.0,
        "minutes_outside": 3.0,
        "worst_score": 2.0,
        "last": (NOW - 2 * DAY) * 1000,
        "__name__": "requests",
        "job": "api",
        "instance": "b:9100",
        "code": "",
        "label_value": "",
        "label_label_value": "",
        "label_alertname": "",
        "label_severity": "",
        "severity": "page",
        "suggestion": str(Suggestion("min_deviation: 5", 2, 3, 0, True)),
    }
    assert [(row["watch"], row["series"], row["alarms"]) for row in rows[1:]] == [
        ("web", FIRST, 1),
        ("web", THIRD, 0),
        ("node", 'load{instance="a:9100"}', 0),
    ]
    assert (rows[-1]["worst_score"], rows[-1]["last"], rows[-1]["suggestion"]) == (None, None, "")


def test_a_limit_asks_for_noise(client: FlaskClient) -> None:
    assert [row["series"] for row in get(client, limit=3)] == [SECOND, FIRST]
    assert [row["series"] for row in get(client, limit=1, days=30)] == [SECOND]
    assert get(client, watch="node", limit=5) == []


def test_over_thirty_days(client: FlaskClient) -> None:
    second, first = get(client, days=30, limit=2)
    assert (second["alarms"], second["promised"], second["spent"], second["worst_score"]) == (
        3,
        2.0,
        1.5,
        9.0,
    )
    assert first["alarms"] == 1, "the one of forty days ago is forgotten"


def test_by_watch(client: FlaskClient) -> None:
    node, web, young = sorted(
        get(client, by="watch"), key=lambda row: ["node", "web", "young"].index(row["watch"])
    )
    assert web == {
        "watch": "web",
        "severity": "page",
        "alarms": 3,
        "promised": 3.0,
        "spent": 1.0,
        "days_scored": 21.0,
        "minutes_outside": 8.0,
        "worst_score": 7.5,
        "last": (NOW - 2 * DAY) * 1000,
    }
    assert (node["alarms"], node["promised"], node["spent"], node["severity"]) == (
        0,
        1.0,
        0.0,
        "ticket",
    )
    assert (young["alarms"], young["promised"], young["spent"], young["last"]) == (
        0,
        0.0,
        0.0,
        None,
    )
    assert [
        row["alarms"] for row in get(client, by="watch", watch="web", match='{instance="a:9100"}')
    ] == [1]


def test_by_day(client: FlaskClient) -> None:
    rows = get(client, by="day", watch="web")
    assert [row["time"] for row in rows] == [1000 * (NOW - day * DAY) for day in range(7, -1, -1)]
    assert [row["alarms"] for row in rows] == [0, 1, 0, 0, 0, 2, 0, 0]
    assert rows[5] == {
        "time": 1000 * (NOW - 2 * DAY),
        "watch": "web",
        "severity": "page",
        "alarms": 2,
        "minutes_outside": 7.0,
        "worst_score": 7.5,
    }
    assert len(get(client, by="day", days=30)) == 31 * 2
    assert get(client, by="day", watch="young") == []


def test_the_columns_of_the_watches_and_what_rules_read_are_the_same_numbers(
    client: FlaskClient,
) -> None:
    budget = {row["watch"]: row for row in get(client, by="watch")}
    watches = client.get("/api/v1/watches").get_json()
    assert {
        row["watch"]: (row["alarms_7d"], row["budget_7d"], row["budget_spent"]) for row in watches
    } == {name: (row["alarms"], row["promised"], row["spent"]) for name, row in budget.items()}
    rule = client.get("/api/v1/alert?by=watch&field=budget_spent").get_json()
    assert {row["watch"]: row["budget_spent"] for row in rule} == {
        name: row["spent"] for name, row in budget.items()
    }


def test_before_the_noise_job_has_run_nothing_is_promised(service: Service) -> None:
    with service.store._database.writing() as connection:
        alarms.write(connection, [alarm(1, END), alarm(1, END + 600)])
    service.clock = lambda: float(END + 900)
    row = get(service.app().test_client(), limit=1)[0]
    assert (row["alarms"], row["promised"], row["spent"], row["suggestion"]) == (2, 0.0, 2.0, "")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("days=14", "`days`: `14` is not one of: 7, 30"),
        ("by=service", "`service` is not one of: series, watch, day"),
        ("limit=0", "`limit`"),
        ("watch=wep", "there is no watch `wep`"),
    ],
)
def test_what_cannot_be_asked(client: FlaskClient, query: str, message: str) -> None:
    answer = client.get(f"/api/v1/budget?{query}")
    assert answer.status_code in (400, 404) and message in answer.get_json()["error"]["message"]
