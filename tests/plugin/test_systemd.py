"""What systemd hears of the service, on a real socket of its kind."""

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from plugin import scheduler as scheduling
from plugin.app import Service
from plugin.errors import ConfigError
from plugin.metrics import Metrics
from plugin.scheduler import Scheduler
from plugin.systemd import READY, STOPPING, WATCHDOG, notify, reload_notice
from tests.plugin.test_app import config, watch

BEAT_SECONDS = 0.05


class Listener:
    """The end of the socket that systemd holds."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)

    def message(self, seconds: float = 10.0) -> str | None:
        """The next one; None = nothing came for so long."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with tempfile.TemporaryDirectory() as folder:  # a short path: that of a socket has a limit
        address = str(Path(folder) / "notify")
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        listener = Listener(address)
        yield listener
        listener.close()


def test_assignments_go_in_one_message(listener: Listener) -> None:
    notify(READY, "STATUS=listening")
    assert listener.message() == "READY=1\nSTATUS=listening"


def test_a_socket_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"bandwatch-{time.monotonic_ns()}"
    listener = Listener(f"\0{name}")
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    notify(READY)
    assert listener.message() == READY
    listener.close()


def test_nothing_is_sent_where_systemd_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify(READY)


def test_a_message_that_is_not_taken_is_logged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify(READY)
    [record] = caplog.records
    assert record.getMessage() == "systemd was not told" and vars(record)["state"] == READY


def test_a_reload_ends_as_ready_though_it_was_refused(listener: Listener) -> None:
    with pytest.raises(ConfigError), reload_notice():
        raise ConfigError("wrong")
    begin, clock = str(listener.message()).split("\n")
    assert begin == "RELOADING=1" and int(clock.removeprefix("MONOTONIC_USEC=")) > 0
    assert listener.message() == READY


def test_the_service_tells_what_it_does(listener: Listener, tmp_path: Path) -> None:
    service = Service(config(tmp_path, watch("a")))
    service.start()
    assert listener.message() == f"READY=1\nSTATUS=listening at {service.url}"
    service.try_reload()  # refused: there is no file
    assert str(listener.message()).startswith("RELOADING=1\n")
    assert listener.message() == READY
    service.stop()
    assert listener.message() == STOPPING


@pytest.fixture
def watched(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Listener:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.setattr(scheduling, "HEARTBEAT_SECONDS", BEAT_SECONDS)
    return listener


def test_the_watchdog_hears_of_a_scheduler_that_works_and_not_of_one_that_is_stuck(
    watched: Listener,
) -> None:
    works = threading.Event()
    works.set()

    def clock() -> float:
        works.wait()
        return time.time()

    scheduler = Scheduler(Metrics(CollectorRegistry()), clock=clock)
    scheduler.start()
    try:
        assert [watched.message() for _ in range(3)] == [WATCHDOG] * 3
        works.clear()
        while watched.message(10 * BEAT_SECONDS):  # a beat that was on its way
            pass
        assert watched.message(10 * BEAT_SECONDS) is None
        works.set()
        assert watched.message() == WATCHDOG
    finally:
        works.set()
        scheduler.stop()


def test_the_watchdog_of_another_process_is_not_ours(
    watched: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_PID", "1")
    scheduler = Scheduler(Metrics(CollectorRegistry()))
    scheduler.start()
    assert watched.message(10 * BEAT_SECONDS) is None
    scheduler.stop()
