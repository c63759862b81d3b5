"""A fit reads the same history whether what it has read before is kept or not, whatever is written
in between."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from plugin.series import IntArray, Labels, Tick
from plugin.store import Store, sample_reads
from plugin.store.server import DatabaseServer

STEP = 60
ALL = np.array([1, 2, 3])


@pytest.fixture
def store(tmp_path: Path, server: DatabaseServer | None) -> Iterator[Store]:
    opened = Store.open(tmp_path / "data", server=server)
    opened.series.register("w", [Labels.of({"n": str(n)}) for n in range(3)], 0)
    opened.samples.keep_history(1000)
    yield opened
    opened.close()


def write(store: Store, first: int, last: int, judged: bool = True) -> None:
    """Ticks of all series from step `first` to `last`; each fifth sample is outside its band."""
    times = STEP * np.arange(first, last + 1)
    value = times + 1000.0 * ALL[:, None]
    band = value if judged else value * np.nan
    upper = np.where(times // STEP % 5 == 0, band - 0.5, band + 1)
    store.write(
        [
            Tick(
                watch="w",
                ids=ALL,
                times=times,
                value=value,
                expected=band,
                lower=band - 1,
                upper=upper,
                score=band * 0,
                model_version=np.full(3, int(judged)),
            )
        ],
        "k",
        (int(times[0]), int(times[-1])),
    )


def check(store: Store, start: int, end: int, ids: IntArray = ALL, step: int = STEP) -> set[int]:
    """Compares a window with a reading of the store; returns from which steps on the store was
    read for it."""
    asked = set()
    true_history = sample_reads.history

    def spy(connection, ids, start, end, step):  # type: ignore[no-untyped-def]
        asked.add(start // STEP)
        return true_history(connection, ids, start, end, step)

    with patch.object(sample_reads, "history", spy):
        values, outside = store.samples.history(ids, start * STEP, end * STEP, step)
    with store._database.reading() as connection:
        expected = true_history(connection, ids, start * STEP, end * STEP, step)
    np.testing.assert_array_equal(values, expected[0])
    np.testing.assert_array_equal(outside, expected[1])
    return asked


def test_only_what_is_new_is_read(store: Store) -> None:
    write(store, 0, 20)
    assert check(store, 0, 20) == {0}
    write(store, 21, 30)
    assert check(store, 5, 30) == {21}
    assert check(store, 5, 30) == set()
    assert check(store, 10, 25) == set()
    assert check(store, 10, 30) == {26}, "a window is kept as it was asked for"


def test_series_that_were_read_at_other_times_are_read_from_where_they_end(store: Store) -> None:
    write(store, 0, 40)
    check(store, 0, 20, ids=ALL[:1])
    check(store, 0, 30, ids=ALL[1:2])
    assert check(store, 10, 40) == {10, 21, 31}


def test_an_earlier_start_or_another_grid_is_read_anew(store: Store) -> None:
    write(store, 0, 40)
    check(store, 10, 20)
    assert check(store, 0, 20) == {0}
    assert check(store, 0, 20, step=2 * STEP) == {0}
    assert check(store, 1, 21, step=2 * STEP) == {1}


def test_what_is_written_into_the_past_is_seen(store: Store) -> None:
    write(store, 100, 110, judged=False)
    check(store, 0, 110)
    times = STEP * np.arange(0, 90)
    store.record_history("w", "k", ALL[:1], times, np.ones((1, 90)), (0, 89 * STEP))
    assert check(store, 0, 110) == {0}
    write(store, 105, 110)  # a judgement
    assert check(store, 0, 110) == {0}
    store.expire(10**6, retention=10**6 - 50 * STEP, versions=1)
    assert check(store, 0, 110) == {0}


def test_folding_changes_nothing(store: Store) -> None:
    write(store, 0, 200)
    check(store, 0, 150)
    store.fold(10**9, keep=0)
    assert check(store, 0, 200) == {151}


def test_memory_is_bounded(store: Store) -> None:
    store.samples.keep_history(250)
    write(store, 0, 99)
    for series in ALL:
        check(store, 0, 99, ids=np.array([series]))
    assert check(store, 0, 99, ids=ALL[1:]) == set()
    assert check(store, 0, 99, ids=ALL[:1]) == {0}


def test_what_is_returned_is_not_what_is_kept(store: Store) -> None:
    write(store, 0, 20)
    values, outside = store.samples.history(ALL, 0, 20 * STEP, STEP)
    values[:] = 0
    outside[:] = True
    assert check(store, 0, 20) == set()
