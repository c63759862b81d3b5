"""Prometheus was down: what a range looks back over then is scored, does not alert, is not
learnt."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from detectors.registry import detector_named
from plugin.commands.backtest import run
from plugin.commands.backtest.expression import query_recordings
from plugin.commands.backtest.fits import fit_here
from plugin.commands.backtest.walk import lanes
from plugin.components import Components
from plugin.grid import Grid
from plugin.jobs.batches import BatchBuilder
from plugin.jobs.covariates import channels, spec_with
from plugin.jobs.source_holes import search_holes
from plugin.prometheus import PrometheusReader
from plugin.range_vectors import longest_range_vector
from plugin.series import IntArray, Labels, Series, covariate_watch
from tests.e2e.world import NOW, STEP, Clock, Threads, config, parts, watch
from tests.faults import FaultProxy
from tests.servers import PrometheusServer

SCRAPE_SECONDS = 15
HISTORY_DAYS = 3
DOWN = range(20, 28)  # steps after NOW in which nothing was scraped
INCIDENT = range(50, 60)  # steps after NOW in which four times as much is done
SHORT_DOWN = 2  # steps from 70 on: a tenth of an hour at most


def counter() -> Series:
    """About 30 a second."""
    times: IntArray = np.arange(NOW - HISTORY_DAYS * 86_400, NOW + 100 * STEP, SCRAPE_SECONDS)
    steps = (times - NOW) / STEP
    rate = 30 + np.random.default_rng(1).normal(size=len(times))
    rate[(steps >= INCIDENT.start) & (steps < INCIDENT.stop)] *= 4
    total = np.cumsum(rate * SCRAPE_SECONDS)
    down = (steps > DOWN.start) & (steps < DOWN.stop)
    down |= (steps > 70) & (steps < 70 + SHORT_DOWN)
    return Series(Labels.of({"__name__": "work_total"}), times[~down], total[~down])


@pytest.fixture(autouse=True)
def workers_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    folder = tmp_path_factory.mktemp("counter")
    with PrometheusServer(folder).backfill([counter()]) as server:
        yield server


def alarms(made: Components, first: int, last: int) -> list[int]:
    """The steps after NOW at which alarms began."""
    found = made.store.alarms.between(NOW + first * STEP, NOW + last * STEP)
    return [(alarm.start - NOW) // STEP for alarm in found]


def run_through(made: Components, clock: Clock, proxy: FaultProxy, last: int) -> None:
    """Tick by tick; Prometheus does not answer while it is down."""
    score = made.watches["work"].score
    assert score.run()
    for step in range(1, last + 1):
        clock.steps(1)
        if step == DOWN.start + 1:
            proxy.refuse()
        if step == DOWN.stop:
            proxy.listen()
        assert score.run() == (step not in DOWN[1:]), step


def test_a_rate_over_a_hole_does_not_alert_and_later_ones_do(
    source: PrometheusServer, clock: Clock, folder: Path
) -> None:
    settings = watch(name="work", query="sum(rate(work_total[5m]))", fit_window=2 * 86_400)
    with (
        FaultProxy(source.port) as proxy,
        parts(config(folder, proxy.url, settings), clock) as made,
    ):
        run_through(made, clock, proxy, 60)
        (series,) = made.store.series.of("work")
        rows = made.store.samples.of(series.id, NOW + 20 * STEP, NOW + 35 * STEP)
        assert (rows.score > 1).any(), "they are scored, and lie outside"
        assert alarms(made, 1, 49) == []
        assert len(alarms(made, 50, 60)) == 1
        (span,) = made.store.source_holes.between("work", NOW, NOW + 60 * STEP)
        assert span == (NOW + DOWN.start * STEP + 1, NOW + DOWN.stop * STEP + 300)
        assert made.metrics.source_holes.labels("work")._value.get() == 1
        grid = Grid.between(NOW + 10 * STEP, NOW + 50 * STEP, STEP)
        builder = BatchBuilder(made.store, "work", "UTC", grid, ())
        (model,) = made.store.models.champions("work")
        batch = builder.history(model.spec, np.array([series.id]))
        unlearnt = (grid.times[~batch.usable[0]] - NOW) // STEP
        assert unlearnt.tolist() == list(range(DOWN.start + 1, DOWN.stop + 6))


def test_a_selector_of_several_metrics_has_its_holes_too(
    tmp_path: Path, clock: Clock, folder: Path
) -> None:
    """`timestamp` refuses series that differ by their name alone."""
    names = ("work_total", "more_work_total")
    both = [replace(counter(), labels=Labels.of({"__name__": n, "job": "a"})) for n in names]
    query = 'sum(last_over_time({job="a"}[5m]))'
    with PrometheusServer(tmp_path / "prometheus").backfill(both) as server:
        reader = PrometheusReader(config(folder, server.url, read_timeout=30).prometheus)
        vector = longest_range_vector(query)
        found = search_holes(reader, vector, NOW, NOW + 40 * STEP, STEP)
        one_metric = longest_range_vector(query.replace("{", "work_total{"))
        assert found == search_holes(reader, one_metric, NOW, NOW + 40 * STEP, STEP)
        reader.close()
    assert found.spans == [(NOW + DOWN.start * STEP + 1, NOW + DOWN.stop * STEP + 300)]
    assert not found.is_open


def test_a_long_history_is_looked_at_day_by_day(source: PrometheusServer, folder: Path) -> None:
    """All series of the selector are read for it: weeks of them would not be answered in time."""
    with FaultProxy(source.port) as proxy:
        reader = PrometheusReader(config(folder, proxy.url).prometheus)
        vector = longest_range_vector("sum(rate(work_total[5m]))")
        found = search_holes(reader, vector, NOW - 2 * 86_400, NOW + 80 * STEP, STEP)
        reader.close()
        asked = [parse_qs(urlsplit(path).query) for path in proxy.requests]
    ranges = [(float(each["start"][0]), float(each["end"][0])) for each in asked]
    assert all(end - start < 86_400 for start, end in ranges)
    assert [start for start, _ in ranges[1:]] == [end + STEP for _, end in ranges[:-1]]
    assert (ranges[0][0], ranges[-1][1]) == (NOW - 2 * 86_400 - 20 * STEP, NOW + 80 * STEP)
    assert found.spans == [(NOW + DOWN.start * STEP + 1, NOW + DOWN.stop * STEP + 300)]


def test_a_query_without_a_range_is_as_it_was(
    source: PrometheusServer, clock: Clock, folder: Path
) -> None:
    settings = watch(name="work", query="work_total", fit_window=86_400)
    with (
        FaultProxy(source.port) as proxy,
        parts(config(folder, proxy.url, settings), clock) as made,
    ):
        run_through(made, clock, proxy, 30)
        assert made.store.source_holes.between("work", NOW, NOW + 60 * STEP) == []
        assert not any("timestamp" in path for path in proxy.requests)


def test_a_hole_that_is_short_beside_the_range_is_none(
    source: PrometheusServer, clock: Clock, folder: Path
) -> None:
    settings = watch(name="work", query="sum(rate(work_total[2h]))", fit_window=86_400)
    with parts(config(folder, source.url, settings), clock) as made:
        clock.steps(68)
        score = made.watches["work"].score
        assert score.run()
        clock.steps(10)
        assert score.run()
        assert made.store.source_holes.between("work", NOW + 69 * STEP, NOW + 80 * STEP) == []


def test_a_covariate_is_missing_while_it_looks_back_over_a_hole(
    source: PrometheusServer, clock: Clock, folder: Path
) -> None:
    query = "sum(rate(work_total[5m]))"
    settings = watch(
        name="work", query="work_total", covariates=[query], detector="lstm", fit_window=86_400
    )
    with (
        FaultProxy(source.port) as proxy,
        parts(config(folder, proxy.url, settings), clock) as made,
    ):
        run_through(made, clock, proxy, 40)
        span = (NOW + DOWN.start * STEP + 1, NOW + DOWN.stop * STEP + 300)
        name = covariate_watch("work", query)
        assert made.store.source_holes.between(name, NOW, NOW + 40 * STEP) == [span]
        assert made.store.source_holes.between("work", NOW, NOW + 40 * STEP) == []
        assert made.metrics.source_holes.labels("work")._value.get() == 1
        (series,) = made.store.series.of("work")
        grid = Grid.between(NOW + STEP, NOW + 40 * STEP, STEP)
        spec = spec_with(detector_named("lstm", {}), [query])
        covariates = channels(made.store, "work", spec, np.array([series.id]), grid)
        missing = (grid.times[np.isnan(covariates.values[0, 0])] - NOW) // STEP
        assert missing.tolist() == list(range(DOWN.start + 1, DOWN.stop + 6))


def test_a_backtest_does_not_alert_over_a_hole_either(
    source: PrometheusServer, folder: Path
) -> None:
    settings = watch(name="work", query="recorded", fit_window=2 * 86_400, learn_for=0)
    reader = PrometheusReader(config(folder, source.url, read_timeout=30).prometheus)
    start = NOW - 2 * 86_400
    (found,) = query_recordings(reader, "sum(rate(work_total[5m]))", start, NOW + 45 * STEP, STEP)
    steps = (found.start + np.flatnonzero(found.over_hole) * STEP - NOW) // STEP
    assert steps.tolist() == list(range(DOWN.start + 1, DOWN.stop + 6))
    unaware = replace(found, name="unaware", over_hole=np.zeros_like(found.over_hole))
    (lane,) = lanes([found, unaware], "UTC", 2)
    folder.mkdir()
    alarms = {
        result.name: result.alarms
        for result in run._walk(lane, settings, folder, plot=False, fit=fit_here)
    }
    assert alarms == {found.name: 0, "unaware": 1}
