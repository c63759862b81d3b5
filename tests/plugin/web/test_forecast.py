"""The band ahead over HTTP: only ahead of what has been scored, beside the samples or alone."""

from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.board import Board, Forecast
from plugin.series import Labels
from plugin.web import data_source
from tests.plugin.web.conftest import API, END, OTHER, START, STEP, Service

FIRST = str(Labels.of(API))
SECOND = str(Labels.of(OTHER))
AHEAD = 5  # steps that are known at END, of a forecast that was made two steps before


def published(service: Service, watch: str = "web", **columns: Any) -> Forecast:
    """A rising band of 1 below and 2 above for every series of the watch; none on that side for the
    second one."""
    ids = np.array([record.id for record in service.board.snapshots()[watch].series])
    rising = np.tile(np.arange(AHEAD + 2, dtype=np.float32), (len(ids), 1))
    lower = rising - 1
    lower[1:2] = -np.inf
    made = {
        "watch": watch,
        "made_at": END - 2 * STEP,
        "step": STEP,
        "ids": ids,
        "origin": np.full(len(ids), 1e12),
        "expected": rising,
        "lower": lower,
        "upper": rising + 2,
        **columns,
    }
    service.board.publish_forecast(Forecast(**made))
    return Forecast(**made)


@pytest.fixture(autouse=True)
def forecast(service: Service) -> Forecast:
    return published(service)


