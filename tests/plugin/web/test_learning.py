"""What each answer says of a series in its first day."""

from dataclasses import replace

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.domain.times import DAY
from plugin.series import SeriesState
from tests.plugin.web.conftest import END, START, STEP, Service

RANGE = f"from={START}000&to={END}000"
UNTIL = START + DAY
WORDS = "learning until 2026-11-22 00:00 UTC, no alert before"


@pytest.fixture
def young(service: Service) -> Service:
    """The first series of `web` is learning until the next day, at a score of 4; `node` may
    alert."""
    service.clock = lambda: END + 12.0
    shown = service.board.snapshots()["web"]
    new, *others = shown.series
    service.board.publish(
        replace(
            shown,
            settings=shown.settings.model_copy(update={"learn_for": DAY}),
            series=(replace(new, state=SeriesState.LEARNING), *others),
            learning=np.array([True, False, False]),
            alert_score=np.where([True, False, False], np.nan, shown.alert_score),
        )
    )
    return service


@pytest.fixture
def client(young: Service) -> FlaskClient:
    return young.app().test_client()


def get(client: FlaskClient, url: str) -> list[dict[str, object]]:
    answer = client.get(f"/api/v1/{url}")
    assert answer.status_code == 200, answer.text
    return list(answer.json or ())


def test_its_row_says_so_and_the_others_do_not(client: FlaskClient) -> None:
    by_state = {row["state"]: row for row in get(client, "scores?watch=web")}
    new = by_state["learning"]
    assert (new["score"], new["learning_until"]) == (4.0, UNTIL * 1000)
    assert new["explanation"] == f"24; expected -1 to 9; above its band (score 4); {WORDS}"
    assert by_state["ok"]["learning_until"] is None
    assert len(get(client, "scores?watch=web&state=learning")) == 1


@pytest.mark.parametrize("field", ["score", "value", "missing", "age_seconds"])
def test_it_has_no_row_for_alert_rules(client: FlaskClient, field: str) -> None:
    rows = get(client, f"alert?watch=web&field={field}")
    assert len(rows) == 2 and all(row.get("code") != "500" for row in rows)


def test_it_counts_for_no_watch(client: FlaskClient) -> None:
    [row] = get(client, "watches?watch=web")
    assert (row["series"], row["learning"], row["anomalous"]) == (3, 1, 0)
    [anomalous] = get(client, "alert?by=watch&watch=web&field=anomalous")
    assert anomalous["anomalous"] == 0


def test_there_is_no_alarm_to_answer(young: Service) -> None:
    client = young.app(external_url="https://bandwatch.example").test_client()
    [new] = get(client, "scores?watch=web&state=learning")
    [other] = get(client, "scores?watch=node")
    assert (new["score"], new["feedback_url"]) == (4.0, "")
    assert str(other["feedback_url"]).startswith("https://bandwatch.example/feedback?")


def test_its_band_is_provisional_for_as_long_as_it_was_learning(young: Service) -> None:
    shown = young.board.snapshots()["web"]
    short = shown.settings.model_copy(update={"learn_for": 3 * STEP})
    young.board.publish(replace(shown, settings=short))
    client = young.app().test_client()
    series = str(shown.series[0].labels)
    parameters = {"series": series, "watch": "web", "from": f"{START}000", "to": f"{END}000"}
    for labels in ("none", "all"):
        rows = client.get("/api/v1/bands", query_string={**parameters, "labels": labels}).json
        assert [row["provisional"] for row in rows or ()] == [4.0] * 3 + [None] * 7


def test_every_series_has_its_own_first_day(client: FlaskClient) -> None:
    """`node` has `learn_for: 0s`."""
    rows = get(client, f"bands?{RANGE}")
    provisional = {(row["watch"], row["provisional"]) for row in rows}
    assert provisional == {("web", 4.0), ("node", None)}


def test_an_explanation_says_so(client: FlaskClient) -> None:
    first, *_ = get(client, "explain?watch=web")
    assert first["text"] == f"24; expected -1 to 9; above its band (score 4); {WORDS}"
    assert first["learning_until"] == UNTIL * 1000
    [other] = get(client, "explain?watch=node")
    assert other["learning_until"] is None and "learning" not in str(other["text"])
