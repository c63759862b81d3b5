"""The page of a link: opening it changes nothing, its form needs the link, and nothing of it
runs."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from pydantic import SecretStr
from werkzeug.test import TestResponse

from plugin.config.groups import groups
from plugin.config.model import User
from plugin.domain.times import DAY
from plugin.series import Labels, Tick
from tests.plugin.web.conftest import END, OTHER, Service
from tests.plugin.web.test_feedback import ALARM, NOW, QUIET, SERIES, rows
from tests.plugin.web.test_incidents import keep

OURS = "http://bandwatch.test"
TOKEN = {"Authorization": "Bearer w"}


@pytest.fixture
def page(service: Service) -> FlaskClient:
    """The application under a write token, with an external URL, as someone without a token sees
    it."""
    keep(service, ALARM)
    service.clock = lambda: NOW
    return client_of(service)


def client_of(service: Service, **settings: Any) -> FlaskClient:
    return service.app(
        **{"external_url": OURS, "write_token": SecretStr("w"), **settings}
    ).test_client()


def link_of(client: FlaskClient, path: str = f"/api/v1/scores?series={SERIES}") -> str:
    (url,) = (row["feedback_url"] for row in client.get(path, headers=TOKEN).json)
    assert url.startswith(f"{OURS}/feedback?")
    return f"/feedback?{urlsplit(url).query}"


def form(shown: TestResponse) -> dict[str, str]:
    """What the address of the form of a page holds: the signed link."""
    assert shown.status_code == 200, shown.text
    (address,) = set(re.findall(r'<form method="post" action="feedback\?([^"]*)">', shown.text))
    return dict(parse_qsl(unescape(address)))


def send(
    client: FlaskClient, link: dict[str, str], data: dict[str, str], **request: Any
) -> TestResponse:
    """Sends the form of a page."""
    return client.post("/feedback?" + urlencode(link), data=data, **request)


def given(client: FlaskClient) -> list[tuple[str, str, str]]:
    listed = client.get("/api/v1/feedback", headers=TOKEN).json
    return [(row["verdict"], row["state"], row["by"]) for row in listed]


def test_a_link_shows_what_it_is_about_and_changes_nothing(page: FlaskClient) -> None:
    shown = page.get(link_of(page))
    text = re.sub(r"\s+", " ", shown.text)
    assert "requests{code=&#34;500&#34;,<wbr>" in text and "<h1>24, expected -1 to 9" in text
    assert re.search('class="outside" d="M[^M]+h0"', text) and 'class="band" d="M' in text
    assert re.findall(r'<button name="verdict" value="(\w+)">', text) == [
        "false_alarm",
        "real",
        "new_normal",
    ]
    for query in ("&verdict=real", "&withdraw=1"):
        assert page.get(link_of(page) + query).status_code == 200
        assert page.head(link_of(page) + query).status_code == 200
    assert given(page) == []


def test_an_answer_by_the_form_is_kept_and_can_be_taken_back(page: FlaskClient) -> None:
    hidden = form(page.get(link_of(page)))
    done = send(page, hidden, {"verdict": "real", "comment": "disk full", "by": "anna"})
    assert done.status_code == 200 and "Noted: real" in done.text and "anna (by link)" in done.text
    assert given(page) == [("real", "in_force", "anna (by link)")]
    assert (
        "Real, by anna (by link), 2026-11-21 00:11 UTC: disk full" in page.get(link_of(page)).text
    )
    back = send(page, form(done), {"withdraw": "1"})
    assert "Taken back" in back.text
    assert given(page) == [("real", "withdrawn", "anna (by link)")]
    assert send(page, hidden, {"withdraw": "1"}).status_code == 404


def test_an_incident_has_its_link_too(page: FlaskClient, service: Service) -> None:
    service.store.incidents.adopt(groups([service.watches()["web"]])["web"])
    link = link_of(page, f"/api/v1/incidents?watch=web&from={END}000&to={END}000")
    send(page, form(page.get(link)), {"verdict": "false_alarm"})
    assert given(page) == [("false_alarm", "in_force", "link")]
    (row,) = page.get("/api/v1/feedback", headers=TOKEN).json
    assert (
        row["incident"] == service.store.incidents.between(END, END)[0].id
        and row["series"] == SERIES
    )


def test_of_an_incident_all_series_are_named_and_the_worst_alarm_of_the_first_is_shown(
    page: FlaskClient, service: Service
) -> None:
    early = replace(ALARM, start=END - 120, end=END - 120, peak_time=END - 120, peak_score=1.5)
    keep(service, early, replace(ALARM, series_id=2))
    service.store.incidents.adopt(groups([service.watches()["web"]])["web"])
    shown = page.get(link_of(page, f"/api/v1/incidents?watch=web&from={END}000&to={END}000")).text
    assert (
        "2026-11-21 00:07 to 00:09 UTC, still going on</small>" in shown
        and "Above from 00:09 UTC" in shown
    )
    assert f"The answer is about these, too: {escape(QUIET)}." in shown


def test_where_nothing_was_outside_it_says_so(page: FlaskClient) -> None:
    path = "/feedback?" + urlencode({"watch": "web", "series": QUIET, "at": (END - 120) * 1000})
    assert (
        "<h1>Nothing was outside then, as far as is stored</h1>"
        in page.get(path, headers=TOKEN).text
    )


@pytest.mark.parametrize(
    "change",
    [
        {"at": str((END - 999) * 1000)},
        {"series": QUIET},
        {"signature": "x"},
        {"signature": ""},
        {"expires": str(NOW + 900 * DAY)},
    ],
)
def test_a_link_that_was_changed_does_nothing(page: FlaskClient, change: dict[str, str]) -> None:
    hidden = {**form(page.get(link_of(page))), **change}
    assert page.get("/feedback?" + urlencode(hidden)).status_code == 403
    refused = send(page, hidden, {"verdict": "real"})
    assert (
        refused.status_code == 403
        and "was changed" in refused.text
        and refused.mimetype == "text/html"
    )
    assert given(page) == []


def test_an_expired_link_does_nothing(page: FlaskClient, service: Service) -> None:
    hidden = form(page.get(link_of(page)))
    service.clock = lambda: NOW + 8 * DAY
    later = client_of(service)
    for answer in (
        later.get("/feedback?" + urlencode(hidden)),
        send(later, hidden, {"verdict": "real"}),
    ):
        assert answer.status_code == 403 and "has expired" in answer.text
    assert given(later) == []


def test_without_a_link_credentials_are_asked_for(page: FlaskClient) -> None:
    path = "/feedback?" + urlencode({"watch": "web", "series": SERIES, "at": END * 1000})
    refused = page.get(path)
    assert refused.status_code == 401 and any(
        "Basic" in each for each in refused.headers.getlist("WWW-Authenticate")
    )
    assert (
        page.post(
            "/feedback",
            data={"watch": "web", "series": SERIES, "at": END * 1000, "verdict": "real"},
        ).status_code
        == 401
    )
    hidden = form(page.get(path, headers=TOKEN))
    assert send(page, hidden, {"verdict": "real"}).status_code == 200
    by_token = {"watch": "web", "series": QUIET, "at": str(END * 1000), "verdict": "real"}
    assert page.post("/feedback", data=by_token, headers=TOKEN).status_code == 200
    assert len(given(page)) == 2


def test_a_remembered_password_does_not_answer_for_another_site(
    page: FlaskClient, service: Service
) -> None:
    anna = User(username="anna", password=SecretStr("a"), may_write=True)
    browser = client_of(service, basic_auth=(anna,))
    about = {"watch": "web", "series": SERIES, "at": str(END * 1000)}
    refused = browser.post("/feedback", data={**about, "verdict": "real"}, auth=("anna", "a"))
    assert refused.status_code == 403
    hidden = form(browser.get("/feedback?" + urlencode(about), auth=("anna", "a")))
    cross = send(
        browser,
        hidden,
        {"verdict": "real"},
        auth=("anna", "a"),
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert cross.status_code == 403 and given(browser) == []
    send(
        browser,
        hidden,
        {"verdict": "real", "by": "ben"},
        auth=("anna", "a"),
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert given(browser) == [("real", "in_force", "anna")]


def test_where_nobody_is_asked_who_they_are_the_form_still_needs_its_link(service: Service) -> None:
    keep(service, ALARM)
    service.clock = lambda: NOW
    client = service.app().test_client()
    about = {"watch": "web", "series": SERIES, "at": str(END * 1000)}
    assert client.post("/feedback", data={**about, "verdict": "real"}).status_code == 403
    assert "feedback_url" not in client.get("/api/v1/scores").json[0], (
        "nobody knows where people reach us"
    )
    assert (
        send(
            client, form(client.get("/feedback?" + urlencode(about))), {"verdict": "real"}
        ).status_code
        == 200
    )
    assert [row["by"] for row in rows(client)] == ["link"]


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"watch": "web", "series": "x", "at": "1795219740000"}, "There is no series"),
        ({"watch": "web", "series": SERIES}, "neither milliseconds"),
        ({}, "Name what the answer is about"),
        ({"incident": "9-9"}, "There is no incident"),
    ],
)
def test_what_is_not_there_is_told(page: FlaskClient, about: dict[str, str], message: str) -> None:
    refused = page.get("/feedback?" + urlencode(about), headers=TOKEN)
    assert refused.status_code in (400, 404) and message in refused.text


def test_nothing_that_is_shown_can_run(page: FlaskClient, service: Service) -> None:
    evil = '"><script>alert(1)</script>{{ 7777 * 7 }}'
    (record,) = service.store.series.register("web", [Labels.of({"job": evil})], END)
    value = np.array([[7.0]])
    service.store.write(
        [
            Tick(
                "web",
                np.array([record.id]),
                np.array([END]),
                value,
                value,
                value,
                value,
                value - 7,
                np.ones(1, int),
            )
        ],
        "q",
        (END, END),
    )
    client = client_of(service)
    about = {"watch": "web", "series": str(record.labels), "at": str(END * 1000)}
    hidden = form(client.get("/feedback?" + urlencode(about), headers=TOKEN))
    send(client, hidden, {"verdict": "real", "comment": evil, "by": evil})
    pages = [
        client.get("/feedback?" + urlencode(each), headers=TOKEN)
        for each in (about, {"watch": evil, "series": "x"}, {"incident": evil})
    ]
    for shown in pages:
        assert "<script" not in shown.text and "54439" not in shown.text
        policy = shown.headers["Content-Security-Policy"]
        assert (
            policy.startswith("default-src 'none'; style-src 'sha256-") and "script" not in policy
        )
        style = re.search("<style>(.*?)</style>", shown.text, re.DOTALL)
        assert (
            style and f"'sha256-{b64encode(sha256(style[1].encode()).digest()).decode()}'" in policy
        )
        assert (
            shown.headers["Referrer-Policy"] == "same-origin" and "Set-Cookie" not in shown.headers
        )
        assert not re.search(r'\s(?:src|href|style|on\w+)\s*=\s*"', shown.text)
    assert "&lt;script&gt;" in pages[0].text


def test_only_what_is_outside_has_a_link(page: FlaskClient) -> None:
    shown = page.get("/api/v1/scores?watch=web", headers=TOKEN).json
    assert [bool(row["feedback_url"]) for row in shown] == [row["score"] > 1 for row in shown]
    assert any(
        row["series"] == str(Labels.of(OTHER)) and row["feedback_url"] == "" for row in shown
    )


def test_a_link_of_one_alarm_does_not_take_back_what_was_said_of_more(
    page: FlaskClient, service: Service
) -> None:
    keep(service, replace(ALARM, series_id=2), replace(ALARM, series_id=3))
    service.store.incidents.adopt(groups([service.watches()["web"]])["web"])
    (incident,) = service.store.incidents.between(END, END)
    body = {"verdict": "real", "incident": incident.id}
    assert page.post("/api/v1/feedback", json=body, headers=TOKEN).status_code == 200
    alone = page.get(link_of(page))
    assert f"given to incident {incident.id}, 3 series" in alone.text
    assert "Take it back" not in alone.text
    refused = send(page, form(alone), {"withdraw": "1"})
    assert refused.status_code == 404 and "to this alarm alone" in refused.text
    assert [state for _, state, _ in given(page)] == ["in_force"] * 3
    # another answer for this series alone replaces that part, and its link takes only this back
    done = send(page, form(alone), {"verdict": "false_alarm"})
    assert [state for _, state, _ in given(page)].count("in_force") == 3
    send(page, form(done), {"withdraw": "2"})
    assert sorted(state for _, state, _ in given(page)) == [
        "in_force",
        "in_force",
        "replaced",
        "withdrawn",
    ]
    link = link_of(page, f"/api/v1/incidents?watch=web&from={END}000&to={END}000")
    assert send(page, form(page.get(link)), {"withdraw": "1"}).status_code == 200
    assert "in_force" not in [state for _, state, _ in given(page)]
