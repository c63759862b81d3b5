"""The page at /maintenance: windows listed, planned and ended by forms."""

from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.config import MaintenanceSettings, User
from plugin.config.model import MaintenanceWindow
from tests.plugin.web.conftest import END, Service
from tests.plugin.web.test_pages import BROWSER, Document, words

OWN = {**BROWSER, "Origin": "http://localhost"}
NOW = END + 600


@pytest.fixture
def client(service: Service) -> FlaskClient:
    service.clock = lambda: NOW
    return service.app().test_client()


def plan(client: FlaskClient, **form: str) -> Any:
    return client.post("/maintenance", data=form, headers=OWN)


def test_a_window_is_planned_listed_and_ended(service: Service, client: FlaskClient) -> None:
    assert "No window is planned" in client.get("/maintenance", headers=BROWSER).text
    led = plan(client, name="a new disk", watch="", match='{job="api"}', duration="2h", by="anna")
    assert led.status_code == 303
    [row] = client.get("/api/v1/maintenance").json
    assert led.headers["Location"] == f"./maintenance?added={row['id']}#window-{row['id']}"
    assert (row["name"], row["state"], row["by"], row["size"]) == (
        "a new disk",
        "active",
        "anna",
        2,
    )
    page = client.get(led.headers["Location"].lstrip("."), headers=BROWSER)
    text = words(page.text)
    assert "Added: a new disk. It is about 2 series." in text
    assert "00:19 UTC to 02:19 UTC 2 h" in text and "by anna" in text
    assert Document(page.text).open == []
    service.clock = lambda: NOW + 60
    client = service.app().test_client()
    led = plan(client, end_window=row["id"])
    assert (led.status_code, led.headers["Location"]) == (303, "./maintenance")
    [row] = client.get("/api/v1/maintenance").json
    assert row["state"] == "ended"
    page = client.get("/maintenance", headers=BROWSER)
    assert 'name="end_window"' not in page.text and "ended by anyone" in words(page.text)


def test_one_that_has_not_begun_is_removed(client: FlaskClient) -> None:
    plan(client, watch="web", begin="2026-11-22T02:00", duration="30m", rule="FREQ=WEEKLY")
    page = client.get("/maintenance", headers=BROWSER)
    assert "2026-11-22 02:00 UTC to 2026-11-22 02:30 UTC" in words(page.text)
    assert "FREQ=WEEKLY" in page.text and "Remove" in page.text
    [row] = client.get("/api/v1/maintenance").json
    assert plan(client, end_window=row["id"]).status_code == 303
    assert client.get("/api/v1/maintenance").json == []


def test_one_that_is_about_nothing_is_said_to_be(client: FlaskClient) -> None:
    led = plan(client, match='{job="nothing"}', duration="1h")
    page = client.get(led.headers["Location"].lstrip("."), headers=BROWSER)
    assert "It is about 0 series. None is known that matches now" in words(page.text)


@pytest.mark.parametrize(
    ("form", "status", "field"),
    [
        ({"duration": "1h"}, 400, "match"),
        ({"match": "{", "duration": "1h"}, 400, "match"),
        ({"match": "{}", "duration": "soon"}, 400, "duration"),
        ({"watch": "wep", "duration": "1h"}, 404, "watch"),
        ({"match": "{}", "begin": "tomorrow", "duration": "1h"}, 400, "begin"),
        ({"match": "{}", "duration": "1h", "timezone": "Vienna"}, 400, "timezone"),
        ({"match": "{}", "duration": "1h", "name": "a\x07"}, 400, "name"),
        ({"match": "{}", "duration": "1h", "comment": "x" * 5000}, 400, "comment"),
    ],
)
def test_what_is_wrong_is_told_as_by_the_api_and_nothing_typed_is_lost(
    client: FlaskClient, form: dict[str, str], status: int, field: str
) -> None:
    page = plan(client, **form, after="7m")
    refused = client.post("/api/v1/maintenance", json=form)
    assert page.status_code == refused.status_code == status
    error = refused.json["error"]
    assert error["field"] == field
    said = error["message"].partition(": /api/v1/openapi.json")[0]
    assert said[1:] in unescape(page.text)
    document = Document(page.text)
    inputs = {each["name"]: each for each in document.named("input", "select")}
    assert inputs[field]["aria-invalid"] == "true" and inputs["after"]["value"] == "7m"
    assert "open" in document.named("details")[0]  # what was filled in there is shown
    assert client.get("/api/v1/maintenance").json == []


def test_one_of_the_file_has_no_button(service: Service) -> None:
    service.clock = lambda: NOW
    service.planned = MaintenanceSettings(
        windows=(
            MaintenanceWindow(
                name="ours", begin="2026-11-21T00:00:00Z", duration=86_400, match="{}"
            ),
        )
    )
    client = service.app().test_client()
    page = client.get("/maintenance", headers=BROWSER)
    assert "ours" in page.text and 'name="end_window"' not in page.text
    [row] = client.get("/api/v1/maintenance").json
    refused = plan(client, end_window=row["id"])
    assert refused.status_code == 409 and "from config" in refused.text


def test_one_who_may_only_read_sees_them_and_changes_none(service: Service) -> None:
    bert = User(username="bert", password=SecretStr("b"))
    client = service.app(basic_auth=(bert,)).test_client()
    page = client.get("/maintenance", headers=BROWSER, auth=("bert", "b"))
    assert page.status_code == 200 and '<form class="plan"' not in page.text
    refused = client.post("/maintenance", data={"match": "{}"}, headers=OWN, auth=("bert", "b"))
    assert refused.status_code == 403
