from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.series import IntArray, Labels
from plugin.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def ids(store: Store) -> IntArray:
    """Three registered series of the watch `cpu`."""
    labels = [Labels.of({"instance": name}) for name in "abc"]
    return np.array([record.id for record in store.series.register("cpu", labels, 0)])
