"""What the alert rule on incidents reads, through Flask's client."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from plugin.domain.incidents import Incident
from plugin.series import Labels
from tests.plugin.web.conftest import END, Service
from tests.plugin.web.test_data_source import get, refusal

CHECKOUT = Incident(
    "shop-1a2b3c-600",
    "shop",
    Labels.of({"service": "checkout", "incident": "x"}),
    END - 600,
    END,
    True,
    3,
    40,
    1,
    2.0,
    2,
    END - 60,
    7.25,
    20.0,
    4.0,
    -1.0,
    9.0,
    1,
)
CART = CHECKOUT._replace(
    id="shop-4d5e6f-660", labels=Labels.of({"service": "cart"}), size=1, peak_score=1.5
)


@pytest.fixture
def grouped(service: Service) -> Service:
    """web and node are one group, web pages."""
    for name in ("web", "node"):
        shown = service.board.snapshots()[name]
        labels = {**shown.settings.labels, "team": "a", "part": name}
        service.board.publish(
            replace(
                shown,
                settings=shown.settings.model_copy(
                    update={
                        "incident_group": "shop",
                        "group_by": ("service", "incident"),
                        "labels": labels,
                    }
                ),
            )
        )
    service.board.publish_incidents("shop", lambda _: (CHECKOUT, CART))
    return service


def test_a_row_per_open_incident_with_labels_that_stay(
    grouped: Service, client: FlaskClient
) -> None:
    assert get(client, "/api/v1/alert?by=incident") == [
        {
            "watch": "shop",
            "incident": CHECKOUT.id,
            "label_incident": "x",
            "service": "checkout",
            "severity": "page",
            "team": "a",
            "score": 7.25,
        },
        {
            "watch": "shop",
            "incident": CART.id,
            "label_incident": "",
            "service": "cart",
            "severity": "page",
            "team": "a",
            "score": 1.5,
        },
    ]
    before = get(client, "/api/v1/alert?by=incident&field=size")
    grouped.board.publish_incidents(
        "shop", lambda _: (CHECKOUT._replace(size=9, peak_score=8.0, worst=3), CART)
    )
    after = get(client, "/api/v1/alert?by=incident&field=size")
    assert [{**row, "size": 0} for row in before] == [{**row, "size": 0} for row in after]
    assert [row["size"] for row in before] == [3.0, 1.0] and [row["size"] for row in after] == [
        9.0,
        1.0,
    ]


@pytest.mark.parametrize(("field", "number"), [("size", 3.0), ("time", (END - 600) * 1000.0)])
def test_every_field_has_the_same_rows(
    grouped: Service, client: FlaskClient, field: str, number: float
) -> None:
    rows = get(client, f"/api/v1/alert?by=incident&field={field}")
    assert [row["incident"] for row in rows] == [CHECKOUT.id, CART.id] and rows[0][field] == number


def test_one_tick_sees_one_moment(grouped: Service, client: FlaskClient) -> None:
    assert len(get(client, "/api/v1/alert?by=incident&to=1795219740000")) == 2
    grouped.board.publish_incidents("shop", lambda _: ())
    assert len(get(client, "/api/v1/alert?by=incident&field=size&to=1795219740000")) == 2
    assert get(client, "/api/v1/alert?by=incident&to=1795219750000") == []


def test_rows_are_chosen_by_group_or_watch_and_end_with_it(
    grouped: Service, client: FlaskClient
) -> None:
    for name in ("shop", "web", "node,young"):
        assert len(get(client, f"/api/v1/alert?by=incident&watch={name}")) == 2
    assert get(client, "/api/v1/alert?by=incident&watch=young") == []
    assert refusal(client, '/api/v1/alert?by=incident&match={job="api"}')[0] == "match"
    assert refusal(client, "/api/v1/alert?by=incident&watch=shoq", 404)[1].startswith(
        "there is no watch `shoq`; the"
    )
    grouped.board.retain(["nobody"])
    assert get(client, "/api/v1/alert?by=incident") == []


def test_the_metrics_say_the_same(grouped: Service, client: FlaskClient) -> None:
    lines = client.get("/metrics").text.splitlines()
    labels = (
        'watch="shop",severity="page",team="a",label_incident="x",service="checkout",'
        'incident="shop-1a2b3c-600",instance="",job=""'
    )
    for line in (
        'bandwatch_incidents_open{watch="shop"} 2',
        f"bandwatch_incident_score{{{labels}}} 7.25",
        f"bandwatch_incident_size{{{labels}}} 3",
    ):
        assert line in lines
    grouped.board.publish_incidents("shop", lambda _: ())
    lines = client.get("/metrics").text.splitlines()
    assert 'bandwatch_incidents_open{watch="shop"} 0' in lines
    assert not any(line.startswith("bandwatch_incident_score{") for line in lines)
