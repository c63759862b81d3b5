"""What is refused before a view runs, and what a change leaves in the log."""

import io
import logging
from typing import Any

import pytest
from flask import Request
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.config.model import User
from plugin.web.credential_attempts import MAX_WRONG
from plugin.web.guard import MAX_BODY
from tests.plugin.web.conftest import Service
from tests.plugin.web.test_feedback import ALARM, NOW, SERIES
from tests.plugin.web.test_feedback_page import form, link_of, send
from tests.plugin.web.test_incidents import keep

ANNA = User(username="anna", password=SecretStr("a"), may_write=True)
TOKEN = {"Authorization": "Bearer w"}
ELSEWHERE: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://elsewhere.test"},
    {"Origin": "null"},
]


@pytest.fixture
def locked(service: Service) -> FlaskClient:
    keep(service, ALARM)
    service.clock = lambda: NOW
    return service.app(
        write_token=SecretStr("w"),
        read_token=SecretStr("r"),
        basic_auth=(ANNA,),
        external_url="http://bandwatch.test",
    ).test_client()


@pytest.mark.parametrize("headers", ELSEWHERE)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/-/reload", None),
        ("POST", "/api/v1/maintenance", {"match": "{}", "duration": "1h"}),
        ("DELETE", "/api/v1/maintenance/x", None),
        ("POST", "/api/v1/models/refit", {"watch": "web"}),
    ],
)
def test_another_site_changes_nothing_by_a_remembered_password(
    locked: FlaskClient,
    service: Service,
    headers: dict[str, str],
    method: str,
    path: str,
    body: dict[str, str] | None,
) -> None:
    refused = locked.open(path, method=method, json=body, headers=headers, auth=("anna", "a"))
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "cross_site")
    assert service.reloads == 0


def test_a_reload_by_a_form_is_refused_and_by_our_own_page_or_a_program_it_works(
    locked: FlaskClient, service: Service
) -> None:
    refused = locked.post("/-/reload", data={"x": "y"}, auth=("anna", "a"))
    assert (refused.status_code, refused.json["error"]["code"]) == (415, "not_json")
    for headers in (
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://proxied.test"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "http://bandwatch.test"},
    ):
        assert locked.post("/-/reload", headers=headers, auth=("anna", "a")).status_code == 200, (
            headers
        )
    other = {**TOKEN, "Origin": "https://elsewhere.test"}  # no browser remembers a token
    assert locked.post("/-/reload", headers=other).status_code == 200
    assert service.reloads == 6


