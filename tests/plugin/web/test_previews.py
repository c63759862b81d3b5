"""Previews over HTTP: ordered, followed, cancelled, and the page /try, without a script."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.config.model import User
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import new_incident
from plugin.domain.preview import Preview, PreviewAlarm, PreviewIncident, SeriesBand, WatchPreview
from plugin.domain.times import DAY, WEEK
from plugin.errors import PreviewRefused
from plugin.series import Labels, Samples
from plugin.web.pages.try_page import FIELDS
from plugin.web.preview_orders import PreviewOrder, PreviewStage, PreviewState
from tests.plugin.web.conftest import START, Service

PATH = "/api/v1/preview"
BODY = {"query": "up", "since": "7d", "min_deviation": 5, "persistence": "2 of 3"}
LABELS = Labels.of({"job": "api"})
HTML = {"Accept": "text/html"}


class Desk:
    """One order at a time; tests say how far it is."""

    def __init__(self) -> None:
        self.states: dict[str, PreviewState] = {}

    def start(self, order: PreviewOrder) -> PreviewState:
        if any(state.stage is PreviewStage.RUNNING for state in self.states.values()):
            raise PreviewRefused("a preview runs already (0% done): wait")
        self.states["p1"] = PreviewState("p1", order)
        return self.states["p1"]

    def state(self, preview_id: str) -> PreviewState | None:
        return self.states.get(preview_id)

    def cancel(self, preview_id: str) -> PreviewState | None:
        if preview_id in self.states:
            self.change(stage=PreviewStage.CANCELLED)
        return self.states.get(preview_id)

    def change(self, **changes: Any) -> None:
        self.states["p1"] = replace(self.states["p1"], **changes)


@pytest.fixture
def desk(service: Service) -> Desk:
    service.previews = made = Desk()
    return made


@pytest.fixture
def client(service: Service, desk: Desk) -> FlaskClient:
    return service.app().test_client()


def outcome() -> Preview:
    """A week with one alarm at night."""
    times = START + 3600 * np.arange(24 * 7)
    value = np.ones(len(times))
    value[2] = 9.0
    ones = np.ones(len(times))
    score = np.where(value > 2, 4.0, 0.5)
    start = int(times[2])
    alarm = Alarm(1, start, start, False, 1, start, 4.0, 9.0, 1.0, -np.inf, 2.0, 1)
    band = Samples(times, value, ones, 0 * ones, 2 * ones, score, ones.astype(np.int64))
    made = new_incident("preview", Labels.of({}), [alarm])
    return Preview(
        START,
        START + WEEK,
        (WatchPreview("preview", 1, float(WEEK), 1 / WEEK, 1),),
        (PreviewAlarm("preview", LABELS, alarm, "", made.id),),
        (PreviewIncident(made, str(LABELS), str(LABELS), "", "UTC"),),
        (SeriesBand("preview", LABELS, "", band),),
    )


def test_a_preview_is_ordered_followed_and_done(client: FlaskClient, desk: Desk) -> None:
    answer = client.post(PATH, json=BODY)
    assert answer.status_code == 200, answer.text
    order = desk.states["p1"].order
    assert (order.seconds, order.watch.min_deviation) == (7 * DAY, 5.0)
    assert order.watch.persistence == (2, 3)
    assert answer.json == {
        "id": "p1",
        "state": "running",
        "done": 0.0,
        "error": "",
        "yaml": "watches:\n- name: preview\n  query: up\n  min_deviation: 5.0\n"
        "  persistence: 2 of 3\n",
        "preview": None,
    }
    desk.change(share=0.25)
    assert client.get(f"{PATH}/p1").json["done"] == 0.25
    desk.change(stage=PreviewStage.DONE, preview=outcome(), share=1.0)
    done = client.get(f"{PATH}/p1").json
    assert done["state"] == "done"
    assert done["preview"]["pages_per_week"] == {"total": 1.0, "night": 1.0, "day": 0.0}
    [alarm] = done["preview"]["alarms"]
    assert (alarm["lower"], alarm["series"]) == (None, '{job="api"}')


def test_a_preview_is_cancelled(client: FlaskClient) -> None:
    client.post(PATH, json=BODY)
    assert client.delete(f"{PATH}/p1").json["state"] == "cancelled"
    assert client.delete(f"{PATH}/p2").status_code == 404


def test_one_runs_at_a_time(client: FlaskClient) -> None:
    client.post(PATH, json=BODY)
    answer = client.post(PATH, json=BODY)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"query": "up", "step": "5x"}, "step", 'step: found "5x"; valid is a duration'),
        ({"query": "up", "since": "90d"}, "since", 'found "90d"; valid is 1h to 30d'),
        ({"query": "up", "since": "x"}, "since", '`since`: found "x"; valid is a duration'),
        ({"query": ""}, "query", "query: found"),
        ({"since": "7d"}, "query", "missing required field `query`"),
        ({"query": "up", "covariates": ["x"]}, "covariates", "unknown field"),
    ],
)
def test_a_wrong_setting_is_told(
    client: FlaskClient, body: dict[str, Any], field: str, words: str
) -> None:
    answer = client.post(PATH, json=body)
    assert answer.status_code == 400
    assert answer.json["error"]["field"] == field
    assert words in answer.json["error"]["message"]


def test_only_those_who_may_change_order_one(service: Service, desk: Desk) -> None:
    app = service.app(
        basic_auth=(
            User(username="ann", password=SecretStr("a" * 20), may_write=True),
            User(username="bob", password=SecretStr("b" * 20)),
        )
    )
    client = app.test_client()
    bob, ann = ("bob", "b" * 20), ("ann", "a" * 20)
    assert client.post(PATH, json=BODY, auth=bob).status_code == 403
    assert client.post(PATH, json=BODY, auth=ann).status_code == 200
    assert client.get(f"{PATH}/p1", auth=bob).status_code == 200
    assert client.delete(f"{PATH}/p1", auth=bob).status_code == 403


def test_a_service_without_previews_says_so(service: Service) -> None:
    assert service.app().test_client().post(PATH, json=BODY).status_code == 404


def send(client: FlaskClient, **form: str) -> Any:
    return client.post("/try", data=form, headers={**HTML, "Sec-Fetch-Site": "same-origin"})


def test_the_page_begins_with_a_form(client: FlaskClient) -> None:
    text = client.get("/try", headers=HTML).text
    assert '<form class="settings" method="post" action="./try">' in text
    assert 'name="query" value=""' in text
    assert "http-equiv" not in text
    assert 'value="up"' in client.get("/try?watch=web", headers=HTML).text


def test_the_page_follows_a_preview_without_a_script(client: FlaskClient, desk: Desk) -> None:
    answer = send(client, query="up", since="7d", group_by="job, instance", min_deviation="")
    assert (answer.status_code, answer.headers["Location"]) == (303, "./try?id=p1")
    assert desk.states["p1"].order.watch.group_by == ("job", "instance")
    desk.change(share=0.5)
    running = client.get("/try?id=p1", headers=HTML).text
    assert '<meta http-equiv="refresh" content="2">' in running
    assert "50% done" in running
    desk.change(stage=PreviewStage.DONE, preview=outcome())
    answer = client.get("/try?id=p1", headers=HTML)
    assert "It would have alerted once" in answer.text
    assert "http-equiv" not in answer.text and "<svg" in answer.text
    assert "watches:\n- name: preview\n  query: up" in answer.text
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]


def test_what_the_form_shows_at_first_is_valid(client: FlaskClient, desk: Desk) -> None:
    form = {field.name: field.default for field in FIELDS}
    assert send(client, **{**form, "query": "up"}).status_code == 303
    assert desk.states["p1"].order.seconds == 14 * DAY


def test_the_page_tells_what_is_wrong_and_keeps_what_was_typed(client: FlaskClient) -> None:
    answer = send(client, query="up", step="often", persistence="9 of 3")
    assert answer.status_code == 400
    assert 'id="step-fault">step: found &#34;often&#34;; valid is a duration' in answer.text
    assert 'id="persistence-fault">persistence: found' in answer.text
    assert 'name="step" value="often" aria-describedby="step-fault"' in answer.text
    assert answer.text.count("autofocus") == 1


def test_what_is_wrong_with_the_span_is_told_at_its_field(client: FlaskClient) -> None:
    assert 'id="since-fault">`since`: found' in send(client, query="up", since="60d").text


def test_the_page_cancels_and_tells_a_failure(client: FlaskClient, desk: Desk) -> None:
    send(client, query="up")
    assert send(client, cancel="p1").headers["Location"] == "./try?id=p1"
    assert "It was cancelled." in client.get("/try?id=p1", headers=HTML).text
    desk.change(stage=PreviewStage.FAILED, error="no <series>")
    assert "no &lt;series&gt;" in client.get("/try?id=p1", headers=HTML).text


def test_another_site_orders_nothing(client: FlaskClient, desk: Desk) -> None:
    headers = {**HTML, "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/try", data={"query": "up"}, headers=headers)
    assert answer.status_code == 403 and not desk.states
