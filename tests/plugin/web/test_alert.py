"""What alert rules read, through Flask's client."""

import time
from dataclasses import replace

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.board import WatchHealth
from plugin.series import Labels, SeriesState
from tests.plugin.web.conftest import END, Service
from tests.plugin.web.test_data_source import FIRST, get, refusal
from tests.snapshots import snapshot


def test_alert_rows_are_labels_and_one_number(client: FlaskClient) -> None:
    rows = get(client, "/api/v1/alert?watch=web")
    assert rows[0] == {
        "watch": "web",
        "series": FIRST,
        "severity": "page",
        "score": 4.0,
        "__name__": "requests",
        "job": "api",
        "instance": "a:9100",
        "code": "500",
        "label_value": "",
        "label_label_value": "",
        "label_alertname": "",
        "label_severity": "",
    }
    assert [row["score"] for row in rows] == [4.0, 1.0, 1.0]
    assert (
        rows[2]
        | {
            "label_value": "v",
            "label_label_value": "w",
            "label_severity": "low",
            "label_alertname": "x",
        }
        == rows[2]
    )
    assert get(client, '/api/v1/alert?match={job="nobody"}') == []


@pytest.mark.parametrize(
    ("field", "numbers"),
    [
        ("score", [4.0, 2.0]),
        ("value", [24.0, 9.0]),
        ("expected", [4.0, 9.0]),
        ("lower", [-1e300, -1e300]),
        ("upper", [9.0, 1e300]),
        ("missing", [0.0, 1.0]),
        ("time", [END * 1000.0, END * 1000.0]),
    ],
)
def test_every_field_has_the_same_rows_and_never_null(
    service: Service, client: FlaskClient, field: str, numbers: list[float]
) -> None:
    web = service.board.snapshots()["web"]
    missing = replace(web.series[1], state=SeriesState.STALE)
    service.change(
        series=(web.series[0], missing, web.series[2]),
        missing=np.array([False, True, False]),
        alert_score=np.array([4.0, 2.0, np.nan]),
        expected=np.array([4.0, np.nan, np.nan]),
        lower=np.array([-np.inf, np.nan, 0]),
        upper=np.array([9.0, np.nan, 0]),
        score=np.array([4.0, np.nan, np.nan]),
    )
    rows = get(client, f"/api/v1/alert?watch=web&field={field}")
    assert [row[field] for row in rows] == numbers
    assert [row["instance"] for row in rows] == ["a:9100", "b:9100"]
    assert all(
        isinstance(value, str) for row in rows for name, value in row.items() if name != field
    )


def test_queries_with_one_tick_see_one_snapshot(service: Service, client: FlaskClient) -> None:
    assert get(client, "/api/v1/alert?watch=web&to=1795219740000")[0]["score"] == 4.0
    service.change(alert_score=np.full(3, np.nan), value=np.zeros(3))
    assert get(client, "/api/v1/alert?watch=web&to=1795219740000&field=value")[0]["value"] == 24.0
    assert get(client, "/api/v1/alert?watch=web&to=1795219750000") == []
    assert get(client, "/api/v1/alert?watch=web") == []


def test_a_kind_of_row_has_its_own_numbers(client: FlaskClient) -> None:
    assert refusal(client, "/api/v1/alert?by=watch&field=score") == (
        "field",
        (
            "`field`: rows by watch have no `score`; valid: unhealthy, lag_seconds, stale_models,"
            " missing, anomalous, budget_spent"
        ),
    )
    assert refusal(client, "/api/v1/alert?by=wacth")[0] == "by"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ('by=watch&match={job="api"}', "match"),
        ('by=service&match={job="api"}', "match"),
        ("by=service&watch=web", "watch"),
    ],
)
def test_a_condition_that_would_narrow_nothing_is_refused(
    client: FlaskClient, asked: str, field: str
) -> None:
    assert refusal(client, f"/api/v1/alert?{asked}")[0] == field


def test_a_watch_is_one_row(service: Service, client: FlaskClient) -> None:
    rows = get(client, "/api/v1/alert?by=watch&field=anomalous")
    assert rows == [
        {"watch": "node", "severity": "ticket", "anomalous": 1},
        {"watch": "web", "severity": "page", "anomalous": 1},
        {"watch": "young", "severity": "ticket", "anomalous": 0},
    ]
    assert [row["watch"] for row in get(client, "/api/v1/alert?by=watch&watch=web")] == ["web"]


def test_a_watch_that_fails_is_unhealthy(service: Service, client: FlaskClient) -> None:
    service.board.publish(snapshot("node", [], int(time.time())))
    assert get(client, "/api/v1/alert?by=watch&watch=node") == [
        {"watch": "node", "severity": "ticket", "unhealthy": 0.0}
    ]
    service.board.publish(
        snapshot("node", [], int(time.time()), outlook=WatchHealth.FAILING, reason="refused")
    )
    assert get(client, "/api/v1/alert?by=watch&watch=node")[0]["unhealthy"] == 1.0


def test_a_watch_that_was_never_scored_is_late_from_the_last_reload(service: Service) -> None:
    def unhealthy() -> object:
        return get(service.app().test_client(), "/api/v1/alert?by=watch&watch=young")[0][
            "unhealthy"
        ]

    assert unhealthy() == 0.0
    service.started -= 600
    assert unhealthy() == 1.0
    service.reloaded = time.time() - 10
    assert unhealthy() == 0.0


def test_the_service_is_one_number(client: FlaskClient) -> None:
    [row] = get(client, "/api/v1/alert?by=service")
    assert list(row) == ["heartbeat_age_seconds"] and 0 <= row["heartbeat_age_seconds"] < 60  # type: ignore[operator]
    assert get(client, "/api/v1/alert?by=service&field=reload_refused") == [{"reload_refused": 0.0}]


def test_a_row_says_the_unit_of_its_watch(service: Service, client: FlaskClient) -> None:
    """For the texts of alerts; a label of that name makes way for it."""
    assert "unit" not in get(client, "/api/v1/alert?watch=web")[0]
    web = service.board.snapshots()["web"]
    labels = Labels.of({**dict(web.series[0].labels), "unit": "mine"})
    service.change(
        settings=web.settings.model_copy(update={"unit": "reqps"}),
        series=(replace(web.series[0], labels=labels), *web.series[1:]),
    )
    for field in ("score", "value", "upper"):
        rows = get(client, f"/api/v1/alert?watch=web&field={field}")
        assert [row["unit"] for row in rows] == ["reqps"] * 3
        assert [row["label_unit"] for row in rows] == ["mine", "", ""]
    assert {row["unit"] for row in get(client, "/api/v1/alert")} == {"reqps", ""}
