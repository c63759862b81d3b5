"""Shards that overlap: each series is scored once, and alerts once."""

from pathlib import Path

import pytest

from plugin.config.shards import with_shards
from tests.e2e.world import Clock, Threads, client, config, process, watch
from tests.servers import PrometheusServer


def test_a_series_of_two_shards_is_scored_and_alerts_once(
    small_world: PrometheusServer, folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)
    query = "last_over_time(latency_ms{$shard}[59s])"
    selectors = {"shop": '{service="shop"}', "all": '{service!="nobody"}'}
    whole = watch(name="latency", query=query, shards=selectors, learn_for=0)
    clock.steps(50)
    with process(with_shards(config(folder, small_world.url, whole)), clock) as made:
        for _ in range(20):
            clock.steps(1)
            assert all(jobs.score.run() for jobs in made.watches.values())
        of_shop = {record.labels["service"] for record in made.store.series.of("latency-shop")}
        others = {record.labels["service"] for record in made.store.series.of("latency-all")}
        rows = client(made, clock).get("/api/v1/alert?by=series").json
        refused = made.metrics.refused_series.labels("latency-all", "shard")._value.get()
    assert of_shop == {"shop"} and others == {"gone", "holes", "quiet"}
    assert sorted(row["service"] for row in rows) == ["holes", "quiet", "shop"], "each once"
    assert refused >= 20
