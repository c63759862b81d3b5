"""Signing in by the form, what a session allows, and how it ends."""

import logging
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from plugin.config import User
from plugin.web.credential_attempts import MAX_WRONG
from plugin.web.pages.page_queries import SignInQuery
from tests.plugin.web.conftest import Service

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OWN = {"Origin": "http://localhost"}
NOW = 1_795_219_200.0
EXPIRY = 3600
ANNA = User(username="anna", password=SecretStr("a"), may_write=True)
BERT = User(username="bert", password=SecretStr("b"))
SETTINGS: dict[str, Any] = {
    "read_token": SecretStr("r"),
    "write_token": SecretStr("w"),
    "basic_auth": (ANNA, BERT),
    "session_expiry": EXPIRY,
}


@pytest.fixture
def locked(service: Service) -> FlaskClient:
    service.clock = lambda: NOW
    return service.app(**SETTINGS).test_client()


def sign_in(
    client: FlaskClient, name: str, secret: str, *, to: str = "", **headers: str
) -> TestResponse:
    return client.post(
        f"/sign-in?next={quote(to)}",
        data={"name": name, "secret": secret},
        headers={**OWN, **headers},
    )


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/", "./sign-in"),
        ("/series?text=a&state=ok", "./sign-in?next=series%3Ftext%3Da%26state%3Dok"),
        ("/series/1", "../sign-in?next=series%2F1"),
        ("/incidents/x", "../sign-in?next=incidents%2Fx"),
        ("/nowhere", "./sign-in?next=nowhere"),
        ("/feedback?incident=x", "./sign-in?next=feedback%3Fincident%3Dx"),
    ],
)
def test_a_browser_is_led_to_the_form_and_back(locked: FlaskClient, path: str, form: str) -> None:
    led = locked.get(path, headers=BROWSER)
    assert (led.status_code, led.headers["Location"]) == (303, form)
    assert "WWW-Authenticate" not in led.headers
    shown = locked.get("/" + form.lstrip("./"), headers=BROWSER)
    assert shown.status_code == 200 and 'name="secret" type="password"' in shown.text
    back = sign_in(locked, "anna", "a", to=path.lstrip("/"))
    assert (back.status_code, back.headers["Location"]) == (303, f"./{path.lstrip('/')}")


@pytest.mark.parametrize("path", ["/", "/series", "/api/v1/scores", "/metrics"])
def test_a_program_still_gets_401(locked: FlaskClient, path: str) -> None:
    for headers in ({}, {"Accept": "application/json"}):
        refused = locked.get(path, headers=headers)
        assert refused.status_code == 401 and "WWW-Authenticate" in refused.headers


def test_the_api_asks_a_browser_itself(locked: FlaskClient) -> None:
    refused = locked.get("/api/v1/scores", headers=BROWSER)
    assert refused.status_code == 401 and refused.is_json


def test_a_wrong_password_in_a_header_is_no_reason_for_the_form(locked: FlaskClient) -> None:
    assert locked.get("/", headers=BROWSER, auth=("anna", "x")).status_code == 401
    assert locked.get("/", headers=BROWSER, auth=("anna", "a")).status_code == 200


@pytest.mark.parametrize(
    ("name", "secret", "reads", "changes"),
    [
        ("", "r", 200, 403),
        ("", "w", 200, 200),
        ("token", "w", 200, 200),
        ("anna", "a", 200, 200),
        ("bert", "b", 200, 403),
    ],
)
def test_a_session_allows_what_its_credential_allows(
    locked: FlaskClient, name: str, secret: str, reads: int, changes: int
) -> None:
    assert sign_in(locked, name, secret).status_code == 303
    assert locked.get("/", headers=BROWSER).status_code == reads
    assert locked.get("/api/v1/scores").status_code == reads
    assert locked.post("/-/reload", headers=OWN).status_code == changes


@pytest.mark.parametrize(
    ("settings", "secure"),
    [
        ({}, False),
        ({"external_url": "http://bandwatch.test"}, False),
        ({"external_url": "https://bandwatch.test/x"}, True),
    ],
)
def test_the_cookie_is_out_of_reach(
    service: Service, settings: dict[str, str], secure: bool
) -> None:
    client = service.app(**SETTINGS, **settings).test_client()
    cookie = sign_in(client, "anna", "a").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and f"Max-Age={EXPIRY}" in cookie
    assert ("Secure" in cookie) == secure
    assert "anna" not in cookie


