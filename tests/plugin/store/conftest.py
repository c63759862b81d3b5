"""Every test of the store runs on SQLite and on PostgreSQL, except where it says otherwise."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.series import IntArray, Labels
from plugin.store import Store
from plugin.store.server import DatabaseServer


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer | None]:
    """Where the database of the test is, with new tables; None = SQLite."""
    if request.param == "sqlite":
        yield None
        return
    postgres = request.getfixturevalue("postgres")
    database = postgres.new_database(request.getfixturevalue("postgres_template"))
    yield database
    postgres.drop(database)


@pytest.fixture
def store(tmp_path: Path, server: DatabaseServer | None) -> Iterator[Store]:
    store = Store.open(tmp_path / "data", server=server)
    yield store
    store.close()


@pytest.fixture
def ids(store: Store) -> IntArray:
    """Three registered series of the watch `cpu`."""
    labels = [Labels.of({"instance": name}) for name in "abc"]
    return np.array([record.id for record in store.series.register("cpu", labels, 0)])
