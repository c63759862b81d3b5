"""Each of the other servers, with the small world in it."""

from collections.abc import Iterator

import pytest

from plugin.config.model import PrometheusSettings
from plugin.prometheus import PrometheusReader
from tests.backends.servers import KINDS, Backend
from tests.backends.world import past
from tests.e2e.world import Clock


@pytest.fixture(scope="session", params=KINDS, ids=lambda kind: kind.__name__)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    with request.param(tmp_path_factory.mktemp("backend")) as server:
        server.write(past())
        yield server


@pytest.fixture
def read(backend: Backend) -> PrometheusReader:
    return PrometheusReader(PrometheusSettings(url=backend.url))


@pytest.fixture
def clock() -> Clock:
    return Clock()
