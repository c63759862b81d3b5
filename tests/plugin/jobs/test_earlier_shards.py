"""A series of several shards is that of the first of them."""

import logging

import numpy as np
import pytest

from plugin.config import Config, PrometheusSettings, Watch
from plugin.config.shards import with_shards
from plugin.jobs.earlier_shards import EarlierShards
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import Labels, Series


def shards(query: str, **selectors: str) -> list[EarlierShards]:
    watch = Watch(name="cpu", query=query, shards=selectors)
    settings = PrometheusSettings(url="http://localhost:9090")
    config = with_shards(Config(prometheus=settings, watches=(watch,)))
    return [EarlierShards(part) for part in config.watches]


def labels(**pairs: str) -> Labels:
    return Labels.of(pairs)


def test_a_series_of_two_is_of_the_first() -> None:
    eu, b, rest = shards("up{$shard}", eu='{region="eu"}', b='{zone="b"}', rest='{region!="eu"}')
    both = labels(region="eu", zone="b")
    assert not eu.select(both) and b.select(both) and rest.select(both)
    assert not b.select(labels(region="us", zone="b"))
    assert rest.select(labels(region="us", zone="b"))
    assert not rest.select(labels(region="us", zone="a"))
    assert not rest.select(labels()), "without labels it is of nobody before"


def test_an_absent_label_counts_where_the_query_keeps_labels() -> None:
    """Else it may be one that the query has taken off."""
    no_region = {"first": '{region!="us"}', "second": '{zone="b"}'}
    _, kept = shards("up{$shard}", **no_region)
    assert kept.select(labels(zone="b"))
    _, summed = shards("sum by (zone) (up{$shard})", **no_region)
    assert not summed.select(labels(zone="b"))
    _, by_both = shards("sum by (zone, region) (up{$shard})", **no_region)
    assert by_both.select(labels(zone="b", region="eu"))


def test_the_name_of_a_metric_may_be_taken_off() -> None:
    _, second = shards("rate({$shard}[5m])", first='{__name__!="up"}', second='{job="a"}')
    assert not second.select(labels(job="a"))


def test_what_is_left_out_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    _, second = shards("up{$shard}", first='{region="eu"}', second='{zone="b"}')
    metrics = Metrics(CollectorRegistry())
    times = np.array([0])
    ours = Series(labels(zone="b"), times, np.ones(1))
    theirs = Series(labels(zone="b", region="eu"), times, np.ones(1))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert second.without_theirs([ours, theirs], metrics) == [ours]
    refused = metrics.refused_series.labels("cpu-second", "shard")
    assert refused._value.get() == 2
    [told] = caplog.records
    assert told.example == '{region="eu",zone="b"}'  # type: ignore[attr-defined]


def test_a_whole_watch_leaves_nothing_out() -> None:
    alone = EarlierShards(Watch(name="cpu", query="up"))
    series = [Series(labels(a="b"), np.array([0]), np.ones(1))]
    assert alone.without_theirs(series, Metrics(CollectorRegistry())) is series


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.jobs.earlier_shards.KNOWN_SERIES", 2)
    _, second = shards("up{$shard}", first='{region="eu"}', second='{zone="b"}')
    for _ in range(2):
        for region in ("eu", "us", "asia"):
            assert second.select(labels(region=region)) is (region == "eu")
    assert len(second._known) <= 2
