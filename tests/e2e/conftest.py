"""One real Prometheus with the small world in it, and worker processes, per test process."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from plugin.config import WorkerSettings
from plugin.jobs.executors.local import WorkerPool
from tests.e2e import world
from tests.servers import PrometheusServer


class LastingWorkers(WorkerPool):
    """Worker processes as in service, which serve one test after another: each needs seconds to
    import torch."""

    def close(self) -> None:
        """Left to the end of all tests."""

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="package", autouse=True)
def workers() -> Iterator[None]:
    pools: list[LastingWorkers] = []

    @cache
    def pool(settings: WorkerSettings) -> LastingWorkers:
        pools.append(LastingWorkers(settings))
        return pools[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugin.components.WorkerPool", pool)
        yield
    for each in pools:
        each.end()


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with PrometheusServer(tmp_path_factory.mktemp("world")).backfill(world.series()) as server:
        yield server


@pytest.fixture
def clock() -> world.Clock:
    return world.Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"
