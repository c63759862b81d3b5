"""A real Prometheus in, bands and scores out: the jobs as the service runs them, on a clock that
tests set."""

from pathlib import Path

import numpy as np
import pytest

from plugin.board import Snapshot
from plugin.components import Components
from plugin.domain.alarms import hold_seconds
from plugin.series import Samples, SeriesState
from tests.e2e.world import (
    FUTURE_STEPS,
    INCIDENT,
    NOW,
    STEP,
    VANISHED_FROM,
    Clock,
    config,
    parts,
    watch,
)
from tests.servers import PrometheusServer

HOLD = hold_seconds(STEP) // STEP


def snapshot(made: Components) -> Snapshot:
    return made.board.snapshots()["latency"]


def row(made: Components, service: str) -> int:
    return [record.labels["service"] for record in snapshot(made).series].index(service)


def stored(made: Components, service: str, start: int = 0) -> Samples:
    record = next(r for r in made.store.series.of("latency") if r.labels["service"] == service)
    return made.store.samples.of(record.id, start, NOW + 10**9)


def test_first_tick_serves_every_series_at_once(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, small_world.url), clock) as made:
        assert made.watches["latency"].score.run()
        shown = snapshot(made)
        assert {record.state for record in shown.series} == {SeriesState.OK} and len(
            shown.series
        ) == 4
        assert set(shown.detector) == {"baseline"} and shown.time == NOW
        past = stored(made, "quiet")
        backfilled = past.times > NOW - 7200
        assert backfilled.sum() == 120 and np.isfinite(past.score[backfilled]).all()
        assert (
            np.isnan(past.score[~backfilled]).all() and (past.model_version[~backfilled] == 0).all()
        )
        assert len(past) == 3 * 1440 + 120 + 1, "fit window, backfill, now"


def test_the_network_takes_over_and_sees_the_incident(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, small_world.url, watch(detector="lstm")), clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run() == 4
        clock.steps(1)
        assert jobs.score.run() and set(snapshot(made).detector) == {"lstm"}
        versions = set(snapshot(made).model_version.tolist())
        seen: list[int] = []
        for step in range(2, INCIDENT.stop + HOLD + 15):
            clock.steps(1)
            assert jobs.score.run()
            if snapshot(made).alert_score[row(made, "shop")] > 1:
                seen.append(step)
        assert seen and INCIDENT.start <= seen[0] <= INCIDENT.start + 1, "seen within two steps"
        assert seen == list(range(seen[0], seen[-1] + 1)), "one alarm"
        assert INCIDENT.stop <= seen[-1] < INCIDENT.stop + HOLD + 10, "ends after the hold"
        assert set(snapshot(made).model_version.tolist()) == versions
        samples = stored(made, "shop")
        outside = (samples.value < samples.lower) | (samples.value > samples.upper)
        assert ((samples.score > 1) == outside).all()


def test_a_sample_is_read_from_prometheus_once(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, small_world.url), clock) as made:
        jobs = made.watches["latency"]
        jobs.score.run()
        requests = made.metrics.prometheus_requests.labels("success")
        before = requests._value.get()
        assert jobs.fit.run(everyone=True) == 4 and requests._value.get() == before
        clock.steps(1)
        jobs.score.run()
        assert requests._value.get() == before + 1
        jobs.score.run()
        assert requests._value.get() == before + 1, "nothing new, nothing asked"


@pytest.mark.parametrize("detector", ["baseline", "lstm"])
def test_outages_and_restarts_change_no_number(
    small_world: PrometheusServer, clock: Clock, tmp_path: Path, detector: str
) -> None:
    """Tick by tick, or in one catch-up over a restart: the same rows, bit for bit."""
    settings = watch(detector=detector, backfill=86_400)
    with parts(config(tmp_path / "steady", small_world.url, settings), clock) as steady:
        jobs = steady.watches["latency"]
        jobs.score.run()
        jobs.fit.run()
        for _ in range(40):
            clock.steps(1)
            assert jobs.score.run()
        expected = {name: stored(steady, name) for name in ("shop", "gone", "holes", "quiet")}
    clock.now = NOW
    patchy = config(tmp_path / "patchy", small_world.url, settings)
    for pause in (0, 1, 24, 15):
        clock.steps(pause)
        with parts(patchy, clock) as made:
            made.watches["latency"].score.run()
            if pause == 0:
                made.watches["latency"].fit.run()
            actual = {name: stored(made, name) for name in expected}
    for name, samples in expected.items():
        for column in ("times", "value", "expected", "lower", "upper", "score"):
            np.testing.assert_array_equal(
                getattr(actual[name], column), getattr(samples, column), err_msg=name
            )


def test_vanished_series_change_state_and_age_out(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    settings = config(folder, small_world.url, watch(missing_data="alert"))
    settings = settings.model_copy(
        update={"store": settings.store.model_copy(update={"gone_after": 100 * STEP})}
    )
    states = {}
    with parts(settings, clock) as made:
        made.watches["latency"].score.run()
        for step in range(1, VANISHED_FROM + 110):
            clock.steps(1)
            made.watches["latency"].score.run()
            shown = {record.labels["service"]: record.state for record in snapshot(made).series}
            states[step] = shown.get("gone")
            if step == VANISHED_FROM + 5:
                shown = snapshot(made)
                at = row(made, "gone")
                assert shown.missing[at] and shown.alert_score[at] == 0
        assert states[VANISHED_FROM - 1] == states[VANISHED_FROM + 1] == SeriesState.OK
        assert states[VANISHED_FROM + 2] == SeriesState.MISSING
        assert (
            states[VANISHED_FROM + 98] == SeriesState.MISSING
            and states[VANISHED_FROM + 105] is None
        )
        kept = {r.labels["service"]: r.state for r in made.store.series.of("latency")}
        assert kept["gone"] is SeriesState.GONE and kept["quiet"] is SeriesState.OK


def test_a_series_that_had_ended_before_the_first_run_is_missing_since_then(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    clock.steps(VANISHED_FROM + 60)
    with parts(
        config(folder, small_world.url, watch(missing_data="alert", backfill=1800)), clock
    ) as made:
        assert made.watches["latency"].score.run()
        shown = snapshot(made)
        at = row(made, "gone")
        assert shown.missing[at] and shown.times[at] == NOW + (VANISHED_FROM - 1) * STEP
        assert np.isfinite(shown.value[at]) and shown.alert_score[at] == 0


def test_a_hole_longer_than_backfill_stays_unscored(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, small_world.url, watch(backfill=600)), clock) as made:
        made.watches["latency"].score.run()
        clock.steps(60)
        assert made.watches["latency"].score.run()
        samples = stored(made, "quiet", NOW + STEP)
        assert (
            samples.times[0] == NOW + 50 * STEP
            or np.isnan(samples.score[samples.times < NOW + 50 * STEP]).all()
        )
        assert np.isfinite(samples.score[samples.times > NOW + 50 * STEP]).all()
        made.watches["latency"].fit.run()  # loads the values of the hole, for later fits
        assert len(stored(made, "quiet", NOW + STEP)) == 60


def test_too_many_series_are_refused_with_the_count(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, small_world.url, watch(max_series=3)), clock) as made:
        assert not made.watches["latency"].score.run()
        assert made.metrics.score_failures.labels("latency", "too_many_series")._value.get() == 1
        assert made.store.series.of("latency") == []


def test_the_world_is_long_enough() -> None:
    assert FUTURE_STEPS > max(INCIDENT.stop + 15, VANISHED_FROM + 110)
