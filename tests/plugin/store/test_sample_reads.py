"""Writing and reading rows: the rule for two answers, wherever the first one is, and what readers
see."""

from dataclasses import replace

import numpy as np
import pytest

from plugin.domain.times import DAY
from plugin.errors import StoreError
from plugin.series import IntArray, Samples, Tick
from plugin.store import Store
from tests.plugin.store.build import assert_equal, tick

NOW = 100 * DAY


def row(tick: Tick, series: int = 0) -> Samples:
    """What a tick holds of one series."""
    at = ~np.isnan(tick.value[series])
    columns = [
        getattr(tick, name)[series][at] for name in ("value", "expected", "lower", "upper", "score")
    ]
    return Samples(tick.times[at], *columns, np.full(at.sum(), tick.model_version[series]))


def put(store: Store, tick: Tick) -> int:
    return store.write([tick], "q", (int(tick.times[0]), int(tick.times[-1]))).rows


def test_what_is_written_is_read(store: Store, ids: IntArray) -> None:
    written = tick(ids, [60, 120, 180])
    written.value[0, 1] = np.nan
    written.upper[0, 0] = np.inf
    written.lower[0, 2] = -np.inf
    assert put(store, written) == 8
    assert_equal(store.samples.of(int(ids[0]), 0, 999), row(written))
    assert_equal(store.samples.of(int(ids[1]), 120, 120), row(tick(ids[1:2], [120])))
    assert len(store.samples.of(int(ids[2]), 61, 119)) == 0
    assert store.samples.scored_until("cpu") == 180
    assert [(r.first_seen, r.last_seen) for r in store.series.of("cpu")] == [(0, 180)] * 3


def test_the_same_tick_twice_adds_nothing(store: Store, ids: IntArray) -> None:
    written = tick(ids, [60, 120])
    assert (put(store, written), put(store, written)) == (6, 0)
    store.fold(NOW, keep=0)
    assert put(store, written) == 0
    assert_equal(store.samples.of(int(ids[0]), 0, 999), row(written))


@pytest.mark.parametrize("where", ["head", "block"])
def test_the_first_complete_answer_wins(store: Store, ids: IntArray, where: str) -> None:
    times = np.arange(0, DAY, 60)
    values = np.full((3, len(times)), 5.0)
    if where == "block":
        store.record_history("cpu", "q", ids, times, values, (0, DAY))
        assert store.sizes().head_rows == 0
    else:
        store.record_history("cpu", "q", ids, times[:60], values[:, :60], (0, 3600))
        assert store.sizes().block_rows == 0
    first = tick(ids, [600], 6.0, version=3)
    second = tick(ids, [600], 7.0, version=4)
    assert put(store, tick(ids, [600], 8.0, version=0)) == 0  # another value without a judgement
    assert_equal(store.samples.of(int(ids[0]), 600, 600), row(tick(ids, [600], 5.0, version=0)))
    assert put(store, first) == 3
    assert put(store, second) == 0
    assert_equal(store.samples.of(int(ids[1]), 600, 600), row(first, 1))
    assert store.samples.values(ids[:1], 540, 660, 60).tolist() == [[5.0, 6.0, 5.0]]
    store.fold(NOW, keep=0)
    put(store, tick(ids, NOW + np.arange(64)))  # lets the last row go to the block, too
    store.fold(NOW + DAY, keep=0)
    assert put(store, second) == 0
    store.record_history("cpu", "q", ids, times, values + 9, (0, DAY))
    assert_equal(store.samples.of(int(ids[2]), 600, 600), row(first, 2))
    assert store.samples.values(ids[:1], 540, 660, 60).tolist() == [[5.0, 6.0, 5.0]]


def test_history_does_not_touch_what_the_head_holds(store: Store, ids: IntArray) -> None:
    times = np.arange(0, 100 * 60, 60)
    put(store, tick(ids, [600], 6.0))
    put(store, tick(ids, [660], 6.0, version=0))
    store.record_history("cpu", "q", ids, times, np.full((3, 100), 5.0), (0, 5940))
    assert store.samples.values(ids[:1], 540, 720, 60).tolist() == [[5.0, 6.0, 6.0, 5.0]]
    assert len(store.samples.of(int(ids[0]), 0, 9999)) == 100


def test_values_are_on_the_grid_in_the_order_asked_for(store: Store, ids: IntArray) -> None:
    put(store, tick(ids, [0, 60, 90, 180]))
    found = store.samples.values(ids[[2, 0]], 0, 240, 60)
    nan = np.nan
    np.testing.assert_array_equal(
        found, [[3, 3.00006, nan, 3.00018, nan], [1, 1.00006, nan, 1.00018, nan]]
    )


def test_latest_from_head_blocks_and_both(store: Store, ids: IntArray) -> None:
    put(store, tick(ids[:1], np.arange(0, 3 * DAY, 600)))
    store.fold(NOW, keep=0)
    put(store, tick(ids[1:2], [60, 120]))
    assert store.sizes().head_rows == 64 + 2
    for n in (1, 5, 64, 65, 200, 1000):
        first, second, third = store.samples.latest(ids, n)
        everything = store.samples.of(int(ids[0]), 0, NOW)
        assert first.times.tolist() == everything.times[-n:].tolist()
        assert second.times.tolist() == [60, 120][-n:]
        assert len(third) == 0


def test_latest_sees_history_younger_than_the_head(store: Store, ids: IntArray) -> None:
    put(store, tick(ids, [0, 60]))
    times = np.arange(120, 120 + 100 * 60, 60)
    store.record_history("cpu", "q", ids, times, np.ones((3, 100)), (120, 6060))
    assert [rows.times.tolist() for rows in store.samples.latest(ids[:1], 2)] == [[6000, 6060]]


def test_the_carry_is_that_of_the_latest_tick_of_each_series(store: Store, ids: IntArray) -> None:
    def carried() -> dict[int, tuple[int, int, int]]:
        return {
            int(id): (c.time, int(version), int(level))
            for c in store.detector_states.of("cpu")
            for id, version, level in zip(
                c.ids, c.model_version, c.arrays["level"][:, 0], strict=True
            )
        }

    put(store, tick(ids, [60], level=np.array([[1], [2], [3]], np.float32)))
    put(store, tick(ids[:1], [120], version=2, level=np.array([[4]], np.float32)))
    wanted = {1: (120, 2, 4), 2: (60, 1, 2), 3: (60, 1, 3)}
    assert carried() == wanted
    put(store, tick(ids, [180]))
    assert carried() == wanted  # a tick without a carry
    put(store, tick(ids[:2], [90], level=np.array([[8], [9]], np.float32)))
    assert carried() == {**wanted, 2: (90, 1, 9)}  # an older one
    store.expire(60 + DAY + 1, retention=10 * DAY, versions=1)
    assert set(carried()) == {1, 2}


def test_bad_ticks_are_refused_whole(store: Store, ids: IntArray) -> None:
    good = tick(ids, [60])
    for bad, reason in (
        (replace(good, ids=np.array([1, 2, 99])), "not registered"),
        (replace(good, watch="disk"), "not registered"),
        (replace(good, ids=np.array([1, 1, 2])), "named twice"),
        (tick(ids, [60, 60]), "without duplicates"),
        (replace(good, score=good.score[:2]), "columns of that shape"),
    ):
        with pytest.raises(StoreError, match=reason):
            store.write([good, bad], "q", (60, 60))
    assert store.sizes().head_rows == 0
    assert store.samples.scored_until("cpu") is None
    assert store.coverage.missing("cpu", "q", 60, 60, 60) == [(60, 60)]
