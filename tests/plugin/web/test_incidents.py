"""Incidents and annotations through Flask's client, over a real store."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.alarms import Alarm
from plugin.series import Labels, Tick
from plugin.web import incidents
from tests.plugin.web.conftest import API, CLASH, END, OTHER, START, Service
from tests.plugin.web.test_data import get, refusal

HOUR = 3600
PEAK = START + 3 * HOUR - 300  # 02:55
FIRST = Alarm(1, START + 3 * HOUR - 420, START + 3 * HOUR + 300, False, 13, PEAK, 4.0, 24.0, 4.0, -1.0, 9.0, 1)
OPEN = Alarm(4, START + 2 * HOUR, START + 2 * HOUR, True, 1, START + 2 * HOUR, 1.5, 0.2, 0.5, 0.3, np.inf, -1)
THIRD = Alarm(3, START + 5 * HOUR, START + 5 * HOUR + 60, False, 2, START + 5 * HOUR, 2.0, 9.5, 4.0, -1.0, 9.0, 1)
RANGE = f"from={START}000&to={START + 6 * HOUR}000"


@pytest.fixture
def kept(service: Service) -> Service:
    keep(service, FIRST, OPEN, THIRD)
    return service


def keep(service: Service, *alarms: Alarm) -> None:
    nothing = np.empty((0, 1))
    nobody = np.empty(0, np.int64)
    tick = Tick("web", nobody, np.array([END]), nothing, nothing, nothing, nothing, nothing, nobody)
    service.store.write([tick], "query", (END, END), alarms)


def test_an_incident_has_its_peak_and_its_words(kept: Service, client: FlaskClient) -> None:
    row, = get(client, f'/api/v1/incidents?watch=web&match={{code="500"}}&{RANGE}')
    assert row == {
        "time": FIRST.start * 1000, "timeEnd": FIRST.end * 1000, "incident": f"1-{FIRST.start}", "watch": "web",
        "series": str(Labels.of(API)), **API, "severity": "page", "state": "closed", "duration_seconds": 720,
        "score": 4.0, "value": 24.0, "expected": 4.0, "lower": -1.0, "upper": 9.0, "direction": 1,
        "title": f"{Labels.of(API)} above its band", "text": "24 at 02:55 UTC; expected -1 to 9; outside for 12 min"}


def test_rows_are_sorted_and_have_every_column(kept: Service, client: FlaskClient) -> None:
    rows = get(client, f"/api/v1/incidents?{RANGE}")
    assert [row["time"] for row in rows] == [alarm.start * 1000 for alarm in (OPEN, FIRST, THIRD)]
    assert len({tuple(sorted(row)) for row in rows}) == 1
    assert [row["label_severity"] for row in rows] == ["", "", CLASH["severity"]]
    assert [row["severity"] for row in rows] == ["ticket", "page", "page"]


def test_an_open_one_has_no_end_and_belongs_to_every_later_range(kept: Service, client: FlaskClient) -> None:
    row, = get(client, f"/api/v1/incidents?from={START + 10 * HOUR}000&to={START + 11 * HOUR}000")
    assert (row["state"], row["timeEnd"], row["upper"], row["direction"]) == ("open", None, None, -1)
    assert row["text"] == "0.2 at 02:00 UTC; expected at least 0.3; outside for one sample so far"
    assert get(client, f"/api/v1/incidents?from={START}000&to={START + HOUR}000") == []
    region, = get(client, f"/api/v1/annotations?watch=node&{RANGE}")
    assert region["time"] == region["timeEnd"] == OPEN.end * 1000


def test_nothing_of_a_removed_watch_goes_on(kept: Service, client: FlaskClient) -> None:
    kept.board.keep(["web"])  # what is on the board is configured here
    rows = {row["watch"]: row for row in get(client, f"/api/v1/incidents?{RANGE}")}
    assert (rows["node"]["state"], rows["node"]["timeEnd"]) == ("closed", OPEN.end * 1000)
    assert rows["node"]["severity"] == "" and get(client, f"/api/v1/annotations?watch=node&{RANGE}")[0][
        "tags"] == "node,below"
    assert get(client, f"/api/v1/incidents?from={START + 10 * HOUR}000&to={START + 11 * HOUR}000") == []


def test_annotations_have_exactly_their_columns(kept: Service, client: FlaskClient) -> None:
    rows = get(client, f"/api/v1/annotations?{RANGE}")
    assert [list(row) for row in rows] == [["time", "timeEnd", "title", "text", "tags"]] * 3
    assert [row["tags"] for row in rows] == ["node,below,ticket", "web,above,page", "web,above,page"]
    assert rows[1]["timeEnd"] == FIRST.end * 1000 and rows[1]["title"] == f"{Labels.of(API)} above its band"


@pytest.mark.parametrize(("chosen", "found"), [
    ("watch=web", [1, 3]), ("watch=node,web", [4, 1, 3]), ("watch=young", []), ('match={job="db"}', [3]),
    ('match={job="nobody"}', []), (f"series={Labels.of(OTHER)}", []), ("limit=1", [3]), ("limit=2", [1, 3])])
def test_incidents_are_chosen_as_series_are(kept: Service, client: FlaskClient, chosen: str, found: list[int]) -> None:
    rows = get(client, f"/api/v1/incidents?{RANGE}&{chosen}")
    assert [int(str(row["incident"]).split("-")[0]) for row in rows] == found


def test_the_text_speaks_the_unit_of_the_watch(kept: Service, client: FlaskClient) -> None:
    web = kept.board.snapshots()["web"]
    kept.change(settings=web.settings.model_copy(update={"unit": "reqps"}))
    assert str(get(client, f"/api/v1/incidents?watch=web&{RANGE}")[0]["text"]).startswith(
        "24 req/s at 02:55 UTC; expected -1 to 9 req/s; ")


@pytest.mark.parametrize(("url", "status", "field", "message"), [
    (f"incidents?{RANGE}", 400, "from", "more than 2 incidents in this range: narrow `match`"),
    (f"annotations?{RANGE}", 400, "from", "more than 2 incidents"),
    ("annotations?from=1595219200000&to=1795219200000", 400, "from", "web.max_range allows 92.0"),
    ("incidents?limit=0", 400, "limit", "at least 1"),
    ("annotations?limit=3", 400, "limit", "there is no parameter `limit`"),
    ("incidents?watch=nide", 404, "watch", "the nearest is `node`"),
])
def test_too_much_and_wrong_parameters_are_named(kept: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch,
                                                 url: str, status: int, field: str, message: str) -> None:
    monkeypatch.setattr(incidents, "MAX_ROWS", 2)
    named, text = refusal(client, f"/api/v1/{url}", status)
    assert named == field and message in text
    assert len(get(client, f"/api/v1/incidents?{RANGE}&limit=2")) == 2


def test_the_documented_answers(service: Service, client: FlaskClient) -> None:
    keep(service, replace(FIRST, start=1_795_229_580, end=1_795_230_300, peak_time=1_795_229_700))
    text = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text(encoding="utf-8")
    for route in ("incidents", "annotations"):
        (arguments, answer), = re.findall(rf"^\$ curl -G localhost:8642/api/v1/{route} (.*)\n(.*)$", text, re.MULTILINE)
        query = dict(pair.split("=", 1) for pair in re.findall(r"-d (\S+)", arguments))
        assert client.get(f"/api/v1/{route}", query_string=query).get_json() == json.loads(answer)
