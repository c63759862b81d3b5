"""Looks for holes of the source that fail: each is tried again, and told at the second time."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from plugin.config import Watch
from plugin.errors import PrometheusUnavailable
from plugin.grid import Grid
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.source_holes import SourceHoles
from plugin.jobs.watch_context import WatchContext
from plugin.metrics import Metrics
from plugin.store import Store

STEP = 60
START = 1_795_219_200  # 2026-11-21T00:00:00Z
HOLE = (START + 3600, START + 7200)  # samples are missing between these
END = START + 4 * 3600


class Source:
    """Has the newest sample at each time, with a hole; fails as often as it is told to."""

    def __init__(self) -> None:
        self.failing = 0
        self.asked: list[tuple[int, int]] = []

    def range(self, query: str, start: int, end: int, step: int, **_: Any) -> Any:
        self.asked.append((start, end))
        if self.failing:
            self.failing -= 1
            raise PrometheusUnavailable("query timed out")
        times = np.arange(start, end + step, step)
        newest = np.where((times > HOLE[0]) & (times < HOLE[1]), HOLE[0], times)
        return SimpleNamespace(observed=[SimpleNamespace(values=newest.astype(float))])


class World:
    """The holes of one watch."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder)
        self.source = Source()
        self.metrics = Metrics(CollectorRegistry())
        reader: Any = self.source
        watch = Watch(name="w", query="rate(x[5m])", step=STEP)
        self.holes = SourceHoles(
            WatchContext(watch, self.store, reader, self.metrics, ModelRegistry(self.store, "w"))
        )

    def failures(self) -> float:
        family = self.metrics.source_hole_failures
        return float(family.labels("w", "unavailable")._value.get())

    def known(self) -> list[tuple[int, int]]:
        return self.store.source_holes.between("w", START, END)

    def tick(self, number: int) -> None:
        """One step after `END`."""
        now = END + number * STEP
        self.holes.follow(Grid.between(now, now, STEP), has_samples=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "data")
    yield made
    made.store.close()


def told(caplog: pytest.LogCaptureFixture) -> int:
    return sum("not looked for" in record.message for record in caplog.records)


def test_one_failure_is_counted_and_not_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.source.failing = 1
    world.holes.look(START, END)
    assert (world.failures(), told(caplog), world.known()) == (1, 0, [])
    world.tick(1)
    assert world.known() == [(HOLE[0] + 1, HOLE[1] + 300)], "of the whole range that had failed"
    assert (world.failures(), told(caplog)) == (1, 0)
    asked = len(world.source.asked)
    world.tick(2)
    assert len(world.source.asked) == asked, "all is known: nothing is asked"


def test_the_second_in_a_row_is_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.source.failing = 4
    world.holes.look(START, END)
    for number in (1, 2, 3):
        world.tick(number)
    assert (world.failures(), told(caplog)) == (4, 1)
    world.tick(4)
    assert world.known() == [(HOLE[0] + 1, HOLE[1] + 300)]
    world.source.failing = 1
    world.holes.look(START, END)
    assert (world.failures(), told(caplog)) == (5, 1), "not in a row any more"


def test_what_fails_for_long_is_asked_less_and_less_often(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A range that is too long to be answered costs the ticks little."""
    plain = world.source.range

    def range_(query: str, start: int, end: int, step: int, **settings: Any) -> Any:
        world.source.failing = int(end - start > 3600)
        return plain(query, start, end, step, **settings)

    monkeypatch.setattr(world.source, "range", range_)
    world.holes.look(START, END)
    for number in range(1, 101):
        world.tick(number)
    assert 5 <= world.failures() <= 9


def test_the_history_that_a_fit_learns_from_is_looked_at_again(world: World) -> None:
    world.source.failing = 1
    world.holes.look(START, END)
    world.holes.look_again()
    assert world.known() == [(HOLE[0] + 1, HOLE[1] + 300)]
