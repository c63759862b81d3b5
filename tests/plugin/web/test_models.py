"""Versions, decisions and orders over the API; what comes of an order: see
tests/e2e/test_models.py."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.domain.model_decisions import Decision, DecisionKind, Order, OrderKind, OrderResult
from plugin.store import ModelRecord
from tests.plugin.web.conftest import API, END, OTHER, START, Service


@dataclass
class Ruler:
    """Takes orders, and does what a test says."""

    done: tuple[bool, ...] = (True,)
    orders: list[Order] = field(default_factory=list)

    def __call__(self, order: Order) -> list[OrderResult]:
        self.orders.append(order)
        return [
            OrderResult(record, self.done[at % len(self.done)], 7, "it is so")
            for at, record in enumerate(order.series)
        ]


@pytest.fixture
def ruler() -> Ruler:
    return Ruler()


@pytest.fixture
def client(service: Service, ruler: Ruler) -> FlaskClient:
    service.order = ruler
    return service.app().test_client()


def crown(service: Service, count: int) -> list[int]:
    """So many versions of each series of `web`; the last one reigns."""
    ids = [record.id for record in service.store.series.of("web")]
    versions = []
    for _ in range(count):
        versions.append(service.store.models.new_version("web"))
        path = service.store.weights.write(versions[-1], {"weight": np.zeros((len(ids), 1))})
        service.store.save_models(
            "web",
            [
                ModelRecord(
                    id, versions[-1], row, "lstm", "{}", path, 0.25, START, START - 600, START
                )
                for row, id in enumerate(ids)
            ],
            [
                Decision(START + versions[-1], id, versions[-1], DecisionKind.PROMOTED, "as good")
                for id in ids
            ],
        )
    return versions


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_versions_are_listed_the_newest_first(service: Service, client: FlaskClient) -> None:
    first, second = crown(service, 2)
    rows = get(client, 'models?match={instance="b:9100"}')
    assert [(row["version"], row["champion"], row["since"]) for row in rows] == [
        (second, True, START * 1000),
        (first, False, None),
    ]
    row = rows[0]
    assert row["series"] == str(service.store.series.of("web")[1].labels) and row["watch"] == "web"
    assert (
        row["detector"],
        row["loss"],
        row["fitted_at"],
        row["window_start"],
        row["window_end"],
        row["pinned"],
    ) == ("lstm", 0.25, START * 1000, (START - 600) * 1000, START * 1000, False)
    assert len(get(client, "models?watch=web")) == 6 and get(client, "models?watch=node") == []


def test_decisions_are_listed_in_their_order(service: Service, client: FlaskClient) -> None:
    first, second = crown(service, 2)
    rows = get(client, 'decisions?match={instance="b:9100"}')
    assert [(row["time"], row["version"], row["what"], row["why"], row["by"]) for row in rows] == [
        ((START + version) * 1000, version, "crowned", "as good", "bandwatch")
        for version in (first, second)
    ]
    assert len(get(client, "decisions")) == 6 and get(client, "decisions?watch=node") == []
    assert [row["version"] for row in get(client, "decisions?limit=1")] == [second]
    assert (
        get(client, f"decisions?from={(START + second) * 1000}&to={END * 1000}&limit=9")[0][
            "version"
        ]
        == second
    )


@pytest.mark.parametrize(
    ("path", "act", "version"),
    [
        ("rollback", OrderKind.ROLLBACK, 3),
        ("rollback", OrderKind.ROLLBACK, None),
        ("pin", OrderKind.PIN, None),
        ("unpin", OrderKind.UNPIN, None),
        ("refit", OrderKind.REFIT, None),
    ],
)
def test_an_order_says_what_whose_why_and_by_whom(
    client: FlaskClient, ruler: Ruler, path: str, act: OrderKind, version: int | None
) -> None:
    body = {
        "watch": "web",
        "match": '{job="api"}',
        "comment": "noise",
        "by": "ann",
        "version": version,
    }
    answer = client.post(
        f"/api/v1/models/{path}", json={name: value for name, value in body.items() if value}
    )
    (order,) = ruler.orders
    assert (order.act, order.version, order.comment, order.by) == (act, version, "noise", "ann")
    assert [dict(record.labels) for record in order.series] == [API, OTHER]
    assert answer.json == [
        {
            "watch": "web",
            "series": str(record.labels),
            "done": True,
            "version": 7,
            "why": "it is so",
        }
        for record in order.series
    ]


def test_an_order_that_is_done_in_part_is_an_answer_and_one_that_is_not_an_error(
    client: FlaskClient, ruler: Ruler
) -> None:
    ruler.done = (True, False, False)
    answer = client.post("/api/v1/models/pin", json={"watch": "web"})
    assert answer.status_code == 200 and [row["done"] for row in answer.json or ()] == [
        True,
        False,
        False,
    ]
    ruler.done = (False,)
    answer = client.post("/api/v1/models/pin", json={"watch": "web"})
    assert answer.status_code == 409 and "(and 2 more): it is so" in answer.text


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "watch"),
        ({"comment": "x"}, 400, "watch"),
        ({"watch": "wep"}, 404, "watch"),
        ({"match": "{"}, 400, "match"),
        ({"series": "nothing"}, 404, "series"),
        ({"watch": "web", "x": 1}, 400, "x"),
        ({"watch": "web", "version": 0}, 400, "version"),
        ({"watch": 3}, 400, "watch"),
    ],
)
def test_an_order_that_is_wrong_says_where(
    client: FlaskClient, ruler: Ruler, body: dict[str, object], status: int, field: str
) -> None:
    answer = client.post("/api/v1/models/rollback", json=body)
    assert (answer.status_code, (answer.json or {})["error"]["field"]) == (status, field)
    assert ruler.orders == []


def test_a_form_of_another_site_orders_nothing(client: FlaskClient, ruler: Ruler) -> None:
    answer = client.post("/api/v1/models/refit", data='{"watch": "web"}', content_type="text/plain")
    assert answer.status_code == 415 and ruler.orders == []
