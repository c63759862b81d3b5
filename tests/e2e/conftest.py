"""One real Prometheus with the small world in it, per test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import world
from tests.servers import PrometheusServer


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
