import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plugin.errors import StoreError
from plugin.series import IntArray, SeriesState
from plugin.store import ModelRecord, Store
from tests.plugin.store.build import DAY

STATE = {"weight": np.arange(12, dtype=np.float32).reshape(3, 4), "mask": np.array([True, False, True])}


def fit(store: Store, ids: IntArray, loss: float = 0.5) -> list[ModelRecord]:
    """Writes weights and crowns one model per series."""
    version = store.new_version("cpu")
    path = store.write_weights(version, STATE)
    records = [ModelRecord(int(id), version, row, "lstm", '{"name": "lstm"}', path, loss, 100, 0, 60)
               for row, id in enumerate(ids)]
    store.save_models("cpu", records)
    return records


def age(path: Path) -> None:
    os.utime(path, (time.time() - 7200,) * 2)


def test_versions_only_rise(store: Store, ids: IntArray) -> None:
    assert [store.new_version(watch) for watch in ("cpu", "disk", "cpu")] == [1, 2, 3]
    fit(store, ids)
    fit(store, ids)
    store.expire(DAY, retention=DAY, versions=1)
    store.close()
    assert Store.open(store.folder).new_version("cpu") == 6


def test_the_last_one_saved_is_the_champion(store: Store, ids: IntArray) -> None:
    first, second = fit(store, ids), fit(store, ids[1:])
    assert store.champions("cpu") == [first[0], *second]
    assert store.champions("disk") == []
    fit(store, ids[:1], loss=float("nan"))
    assert np.isnan(store.champions("cpu")[0].loss)
    again = [replace(record, loss=0.1) for record in first]
    store.save_models("cpu", again)
    assert store.champions("cpu") == again


def test_weights_come_back_row_by_row(store: Store) -> None:
    path = store.write_weights(7, STATE)
    found = store.read_weights(path, [2, 0])
    assert found["weight"].tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
    assert found["mask"].tolist() == [True, True]
    assert sorted(p.name for p in path.parent.iterdir()) == ["7.safetensors"]


def test_a_model_without_weights_or_version_is_refused_whole(store: Store, ids: IntArray) -> None:
    old = fit(store, ids)
    version = store.new_version("cpu")
    new = [replace(record, version=version) for record in old]
    with pytest.raises(StoreError, match="no such weights: write them before"):
        store.save_models("cpu", [new[0], replace(new[1], version=version + 1, path=store.folder / "weights" / "9")])
    with pytest.raises(StoreError, match="not given out"):
        store.save_models("cpu", [new[0], replace(new[1], version=99)])
    with pytest.raises(StoreError, match="holds no such series"):
        store.save_models("cpu", [new[0], replace(new[1], series_id=99)])
    assert store.champions("cpu") == old


def test_unreadable_weights_are_named(store: Store) -> None:
    path = store.write_weights(1, STATE)
    with pytest.raises(StoreError, match=r"1\.safetensors: .*fit again"):
        store.read_weights(path, [3])
    path.write_bytes(b"\x08\0\0\0\0\0\0\0not json")
    for bad in (path, path.with_name("2.safetensors")):
        with pytest.raises(StoreError, match=f"{bad.name}: .*fit again"):
            store.read_weights(bad, [0])


def test_old_versions_go_and_their_files_with_the_last_row(store: Store, ids: IntArray) -> None:
    everyone, two, one, last = fit(store, ids), fit(store, ids[1:]), fit(store, ids[2:]), fit(store, ids[2:])
    store.expire(DAY, retention=DAY, versions=2)
    assert [path.exists() for path in (everyone[0].path, two[0].path, one[0].path, last[0].path)] == [True] * 4
    store.expire(DAY, retention=DAY, versions=1)
    assert [path.exists() for path in (everyone[0].path, two[0].path, one[0].path, last[0].path)] == [
        True, True, False, True]
    assert store.champions("cpu") == [everyone[0], two[0], last[0]]
    store.mark([int(ids[0])], SeriesState.GONE)
    store.expire(9 * DAY, retention=DAY, versions=1)
    assert not everyone[0].path.exists() and two[0].path.exists()


def test_what_a_crash_has_left_is_swept_when_old(store: Store, ids: IntArray) -> None:
    kept = fit(store, ids)[0].path
    orphan, fresh = store.write_weights(80, STATE), store.write_weights(81, STATE)
    half = store.folder / "weights" / "82.safetensors.tmp"
    half.write_bytes(b"half")
    for path in (kept, orphan, half):
        age(path)
    Store.open(store.folder).close()
    assert not half.exists() and orphan.exists()  # its model may be about to be saved
    store.expire(DAY, retention=DAY, versions=1)
    assert [path.exists() for path in (kept, orphan, fresh)] == [True, False, True]
