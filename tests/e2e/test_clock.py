"""The clock of the machine jumps, forth and back: scoring goes on at the true time, nothing is
doubled, and each jump is told."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from plugin.board import WatchHealth
from plugin.clock import SteadyClock
from plugin.components import Components
from plugin.errors import PrometheusUnavailable, QueryRejected
from tests.e2e.world import NOW, STEP, Threads, config, parts
from tests.servers import PrometheusServer

JUMPS = (-600.0, 600.0, -3600.0, 86_400.0)


@pytest.fixture(autouse=True)
def workers_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)


class Machine:
    """A machine at the true time, whose clock may be wrong, and whose monotonic clock may be, too:
    a virtual machine that was suspended, or one that was copied."""

    def __init__(self, *, monotonic_jumps: bool = False) -> None:
        self.true_time = float(NOW)
        self.error = 0.0
        self._monotonic_jumps = monotonic_jumps
        self.clock = SteadyClock(self.wall, self.monotonic)

    def wall(self) -> float:
        return self.true_time + self.error

    def monotonic(self) -> float:
        return self.true_time - NOW + (self.error if self._monotonic_jumps else 0.0)


def asks(made: Components, answer: Callable[[], float]) -> None:
    """What Prometheus says when it is asked for its time; the real one lives in another year."""
    made.watches["latency"].reader.server_time = answer  # type: ignore[method-assign]


def stored(made: Components) -> dict[int, list[int]]:
    """Grid times that have a row, by series."""
    return {
        record.id: made.store.samples.of(record.id, 0, NOW * 2).times.tolist()
        for record in made.store.series.of("latency")
    }


@pytest.mark.parametrize("monotonic_jumps", [False, True])
@pytest.mark.parametrize("jump", JUMPS)
def test_scoring_goes_on_at_the_true_time(
    small_world: PrometheusServer,
    folder: Path,
    jump: float,
    monotonic_jumps: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = Machine(monotonic_jumps=monotonic_jumps)
    with parts(config(folder, small_world.url), machine.clock) as made:
        asks(made, lambda: machine.true_time + 1.5)
        score = made.watches["latency"].score
        assert score.run()
        for error in (jump, jump, 0.0, jump, 0.0, 0.0):
            machine.error = error
            machine.true_time += STEP
            assert score.run()
            shown = made.board.snapshots()["latency"]
            assert shown.outlook is WatchHealth.OK
            assert 0 <= machine.true_time - shown.time <= 2 * STEP
        for times in stored(made).values():
            assert (np.diff(times) > 0).all() and max(times) <= machine.true_time
        assert made.store.samples.scored_until("latency") == machine.true_time
        (quiet,) = (r for r in made.store.series.of("latency") if r.labels["service"] == "quiet")
        expected = np.arange(NOW, machine.true_time + STEP, STEP)
        assert np.isin(expected, stored(made)[quiet.id]).all(), "a hole"
        told = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert len(told) >= 4, "each jump is told"


def test_a_clock_in_doubt_waits_for_prometheus(small_world: PrometheusServer, folder: Path) -> None:
    machine = Machine()
    with parts(config(folder, small_world.url), machine.clock) as made:
        asks(made, lambda: machine.true_time)
        score = made.watches["latency"].score
        assert score.run()

        def refused() -> float:
            raise PrometheusUnavailable("on purpose")

        machine.error = 86_400.0
        machine.true_time += STEP
        asks(made, refused)
        assert not score.run() and made.store.samples.scored_until("latency") == NOW
        asks(made, lambda: machine.true_time)
        assert score.run() and made.store.samples.scored_until("latency") == NOW + STEP


def test_a_server_that_does_not_say_its_time_leaves_the_machine_right(
    small_world: PrometheusServer, folder: Path
) -> None:
    machine = Machine()
    with parts(config(folder, small_world.url), machine.clock) as made:

        def rejected() -> float:
            raise QueryRejected("on purpose")

        asks(made, rejected)
        score = made.watches["latency"].score
        assert score.run()
        machine.error = -600.0
        machine.true_time += STEP
        assert not score.run()
        shown = made.board.snapshots()["latency"]
        assert shown.outlook is WatchHealth.FAILING and "the clock says" in shown.reason
        assert made.metrics.score_failures.labels("latency", "clock")._value.get() == 1
        machine.error = 0.0
        assert score.run() and made.store.samples.scored_until("latency") == NOW + STEP


def test_a_real_prometheus_says_its_time(small_world: PrometheusServer, folder: Path) -> None:
    with parts(config(folder, small_world.url), Machine().clock) as made:
        assert abs(made.watches["latency"].reader.server_time() - time.time()) < 5
