"""Every page, row and text says the same of what is outside, recovers, is missing or is over."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.domain.alarms import Alarm
from plugin.domain.times import HOUR
from tests.plugin.web.conftest import END, STEP, Service
from tests.plugin.web.test_data_source import get
from tests.plugin.web.test_incidents import close, keep
from tests.plugin.web.test_pages import BROWSER, words

ALARM = Alarm(1, END - 3 * STEP, END - STEP, True, 3, END - STEP, 4.0, 24.0, 4.0, -1.0, 9.0, 1)
BESIDE = replace(ALARM, series_id=2, start=END - STEP, peak_score=2.0)
STATES = {  # columns of the board for the first series -> what is said
    "outside": {"score": 4.0},
    "recovering": {"score": 0.5},
    "missing": {"missing": True},
}


def present(service: Service, columns: Mapping[str, Any], row: int = 0) -> None:
    """The latest sample of one series of `web`, whose alarm is open."""
    shown = service.board.snapshots()["web"]
    changed = {}
    for name, number in {"alert_score": 4.0, **columns}.items():
        changed[name] = getattr(shown, name).copy()
        changed[name][row] = number
    service.change(**changed)


def tags(client: FlaskClient, path: str, part: str) -> list[str]:
    """The states that are said in a part of a page, which begins with `part`."""
    page = client.get(path, headers=BROWSER)
    assert page.status_code == 200
    text = page.text[page.text.index(part) :]
    return re.findall(r'class="tag (outside|missing|recovering|over)">\1<', text)


def said(client: FlaskClient) -> dict[str, Any]:
    """Of the only incident, which has one alarm, wherever it is told of."""
    [row] = get(client, "/api/v1/incidents?watch=web")
    [member] = get(client, "/api/v1/incidents?watch=web&members=true")
    name = str(row["incident"])
    summary = client.get(f"/incidents/{name}", headers=BROWSER).text
    found = re.search(rf"\* Incident `{name}`, (\w+)", summary)
    assert found is not None
    return {
        "row": row["alarm_state"],
        "member": member["alarm_state"],
        "list": tags(client, "/incidents", "<tbody>"),
        "page": tags(client, f"/incidents/{name}", "<main"),
        "summary": found[1],
    }


@pytest.mark.parametrize("state", STATES)
def test_an_open_alarm_is_what_its_latest_sample_is(service: Service, state: str) -> None:
    keep(service, ALARM)
    service.clock = lambda: END + STEP
    present(service, STATES[state])
    client = service.app().test_client()
    assert said(client) == {
        "row": state,
        "member": state,
        "list": [state],
        "page": [state, state],  # the incident, its series
        "summary": state,
    }
    [alarm] = [row for row in get(client, "/api/v1/alarms") if row["watch"] == "web"]
    assert alarm["alarm_state"] == state
    assert tags(client, "/", 'class="cards"') == [state]
    assert tags(client, "/series/1", '<h2 id="alarms"') == [state]
    text = words(client.get("/", headers=BROWSER).text)
    assert ("Recovering 1" in text) == (state == "recovering")


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_outside_goes_on_so_far(service: Service, state: str) -> None:
    keep(service, ALARM)
    service.clock = lambda: END + STEP
    present(service, STATES[state])
    client = service.app().test_client()
    end = "so far" if state == "outside" else "last outside at 00:08 UTC"
    for query in ("", "&members=true"):
        [row] = get(client, f"/api/v1/incidents?watch=web{query}")
        assert row["text"].endswith(end), query
    for path in ("/", "/series/1", f"/incidents/{row['incident']}"):
        assert end in words(client.get(path, headers=BROWSER).text), path


def test_what_is_over_says_so_everywhere(service: Service) -> None:
    keep(service, replace(ALARM, open=False))
    close(service, "web", END + 2 * HOUR)
    service.clock = lambda: END + 2 * HOUR
    client = service.app().test_client()
    told = said(client)
    assert told == {
        "row": "over",
        "member": "over",
        "list": ["over"],
        "page": ["over", "over"],
        "summary": "over",
    }
    assert tags(client, "/series/1", '<h2 id="alarms"') == []


def test_an_incident_is_outside_while_one_of_its_series_is(service: Service) -> None:
    keep(service, ALARM, BESIDE)
    service.clock = lambda: END + STEP
    client = service.app().test_client()
    for first, second, state in (
        ("recovering", "outside", "outside"),
        ("missing", "recovering", "missing"),
        ("recovering", "recovering", "recovering"),
    ):
        present(service, {"missing": False, **STATES[first]})
        present(service, {"missing": False, **STATES[second]}, row=1)
        [row] = get(client, "/api/v1/incidents?watch=web")
        members = get(client, "/api/v1/incidents?watch=web&members=true")
        assert row["alarm_state"] == state
        assert {member["rank"]: member["alarm_state"] for member in members} == {
            1: first,
            2: second,
        }
        assert tags(client, "/", 'class="cards"') == [state]


def test_an_alarm_that_began_after_the_board_is_outside(service: Service) -> None:
    """It is stored a moment before the board has it."""
    keep(service, replace(ALARM, end=END + STEP))
    present(service, {"alert_score": 0.5, "score": 0.5})
    service.clock = lambda: END + STEP
    assert said(service.app().test_client())["row"] == "outside"


def test_an_alarm_without_a_score_is_not_said_to_recover(service: Service) -> None:
    keep(service, ALARM)
    present(service, {"score": np.nan})
    service.clock = lambda: END + STEP
    client = service.app().test_client()
    assert said(client)["row"] == "outside"
    assert get(client, "/api/v1/alarms")[0]["alarm_state"] == "outside"