@pytest.mark.parametrize("path", ["/feedback", "/feedback?watch=web", "/feedback?signature=x"])
def test_a_form_of_a_stranger_is_refused_unread(
    locked: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("the form was read")

    monkeypatch.setattr(Request, "_load_form_data", read)
    data = {"signature": "x", "verdict": "real", "comment": "x" * 20_000}
    refused = locked.post(path, data=data)
    assert refused.status_code == (403 if "signature" in path else 401)
    assert refused.mimetype == "text/html" and "This cannot be answered" in refused.text


def test_the_length_of_a_body_comes_first(locked: FlaskClient) -> None:
    for path in ("/feedback", "/api/v1/feedback", "/-/reload", "/grafana/query"):
        refused = locked.post(path, data=b"x" * (1 << 20))
        assert refused.status_code == 413, path
    without_length: dict[str, Any] = {
        "input_stream": io.BytesIO(b"{" + b" " * (1 << 20) + b"}"),
        "content_type": "application/json",
        "headers": {**TOKEN, "Transfer-Encoding": "chunked"},
        "environ_overrides": {"wsgi.input_terminated": True},
    }
    refused = locked.post("/api/v1/feedback", **without_length)
    assert refused.status_code == 400 and "truncated" in refused.text  # no more of it is read
    assert locked.post("/api/v1/feedback", data=b"x" * MAX_BODY).status_code == 401


def test_errors_of_the_page_are_pages_and_are_described_so(locked: FlaskClient) -> None:
    described = locked.get("/api/v1/openapi.json", headers=TOKEN).json
    for answer, method in (
        (locked.get("/feedback"), "get"),
        (locked.get("/feedback", headers=TOKEN), "get"),
        (locked.get("/feedback?signature=x"), "get"),
        (locked.post("/feedback", data=b"x" * 70_000), "post"),
        (locked.post("/feedback", data={"incident": "9-9"}, headers=TOKEN), "post"),
    ):
        assert answer.status_code >= 400
        responses = described["paths"]["/feedback"][method]["responses"]
        name = responses["default"]["$ref"].rpartition("/")[2]
        assert [*described["components"]["responses"][name]["content"]] == [answer.mimetype]


def test_too_many_wrong_credentials_are_not_judged_any_more(
    locked: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert locked.get("/api/v1/scores", headers=TOKEN).status_code == 200
    caplog.set_level(logging.INFO)
    answers = [
        locked.get("/api/v1/scores", headers={"Authorization": f"Bearer guess{number}"})
        for number in range(MAX_WRONG + 5)
    ]
    assert [answer.status_code for answer in answers] == [401] * MAX_WRONG + [429] * 5
    assert answers[-1].json["error"]["code"] == "too_many_attempts"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert "WWW-Authenticate" not in answers[-1].headers
    right = locked.get("/api/v1/scores", headers=TOKEN)
    assert right.status_code == 200  # it was right before
    assert locked.get("/api/v1/scores").status_code == 401  # to ask without any is no guess
    assert locked.get("/-/healthy").status_code == 200
    metrics = locked.get("/metrics", headers=TOKEN).text
    assert f'bandwatch_http_refused_credentials_total{{outcome="wrong"}} {MAX_WRONG}.0' in metrics
    assert 'bandwatch_http_refused_credentials_total{outcome="limited"} 5.0' in metrics
    lines = [record for record in caplog.records if record.getMessage() == "wrong credentials"]
    assert len(lines) == MAX_WRONG and "guess" not in caplog.text
    assert {vars(record)["address"] for record in lines} == {"127.0.0.1"}


def test_each_change_is_one_line_of_the_log_without_secrets(
    locked: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "plugin.web.audit")
    link = form(locked.get(link_of(locked)))
    send(locked, link, {"verdict": "real", "by": "ben", "comment": "top secret"})
    window = {"match": '{job="api"}', "duration": "1h", "by": "eve", "comment": "top secret"}
    added = locked.post("/api/v1/maintenance", json=window, headers=TOKEN).json
    locked.delete(f"/api/v1/maintenance/{added['id']}?by=eve", auth=("anna", "a"))
    locked.delete("/api/v1/feedback/1", auth=("anna", "a"))
    locked.post("/-/reload", headers=TOKEN)
    for refused in (
        locked.post("/-/reload"),
        locked.post("/-/reload", headers={"Authorization": "Bearer r"}),
        locked.post("/api/v1/feedback", json={"verdict": "real"}, headers=TOKEN),
        locked.get(f"/api/v1/scores?series={SERIES}", headers=TOKEN),
    ):
        assert refused.status_code in (200, 400, 401, 403)
    told = [
        (fields["change"], fields["sender"], fields.get("by", ""), fields["address"])
        for fields in (vars(record) for record in caplog.records)
    ]
    here = "127.0.0.1"
    assert told == [
        ("answer_page_send", "link", "ben (by link)", here),
        ("maintenance_add", "token", "eve", here),
        ("maintenance_end", "anna", "anna", here),
        ("feedback_withdraw", "anna", "anna", here),
        ("reload", "token", "", here),
    ]
    first = vars(caplog.records[0])
    assert first["watch"] == "web" and first["verdict"] == "real" and first["answer"] == 1
    assert vars(caplog.records[1])["window"] == added["id"]
    texts = " ".join(str(vars(record)) for record in caplog.records)
    for secret in (link["signature"], "top secret", "Bearer", "'a'"):
        assert secret not in texts
