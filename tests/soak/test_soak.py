"""Two simulated days in seconds, and what tells that something grows."""

from dataclasses import replace
from pathlib import Path

import pytest

from plugin.domain.times import DAY, HOUR
from tests.e2e.world import Threads
from tests.soak.measures import KIB, LOG_BYTES, Day, growths, table
from tests.soak.plan import SoakPlan
from tests.soak.run import soak

MEMORY = 500_000 * KIB
SMALL = SoakPlan(
    days=2,
    step=2 * HOUR,
    services=2,
    pods=1,
    history=20 * DAY,
    retention=20 * DAY,
    detector="baseline",
)


def flat(days: int) -> list[Day]:
    first = Day(1, MEMORY, MEMORY, 30, 12, 10_000_000, 20_000, 5000, 30.0)
    return [replace(first, number=number) for number in range(1, days + 1)]


def test_two_days_grow_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Threads, "warm_up", lambda self: None, raising=False)
    monkeypatch.setattr(Threads, "pids", lambda self: [], raising=False)
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)
    with soak(SMALL, tmp_path) as run:
        days = list(run.days())
    assert run.failed == 0
    assert [day.number for day in days] == [1, 2]
    assert list(growths(days, SMALL.retention // DAY)) == [], table(days)
    assert days[1].rows >= 2 * 12 - 4


def test_flat_days_are_as_promised() -> None:
    assert list(growths(flat(30), 7)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"memory": MEMORY * 106 // 100}, "memory of the service: 500,000 KiB at first, 530,000"),
        ({"worker_memory": MEMORY * 2}, "memory of the workers"),
        ({"descriptors": 33}, "descriptors: 30 after the first day, 33 later"),
        ({"threads": 15}, "threads: 12 after the first day, 15 later"),
        ({"disk": 10_600_000}, "disk"),
        ({"log": LOG_BYTES + 1}, "log: 65,537 bytes on day 20, at most 65,536"),
        ({"rows": 0}, "day 20: nothing was scored"),
    ],
)
def test_what_grows_is_told(change: dict[str, int], words: str) -> None:
    days = flat(30)
    days[19] = replace(days[19], **change)
    found = list(growths(days, 7))
    assert len(found) == 1
    assert found[0].startswith(words)


def test_a_single_day_says_nothing() -> None:
    assert list(growths(flat(1), 7)) == ["fewer than two days: nothing is known"]