def rows(client: FlaskClient, path: str, **query: str) -> list[dict[str, Any]]:
    answer = client.get(
        f"/api/v1/{path}", query_string={key.rstrip("_"): value for key, value in query.items()}
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()
    return found


def of_one(client: FlaskClient, to: int, begin: int = START, **query: str) -> list[dict[str, Any]]:
    return rows(
        client,
        "bands",
        watch="web",
        series=FIRST,
        labels="none",
        forecast="true",
        from_=f"{begin}000",
        to=f"{to}000",
        **query,
    )


def test_the_forecast_begins_after_what_has_been_scored(client: FlaskClient) -> None:
    found = rows(client, "forecast", watch="web", series=FIRST, labels="none")
    assert found == [
        {
            "time": (END + STEP * step) * 1000,
            "expected": 1e12 + step + 1,
            "lower": 1e12 + step,
            "upper": 1e12 + step + 3,
        }
        for step in range(1, AHEAD + 1)
    ]


def test_rows_of_several_series_carry_their_labels_and_are_sorted_by_time(
    client: FlaskClient,
) -> None:
    found = rows(client, "forecast", watch="web", match='{job="api"}')
    assert [row["series"] for row in found] == [FIRST, SECOND] * AHEAD
    assert found[1] == {
        "time": (END + STEP) * 1000,
        "expected": 1e12 + 2,
        "lower": None,
        "upper": 1e12 + 4,
        "series": SECOND,
        "watch": "web",
        "__name__": "requests",
        "job": "api",
        "instance": "b:9100",
        "code": "",
    }


@pytest.mark.parametrize(("horizon", "steps"), [("2m", 2), ("0s", 0), ("1w", AHEAD), ("", AHEAD)])
def test_a_horizon_cuts_it(client: FlaskClient, horizon: str, steps: int) -> None:
    assert len(rows(client, "forecast", watch="web", series=FIRST, horizon=horizon)) == steps


def test_bands_go_on_after_the_last_sample_without_value_and_score(client: FlaskClient) -> None:
    found = of_one(client, END + 3 * STEP)
    assert [row["time"] for row in found] == [(START + STEP * step) * 1000 for step in range(13)]
    assert found[9]["value"] == 24 and found[10:] == [
        {
            "time": (END + STEP * step) * 1000,
            "value": None,
            "expected": 1e12 + step + 1,
            "lower": 1e12 + step,
            "upper": 1e12 + step + 3,
            "score": None,
            "anomaly": None,
            "provisional": None,
        }
        for step in (1, 2, 3)
    ]
    assert [row["time"] for row in of_one(client, END + 3 * STEP, begin=END + 2 * STEP)] == [
        (END + STEP * step) * 1000 for step in (2, 3)
    ]
    both = rows(
        client,
        "bands",
        watch="web",
        match='{job="api"}',
        forecast="true",
        from_=f"{END}000",
        to=f"{END + STEP}000",
    )
    assert [(row["series"], row["value"], row["code"]) for row in both] == [
        (FIRST, 24.0, "500"),
        (SECOND, 9.0, ""),
        (FIRST, None, "500"),
        (SECOND, None, ""),
    ]


def test_the_past_has_no_forecast_and_nobody_gets_one_unasked(client: FlaskClient) -> None:
    assert len(of_one(client, END)) == 10 and len(of_one(client, END - 3 * STEP)) == 7
    unasked = {
        "watch": "web",
        "series": FIRST,
        "from_": f"{START}000",
        "to": f"{END + 3 * STEP}000",
    }
    assert (
        len(rows(client, "bands", **unasked))
        == len(rows(client, "bands", **unasked, forecast="false"))
        == 10
    )


def test_what_comes_after_a_gap_does_not_touch_the_last_sample(
    service: Service, client: FlaskClient
) -> None:
    service.change(time=END + 2 * STEP)  # two ticks without a sample
    found = of_one(client, END + 4 * STEP)[9:]
    assert [(row["time"] // 1000 - END) // STEP for row in found] == [0, 1, 3, 4]
    assert set(found[1].values()) == {(END + STEP) * 1000, None}


def test_a_sample_that_is_stored_and_not_on_the_board_yet_has_no_forecast(
    service: Service, client: FlaskClient
) -> None:
    service.change(time=END - STEP)
    times = [row["time"] for row in of_one(client, END + STEP)]
    assert times == sorted(set(times)) and times[-1] == (END + STEP) * 1000


def test_there_is_none_where_nothing_can_be_said(
    service: Service, client: FlaskClient, forecast: Forecast
) -> None:
    published(service, expected=np.full(forecast.expected.shape, np.nan, np.float32))
    assert rows(client, "forecast", watch="web") == []
    published(service, made_at=END - 10 * STEP)
    assert rows(client, "forecast", watch="web") == [], "it is past"
    published(service, ids=np.array([10**6, 10**6 + 1, 10**6 + 2]))
    assert rows(client, "forecast", watch="web") == rows(client, "forecast", watch="node") == []
    assert len(of_one(client, END + 3 * STEP)) == 10


def test_what_is_wrong_is_said(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(url: str, status: int = 400) -> tuple[str, str]:
        answer = client.get(f"/api/v1/{url}")
        assert answer.status_code == status
        return answer.get_json()["error"]["field"], answer.get_json()["error"]["message"]

    assert refused("forecast?horizon=30") == (
        "horizon",
        '`horizon`: found "30"; valid is a duration such as 30s, 5m, '
        '2h, 1d, 2w; did you mean "30s"?',
    )
    assert refused("bands?forecast=yes")[0] == "forecast"
    assert refused("forecast?watch=wep", 404)[0] == "watch"
    assert refused("forecast?labels=none")[0] == "labels"
    monkeypatch.setattr(data_source, "MAX_ROWS", 2 * AHEAD)
    assert refused("forecast?watch=web") == (
        "horizon",
        "3 series have more than 10 rows ahead: narrow `match` or `horizon`",
    )


def test_a_removed_watch_and_a_withdrawn_forecast_leave_the_board() -> None:
    board = Board()
    empty = np.empty((0, 1), np.float32)
    for name in ("a", "b", "c"):
        board.publish_forecast(
            Forecast(name, END, STEP, np.empty(0, np.int64), np.empty(0), empty, empty, empty)
        )
    board.retain(["a", "b"])
    board.remove_forecast("b")
    assert list(board.forecasts()) == ["a"]
