import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plugin.domain.model_decisions import Decision, DecisionKind
from plugin.domain.times import DAY
from plugin.errors import StoreError
from plugin.series import IntArray, SeriesState
from plugin.store import ModelRecord, Store
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import tick

STATE = {
    "weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "mask": np.array([True, False, True]),
}


def fit(store: Store, ids: IntArray, loss: float = 0.5) -> list[ModelRecord]:
    """Writes weights and crowns one model per series."""
    version = store.models.new_version("cpu")
    path = store.weights.write(version, STATE)
    records = [
        ModelRecord(int(id), version, row, "lstm", '{"name": "lstm"}', path, loss, 100, 0, 60)
        for row, id in enumerate(ids)
    ]
    store.save_models("cpu", records)
    return records


def age(path: Path) -> None:
    os.utime(path, (time.time() - 7200,) * 2)


def test_versions_only_rise(store: Store, ids: IntArray, server: DatabaseServer | None) -> None:
    assert [store.models.new_version(watch) for watch in ("cpu", "disk", "cpu")] == [1, 2, 3]
    fit(store, ids)
    fit(store, ids)
    store.expire(DAY, retention=DAY, versions=1)
    store.close()
    again = Store.open(store.folder, server=server)
    assert again.models.new_version("cpu") == 6
    again.close()


def test_the_last_one_saved_is_the_champion(store: Store, ids: IntArray) -> None:
    first = fit(store, ids)
    second = fit(store, ids[1:])
    assert store.models.champions("cpu") == [first[0], *second]
    assert store.models.champions("disk") == []
    fit(store, ids[:1], loss=float("nan"))
    assert np.isnan(store.models.champions("cpu")[0].loss)
    again = [replace(record, loss=0.1) for record in first]
    store.save_models("cpu", again)
    assert store.models.champions("cpu") == again


def test_weights_come_back_row_by_row(store: Store) -> None:
    path = store.weights.write(7, STATE)
    found = store.weights.read(path, [2, 0])
    assert found["weight"].tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
    assert found["mask"].tolist() == [True, True]
    assert sorted(p.name for p in path.parent.iterdir()) == ["7.safetensors"]


def test_a_model_without_weights_or_version_is_refused_whole(store: Store, ids: IntArray) -> None:
    old = fit(store, ids)
    version = store.models.new_version("cpu")
    new = [replace(record, version=version) for record in old]
    with pytest.raises(StoreError, match="no such weights: write them before"):
        store.save_models(
            "cpu",
            [new[0], replace(new[1], version=version + 1, path=store.folder / "weights" / "9")],
        )
    with pytest.raises(StoreError, match="not given out"):
        store.save_models("cpu", [new[0], replace(new[1], version=99)])
    with pytest.raises(StoreError, match="holds no such series"):
        store.save_models("cpu", [new[0], replace(new[1], series_id=99)])
    assert store.models.champions("cpu") == old


def test_unreadable_weights_are_named(store: Store) -> None:
    path = store.weights.write(1, STATE)
    with pytest.raises(StoreError, match=r"1\.safetensors: .*fit again"):
        store.weights.read(path, [3])
    path.write_bytes(b"\x08\0\0\0\0\0\0\0not json")
    for bad in (path, path.with_name("2.safetensors")):
        with pytest.raises(StoreError, match=f"{bad.name}: .*fit again"):
            store.weights.read(bad, [0])


def test_old_versions_go_and_their_files_with_the_last_row(store: Store, ids: IntArray) -> None:
    everyone = fit(store, ids)
    two = fit(store, ids[1:])
    one = fit(store, ids[2:])
    last = fit(store, ids[2:])
    store.expire(DAY, retention=DAY, versions=2)
    assert [
        path.exists() for path in (everyone[0].path, two[0].path, one[0].path, last[0].path)
    ] == [True] * 4
    store.expire(DAY, retention=DAY, versions=1)
    assert [
        path.exists() for path in (everyone[0].path, two[0].path, one[0].path, last[0].path)
    ] == [True, True, False, True]
    assert store.models.champions("cpu") == [everyone[0], two[0], last[0]]
    store.series.mark([int(ids[0])], SeriesState.GONE)
    store.expire(9 * DAY, retention=DAY, versions=1)
    assert not everyone[0].path.exists() and two[0].path.exists()


