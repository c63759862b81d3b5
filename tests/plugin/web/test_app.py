"""Management, status, authentication, errors and the description, through Flask's client."""

import gzip
import json
import logging
from base64 import b64encode
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from plugin.config import User, WebSettings
from plugin.errors import ConfigError, StoreError
from plugin.version import VERSION
from plugin.web.auth import Authenticator
from plugin.web.openapi import document
from plugin.web.route import Access
from plugin.web.routes import ROUTES
from tests.plugin.web.conftest import Service

DOCS = Path(__file__).parents[3] / "docs" / "http-api.md"
READ = {"Authorization": "Bearer reading"}
WRITE = {"Authorization": "bearer  writing"}


def example(path: str) -> str:
    """A path of a route, with names that there are."""
    return path.replace("<name>", "job").replace("<id>", "1").replace("<watch>", "web")


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def locked(service: Service, tmp_path: Path) -> FlaskClient:
    (tmp_path / "password").write_text("aus:ß datei\n", encoding="utf-8")
    return service.app(
        read_token=SecretStr("reading"),
        write_token=SecretStr("writing"),
        basic_auth=(
            User(username="grafana", password=SecretStr("g")),
            User(username="admin", password_file=str(tmp_path / "password"), may_write=True),
        ),
    ).test_client()


def test_healthy_and_ready(service: Service, client: FlaskClient) -> None:
    assert client.get("/-/healthy").status_code == client.get("/-/ready").status_code == 200
    service.unready = "not scored yet: web"
    answer = client.get("/-/ready")
    assert answer.status_code == 503
    assert answer.get_json()["error"] == {
        "code": "not_ready",
        "message": "not scored yet: web",
        "field": "",
    }
    assert client.get("/-/healthy").status_code == 200


def test_a_probe_without_a_token_learns_whether_and_not_what(
    service: Service, locked: FlaskClient
) -> None:
    assert locked.get("/-/ready").status_code == 200
    service.unready = "not scored yet: web"
    answer = locked.get("/-/ready")
    assert answer.status_code == 503 and "web" not in answer.get_data(as_text=True)
    assert answer.get_json()["error"]["message"].startswith("not every watch has been scored yet")
    assert "not scored yet: web" in locked.get("/-/ready", headers=READ).get_data(as_text=True)
    wrong = locked.get("/-/ready", headers={"Authorization": "Bearer guess"})
    assert wrong.status_code == 503 and "web" not in wrong.get_data(as_text=True)


def test_reload_is_a_post(service: Service, client: FlaskClient) -> None:
    refused = client.get("/-/reload")
    assert (refused.status_code, refused.headers["Allow"], service.reloads) == (405, "POST", 0)
    assert refused.get_json()["error"]["message"] == "/-/reload does not answer GET: use POST"
    assert (client.post("/-/reload").status_code, service.reloads) == (200, 1)
    service.bad_config = "bandwatch.yml:3: watches[0].step: found `x`"
    answer = client.post("/-/reload")
    assert (answer.status_code, answer.get_json()["error"]["message"]) == (400, service.bad_config)


def test_status(client: FlaskClient) -> None:
    assert client.get("/api/v1/status/config").get_json() == {
        "yaml": "prometheus: {url: http://p}\n"
    }
    assert client.get("/api/v1/status/buildinfo").get_json()["version"] == VERSION
    identity = client.get("/api/v1/status/bandwatch").get_json()
    assert identity == {"service": "bandwatch", "version": VERSION}


def test_metrics_hold_our_own_and_the_scores(client: FlaskClient) -> None:
    client.get("/api/v1/alert"), client.get("/nowhere")
    families = {
        family.name: family
        for family in text_string_to_metric_families(client.get("/metrics").text)
    }
    requests = {
        (s.labels["route"], s.labels["status"]): s.value
        for s in families["bandwatch_http_requests"].samples
    }
    assert requests == {("/api/v1/alert", "200"): 1.0, ("unknown", "404"): 1.0}
    assert len(families["bandwatch_anomaly_score"].samples) == 4


