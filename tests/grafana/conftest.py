"""One service with data in it, for all tests of what Grafana asks."""

from collections.abc import Iterator

import pytest

from tests.e2e import world
from tests.grafana.living import Living, living


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugin.components.WorkerPool", world.Threads)  # at work at once
        with living(tmp_path_factory.mktemp("living")) as made:
            yield made