def test_a_session_ends_by_time_by_sign_out_and_with_its_credential(service: Service) -> None:
    now = [NOW]
    service.clock = lambda: now[0]
    client = service.app(**SETTINGS).test_client()
    sign_in(client, "anna", "a")
    now[0] += EXPIRY - 1
    assert client.get("/", headers=BROWSER).status_code == 200
    now[0] += 1
    assert client.get("/series", headers=BROWSER).headers["Location"] == "./sign-in?next=series"

    sign_in(client, "anna", "a")
    out = client.post("/sign-out", headers=OWN)
    assert (out.status_code, out.headers["Location"]) == (303, "./sign-in")
    assert client.get("/", headers=BROWSER).status_code == 303

    sign_in(client, "anna", "a")
    cookie = next(iter(client._cookies.values()))
    other = User(username="anna", password=SecretStr("new"), may_write=True)
    for user, status in ((ANNA, 200), (other, 303)):  # as after a restart
        again = service.app(**{**SETTINGS, "basic_auth": (user,)}).test_client()
        again.set_cookie(cookie.key, cookie.value)
        assert again.get("/", headers=BROWSER).status_code == status


def test_a_changed_cookie_is_none(locked: FlaskClient) -> None:
    sign_in(locked, "bert", "b")
    cookie = next(iter(locked._cookies.values()))
    for value in (cookie.value[:-1], cookie.value[1:], "x", "", "a.b"):
        locked.set_cookie(cookie.key, value)
        assert locked.get("/api/v1/scores").status_code == 401, value


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://elsewhere.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}],
)
@pytest.mark.parametrize("path", ["/-/reload", "/sign-out", "/maintenance", "/incidents/x"])
def test_a_change_by_a_session_comes_from_our_own_page(
    locked: FlaskClient, service: Service, path: str, headers: dict[str, str]
) -> None:
    sign_in(locked, "anna", "a")
    refused = locked.post(path, headers={**headers, "Accept": "application/json"})
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "cross_site")
    assert service.reloads == 0


def test_no_other_site_signs_anyone_in(locked: FlaskClient) -> None:
    for headers in ({"Origin": "https://elsewhere.test"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = sign_in(locked, "anna", "a", **headers)
        assert refused.status_code == 403 and "Set-Cookie" not in refused.headers


@pytest.mark.parametrize(
    "address",
    [
        "//elsewhere.test",
        "/\\elsewhere.test",
        "\\\\elsewhere.test",
        "x\r\nSet-Cookie: a=b",
        "é",
        "x" * 3000,
    ],
)
def test_the_form_leads_to_no_other_site(locked: FlaskClient, address: str) -> None:
    led = sign_in(locked, "anna", "a", to=address)
    assert led.headers["Location"] == "./" and SignInQuery(next=address).next == address


def test_an_address_of_elsewhere_becomes_a_path_of_ours(locked: FlaskClient) -> None:
    led = sign_in(locked, "anna", "a", to="https://elsewhere.test")
    assert led.headers["Location"] == "./https://elsewhere.test"  # relative, by its dot


def test_wrong_ones_are_told_counted_and_limited(
    locked: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert locked.get("/metrics", headers={"Authorization": "Bearer r"}).status_code == 200
    answers = [sign_in(locked, "anna", f"guess{number}") for number in range(MAX_WRONG + 2)]
    assert [answer.status_code for answer in answers] == [403] * MAX_WRONG + [429] * 2
    assert "is not known" in answers[0].text and "try again in" in answers[-1].text
    assert 'name="name" value="anna"' in answers[0].text and "guess" not in answers[0].text
    assert all("WWW-Authenticate" not in answer.headers for answer in answers)
    metrics = locked.get("/metrics", headers={"Authorization": "Bearer r"}).text
    assert f'refused_credentials_total{{outcome="wrong"}} {MAX_WRONG}.0' in metrics
    assert 'refused_credentials_total{outcome="limited"} 2.0' in metrics
    assert "guess" not in caplog.text


def test_signing_in_and_out_is_in_the_log(
    locked: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sign_in(locked, "anna", "a")
    locked.post("/-/reload", headers=OWN)
    locked.post("/sign-out", headers=OWN)
    lines = [(line.getMessage(), line.__dict__.get("sender")) for line in caplog.records]
    assert [line for line in lines if line[1]] == [
        ("signed in", "anna"),
        ("changed", "anna"),
        ("signed out", "anna"),
    ]


def test_pages_say_who_is_signed_in(locked: FlaskClient) -> None:
    assert "Sign out" not in locked.get("/sign-in", headers=BROWSER).text
    sign_in(locked, "bert", "b")
    text = locked.get("/docs/page.md", headers=BROWSER).text
    assert "bert, may read" in text and 'action="../sign-out"' in text


def test_where_nobody_has_to_sign_in_there_is_no_form(client: FlaskClient) -> None:
    for led in (client.get("/sign-in?next=series"), sign_in(client, "x", "y", to="series")):
        assert (led.status_code, led.headers["Location"]) == (303, "./series")
    assert "Sign out" not in client.get("/", headers=BROWSER).text


def test_the_key_of_sessions_is_for_its_owner_only(service: Service) -> None:
    service.app()
    key = service.store.folder / "session.key"
    assert not key.exists()  # nobody signs in
    service.app(**SETTINGS)
    assert key.stat().st_mode & 0o777 == 0o600 and len(key.read_bytes()) == 32
