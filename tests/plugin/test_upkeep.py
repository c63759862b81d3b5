"""Every process that serves gives free memory back, whoever keeps the store in order."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin import job_schedule
from plugin.app import Service
from plugin.config import Config, PrometheusSettings, StoreSettings, Watch, WebSettings
from plugin.errors import StoreError
from plugin.jobs import housekeeping
from plugin.roles import web_service
from plugin.roles.web_service import WebService
from plugin.roles.worker_components import WorkerComponents
from plugin.roles.worker_service import WorkerService
from tests.e2e.world import Threads

WAIT_SECONDS = 60


class Upkeeps:
    """What the upkeep of a process has done, in this order."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def keep(self, *_: object) -> None:
        self.done.append("store")

    def give_back(self) -> None:
        self.done.append("memory")

    def wait(self) -> list[str]:
        until = time.monotonic() + WAIT_SECONDS
        while "memory" not in self.done and time.monotonic() < until:
            time.sleep(0.02)
        return self.done


@pytest.fixture
def upkeeps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upkeeps]:
    made = Upkeeps()
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)
    monkeypatch.setattr(Threads, "warm_up", lambda self: None, raising=False)
    monkeypatch.setattr(housekeeping, "run", made.keep)
    for module in (job_schedule, web_service):
        monkeypatch.setattr(module, "give_back", made.give_back)
    yield made


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        prometheus=PrometheusSettings(url="http://127.0.0.1:1", retries=0),
        watches=(Watch(name="a", query="up", detector="baseline"),),
        store=StoreSettings(path=str(tmp_path)),
        web=WebSettings(listen_address="127.0.0.1:0"),
    )


def after_start(service: Service | WebService, upkeeps: Upkeeps) -> list[str]:
    service.start()
    try:
        return upkeeps.wait()
    finally:
        service.stop()


def test_the_single_service_after_its_housekeeping(config: Config, upkeeps: Upkeeps) -> None:
    assert after_start(Service(config), upkeeps) == ["store", "memory"]


def test_a_service_whose_housekeeping_fails(
    config: Config, upkeeps: Upkeeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(housekeeping, "run", fail)
    service = Service(config)
    assert after_start(service, upkeeps) == ["memory"]
    assert service._parts.metrics.job_errors.labels("upkeep")._value.get() == 1


def test_a_worker_that_holds_no_lease_of_the_housekeeping(
    config: Config, upkeeps: Upkeeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WorkerComponents, "store_under", lambda self, lease: None)
    assert after_start(WorkerService(config), upkeeps) == ["memory"]


def test_a_web_replica(config: Config, upkeeps: Upkeeps) -> None:
    assert after_start(WebService(config), upkeeps) == ["memory"]
