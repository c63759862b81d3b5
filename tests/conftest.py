"""Fixtures that many tests share: a real Prometheus with known history, a proxy that breaks its
answers."""

from collections.abc import Iterator

import pytest

from tests.faults import FaultProxy
from tests.history import history
from tests.servers import PrometheusServer


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """A real Prometheus that holds `tests.history` and scrapes nothing; each xdist worker has its
    own."""
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")).backfill(history()) as server:
        yield server


@pytest.fixture
def faults(prometheus: PrometheusServer) -> Iterator[FaultProxy]:
    """A proxy in front of the real Prometheus; passes everything on until told otherwise."""
    with FaultProxy(prometheus.port) as proxy:
        yield proxy
