"""Incidents and annotations through Flask's client, over a real store."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.config.groups import groups
from plugin.domain.alarms import Alarm
from plugin.domain.changes import Change
from plugin.domain.times import HOUR
from plugin.series import Labels, Tick
from plugin.web import incidents
from tests.plugin.web.conftest import API, CLASH, END, OTHER, START, Service
from tests.plugin.web.test_data_source import get, refusal

PEAK = START + 3 * HOUR - 300  # 02:55
FIRST = Alarm(
    1, START + 3 * HOUR - 420, START + 3 * HOUR + 300, False, 13, PEAK, 4.0, 24.0, 4.0, -1.0, 9.0, 1
)
OPEN = Alarm(
    4, START + 2 * HOUR, START + 2 * HOUR, True, 1, START + 2 * HOUR, 1.5, 0.2, 0.5, 0.3, np.inf, -1
)
THIRD = Alarm(
    3,
    START + 5 * HOUR,
    START + 5 * HOUR + 60,
    False,
    2,
    START + 5 * HOUR,
    2.0,
    9.5,
    4.0,
    -1.0,
    9.0,
    1,
)
BESIDE = Alarm(
    2, START + 3 * HOUR - 480, START + 3 * HOUR, False, 9, PEAK, 2.5, 12.0, 4.0, -1.0, 9.0, 1
)
AGAIN = replace(BESIDE, start=START + 3 * HOUR + 600, end=START + 3 * HOUR + 900, peak_score=1.5)
RANGE = f"from={START}000&to={START + 6 * HOUR}000"
WEB = f"web-{FIRST.start}"


@pytest.fixture
def kept(service: Service) -> Service:
    keep(service, FIRST, OPEN, THIRD)
    return service


def keep(service: Service, *alarms: Alarm) -> None:
    """As the ticks of both watches would write it."""
    known = groups(service.watches().values())
    for watch in ("web", "node"):
        nobody = np.empty(0, np.int64)
        nothing = np.empty((0, 1))
        tick = Tick(
            watch, nobody, np.array([END]), nothing, nothing, nothing, nothing, nothing, nobody
        )
        mine = [each for each in alarms if (each.series_id == 4) == (watch == "node")]
        service.store.write([tick], "query", (END, END), mine, known[watch])


def close(service: Service, watch: str, now: int) -> None:
    """A tick long after."""
    nobody = np.empty(0, np.int64)
    nothing = np.empty((0, 1))
    tick = Tick(watch, nobody, np.array([now]), nothing, nothing, nothing, nothing, nothing, nobody)
    service.store.write([tick], "query", (now, now), [], groups(service.watches().values())[watch])


def named(rows: list[dict[str, object]]) -> list[object]:
    return [row["incident"] for row in rows]


def test_an_incident_of_one_series_has_its_peak_and_its_words(
    kept: Service, client: FlaskClient
) -> None:
    close(kept, "web", START + 9 * HOUR)
    (row,) = get(client, f'/api/v1/incidents?watch=web&match={{code="500"}}&{RANGE}')
    assert row == {
        "time": FIRST.start * 1000,
        "timeEnd": FIRST.end * 1000,
        "incident": WEB,
        "watch": "web",
        "severity": "page",
        "state": "closed",
        "duration_seconds": 720,
        "score": 4.0,
        "value": 24.0,
        "expected": 4.0,
        "lower": -1.0,
        "upper": 9.0,
        "direction": 1,
        "size": 1,
        "coverage": 0.3333,
        "first": str(Labels.of(API)),
        "worst": str(Labels.of(API)),
        "worst_watch": "web",
        "title": f"{Labels.of(API)} above its band",
        "text": "24 at 02:55 UTC; expected -1 to 9; outside for 12 min",
        "short_title": "code=500 job=api above its band",
        "short_text": "24; expected -1 to 9",
        "alarm_state": "over",
        "changes": "",
    }


def test_several_series_are_one_incident(service: Service, client: FlaskClient) -> None:
    keep(service, FIRST, BESIDE, AGAIN)
    (row,) = get(client, f"/api/v1/incidents?{RANGE}")
    assert (row["incident"], row["time"]) == (f"web-{BESIDE.start}", BESIDE.start * 1000)
    assert (row["size"], row["coverage"], row["score"]) == (2, 0.6667, 4.0)
    assert (row["first"], row["worst"]) == (str(Labels.of(OTHER)), str(Labels.of(API)))
    assert row["title"] == "2 of 3 series of web outside their band"
    assert row["text"] == (
        f"first {Labels.of(OTHER)}; worst {Labels.of(API)}: 24 at 02:55 UTC; expected -1 to 9; "
        "outside for 23 min, last outside at 03:15 UTC; score 4"
    ), "open, but its alarms are over"
    (region,) = get(client, f"/api/v1/annotations?{RANGE}")
    assert (region["title"], region["tags"]) == (row["title"], "web,above,page")


def test_members_are_its_alarms_ranked(service: Service, client: FlaskClient) -> None:
    keep(service, FIRST, BESIDE, AGAIN, OPEN)
    rows = get(client, f"/api/v1/incidents?watch=web&members=true&{RANGE}")
    assert named(rows) == [f"web-{BESIDE.start}"] * 3
    assert [(row["series"], row["rank"], row["score"]) for row in rows] == [
        (str(Labels.of(OTHER)), 1, 2.5),
        (str(Labels.of(API)), 2, 4.0),
        (str(Labels.of(OTHER)), 1, 1.5),
    ]
    assert rows[1] == {
        "time": FIRST.start * 1000,
        "timeEnd": FIRST.end * 1000,
        "incident": f"web-{BESIDE.start}",
        "watch": "web",
        "series": str(Labels.of(API)),
        **API,
        "severity": "page",
        "state": "closed",
        "duration_seconds": 720,
        "score": 4.0,
        "value": 24.0,
        "expected": 4.0,
        "lower": -1.0,
        "upper": 9.0,
        "direction": 1,
        "rank": 2,
        "title": f"{Labels.of(API)} above its band",
        "text": "24 at 02:55 UTC; expected -1 to 9; outside for 12 min",
        "short_title": "code=500 job=api above its band",
        "short_text": "24; expected -1 to 9",
        "alarm_state": "over",
    }
    own = get(client, f"/api/v1/incidents?members=true&series={Labels.of(API)}&{RANGE}")
    assert own == [rows[1]], "of a series only its own alarms, with its rank among all"
    assert len(get(client, f"/api/v1/annotations?members=true&{RANGE}")) == 4
    assert len(get(client, f"/api/v1/incidents?members=true&limit=2&{RANGE}")) == 2


def test_one_incident_by_its_name_whenever_it_was(kept: Service, client: FlaskClient) -> None:
    assert named(get(client, f"/api/v1/incidents?incident={WEB}")) == [WEB]
    assert named(get(client, f"/api/v1/incidents?incident={WEB}&members=true")) == [WEB]
    assert named(get(client, f"/api/v1/incidents?incident={WEB}&{RANGE}")) == [WEB]
    for elsewhere in (
        "watch=node",
        f"from={START}000&to={START + HOUR}000",
        f"series={Labels.of(OTHER)}",
    ):
        assert get(client, f"/api/v1/incidents?incident={WEB}&{elsewhere}") == []


def test_rows_are_sorted_and_have_every_column(kept: Service, client: FlaskClient) -> None:
    rows = get(client, f"/api/v1/incidents?{RANGE}")
    assert [row["time"] for row in rows] == [alarm.start * 1000 for alarm in (OPEN, FIRST, THIRD)]
    assert [row["severity"] for row in rows] == ["ticket", "page", "page"]
    members = get(client, f"/api/v1/incidents?members=true&{RANGE}")
    assert [row["label_severity"] for row in members] == ["", "", CLASH["severity"]]
    assert all(len({tuple(sorted(row)) for row in answer}) == 1 for answer in (rows, members))


def test_an_open_one_has_no_end_and_belongs_to_every_later_range(
    kept: Service, client: FlaskClient
) -> None:
    close(kept, "web", START + 9 * HOUR)
    (row,) = get(client, f"/api/v1/incidents?from={START + 10 * HOUR}000&to={START + 11 * HOUR}000")
    assert (row["state"], row["timeEnd"], row["upper"], row["direction"]) == (
        "open",
        None,
        None,
        -1,
    )
    assert row["text"] == "0.2 at 02:00 UTC; expected at least 0.3; outside for one sample so far"
    assert get(client, f"/api/v1/incidents?from={START}000&to={START + HOUR}000") == []
    (region,) = get(client, f"/api/v1/annotations?watch=node&{RANGE}")
    assert region["time"] == region["timeEnd"] == OPEN.end * 1000


def test_nothing_of_a_removed_watch_goes_on(kept: Service, client: FlaskClient) -> None:
    kept.board.retain(["web"])  # what is on the board is configured here
    rows = {row["watch"]: row for row in get(client, f"/api/v1/incidents?{RANGE}")}
    assert (rows["node"]["state"], rows["node"]["timeEnd"]) == ("closed", OPEN.end * 1000)
    assert (
        rows["node"]["severity"] == ""
        and get(client, f"/api/v1/annotations?watch=node&{RANGE}")[0]["tags"] == "node,below"
    )
    assert (
        get(
            client,
            f"/api/v1/incidents?watch=node&from={START + 10 * HOUR}000&to={START + 11 * HOUR}000",
        )
        == []
    )


def test_annotations_have_exactly_their_columns(kept: Service, client: FlaskClient) -> None:
    rows = get(client, f"/api/v1/annotations?{RANGE}")
    assert [list(row) for row in rows] == [["time", "timeEnd", "title", "text", "tags"]] * 3
    assert [row["tags"] for row in rows] == [
        "node,below,ticket",
        "web,above,page",
        "web,above,page",
    ]
    assert (
        rows[1]["timeEnd"] == FIRST.end * 1000
        and rows[1]["title"] == "code=500 job=api above its band"
    )


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("watch=web", [FIRST, THIRD]),
        ("watch=node,web", [OPEN, FIRST, THIRD]),
        ("watch=young", []),
        ('match={job="db"}', [THIRD]),
        ('match={job="nobody"}', []),
        (f"series={Labels.of(OTHER)}", []),
        ("limit=1", [THIRD]),
        ("limit=2", [FIRST, THIRD]),
    ],
)
def test_incidents_are_chosen_as_series_are(
    kept: Service, client: FlaskClient, chosen: str, found: list[Alarm]
) -> None:
    rows = get(client, f"/api/v1/incidents?{RANGE}&{chosen}")
    assert [row["time"] for row in rows] == [alarm.start * 1000 for alarm in found]


def test_a_group_stands_for_its_watches_and_a_watch_for_its_part(
    service: Service, client: FlaskClient
) -> None:
    for name in ("web", "node"):
        shown = service.board.snapshots()[name]
        service.board.publish(
            replace(shown, settings=shown.settings.model_copy(update={"incident_group": "shop"}))
        )
    keep(service, FIRST, THIRD, OPEN)
    first = get(client, f"/api/v1/incidents?watch=shop&{RANGE}")
    third = get(client, f"/api/v1/incidents?{RANGE}")
    assert first == third and [row["watch"] for row in first] == ["shop"] * 3
    assert [row["time"] for row in get(client, f"/api/v1/incidents?watch=node&{RANGE}")] == [
        OPEN.start * 1000
    ]
    assert [row["severity"] for row in first] == ["page"] * 3, "the highest of the group"
    assert {row["watch"] for row in get(client, "/api/v1/scores?watch=shop")} == {"web", "node"}


def test_the_text_speaks_the_unit_of_the_worst(kept: Service, client: FlaskClient) -> None:
    web = kept.board.snapshots()["web"]
    kept.change(settings=web.settings.model_copy(update={"unit": "reqps"}))
    assert str(get(client, f"/api/v1/incidents?watch=web&{RANGE}")[0]["text"]).startswith(
        "24 req/s at 02:55 UTC; expected -1 to 9 req/s; "
    )


def test_a_range_that_is_too_long_is_told_over_the_time_that_is_not_shown(kept: Service) -> None:
    kept.clock = lambda: 1_795_219_260.0
    client = kept.app().test_client()
    first = get(client, "/api/v1/annotations?from=1595219200000&to=1795219200000")[0]
    assert first == {
        "time": 1_595_219_200_000,
        "timeEnd": 1_787_270_400_000,
        "title": "Not shown: the range is too long",
        "text": "The range is 2314.8 days long and web.max_range allows 92d: nothing before"
        " 2026-08-21T00:00:00Z is answered",
        "tags": "range",
    }
    assert all(row["tags"] != "range" for row in get(client, f"/api/v1/annotations?{RANGE}"))


@pytest.mark.parametrize(
    ("url", "status", "field", "message"),
    [
        (f"incidents?{RANGE}", 400, "from", "more than 2 incidents in this range: narrow `match`"),
        (f"incidents?members=true&{RANGE}", 400, "from", "more than 2 "),
        (f"annotations?{RANGE}", 400, "from", "more than 2 incidents"),
        ("incidents?limit=0", 400, "limit", "at least 1"),
        ("annotations?limit=3", 400, "limit", "there is no parameter `limit`"),
        ("incidents?watch=nide", 404, "watch", "the nearest is `node`"),
        (
            "incidents?incident=web-1",
            404,
            "incident",
            "there is no incident `web-1`: it never was, or it is older",
        ),
    ],
)
def test_too_much_and_wrong_parameters_are_named(
    kept: Service,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    status: int,
    field: str,
    message: str,
) -> None:
    monkeypatch.setattr(incidents, "MAX_ROWS", 2)
    name, text = refusal(client, f"/api/v1/{url}", status)
    assert name == field and message in text
    assert len(get(client, f"/api/v1/incidents?{RANGE}&limit=2")) == 2


def test_the_documented_answers(service: Service, client: FlaskClient) -> None:
    first = replace(FIRST, start=1_795_229_580, end=1_795_230_300, peak_time=1_795_229_700)
    keep(
        service,
        first,
        replace(BESIDE, start=first.start + 60, end=first.end - 60, peak_time=first.peak_time),
    )
    close(service, "web", START + 9 * HOUR)
    api = Labels.of({"job": "api"})
    service.store.changes.add(Change("42", first.start - 180, "checkout v1.42", api, by="anna"))
    text = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text(encoding="utf-8")
    for route, count in (("incidents", 2), ("annotations", 1)):
        told = re.findall(
            rf"^\$ curl -G localhost:8642/api/v1/{route} (.*)\n((?:\[|  *\{{).*(?:\n .*)*)$",
            text,
            re.MULTILINE,
        )
        assert len(told) == count
        for arguments, answer in told:
            query = dict(pair.split("=", 1) for pair in re.findall(r"-d (\S+)", arguments))
            assert client.get(f"/api/v1/{route}", query_string=query).get_json() == json.loads(
                answer
            )
