"""The list of incidents, the page of one, and answers on pages."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.config import User
from plugin.domain.changes import Change
from plugin.series import Labels
from plugin.web.pages.incident_summary import code
from tests.plugin.web.conftest import END, STEP, Service
from tests.plugin.web.test_feedback import ALARM, NOW, SERIES
from tests.plugin.web.test_incidents import keep
from tests.plugin.web.test_pages import BROWSER, Document, words

OWN = {**BROWSER, "Origin": "http://localhost"}
LATER = replace(ALARM, series_id=2, start=END - STEP, end=END - STEP, peak_score=2.0)


@pytest.fixture
def client(service: Service) -> FlaskClient:
    """With one open incident of two series."""
    keep(service, ALARM, LATER)
    service.clock = lambda: NOW
    return service.app().test_client()


def id_of(client: FlaskClient, **headers: str) -> str:
    [row] = client.get("/api/v1/incidents", headers=headers).json
    return str(row["incident"])


def post(client: FlaskClient, path: str, **form: str) -> Any:
    return client.post(path, data=form, headers=OWN)


def test_incidents_are_listed_and_filtered(client: FlaskClient) -> None:
    name = id_of(client)
    for query, count in (
        ("", 1),
        ("?state=open", 1),
        ("?state=closed", 0),
        ("?watch=node", 0),
        ("?range=30d", 1),
    ):
        page = client.get(f"/incidents{query}", headers=BROWSER)
        assert page.status_code == 200
        assert page.text.count(f'href="incidents/{name}"') == count, query
    assert "No incident is like this" in page.text or count
    assert "2 of 3 series of web outside their band" in words(page.text)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/incidents/nothing", "there is no incident `nothing`"),
        ("/incidents?state=shut", "`shut` is not one of: open, closed"),
        ("/incidents?range=2y", "`2y` is not one of: 1d, 7d, 30d"),
    ],
)
def test_what_is_wrong_is_told(client: FlaskClient, path: str, said: str) -> None:
    page = client.get(path, headers=BROWSER)
    assert page.status_code in (400, 404) and said.lower() in words(page.text).lower()


def test_the_page_tells_what_moved_first_on_one_axis(client: FlaskClient) -> None:
    page = client.get(f"/incidents/{id_of(client)}", headers=BROWSER)
    assert page.status_code == 200
    document = Document(page.text)
    assert document.open == []
    assert [svg["aria-label"] for svg in document.named("svg")][0] != SERIES
    assert len(document.named("svg")) == 2
    text = words(page.text)
    first, second = (text.index(f"above since {time}") for time in ("00:08", "00:09"))
    assert first < second and "1 min after the first" in text
    assert "23:08 UTC 00:11 UTC" in text  # an hour before, up to now


def test_what_happened_is_in_order_of_time(service: Service, client: FlaskClient) -> None:
    service.store.changes.add(
        Change("c1", END - 180, "checkout v1.42", Labels.of({"job": "api"}), "https://ci.test/42")
    )
    app = service.app()
    client = app.test_client()
    window = {"match": '{job="api"}', "begin": "2026-11-21T00:09:00Z", "duration": "1m"}
    assert client.post("/api/v1/maintenance", json={**window, "name": "a move"}).status_code == 200
    name = id_of(client)
    assert post(client, f"/incidents/{name}", verdict="real", comment="a disk").status_code == 303
    assert post(client, f"/incidents/{name}", withdraw="1").status_code == 303
    page = client.get(f"/incidents/{name}", headers=BROWSER)
    timeline = page.text[page.text.index('class="timeline"') : page.text.index('id="ticket"')]
    kinds = re.findall(r'class="tag (\w+)"', timeline)
    assert kinds[0] == "change" and '<a href="https://ci.test/42" rel="noreferrer">' in timeline
    assert kinds.count("maintenance") == 2 and kinds[-2:] == ["answer", "answer"]
    assert "answered as real by anyone: a disk" in timeline and "answer 1 taken back" in timeline
    assert "Began 2 min after checkout v1.42" in words(page.text)


def test_an_answer_is_given_told_and_taken_back(client: FlaskClient) -> None:
    name = id_of(client)
    led = post(client, f"/incidents/{name}", verdict="new_normal", by="anna")
    assert (led.status_code, led.headers["Location"]) == (303, f"../incidents/{name}?noted=1")
    page = client.get(f"/incidents/{name}?noted=1", headers=BROWSER)
    assert "The level that it has now is accepted" in page.text
    assert "New normal, by anna, 2026-11-21 00:11 UTC" in page.text
    [row, _] = client.get("/api/v1/feedback").json
    assert (row["verdict"], row["state"], row["by"]) == ("new_normal", "in_force", "anna")
    assert "New normal, by anna" in client.get("/incidents", headers=BROWSER).text
    assert post(client, f"/incidents/{name}", withdraw="1").status_code == 303
    assert client.get("/api/v1/feedback").json[0]["state"] == "withdrawn"
    page = client.get(f"/incidents/{name}?noted=1", headers=BROWSER)
    assert 'name="withdraw"' not in page.text and "is accepted" not in page.text


def test_a_card_takes_the_answer_and_leads_back_to_itself(client: FlaskClient) -> None:
    name = id_of(client)
    page = client.get("/", headers=BROWSER)
    assert f'<form class="acts" method="post" action="incidents/{name}">' in page.text
    led = post(client, f"/incidents/{name}", **{"verdict": "real", "from": "now"})
    assert led.headers["Location"] == f"../#incident-{name}"
    page = client.get("/", headers=BROWSER)
    assert "Real, by anyone" in page.text and 'name="withdraw" value="1"' in page.text
    led = post(client, f"/incidents/{name}", **{"withdraw": "1", "from": "now"})
    assert led.headers["Location"] == f"../#incident-{name}"
    assert "Real, by anyone" not in client.get("/", headers=BROWSER).text


def test_an_answer_about_more_is_told_and_taken_back_where_it_was_given(
    client: FlaskClient,
) -> None:
    body = {"verdict": "real", "watch": "web", "series": SERIES, "from": (END - 3600) * 1000}
    assert client.post("/api/v1/feedback", json=body).status_code == 200
    page = client.get(f"/incidents/{id_of(client)}", headers=BROWSER)
    assert "Real, by anyone" in page.text and 'name="withdraw"' not in page.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"verdict": "maybe"}, "choose one of the three answers"),
        ({"verdict": "real", "comment": "x" * 1001}, "1000 are the most"),
        ({"withdraw": "x"}, "not the number of an answer"),
        ({"withdraw": "99"}, "there is no answer 99"),
    ],
)
def test_a_form_that_makes_no_sense_changes_nothing(
    client: FlaskClient, form: dict[str, str], said: str
) -> None:
    page = post(client, f"/incidents/{id_of(client)}", **form)
    assert page.status_code in (400, 404) and said in page.text.replace("There", "there").replace(
        "Choose", "choose"
    )
    assert client.get("/api/v1/feedback").json == []


def test_one_who_may_only_read_has_no_buttons_or_a_link(service: Service) -> None:
    keep(service, ALARM)
    service.clock = lambda: NOW
    bert = User(username="bert", password=SecretStr("b"))
    for url, links in ((None, 0), ("https://bandwatch.test", 1)):
        app = service.app(write_token=SecretStr("w"), basic_auth=(bert,), external_url=url)
        client = app.test_client()
        page = client.get("/", headers=BROWSER, auth=("bert", "b")).text
        assert 'name="verdict"' not in page and page.count("/feedback?incident=") == links
        name = id_of(client, Authorization="Bearer w")
        page = client.get(f"/incidents/{name}", headers=BROWSER, auth=("bert", "b")).text
        assert 'name="verdict"' not in page and "sign in as someone who may change" in page
        refused = client.post(
            f"/incidents/{name}", data={"verdict": "real"}, headers=OWN, auth=("bert", "b")
        )
        assert refused.status_code == 403


def test_the_summary_is_markdown(service: Service) -> None:
    keep(service, ALARM, LATER)
    service.clock = lambda: NOW
    client = service.app(external_url="https://bandwatch.test").test_client()
    name = id_of(client)
    page = client.get(f"/incidents/{name}", headers=BROWSER).text
    found = re.search(r"<textarea[^>]* readonly[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    lines = unescape(found[1]).splitlines()
    assert lines[0] == "## 2 of 3 series of web outside their band"
    assert f"* Incident `{name}`, outside" in lines
    peak = "24 at 00:09 UTC; expected -1 to 9; outside for one sample so far"
    assert f"  2. `{SERIES}` (web): {peak}" in lines
    assert lines[-1] == f"* https://bandwatch.test/incidents/{name}"


def test_a_name_with_backticks_stays_one_name() -> None:
    assert code('{a="b"}') == '`{a="b"}`'
    assert code('{a="`b``"}') == '``` {a="`b``"} ```'
