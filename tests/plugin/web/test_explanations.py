"""/api/v1/explain, the sentences of /api/v1/scores, /api/v1/regimes and the annotations that belong
to them."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.board import Board, LevelShift
from plugin.config import Watch
from plugin.config.groups import groups
from plugin.domain.alarms import Alarm
from plugin.series import Labels, Tick
from plugin.store import Regime, RegimeChanges, Store
from tests.plugin.web.conftest import Service
from tests.snapshots import snapshot

STEP = 300
DAYS = 3
NOW = 1_795_230_000  # 2026-11-21T03:00:00Z
SINCE = NOW - 40 * 60
HALF = 50.0


def filled(store: Store, board: Board, size: int, alarming: int) -> list[int]:
    """`size` series, of which some have lain 300 above what is usual for 40 minutes."""
    records = store.series.register(
        "web", [Labels.of({"__name__": "ms", "pod": str(at)}) for at in range(size)], NOW
    )
    ids = np.array([record.id for record in records])
    times = NOW + STEP * np.arange(-DAYS * 288, 1)
    expected = np.tile(1000 + 200 * np.sin(2 * np.pi * times / 86_400), (size, 1))
    value = expected + 10 * np.random.default_rng(1).normal(size=expected.shape)
    value[:alarming, times >= SINCE] += 300
    tick = Tick(
        "web",
        ids,
        times,
        value,
        expected,
        expected - HALF,
        expected + HALF,
        np.abs(value - expected) / HALF,
        np.ones(size, np.int64),
    )
    alarms = [
        Alarm(int(id), SINCE, NOW, True, 9, NOW, 6.0, 1300.0, 1000.0, 950.0, 1050.0, 1)
        for id in ids[:alarming]
    ]
    store.write([tick], "query", (int(times[0]), NOW), alarms)
    last = {
        name: getattr(tick, name)[:, -1]
        for name in ("value", "expected", "lower", "upper", "score")
    }
    board.publish(
        snapshot(
            Watch(name="web", query="up", step=STEP, unit="ms"),
            records,
            NOW,
            **last,
            alert_score=last["score"],
        )
    )
    return [record.id for record in records]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Service]:
    store = Store.open(tmp_path)
    board = Board()
    first, *_ = filled(store, board, 5, 2)
    shown = board.snapshots()["web"]
    board.publish(replace(shown, shifts={first: LevelShift(SINCE, NOW + 11 * 3600)}))
    yield Service(store, board, clock=lambda: NOW + 5.0)
    store.close()


def rows(client: FlaskClient, path: str) -> list[dict[str, object]]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return list(answer.json or ())


def test_a_series_that_alerts_is_explained(told: Service) -> None:
    client = told.app().test_client()
    (row,) = rows(client, '/api/v1/explain?watch=web&series=ms{pod="0"}')
    assert (
        row["text"]
        == "1.45 s; expected 1.09 to 1.19 s at this hour; above since 02:20 UTC (40 min); highest"
        ' in the 3 d that are known; 1 related series, ms{pod="1"} at the same time'
    )
    assert (row["series"], row["watch"], row["since"], row["direction"]) == (
        'ms{pod="0"}',
        "web",
        SINCE * 1000,
        1,
    )
    assert row["unusual"] == "highest in the 3 d that are known"
    assert row["related"] == '1 related series, ms{pod="1"} at the same time'
    by_pod = {each["series"]: each["explanation"] for each in rows(client, "/api/v1/scores")}
    assert by_pod['ms{pod="0"}'] == row["text"], "the same everywhere"
    assert "since" not in str(by_pod['ms{pod="4"}']) and "expected" in str(by_pod['ms{pod="4"}'])


def test_a_moment_before_and_within(told: Service) -> None:
    client = told.app().test_client()
    (early,) = rows(client, f'/api/v1/explain?series=ms{{pod="0"}}&at={(SINCE - 3600) * 1000}')
    assert (early["kind"], early["since"], early["direction"]) == ("", None, 0)
    (within,) = rows(client, f'/api/v1/explain?series=ms{{pod="0"}}&at={(SINCE + 600) * 1000}')
    assert within["time"] == (SINCE + 600) * 1000 and "above since 02:20 UTC (10 min)" in str(
        within["text"]
    )
    assert (
        rows(client, f'/api/v1/explain?series=ms{{pod="0"}}&at={(NOW - 30 * 86_400) * 1000}') == []
    )


def test_the_members_of_an_incident(told: Service) -> None:
    watch = told.board.snapshots()["web"].settings
    told.store.incidents.adopt(groups([watch])["web"])
    (incident,) = told.store.incidents.open("web")
    client = told.app().test_client()
    found = rows(client, f"/api/v1/explain?incident={incident.id}")
    assert [row["series"] for row in found] == ['ms{pod="0"}', 'ms{pod="1"}']
    assert found[0]["related"] == '1 related series, ms{pod="1"} at the same time'
    assert (
        rows(client, f'/api/v1/explain?incident={incident.id}&match={{pod="1"}}')[0]["series"]
        == 'ms{pod="1"}'
    )
    assert client.get("/api/v1/explain?incident=none").status_code == 404


def test_too_many_series_and_wrong_moments_are_refused(told: Service, tmp_path: Path) -> None:
    filled(told.store, told.board, 120, 0)
    client = told.app().test_client()
    answer = client.get("/api/v1/explain")
    assert answer.status_code == 400 and "explains 100 at most" in answer.text
    assert client.get("/api/v1/explain?at=yesterday").status_code == 400
    assert client.get("/api/v1/explain?watch=wep").status_code == 404


def test_many_alerts_do_not_hold_up_the_rows(tmp_path: Path) -> None:
    """No answer waits for all of them; each one that is asked for again has more."""
    store = Store.open(tmp_path)
    board = Board()
    filled(store, board, 300, 300)
    client = Service(store, board, clock=lambda: NOW + 5.0).app().test_client()
    explained = []
    seconds = []
    for _ in range(3):
        began = time.process_time()
        explained.append(
            sum("since" in str(row["explanation"]) for row in rows(client, "/api/v1/scores"))
        )
        seconds.append(time.process_time() - began)
    assert (
        0 < explained[0] < 300 and explained == sorted(explained) and explained[-1] > explained[0]
    )
    assert max(seconds) < 1
    store.close()


def test_new_levels_are_rows_and_annotations(told: Service) -> None:
    first = told.store.series.of("web")[0].id
    level = Regime(first, NOW, NOW - 12 * 3600, 812.0, 1430.0, "ann", "deploy 7")
    one = np.ones((1, 1))
    tick = Tick(
        "web",
        np.array([first]),
        np.array([NOW + STEP]),
        one,
        one,
        one,
        one,
        one,
        np.ones(1, np.int64),
    )
    told.store.write([tick], "query", (NOW, NOW), regime_changes=RegimeChanges([level]))
    client = told.app().test_client()
    text = "new level since 2026-11-20 15:00 UTC: 812 ms -> 1.43 s, accepted 03:00 UTC by ann"
    (row,) = rows(client, "/api/v1/regimes?watch=web")
    assert row == {
        "time": level.since * 1000,
        "timeEnd": NOW * 1000,
        "series": 'ms{pod="0"}',
        "watch": "web",
        "before": 812.0,
        "after": 1430.0,
        "by": "ann",
        "reason": "deploy 7",
        "text": text,
    }
    assert {
        "time": level.since * 1000,
        "timeEnd": NOW * 1000,
        "title": "0 at a new level",
        "text": text,
        "tags": "web,new level",
    } in rows(client, "/api/v1/annotations")
    for other in ('match={pod="1"}', f"to={(NOW - 60) * 1000}"):
        assert rows(client, f"/api/v1/regimes?{other}") == []
