"""A Prometheus that is younger than `backfill`: what it has is enough for a first band, at once."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.domain.times import DAY, HOUR
from plugin.series import Labels, Series, SeriesState
from tests.e2e.world import NOW, STEP, Clock, config, parts, watch
from tests.servers import PrometheusServer


def gauge(name: str, begin: int) -> Series:
    at = np.arange(NOW - begin, NOW + STEP, STEP)
    noise = np.random.default_rng(begin).normal(size=len(at))
    return Series(Labels.of({"__name__": name}), at, 50 + noise)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    ages = {"hours": 6 * HOUR, "a_day": 30 * HOUR, "days": 4 * DAY, "minute": STEP}
    made = [gauge(name, age) for name, age in ages.items()]
    with PrometheusServer(tmp_path_factory.mktemp("young")).backfill(made) as server:
        yield server


@pytest.mark.parametrize(
    ("query", "fit_window", "scored"),
    [
        ("hours", 14 * DAY, 3 * HOUR),
        ("hours", 5 * HOUR, 3 * HOUR),
        ("hours", 2 * HOUR, 4 * HOUR),
        ("a_day", 14 * DAY, 15 * HOUR),
        ("days", 14 * DAY, DAY),
        ("days", 5 * HOUR, DAY),
    ],
)
def test_it_learns_from_the_older_half_where_less_than_backfill_is_there(
    query: str, fit_window: int, scored: int, source: PrometheusServer, clock: Clock, folder: Path
) -> None:
    settings = watch(query=query, fit_window=fit_window, backfill=DAY, learn_for=0)
    with parts(config(folder, source.url, settings), clock) as made:
        assert made.watches["latency"].score.run()
        shown = made.board.snapshots()["latency"]
        assert [record.state for record in shown.series] == [SeriesState.OK]
        (record,) = made.store.series.of("latency")
        samples = made.store.samples.of(record.id, 0, NOW + DAY)
        first = samples.times[np.isfinite(samples.score)][0]
        assert NOW - first == pytest.approx(scored, abs=5 * 60 + STEP)
        assert np.isfinite(samples.score[samples.times >= first]).all()


@pytest.mark.parametrize("query", ["minute", "nothing"])
def test_a_source_with_nothing_to_learn_from_is_asked_again(
    query: str, source: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, source.url, watch(query=query, backfill=DAY)), clock) as made:
        assert made.watches["latency"].score.run()
        assert SeriesState.OK not in [
            record.state for record in made.board.snapshots()["latency"].series
        ]
