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


def crown(store: Store, roster: ModelRegistry, ids: list[int]) -> list[ModelRecord]:
    version = store.new_version("w")
    path = store.write_weights(version, {"weight": np.zeros((len(ids), 2))})
    models = [
        ModelRecord(i, version, row, "baseline", "{}", path, 0.1, 100, 0, 100)
        for row, i in enumerate(ids)
    ]
    store.save_models("w", models)
    roster.promote(models)
    return models


def in_state(roster: ModelRegistry, state: SeriesState) -> list[SeriesRecord]:
    return [replace(record, state=state) for record in roster.records()]


def test_new_series_are_registered_once(store: Store) -> None:
    roster = ModelRegistry(store, "w")
    first = roster.identify(arriving(A, B, time=100))
    assert roster.identify(arriving(B, A, time=200)).tolist() == first[::-1].tolist()
    assert [record.labels for record in ModelRegistry(store, "w").records()] == [A, B]


def test_crowned_models_wait_for_the_score_job(store: Store) -> None:
    roster = ModelRegistry(store, "w")
    ids = roster.identify(arriving(A, B, time=100)).tolist()
    models = crown(store, roster, ids)
    assert roster.take_waiting() == models and roster.take_waiting() == []
    assert set(ModelRegistry(store, "w").champions()) == set(ids)
    roster.retire(models[:1])
    assert list(roster.champions()) == ids[1:]


def test_an_aged_out_series_is_welcomed_back_with_its_champion(store: Store) -> None:
    roster = ModelRegistry(store, "w")
    ids = roster.identify(arriving(A, B, time=100)).tolist()
    crown(store, roster, ids)
    roster.take_waiting()
    gone = [record for record in in_state(roster, SeriesState.GONE) if record.labels == A]
    assert roster.see(gone) == ids[:1]
    assert [record.labels for record in roster.records()] == [B] and list(
        roster.champions()
    ) == ids[1:]
    assert roster.identify(arriving(A, time=900)).tolist() == ids[:1]
    assert [model.series_id for model in roster.take_waiting()] == ids[:1]


def test_a_series_that_retention_has_removed_is_a_new_one(store: Store) -> None:
    roster = ModelRegistry(store, "w")
    old = roster.identify(arriving(A, time=100)).tolist()
    roster.see(in_state(roster, SeriesState.GONE))
    store.expire(10**9, retention=1000, versions=1)
    assert store.series("w") == []
    again = roster.identify(arriving(A, time=10**9)).tolist()
    assert again != old and roster.take_waiting() == [] and len(store.series("w")) == 1


def test_states_go_to_the_store_when_they_change(store: Store) -> None:
    roster = ModelRegistry(store, "w")
    roster.identify(arriving(A, time=100))
    assert roster.see(in_state(roster, SeriesState.OK)) == []
    assert store.series("w")[0].state is SeriesState.OK


def test_history_that_comes_between_two_looks_is_not_forgotten(store: Store) -> None:
    roster = ModelRegistry(store, "w")
    roster.identify(arriving(A, time=500))
    judged = in_state(roster, SeriesState.OK)  # the score job is at work ...
    roster.identify(arriving(A, time=200))  # ... when the fit job finds older samples
    roster.see(judged)
    assert roster.records()[0].first_seen == 200


def test_a_gone_series_that_history_brings_back_is_sent_away_again(store: Store) -> None:
    roster = ModelRegistry(store, "w")
    ids = roster.identify(arriving(A, B, time=100)).tolist()
    crown(store, roster, ids)
    roster.see([record for record in in_state(roster, SeriesState.GONE) if record.labels == A])
    roster.identify(arriving(A, time=50))
    assert roster.see(in_state(roster, SeriesState.GONE)) == ids, (
        "so that the stacks forget it, too"
    )


def test_reload_starts_from_the_store(store: Store) -> None:
    roster = ModelRegistry(store, "w")
    ids = roster.identify(arriving(A, B, time=100)).tolist()
    crown(store, roster, ids)
    store.mark(ids[:1], SeriesState.GONE)
    roster.reload()
    assert [record.labels for record in roster.records()] == [B]
    assert list(roster.champions()) == ids[1:] and roster.take_waiting() == []


def test_first_seen_goes_back_with_history(store: Store) -> None:
    roster = ModelRegistry(store, "w")
    roster.identify(arriving(A, time=500))
    roster.identify(arriving(A, time=600))
    assert roster.records()[0].first_seen == 500
    roster.identify(arriving(A, time=200))
    assert roster.records()[0].first_seen == 200
