"""The row of a watch, in every state that one can be in."""

from typing import Any

import numpy as np
import pytest

from plugin.board import Snapshot, WatchHealth
from plugin.config import Watch
from plugin.domain.budget import AlarmTotals, Spending
from plugin.domain.times import DAY
from plugin.series import Labels, SeriesRecord, SeriesState
from plugin.web.pinned_snapshots import PinnedSnapshot
from plugin.web.watches import watch_rows
from tests.snapshots import snapshot

NOW = 1_800_000_000.0
WATCH = Watch(name="web", query="up", unit="reqps", labels={"team": "shop", "ok": "yes"})


def series(*states: SeriesState) -> list[SeriesRecord]:
    return [
        SeriesRecord(i, "web", Labels.of({"i": str(i)}), state, 0, 0)
        for i, state in enumerate(states)
    ]


def row(
    shown: Snapshot | None, alarms: int = 0, *, watch: Watch = WATCH, started: float = NOW
) -> dict[str, Any]:
    board = {} if shown is None else {"web": shown}
    spent = {"web": Spending(AlarmTotals(alarms), 3.0, 0.0, 0.0)}
    [found] = watch_rows(PinnedSnapshot(NOW, board, {"web": watch}, NOW), spent, started)
    return found


def test_all_is_well() -> None:
    shown = snapshot(
        WATCH,
        series(SeriesState.OK, SeriesState.OK, SeriesState.WARMING_UP),
        int(NOW) - 60,
        alert_score=np.array([1.5, 0.5, np.nan]),
        model_time=np.array([int(NOW) - DAY, int(NOW) - 4 * DAY, 0]),
    )
    assert row(shown, alarms=3) == {
        "time": (int(NOW) - 60) * 1000,
        "watch": "web",
        "severity": "ticket",
        "team": "shop",
        "watch_ok": "yes",
        "state": "ok",
        "reason": "",
        "series": 3,
        "ok": 2,
        "warming_up": 1,
        "learning": 0,
        "missing": 0,
        "stale": 0,
        "maintenance": 0,
        "anomalous": 1,
        "worst_score": 1.5,
        "lag_seconds": 60.0,
        "oldest_model_seconds": 4.0 * DAY,
        "stale_models": 1,
        "alarms_7d": 3,
        "budget_7d": 3.0,
        "budget_spent": 1.0,
        "step": 60,
        "fit_window": 35 * DAY,
        "unit": "reqps",
    }


def test_a_missing_series_is_counted_while_nobody_can_look() -> None:
    shown = snapshot(
        WATCH,
        series(SeriesState.STALE, SeriesState.STALE),
        int(NOW),
        missing=np.array([True, False]),
        outlook=WatchHealth.FAILING,
        reason="Prometheus refused the connection",
    )
    found = row(shown)
    assert (found["state"], found["reason"]) == ("failing", "Prometheus refused the connection")
    assert (found["missing"], found["stale"]) == (1, 2)


def test_a_series_that_is_learning_is_counted_as_such_and_not_as_missing() -> None:
    shown = snapshot(
        WATCH,
        series(SeriesState.OK, SeriesState.LEARNING, SeriesState.MISSING),
        int(NOW),
        learning=np.array([False, True, True]),
        missing=np.array([False, False, True]),
        alert_score=np.array([0.5, np.nan, np.nan]),
    )
    found = row(shown)
    assert (found["ok"], found["learning"], found["missing"]) == (1, 1, 0)
    assert (found["anomalous"], found["worst_score"]) == (0, 0.5)


def test_the_model_of_a_missing_series_is_not_stale() -> None:
    """Nobody refits it: pods that have gone would alert for days."""
    shown = snapshot(
        WATCH,
        series(SeriesState.OK, SeriesState.MISSING),
        int(NOW),
        missing=np.array([False, True]),
        model_time=np.array([int(NOW) - DAY, int(NOW) - 4 * DAY]),
    )
    assert (row(shown)["stale_models"], row(shown)["oldest_model_seconds"]) == (0, 1.0 * DAY)


@pytest.mark.parametrize(
    ("age", "every", "state"),
    [(300, 60, "ok"), (301, 60, "late"), (900, 300, "ok"), (901, 300, "late")],
)
def test_a_watch_is_late_after_three_intervals_and_five_minutes(
    age: int, every: int, state: str
) -> None:
    watch = WATCH.model_copy(update={"score_every": every})
    assert row(snapshot(watch, [], int(NOW) - age), watch=watch)["state"] == state


def test_samples_that_are_complete_later_are_not_late() -> None:
    watch = WATCH.model_copy(update={"offset": 600})
    found = row(snapshot(watch, [], int(NOW) - 660), watch=watch)
    assert (found["state"], found["lag_seconds"]) == ("ok", 60.0)


def test_nothing_is_known_at_first() -> None:
    assert row(None, started=NOW - 10) | {
        "state": "starting",
        "time": None,
        "lag_seconds": 10.0,
        "series": 0,
    } == row(None, started=NOW - 10)
    assert row(None, started=NOW - 301)["state"] == "late"
    assert (
        row(snapshot(WATCH, [], int(NOW) - 60, outlook=WatchHealth.STARTING))["state"] == "starting"
    )
    assert (
        row(snapshot(WATCH, [], 0, outlook=WatchHealth.FAILING), started=NOW - 5)["lag_seconds"]
        == 5.0
    )
