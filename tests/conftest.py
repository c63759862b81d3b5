"""Fixtures that many tests share: a real Prometheus with known history, a proxy that breaks its
answers."""

from collections.abc import Iterator

import pytest

from tests import postgres as postgres_server
from tests.faults import FaultProxy
from tests.history import history
from tests.servers import PrometheusServer

# What takes a minute or more.
LONG = (
    "tests/e2e/test_fortnight.py",
    "tests/e2e/test_night.py",
    "tests/e2e/test_role_processes.py",
    "tests/e2e/test_roles.py",
    "tests/crash/test_crash.py",
    "tests/plugin/preview/test_past_service.py",
    "tests/e2e/test_commands.py",
    "tests/detectors/test_kernels.py",
    "tests/fuzz/test_configurations.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that no process is left with one when the others are done."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """A real Prometheus that holds `tests.history` and scrapes nothing; each xdist worker has its
    own."""
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")).backfill(history()) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.PostgresServer]:
    """A real PostgreSQL; each xdist worker has its own."""
    with postgres_server.PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(
    postgres: postgres_server.PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The name of a database with all tables, to make others of."""
    return postgres.make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def faults(prometheus: PrometheusServer) -> Iterator[FaultProxy]:
    """A proxy in front of the real Prometheus; passes everything on until told otherwise."""
    with FaultProxy(prometheus.port) as proxy:
        yield proxy
