"""Many score jobs publish at the same instant: no snapshot is lost."""

import sys
import threading
from collections.abc import Iterator

import pytest

from plugin.board import Board, Snapshot
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
    board, together = Board(), threading.Barrier(8)

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
    board.keep(["b", "c"])
    assert list(board.snapshots()) == ["b"]
