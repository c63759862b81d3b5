"""Many score jobs publish at the same instant: no snapshot is lost."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from plugin.board import Board, Snapshot, WatchHealth
from plugin.config import Watch
from plugin.series import Labels, SeriesRecord, SeriesState
from tests.snapshots import snapshot as empty


def snapshot(watch: str) -> Snapshot:
    return empty(watch, [], 60)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_no_snapshot_is_lost_when_all_watches_publish_at_once() -> None:
    board = Board()
    together = threading.Barrier(8)

    def publish(thread: int) -> None:
        together.wait()
        for number in range(100):
            board.publish(snapshot(f"w{thread}-{number}"))

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(board.snapshots()) == 800


def test_keep_takes_down_the_others() -> None:
    board = Board()
    for name in ("a", "b"):
        board.publish(snapshot(name))
    board.retain(["b", "c"])
    assert list(board.snapshots()) == ["b"]


def test_a_model_is_stale_when_no_refit_has_checked_it_and_a_paused_watch_has_none() -> None:
    day = 86_400
    series = [
        SeriesRecord(number, "w", Labels.of({"n": str(number)}), SeriesState.OK, 0, 0)
        for number in range(3)
    ]
    shown = empty(
        Watch(name="w", query="up", fit_every=day),
        series,
        0,
        model_time=np.array([1, 1, 1]),
        model_checked=np.array([1, 9 * day, 7 * day - 1]),
    )
    assert shown.stale_models(10 * day).tolist() == [True, False, True]
    assert shown.unhealthy(10 * day)
    paused = replace(shown, outlook=WatchHealth.PAUSED)
    assert not paused.stale_models(10 * day).any() and not paused.unhealthy(10 * day)
