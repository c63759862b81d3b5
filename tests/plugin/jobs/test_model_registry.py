"""Who is who: series come, age out, are removed by retention, and come back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plugin.jobs.model_registry import ModelRegistry
from plugin.series import Labels, Series, SeriesRecord, SeriesState
from plugin.store import ModelRecord, Store

A, B = (Labels.of({"__name__": "up", "instance": name}) for name in ("a", "b"))


def arriving(*labels: Labels, time: int = 100) -> list[Series]:
    return [Series(each, np.array([time]), np.array([1.0])) for each in labels]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "data")
    yield opened
    opened.close()


def crown(store: Store, registry: ModelRegistry, ids: list[int]) -> list[ModelRecord]:
    version = store.models.new_version("w")
    path = store.weights.write(version, {"weight": np.zeros((len(ids), 2))})
    models = [
        ModelRecord(i, version, row, "baseline", "{}", path, 0.1, 100, 0, 100)
        for row, i in enumerate(ids)
    ]
    store.save_models("w", models)
    registry.promote(models)
    return models


def in_state(registry: ModelRegistry, state: SeriesState) -> list[SeriesRecord]:
    return [replace(record, state=state) for record in registry.records()]


def test_new_series_are_registered_once(store: Store) -> None:
    registry = ModelRegistry(store, "w")
    first = registry.identify(arriving(A, B, time=100))
    assert registry.identify(arriving(B, A, time=200)).tolist() == first[::-1].tolist()
    assert [record.labels for record in ModelRegistry(store, "w").records()] == [A, B]


def test_crowned_models_wait_for_the_score_job(store: Store) -> None:
    registry = ModelRegistry(store, "w")
    ids = registry.identify(arriving(A, B, time=100)).tolist()
    models = crown(store, registry, ids)
    assert registry.take_waiting() == models and registry.take_waiting() == []
    assert set(ModelRegistry(store, "w").champions()) == set(ids)
    registry.retire(models[:1])
    assert list(registry.champions()) == ids[1:]


def test_an_aged_out_series_is_welcomed_back_with_its_champion(store: Store) -> None:
    registry = ModelRegistry(store, "w")
    ids = registry.identify(arriving(A, B, time=100)).tolist()
    crown(store, registry, ids)
    registry.take_waiting()
    gone = [record for record in in_state(registry, SeriesState.GONE) if record.labels == A]
    assert registry.update_states(gone) == ids[:1]
    assert [record.labels for record in registry.records()] == [B] and list(
        registry.champions()
    ) == ids[1:]
    assert registry.identify(arriving(A, time=900)).tolist() == ids[:1]
    assert [model.series_id for model in registry.take_waiting()] == ids[:1]


def test_a_series_that_retention_has_removed_is_a_new_one(store: Store) -> None:
    registry = ModelRegistry(store, "w")
    old = registry.identify(arriving(A, time=100)).tolist()
    registry.update_states(in_state(registry, SeriesState.GONE))
    store.expire(10**9, retention=1000, versions=1)
    assert store.series.of("w") == []
    again = registry.identify(arriving(A, time=10**9)).tolist()
    assert again != old and registry.take_waiting() == [] and len(store.series.of("w")) == 1


def test_states_go_to_the_store_when_they_change(store: Store) -> None:
    registry = ModelRegistry(store, "w")
    registry.identify(arriving(A, time=100))
    assert registry.update_states(in_state(registry, SeriesState.OK)) == []
    assert store.series.of("w")[0].state is SeriesState.OK


def test_history_that_comes_between_two_looks_is_not_forgotten(store: Store) -> None:
    registry = ModelRegistry(store, "w")
    registry.identify(arriving(A, time=500))
    judged = in_state(registry, SeriesState.OK)  # the score job is at work ...
    registry.identify(arriving(A, time=200))  # ... when the fit job finds older samples
    registry.update_states(judged)
    assert registry.records()[0].first_seen == 200


def test_a_gone_series_that_history_brings_back_is_sent_away_again(store: Store) -> None:
    registry = ModelRegistry(store, "w")
    ids = registry.identify(arriving(A, B, time=100)).tolist()
    crown(store, registry, ids)
    registry.update_states(
        [record for record in in_state(registry, SeriesState.GONE) if record.labels == A]
    )
    registry.identify(arriving(A, time=50))
    assert registry.update_states(in_state(registry, SeriesState.GONE)) == ids, (
        "so that the stacks forget it, too"
    )


def test_reload_starts_from_the_store(store: Store) -> None:
    registry = ModelRegistry(store, "w")
    ids = registry.identify(arriving(A, B, time=100)).tolist()
    crown(store, registry, ids)
    store.series.mark(ids[:1], SeriesState.GONE)
    registry.reload()
    assert [record.labels for record in registry.records()] == [B]
    assert list(registry.champions()) == ids[1:] and registry.take_waiting() == []


def test_first_seen_goes_back_with_history(store: Store) -> None:
    registry = ModelRegistry(store, "w")
    registry.identify(arriving(A, time=500))
    registry.identify(arriving(A, time=600))
    assert registry.records()[0].first_seen == 500
    registry.identify(arriving(A, time=200))
    assert registry.records()[0].first_seen == 200