def test_what_a_crash_has_left_is_swept_when_old(
    store: Store, ids: IntArray, server: DatabaseServer | None
) -> None:
    kept = fit(store, ids)[0].path
    orphan = store.weights.write(80, STATE)
    fresh = store.weights.write(81, STATE)
    half = store.folder / "weights" / "82.safetensors.tmp"
    half.write_bytes(b"half")
    for path in (kept, orphan, half):
        age(path)
    Store.open(store.folder, server=server).close()
    assert not half.exists() and orphan.exists()  # its model may be about to be saved
    store.expire(DAY, retention=DAY, versions=1)
    assert [path.exists() for path in (kept, orphan, fresh)] == [True, False, True]


def test_versions_are_kept_beside_the_one_that_reigns(store: Store, ids: IntArray) -> None:
    first = fit(store, ids)
    second = fit(store, ids[1:])
    found = store.models.versions(ids)
    assert [(model.series_id, model.version, reigns) for model, reigns in found] == [
        (ids[0], 1, True),
        (ids[1], 2, True),
        (ids[1], 1, False),
        (ids[2], 2, True),
        (ids[2], 1, False),
    ]
    again = replace(first[1], since=700, checked_at=800, pinned=True)
    store.active_models.promote(
        [again], [Decision(700, int(ids[1]), 1, DecisionKind.ROLLED_BACK, "better", "ann")]
    )
    assert store.models.champions("cpu") == [first[0], again, second[1]]
    store.active_models.update([replace(again, pinned=False)], [])
    assert store.models.champions("cpu")[1] == replace(again, pinned=False)
    store.save_models("cpu", [second[0]])
    assert store.models.champions("cpu")[1] == second[0], "crowned anew, it reigns as any new one"


def test_decisions_are_kept_until_retention_and_routine_ones_with_their_model(
    store: Store, ids: IntArray
) -> None:
    one = int(ids[0])
    made = [
        Decision(100 + version, one, version, DecisionKind.PROMOTED, "as good")
        for version in (1, 2, 3)
    ]
    for decision in made:
        version = store.models.new_version("cpu")
        path = store.weights.write(version, STATE)
        store.save_models(
            "cpu", [ModelRecord(one, version, 0, "lstm", "{}", path, 0.5, 100, 0, 60)], [decision]
        )
    told = Decision(50, one, 1, DecisionKind.REFUSED, "worse")
    store.active_models.update([], [told])
    assert store.decisions.between(0, DAY) == [told, *made]
    assert store.decisions.between(0, DAY, ids[1:]) == [] and store.decisions.between(0, 101) == [
        told,
        made[0],
    ]
    assert store.decisions.between(0, DAY, ids, decision_kind=DecisionKind.PROMOTED, limit=1) == [
        made[-1]
    ]
    store.expire(DAY, retention=DAY, versions=2)
    assert store.decisions.between(0, DAY) == [told, *made[1:]]
    store.expire(DAY + 60, retention=DAY, versions=2)
    assert store.decisions.between(0, DAY) == made[1:]
    store.series.mark([one], SeriesState.GONE)
    store.expire(9 * DAY, retention=DAY, versions=2)
    assert store.decisions.between(0, 9 * DAY) == [] and store.models.versions(ids) == []


def test_a_watch_that_was_removed_or_renamed_leaves_nothing_after_retention(
    store: Store, ids: IntArray
) -> None:
    """Nobody marks its series as gone."""
    models = fit(store, ids)
    store.write([tick(ids, [DAY])], "q", (DAY, DAY))
    store.expire(2 * DAY - 1, retention=DAY, versions=3)
    assert len(store.series.of("cpu")) == 3 and models[0].path.exists()
    store.expire(2 * DAY + 1, retention=DAY, versions=3)
    assert store.series.of("cpu") == [] and not models[0].path.exists()


def test_the_terms_of_a_watch_are_replaced(store: Store) -> None:
    assert store.model_settings.of("cpu") is None
    store.model_settings.record("cpu", '{"step": 60}', 0)
    store.model_settings.record("cpu", '{"step": 30}', 500)
    assert (
        store.model_settings.of("cpu") == ('{"step": 30}', 500)
        and store.model_settings.of("disk") is None
    )
