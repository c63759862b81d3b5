"""A deployment shifts a level for good: alerted for at most half a day, reported once, then normal;
or at once."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.domain.alarms import Alarm
from plugin.series import Labels, Samples, Series
from plugin.store import AcceptRequest, Regime
from tests.e2e.world import Clock, config, parts, watch
from tests.servers import PrometheusServer

STEP = 300
HOUR = 3600 // STEP
NOW = 1_760_000_100 // STEP * STEP
HISTORY = 6 * 24 * HOUR
FUTURE = 50 * HOUR
SHIFT = NOW + 3 * 3600  # from 200 to 320 ms, with 8 ms of noise
SETTINGS = watch(
    query="last_over_time(ms[299s])", step=STEP, fit_window=5 * 86_400, backfill=6 * 3600
)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """`shop` is deployed; `twin` is the same series without that."""
    times = NOW + STEP * np.arange(-HISTORY, FUTURE)
    calm = (
        200
        + 40 * np.sin(2 * np.pi * times / 86_400)
        + 8 * np.random.default_rng(1).normal(size=len(times))
    )
    series = [
        Series(Labels.of({"__name__": "ms", "service": name}), times, values)
        for name, values in (("shop", calm + 120 * (times >= SHIFT)), ("twin", calm))
    ]
    with PrometheusServer(tmp_path_factory.mktemp("deployed")).backfill(series) as server:
        yield server


def series_id(made: Components, service: str) -> int:
    return next(
        each.id for each in made.store.series.of("latency") if each.labels["service"] == service
    )


def walk(made: Components, clock: Clock, until: int) -> None:
    """Hours at once, so that the walk is short."""
    while clock.now < until:
        clock.now = min(until, clock.now + 4 * 3600)
        assert made.watches["latency"].score.run()


def seen(made: Components, service: str, start: int, end: int) -> Samples:
    return made.store.samples.of(series_id(made, service), start, end)


def limits(made: Components, service: str) -> list[float]:
    """Of the model that a series has now: reach and lasting, below and above."""
    model = made.store.models.champions("latency")[
        [each.id for each in made.store.series.of("latency")].index(series_id(made, service))
    ]
    state = made.store.weights.read(model.path, [model.row])
    return [*state["reach"][0].tolist(), *state["lasting"][0].tolist()]


def alarms(made: Components, after: int) -> list[Alarm]:
    return made.store.alarms.between(after, NOW + 10**9, [series_id(made, "shop")])


def test_a_shift_is_accepted_by_the_rule(
    deployed: PrometheusServer, clock: Clock, folder: Path
) -> None:
    settings = config(folder, deployed.url, SETTINGS)
    clock.now = NOW
    with parts(settings, clock) as made:
        assert made.watches["latency"].score.run()
        walk(made, clock, SHIFT + 6 * 3600)
        shift = made.board.snapshots()["latency"].shifts[series_id(made, "shop")]
        assert (
            shift.since == SHIFT and SHIFT + 12 * 3600 <= shift.due <= SHIFT + 12 * 3600 + 3 * STEP
        )
        assert made.watches["latency"].fit.run(everyone=True) == 2, "in the middle of it"
        walk(made, clock, SHIFT + 7 * 3600)
        learnt, twin = (seen(made, name, SHIFT + 6 * 3600, clock.now) for name in ("shop", "twin"))
        assert (learnt.score > 1).all() and set(learnt.model_version) > {1}
        assert np.abs(learnt.expected - twin.expected).max() < 4, (
            "what is expected has not learnt it"
        )
        shop, calm = (limits(made, name) for name in ("shop", "twin"))
        assert shop == pytest.approx(calm, rel=0.1), "and no limit has"
        assert made.store.regimes.between(0, clock.now) == []
    with parts(settings, clock) as made:  # a restart
        walk(made, clock, SHIFT + 11 * 3600)
        assert seen(made, "shop", SHIFT + 9 * 3600, clock.now).score.min() > 1
        walk(made, clock, SHIFT + 14 * 3600)
        (regime,) = made.store.regimes.between(0, clock.now)
        assert (
            regime.series_id == series_id(made, "shop")
            and regime.since == SHIFT
            and regime.by == ""
        )
        assert 0 <= regime.accepted - (SHIFT + 12 * 3600) <= 3 * STEP
        assert regime.after - regime.before == pytest.approx(120, abs=10)
        assert made.metrics.regimes.labels("latency")._value.get() == 1
        assert made.watches["latency"].fit.run(everyone=True) == 2, "and after it"
        walk(made, clock, NOW + (FUTURE - 1) * STEP)
        assert made.store.regimes.between(0, clock.now) == [regime], "reported once"
        assert all(alarm.end <= regime.accepted + STEP for alarm in alarms(made, SHIFT)), (
            "and quiet afterwards"
        )
        assert made.board.snapshots()["latency"].shifts == {}


@pytest.mark.parametrize("restart", [False, True])
def test_a_shift_is_accepted_at_once_when_someone_says_so(
    deployed: PrometheusServer, clock: Clock, folder: Path, restart: bool
) -> None:
    settings = config(folder, deployed.url, SETTINGS)
    asked_at = SHIFT + 3600
    clock.now = NOW
    with parts(settings, clock) as made:
        assert made.watches["latency"].score.run()
        walk(made, clock, asked_at)
        shop = series_id(made, "shop")
        twin = series_id(made, "twin")
        made.store.regimes.request(
            [AcceptRequest(each, asked_at, asked_at, "ann", "deploy 7") for each in (shop, twin)]
        )
        if not restart:
            walk(made, clock, asked_at + STEP)
    with parts(settings, clock) as made:
        walk(made, clock, asked_at + STEP)
        (regime,) = made.store.regimes.between(0, clock.now)
        assert regime == Regime(
            shop, asked_at + STEP, SHIFT, regime.before, regime.after, "ann", "deploy 7"
        )
        assert made.store.regimes.requests("latency") == [], (
            "looked at, also where there was nothing to accept"
        )
        walk(made, clock, asked_at + 3600)
        assert made.watches["latency"].fit.run(everyone=True) == 2, "a refit does not fall back"
        walk(made, clock, asked_at + 12 * 3600)
        assert all(alarm.end <= regime.accepted + STEP for alarm in alarms(made, SHIFT))
        expected = [
            seen(made, name, regime.accepted + STEP, clock.now).expected
            for name in ("shop", "twin")
        ]
        assert np.abs(expected[0] - expected[1] - 120).max() < 15
