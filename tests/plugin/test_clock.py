"""A machine's clock jumps: time goes on, the jump is told, and Prometheus says who is right."""

import logging

import pytest
from prometheus_client import CollectorRegistry

from plugin.clock import SteadyClock
from plugin.metrics import Metrics

TRUE_TIME = 1_760_000_000.0
DAY = 86_400.0


class Machine:
    """The two clocks of a machine; `error` is how wrong the one that people set is."""

    def __init__(self) -> None:
        self.uptime = 100.0
        self.error = 0.0

    @property
    def true_time(self) -> float:
        return TRUE_TIME + self.uptime

    def wall(self) -> float:
        return self.true_time + self.error

    def monotonic(self) -> float:
        return self.uptime


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> SteadyClock:
    return SteadyClock(machine.wall, machine.monotonic)


@pytest.mark.parametrize("seconds", [-600, 600, -3600, DAY])
def test_a_jump_forth_and_back_moves_nothing_and_is_told(
    machine: Machine, clock: SteadyClock, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.follow(clock)
    for error in (seconds, seconds, 0.0):
        machine.uptime += 60
        machine.error = error
        assert clock() == machine.true_time and clock.doubtful
        assert clock.correction == -error
        assert next(iter(metrics.clock_correction.collect())).samples[0].value == -error
    for direction in ("back", "forward"):
        assert metrics.clock_steps.labels(direction)._value.get() == 1
    said = [(record.message, record.seconds) for record in caplog.records]  # type: ignore[attr-defined]
    directions = ("back", "forward") if seconds < 0 else ("forward", "back")
    assert said == [
        (f"the clock of this machine was set {direction}", sign * seconds)
        for direction, sign in zip(directions, (1, -1), strict=True)
    ]


def test_prometheus_says_that_the_machine_was_wrong_before(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.error = -DAY
    clock = SteadyClock(machine.wall, machine.monotonic)
    machine.error = 0.0  # NTP has been reached
    assert clock() == machine.true_time - DAY and clock.doubtful
    with caplog.at_level(logging.WARNING):
        clock.compare(machine.true_time + 3)
    assert clock() == machine.true_time and not clock.doubtful and clock.correction == 0
    assert caplog.records[-1].clock == "this machine"


def test_time_goes_by_prometheus_while_the_machine_is_wrong(
    machine: Machine, clock: SteadyClock, caplog: pytest.LogCaptureFixture
) -> None:
    machine.error = 600.0
    machine.uptime += 1
    clock.compare(machine.true_time)
    assert clock() == machine.true_time and clock.correction == -600 and not clock.doubtful
    machine.error = 0.0
    assert clock() == machine.true_time and clock.doubtful
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def test_a_small_difference_is_that_of_two_machines(machine: Machine, clock: SteadyClock) -> None:
    clock.compare(machine.true_time + 59)
    assert clock() == machine.true_time


def test_a_slew_is_no_jump(machine: Machine, clock: SteadyClock) -> None:
    for _ in range(100):
        machine.uptime += 60
        machine.error += 0.03
        assert clock() == machine.wall() and not clock.doubtful


def test_where_prometheus_does_not_say_its_time_the_machine_is_right(
    machine: Machine, clock: SteadyClock
) -> None:
    machine.error = DAY
    assert clock.doubtful
    clock.trust_machine()
    assert clock() == machine.wall() and not clock.doubtful
