"""The band ahead against what then came, from a real Prometheus."""

from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.series import FloatArray, Labels, Samples, Series
from tests.e2e.world import NOW, STEP, Clock, config, parts, watch
from tests.servers import PrometheusServer

STEPS = 120  # two hours, the default
CHANGE = 1_761_440_400  # 2025-10-26T01:00:00Z: in Vienna, summer time ends


def stored(made: Components, service: str, start: int) -> Samples:
    record = next(r for r in made.store.series.of("latency") if r.labels["service"] == service)
    return made.store.samples.of(record.id, start, NOW + 10**9)


def ahead(made: Components, service: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    record = next(r for r in made.store.series.of("latency") if r.labels["service"] == service)
    band = made.board.forecasts()["latency"].band(record.id)
    assert band is not None
    return band


@pytest.mark.parametrize("detector", ["baseline", "lstm"])
def test_what_comes_is_in_the_band_that_was_ahead(
    small_world: PrometheusServer, clock: Clock, folder: Path, detector: str
) -> None:
    with parts(config(folder, small_world.url, watch(detector=detector)), clock) as made:
        jobs = made.watches["latency"]
        assert not jobs.forecast.run() and jobs.score.run()
        if detector != "baseline":
            assert jobs.fit.run() == 4
            clock.steps(1)
            assert jobs.score.run()
        now = int(clock.now)
        assert jobs.forecast.run()
        before = {name: stored(made, name, now) for name in ("quiet", "holes")}
        clock.steps(STEPS)
        assert jobs.score.run()
        for name, last in before.items():
            expected, lower, upper = ahead(made, name)
            came = stored(made, name, now + STEP)
            assert len(expected) == len(came) == STEPS
            inside = (lower <= came.value) & (came.value <= upper)
            assert inside.mean() >= 0.98, "the budget allows one alarm a week"
            width = upper - lower
            narrow = came.upper - came.lower
            assert 0.7 < width.mean() / narrow.mean() < 3, (
                "wider than when samples come, and still of use"
            )
            half = (last.upper[-1] - last.lower[-1]) / 2
            assert (
                abs(expected[0] - last.expected[-1]) < 0.3 * half
                and 0.7 < width[0] / (2 * half) < 1.5
            )
            assert np.abs(expected - came.expected).max() < 0.5 * half


def test_the_day_goes_by_the_clock_on_the_wall(tmp_path: Path, clock: Clock) -> None:
    """A job at three in the night, local time, which comes an hour later in UTC when summer time
    has ended."""
    times = np.arange(CHANGE - 4 * 86_400, CHANGE + 4 * 3600, STEP, dtype=np.int64)
    local = times + np.where(times < CHANGE, 7200, 3600)
    busy = (local % 86_400 >= 3 * 3600) & (local % 86_400 < 5 * 3600)
    value = 100 + 80.0 * busy + np.random.default_rng(0).normal(size=len(times))
    nightly = Series(Labels.of({"__name__": "latency_ms", "service": "backup"}), times, value)
    clock.now = CHANGE - 1800
    with PrometheusServer(tmp_path / "prometheus").backfill([nightly]) as server:
        settings = config(
            tmp_path / "data", server.url, watch(timezone="Europe/Vienna", forecast=4 * 3600)
        )
        with parts(settings, clock) as made:
            jobs = made.watches["latency"]
            assert jobs.score.run() and jobs.forecast.run()
            expected = ahead(made, "backup")[0]
            began = int(made.board.forecasts()["latency"].times[np.argmax(expected > 140)])
    assert abs(began - (CHANGE + 3600)) <= 1200, (
        "02:00 to 03:00 comes twice: the job begins an hour later in UTC"
    )
