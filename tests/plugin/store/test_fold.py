"""Coverage, fold and expiry."""

import threading
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from plugin.domain.times import DAY, HOUR
from plugin.series import IntArray, Labels, SeriesState
from plugin.store import Store, archive, head
from plugin.store.schema import blocks, coverage
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import SQLITE_ONLY, assert_equal, tick


def rows_at_rest(store: Store) -> list[tuple[int, int]]:
    """(series, time) of everything in head and blocks, each as often as it is there."""
    with store._database.reading() as connection:
        ids = [record.id for record in store.series.all()]
        inside = [
            (id, int(t))
            for id, parts in archive.read(connection, ids, 0, 2**40).items()
            for part in parts
            for t in part.times
        ]
        return inside + [
            (id, int(t)) for id, rows in head.read(connection, ids).items() for t in rows.times
        ]


def test_coverage_is_joined_and_holes_are_named(store: Store) -> None:
    none = np.empty((0, 3))

    def cover(start: int, end: int) -> None:
        store.record_history(
            "cpu", "q", np.empty(0, np.int64), np.arange(start, end + 60, 60), none, (start, end)
        )

    assert store.coverage.missing("cpu", "q", 0, 600, 60) == [(0, 600)]
    cover(120, 180)
    for time in (240, 300, 480):
        store.write([tick(np.empty(0, np.int64), [time])], "q", (time, time))
    assert store.coverage.missing("cpu", "q", 0, 600, 60) == [(0, 60), (360, 420), (540, 600)]
    assert store.coverage.missing("cpu", "q", 180, 300, 60) == []
    assert store.coverage.missing("cpu", "other", 180, 300, 60) == [(180, 300)]
    with store._database.reading() as connection:
        assert len(connection.execute(select(coverage)).all()) == 2
    cover(360, 420)
    assert store.coverage.missing("cpu", "q", 120, 600, 60) == [(540, 600)]


def test_fold_moves_full_slices_and_keeps_the_newest(store: Store, ids: IntArray) -> None:
    times = np.arange(0, 2 * DAY, 60)
    store.write([tick(ids, times)], "q", (0, 2 * DAY))
    before = [store.samples.of(int(id), 0, 2 * DAY) for id in ids]
    report = store.fold(DAY + 7 * HOUR, keep=2 * HOUR, limit=500)
    assert (
        report.rows == 3 * 1440 and report.transactions == 4 * 3
    )  # 360 rows of one series at a time
    assert store.fold(DAY + 7 * HOUR, keep=2 * HOUR).rows == 0
    store.fold(9 * DAY)
    assert store.sizes().head_rows == 3 * 64
    for id, wanted in zip(ids, before, strict=True):
        assert_equal(store.samples.of(int(id), 0, 2 * DAY), wanted)
    assert sorted(rows_at_rest(store)) == [(int(id), int(t)) for id in ids for t in times]


def test_a_day_is_completed_by_later_folds(store: Store, ids: IntArray) -> None:
    late = np.arange(0, DAY, 600)
    store.write([tick(ids, np.arange(60, DAY, 600))], "q", (0, DAY))
    store.fold(9 * DAY)
    store.record_history("cpu", "q", ids, late, np.ones((3, len(late))), (0, DAY))
    store.write([tick(ids, np.arange(120, DAY, 600))], "q", (0, DAY))
    store.fold(9 * DAY)
    with store._database.reading() as connection:
        assert len(connection.execute(select(blocks.c.start)).all()) == 3
    assert len(store.samples.of(1, 0, DAY)) == 3 * 144
    assert len(rows_at_rest(store)) == len(set(rows_at_rest(store))) == 3 * 3 * 144


def test_readers_beside_a_fold_see_every_row_once(store: Store, ids: IntArray) -> None:
    times = np.arange(0, DAY, 60)
    store.write([tick(ids, times)], "q", (0, DAY))
    wanted = store.samples.of(1, 0, DAY)
    torn = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            if (
                len(store.samples.of(1, 0, DAY)) != 1440
                or np.isnan(store.samples.values(ids, 0, DAY - 60, 60)).any()
            ):
                torn.append(1)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    store.fold(9 * DAY, limit=60)
    done.set()
    for reader in readers:
        reader.join()
    assert not torn
    assert_equal(store.samples.of(1, 0, DAY), wanted)


def test_expiry_follows_retention(store: Store, ids: IntArray) -> None:
    times = np.arange(0, 3 * DAY, 600)
    store.write([tick(ids, times)], "q", (0, 3 * DAY))
    store.fold(3 * DAY, keep=0)
    store.write([tick(ids[:1], [9 * DAY])], "q", (9 * DAY, 9 * DAY))
    store.series.mark([2], SeriesState.GONE)
    store.expire(12 * DAY, retention=10 * DAY, versions=1)
    assert store.samples.of(1, 0, 9 * DAY).times[0] == 2 * DAY
    assert [record.id for record in store.series.all()] == [
        1,
        2,
        3,
    ]  # the gone one still has samples
    store.expire(14 * DAY, retention=10 * DAY, versions=1)
    assert [record.id for record in store.series.all()] == [1, 3]
    assert store.samples.of(1, 0, 9 * DAY).times.tolist() == [9 * DAY]
    assert store.coverage.missing("cpu", "q", 0, 5 * DAY, DAY) == [(0, 5 * DAY)]
    assert (
        store.series.register("cpu", [Labels.of({"instance": "b"})], 0)[0].id == 4
    )  # an id is never given twice


@SQLITE_ONLY
def test_space_comes_back(store: Store, ids: IntArray) -> None:
    rng = np.random.default_rng(0)
    times = np.arange(0, 120 * DAY, 300)  # an empty store has a page for each table, too
    store.record_history("cpu", "q", ids, times, rng.normal(size=(3, len(times))), (0, 120 * DAY))
    store.close()
    path = store.folder / "bandwatch.db"
    full = path.stat().st_size
    again = Store.open(store.folder)
    again.expire(180 * DAY, retention=DAY, versions=1)
    again.close()
    assert path.stat().st_size < full / 4


@pytest.mark.parametrize("watch", ["cpu", None])
def test_series_survive_a_restart(
    tmp_path: Path, server: DatabaseServer | None, watch: str | None
) -> None:
    store = Store.open(tmp_path, server=server)
    labels = [
        Labels.of({"__name__": "up", "ä": 'quote " and ☃'}),
        Labels.of({}),
        Labels.of({"a": "b"}),
    ]
    records = store.series.register("cpu", labels, 60)
    assert [r.labels for r in records] == labels
    assert [r.id for r in store.series.register("cpu", labels[::-1], 90)] == [3, 2, 1]
    store.series.mark([2, 3], SeriesState.MISSING)
    store.close()
    store = Store.open(tmp_path, server=server)
    found = store.series.all() if watch is None else store.series.of(watch)
    assert [r.labels for r in found] == labels
    assert [(r.state, r.first_seen) for r in found] == [
        ("warming_up", 60),
        ("missing", 60),
        ("missing", 60),
    ]
    assert store.series.of("disk") == []
    store.close()
