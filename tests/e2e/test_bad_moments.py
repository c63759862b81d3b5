"""One bad moment of the source costs the instants at fault: for a running watch, a catch-up, a new
watch, its covariates."""

import logging
from pathlib import Path

import numpy as np
import pytest

from plugin.board import WatchHealth
from plugin.components import Components
from plugin.series import IntArray, covariate_watch
from tests import faults
from tests.e2e.world import HISTORY_DAYS, NOW, STEP, Clock, config, parts, watch
from tests.servers import PrometheusServer

LATENCY = "last_over_time(latency_ms[59s])"


def colliding(query: str, first: int, last: int) -> str:
    """The query, joined to two series with the same labels from step `first` to `last` after NOW:
    then it cannot be evaluated."""
    one = 'label_replace(vector(1), "n", "1", "", "")'
    bad = f"(vector(time()) >= {NOW + first * STEP} <= {NOW + last * STEP})"
    two = f'(label_replace(vector(1), "n", "2", "", "") and on() {bad})'
    return f"({query}) * on() group_left() ({one} or {two})"


def stored(made: Components, start: int, end: int, service: str = "quiet") -> list[int]:
    """The steps after NOW, first to last, at which a series has a sample."""
    one = next(row for row in made.store.series.of("latency") if row.labels["service"] == service)
    times: IntArray = made.store.samples.of(one.id, NOW + start * STEP, NOW + end * STEP).times
    steps: list[int] = ((times - NOW) // STEP).tolist()
    return steps


def gaps(made: Components, reason: str = "rejected") -> float:
    return float(made.metrics.unevaluated_steps.labels("latency", reason)._value.get())


def test_a_running_watch_goes_on_after_it(
    small_world: PrometheusServer, clock: Clock, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = config(folder, small_world.url, watch(query=colliding(LATENCY, 5, 8)))
    with parts(settings, clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        for step in range(1, 12):
            clock.steps(1)
            with caplog.at_level(logging.WARNING):
                assert score.run() == (step not in range(5, 9)), step
            shown = made.board.snapshots()["latency"]
            assert (shown.outlook is WatchHealth.FAILING) == (step in range(5, 9))
        assert stored(made, 1, 11) == [1, 2, 3, 4, 9, 10, 11]
        assert gaps(made) == 4
        assert made.metrics.score_failures.labels("latency", "rejected")._value.get() == 4
        told = [one for one in caplog.records if "cannot be evaluated at some" in one.message]
        assert len(told) == 1
        assert (told[0].steps, told[0].reason) == (4, "rejected")  # type: ignore[attr-defined]
        clock.steps(1)
        assert score.run() and gaps(made) == 4, "it is not asked again"


def test_a_catch_up_leaves_out_these_steps_only(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    settings = config(folder, small_world.url, watch(query=colliding(LATENCY, 40, 44)))
    with parts(settings, clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        clock.steps(100)
        assert score.run()
        assert stored(made, 1, 100) == [*range(1, 40), *range(45, 101)]
        rows = made.store.samples.of(1, NOW + 45 * STEP, NOW + 100 * STEP)
        assert np.isfinite(rows.score).all(), "what follows is scored"


def test_a_new_watch_starts_with_it_in_its_history(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    query = colliding(LATENCY, -3000, -2996)
    with parts(config(folder, small_world.url, watch(query=query)), clock) as made:
        assert made.watches["latency"].score.run()
        assert set(range(-3010, -2990)) - set(stored(made, -3010, -2990)) == set(
            range(-3000, -2995)
        )
        assert gaps(made) == 5
        assert set(made.board.snapshots()["latency"].detector) == {"baseline"}


def test_a_covariate_goes_on_after_it(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    covariate = colliding(LATENCY, -3000, -2996)
    settings = config(
        folder,
        small_world.url,
        watch(covariates=(covariate,), detector="lstm", fit_window=3 * 86_400),
    )
    with parts(settings, clock) as made:
        assert made.watches["latency"].score.run()
        name = covariate_watch("latency", covariate)
        quiet = next(row for row in made.store.series.of(name) if row.labels["service"] == "quiet")
        times = made.store.samples.of(quiet.id, NOW - 3010 * STEP, NOW - 2990 * STEP).times
        assert len(times) == 21 - 5
        assert gaps(made) == 5
        assert made.metrics.covariate_failures.labels("latency", "rejected")._value.get() == 0


def test_a_burst_of_series_costs_its_minutes(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    many = " or ".join(
        f'(label_replace(vector(1), "service", "{number}", "", "") and on()'
        f" (vector(time()) >= {NOW + 3 * STEP} <= {NOW + 4 * STEP}))"
        for number in range(10)
    )
    settings = config(folder, small_world.url, watch(query=f"{LATENCY} or {many}", max_series=8))
    with parts(settings, clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        runs = []
        for _ in range(6):
            clock.steps(1)
            runs.append(score.run())
        assert runs == [True, True, False, False, True, True]
        assert stored(made, 1, 6) == [1, 2, 5, 6]
        assert gaps(made, "too_many_series") == 2


def test_series_that_have_gone_get_no_model(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    """Thirty pods, one after the other, each for an hour: the limit counts what lives at once."""
    start = NOW - HISTORY_DAYS * 86_400
    pods = " or ".join(
        f'(label_replace(vector(1), "service", "pod{number}", "", "") and on()'
        f" (vector(time()) >= {start + (24 + number) * 3600} < {start + (25 + number) * 3600}))"
        for number in range(30)
    )
    churning = watch(query=f"{LATENCY} or {pods}", max_series=5)
    settings = config(folder, small_world.url, churning, read_timeout=30)
    with parts(settings, clock) as made:
        assert made.watches["latency"].score.run(), made.board.snapshots()["latency"].reason
        assert gaps(made, "too_many_series") == 0
        assert len(made.store.series.of("latency")) == 34
        modelled = made.store.models.champions("latency")
        assert len(modelled) == 4


def test_a_limit_on_the_range_costs_nothing(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with (
        faults.FaultProxy(small_world.port) as proxy,
        parts(config(folder, proxy.url), clock) as made,
    ):
        proxy.fault = faults.limits_range(4 * 3600)
        score = made.watches["latency"].score
        assert score.run()
        assert len(stored(made, -2880, 0)) == 2881
        assert gaps(made) == 0
        asked = len(proxy.requests)
        clock.steps(120)
        assert score.run()
        assert len(proxy.requests) - asked <= 3, "the limit is known by now"
