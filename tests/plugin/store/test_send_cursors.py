"""How far remote write has come, and the rows that it reads."""

import numpy as np

from plugin.domain.times import DAY
from plugin.series import IntArray
from plugin.store import Store
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import assert_equal, tick


def test_a_position_survives_and_never_goes_back(
    store: Store, server: DatabaseServer | None
) -> None:
    assert store.send_cursors.of("cpu") is None
    for until in (600, 1200, 900):
        store.send_cursors.advance("cpu", until)
    store.send_cursors.advance("ram", 60)
    again = Store.open(store.folder, server=server)
    assert (again.send_cursors.of("cpu"), again.send_cursors.of("ram")) == (1200, 60)
    again.close()


def test_rows_between_times_from_head_and_blocks(store: Store, ids: IntArray) -> None:
    times = np.arange(0, 2 * DAY, 600)
    store.write([tick(ids[:2], times)], "q", (0, int(times[-1])))
    assert store.fold(3 * DAY).rows > 0
    found = store.samples.between(ids, DAY - 1200, 2 * DAY)
    assert found.keys() == set(ids[:2].tolist()), "a series without rows is absent"
    for series_id, rows in found.items():
        assert rows.times.tolist() == list(range(DAY - 1200, 2 * DAY, 600))
        assert_equal(rows, store.samples.of(series_id, DAY - 1200, 2 * DAY))
    assert store.samples.between(ids, 2 * DAY, 3 * DAY) == {}