@pytest.mark.parametrize(
    ("headers", "read", "change"),
    [
        ({}, 401, 401),
        (READ, 200, 403),
        (WRITE, 200, 200),
        (basic("grafana", "g"), 200, 403),
        (basic("admin", "aus:ß datei"), 200, 200),
        (basic("admin", "g"), 401, 401),
        (basic("grafana", ""), 401, 401),
        ({"Authorization": "Bearer readin"}, 401, 401),
        ({"Authorization": "Basic !"}, 401, 401),
        ({"Authorization": "Bearer grafana:g"}, 401, 401),
        (basic("bearer", "reading"), 401, 401),
        (basic("token", "reading"), 200, 403),
        (basic("token", "writing"), 200, 200),
        (basic("token", "g"), 401, 401),
        ({"Authorization": "Bearer"}, 401, 401),
        ({"Authorization": "reading"}, 401, 401),
    ],
)
def test_reading_and_changing_need_credentials(
    locked: FlaskClient, headers: dict[str, str], read: int, change: int
) -> None:
    for route in ROUTES:
        path = example(route.path)
        if route.method == "GET":
            expected = 200 if route.access is Access.OPEN else read
            if (
                route.access is Access.LINK
            ):  # without a link for those who may change, who have yet to say what it is
                expected = 400 if change == 200 else change
            status = locked.get(path, headers=headers).status_code
            unknown = "<" in route.path and expected == 200 and status == 404  # the example itself
            assert status == expected or unknown, path
    answer = locked.post("/-/reload", headers=headers)
    assert answer.status_code == change
    assert ("WWW-Authenticate" in answer.headers) == (change == 401)
    assert locked.get("/nowhere", headers=headers).status_code == (404 if read == 200 else 401)


def test_a_reader_token_alone_lets_nobody_change(service: Service) -> None:
    client = service.app(read_token=SecretStr("reading")).test_client()
    assert client.post("/-/reload", headers=READ).status_code == 403


def test_a_password_file_that_says_nothing_stops_the_start(tmp_path: Path) -> None:
    user = User(username="x", password_file=str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="the password file of `x` cannot be read"):
        Authenticator(WebSettings(basic_auth=(user,)))
    (tmp_path / "file").write_text("\n")
    with pytest.raises(ConfigError, match="the password file of `x` is empty"):
        Authenticator(WebSettings(basic_auth=(user,)))


def test_errors_have_one_shape_and_no_trace(
    service: Service,
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(error: Exception) -> None:
        def broken(*_: object) -> None:
            raise error

        monkeypatch.setattr(service.store.samples, "of", broken)

    fail(ZeroDivisionError("secret path"))
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v1/bands")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (500, "internal")
    assert (
        "secret" not in answer.text and "secret path" in caplog.text and "Traceback" in caplog.text
    )
    fail(StoreError("the disk is full"))
    answer = client.get("/api/v1/bands")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "unavailable")
    answer = client.get("/api/v1/band")
    assert (answer.status_code, set(answer.get_json()["error"])) == (
        404,
        {"code", "message", "field"},
    )
    answer = client.post("/-/reload", data=b"x" * 70_000)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (413, "body_too_large")
    assert (
        client.options("/api/v1/bands").status_code == client.delete("/metrics").status_code == 405
    )
    assert client.head("/api/v1/alert").status_code == 200


def test_a_long_answer_is_compressed_when_asked_for(client: FlaskClient) -> None:
    plain = client.get("/api/v1/openapi.json")
    packed = client.get("/api/v1/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data and packed.content_length == len(packed.data)
    assert "gzip" not in client.get(
        "/api/v1/openapi.json", headers={"Accept-Encoding": "gzip;q=0"}
    ).headers.get("Content-Encoding", "")
    small = client.get("/api/v1/status/buildinfo", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers and small.headers["Vary"] == "Accept-Encoding"


def test_the_description_has_every_route_and_parameter(
    service: Service, client: FlaskClient
) -> None:
    described = client.get("/api/v1/openapi.json").get_json()
    assert described == json.loads(json.dumps(document(WebSettings())))
    assert described["openapi"] == "3.1.0" and {"title", "version"} <= set(described["info"])
    served = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in service.app().url_map.iter_rules()
        for method in rule.methods or ()
        if method != "HEAD"
    }
    assert served == {
        (path, method) for path, item in described["paths"].items() for method in item
    }
    for path, item in described["paths"].items():
        for operation in item.values():
            assert operation["operationId"] and operation["responses"]["200"]["content"]
            placed = [
                parameter["name"]
                for parameter in operation["parameters"]
                if parameter["in"] == "path"
            ]
            assert all(f"{{{name}}}" in path for name in placed) and path.count("{") == len(placed)
            for parameter in operation["parameters"]:
                assert {"name", "in", "schema"} <= set(parameter)


def test_every_example_of_a_parameter_is_accepted(client: FlaskClient) -> None:
    for route in ROUTES:
        for parameter in route.parameters:
            path = example(route.path)
            answer = client.open(
                path,
                method=route.method,
                query_string={parameter.name: parameter.example},
                headers={"Accept": "application/json", "Origin": "http://localhost"},
            )
            unknown = "unknown_incident", "unknown_feedback", "not_found"  # the example itself
            assert answer.status_code in (200, 303) or any(
                code in answer.text for code in unknown
            ), (route.path, parameter.name, answer.text)


def test_every_route_and_parameter_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for route in ROUTES:
        assert f"`{route.method} {route.path}`" in text, route.path
        for parameter in route.parameters:
            assert f"`{parameter.name}`" in text, parameter.name
