"""What is kept in memory never differs from what is stored, whatever is written in between."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.series import Labels, Samples, Tick
from plugin.store import Store, sample_reads
from plugin.store.sample_cache import ENTRY_ROWS, SampleCache
from plugin.store.server import DatabaseServer

STEP = 60


@pytest.fixture
def store(tmp_path: Path, server: DatabaseServer | None) -> Iterator[Store]:
    opened = Store.open(tmp_path / "data", server=server)
    opened.series.register("w", [Labels.of({"n": str(n)}) for n in range(3)], 0)
    yield opened
    opened.close()


def write(store: Store, first: int, last: int, judged: bool = True) -> None:
    """Ticks of all series from step `first` to `last`, values that tell which step they are of."""
    times = STEP * np.arange(first, last + 1)
    value = np.tile(times.astype(float), (3, 1))
    band = value if judged else value * np.nan
    store.write(
        [
            Tick(
                "w",
                np.array([1, 2, 3]),
                times,
                value,
                band,
                band - 1,
                band + 1,
                band * 0,
                np.full(3, int(judged)),
            )
        ],
        "k",
        (int(times[0]), int(times[-1])),
    )


def stored(store: Store, series: int, start: int, end: int) -> Samples:
    with store._database.reading() as connection:
        return sample_reads.samples(connection, series, start, end)


def check(store: Store, series: int, start: int, end: int) -> int:
    """Compares with a reading past the cache; returns the number of rows."""
    kept, true = (
        read(series, start * STEP, end * STEP)
        for read in (store.samples.of, lambda *range: stored(store, *range))
    )
    for name in ("times", "value", "expected", "lower", "upper", "score", "model_version"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(true, name), err_msg=name)
    return len(kept)


def test_new_ticks_are_seen(store: Store) -> None:
    write(store, 10, 20)
    assert check(store, 1, 0, 15) == 6 and check(store, 1, 12, 30) == 9
    write(store, 21, 25)
    assert (
        check(store, 1, 12, 30) == 14
        and check(store, 1, 0, 30) == 16
        and check(store, 1, 40, 50) == 0
    )


def test_history_that_arrives_later_is_seen(store: Store) -> None:
    write(store, 100, 110)
    assert check(store, 1, 0, 200) == 11
    times = STEP * np.arange(0, 90)
    store.record_history("w", "k", np.array([1]), times, np.ones((1, 90)), (0, 89 * STEP))
    assert check(store, 1, 0, 200) == 101


def test_a_judgement_that_arrives_later_is_seen(store: Store) -> None:
    write(store, 10, 20, judged=False)
    assert check(store, 2, 0, 30) == 11
    write(store, 15, 20)
    assert (
        check(store, 2, 0, 30) == 11
        and store.samples.of(2, 0, 10**6).model_version.tolist() == [0] * 5 + [1] * 6
    )


def test_folding_changes_nothing_and_retention_is_seen(store: Store) -> None:
    write(store, 0, 800)
    assert check(store, 3, 0, 900) == 801
    store.fold(10**9, keep=0)
    write(store, 801, 802)
    assert check(store, 3, 0, 900) == 803
    store.expire(10**6, retention=100 * STEP, versions=1)
    assert check(store, 3, 0, 900) == 0


def test_memory_is_bounded_and_the_window_moves_on(store: Store) -> None:
    write(store, 0, 99)
    recent = SampleCache(most_rows=250)
    with store._database.reading() as connection:
        for series in (1, 2, 3):
            assert len(recent.samples(connection, series, 0, 99 * STEP)) == 100
        assert list(recent._kept) == [2, 3] and recent._size == 2 * (100 + ENTRY_ROWS)
        recent.samples(connection, 3, 80 * STEP, 99 * STEP)
        assert recent._size == 120 + 2 * ENTRY_ROWS and recent._kept[3].start == 80 * STEP
        assert all(kept.rows.times.base is None for kept in recent._kept.values()), (
            "a slice keeps what it was cut from"
        )
        assert len(recent.samples(connection, 3, 0, 99 * STEP)) == 100


def test_a_series_of_few_rows_counts_for_what_it_takes_in_memory(store: Store) -> None:
    write(store, 0, 99)
    recent = SampleCache(most_rows=3 * ENTRY_ROWS)
    with store._database.reading() as connection:
        for series in (1, 2, 3):
            assert len(recent.samples(connection, series, 99 * STEP, 99 * STEP)) == 1
    assert list(recent._kept) == [2, 3]
