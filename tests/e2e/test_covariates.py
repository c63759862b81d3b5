"""A watch with a covariate on a real Prometheus: it fits, it scores, and what the covariate
explains is no alarm."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.errors import ConfigError
from plugin.series import FloatArray, Labels, Series
from tests.e2e.world import NOW, STEP, Clock, Threads, config, parts, watch
from tests.servers import PrometheusServer

# steps of history, and of the tests' future
BEFORE = 2 * 1440
AFTER = 60
RUSH = slice(BEFORE + 20, BEFORE + 50)  # when latency_ms rises
COVERED = watch(
    query="last_over_time(latency_ms[59s])",
    detector="lstm",
    fit_window=BEFORE * STEP,
    backfill=600,
    covariates=["last_over_time(load[59s])"],
)


@pytest.fixture(autouse=True)
def workers_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)


@pytest.fixture(scope="module")
def rush(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """latency_ms = noise + 3 x load of each service; in the rush it rises for both, the load for
    `busy` alone."""
    rng = np.random.default_rng(0)
    times = NOW + STEP * np.arange(-BEFORE + 1, AFTER + 1, dtype=np.int64)
    made = []
    for service in ("busy", "sick"):
        load = 50 + 5 * np.convolve(
            rng.normal(size=len(times) + 30), np.ones(31) / 31**0.5, "valid"
        )
        latency = 100 + 3 * load + rng.normal(0, 3, len(times))
        latency[RUSH] += 90
        load[RUSH] += 30 * (service == "busy")
        made += [
            Series(Labels.of({"__name__": name, "service": service}), times, values)
            for name, values in (("latency_ms", latency), ("load", load))
        ]
    with PrometheusServer(tmp_path_factory.mktemp("rush")).backfill(made) as server:
        yield server


def scores(made: Components) -> dict[str, FloatArray]:
    """Of the rush, as stored."""
    return {
        record.labels["service"]: made.store.samples.of(
            record.id, NOW + 21 * STEP, NOW + 50 * STEP
        ).score
        for record in made.store.series.of("latency")
    }


def failures(made: Components, reason: str) -> float:
    return float(made.metrics.covariate_failures.labels("latency", reason)._value.get())


def test_a_rush_that_the_load_explains_is_no_alarm(
    rush: PrometheusServer, clock: Clock, folder: Path, tmp_path: Path
) -> None:
    with parts(config(folder, rush.url, COVERED), clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run() == 2
        for _ in range(AFTER):
            clock.steps(1)
            assert jobs.score.run()
        assert (
            set(made.board.snapshots()["latency"].detector) == {"lstm"}
            and failures(made, "rejected") == 0
        )
        found = scores(made)
    assert (found["busy"] < 1).all() and (found["sick"] > 1).all()
    clock.now = NOW
    with parts(
        config(tmp_path / "late", rush.url, COVERED), clock
    ) as made:  # the same in one catch-up
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run() == 2
        clock.steps(AFTER)
    with parts(
        config(tmp_path / "late", rush.url, COVERED.model_copy(update={"backfill": 7200})), clock
    ) as made:
        assert made.watches["latency"].score.run()
        again = scores(made)
    assert all(np.array_equal(found[service], again[service]) for service in found)


def test_without_its_covariate_a_watch_goes_on(
    rush: PrometheusServer, clock: Clock, folder: Path
) -> None:
    broken = COVERED.model_copy(
        update={"covariates": (*COVERED.covariates, "no_such_function(load)")}
    )
    with parts(config(folder, rush.url, broken), clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run() == 2
        clock.steps(45)
        assert jobs.score.run() and failures(made, "rejected") >= 3
        shown = made.board.snapshots()["latency"]
        assert (
            np.isfinite(shown.score).all()
            and set(shown.detector) == {"lstm"}
            and len(shown.series) == 2
        )


def test_other_covariates_are_another_model(
    rush: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(
        config(folder, rush.url, COVERED.model_copy(update={"covariates": ()})), clock
    ) as made:
        assert made.watches["latency"].score.run() and made.watches["latency"].fit.run() == 2
        assert made.watches["latency"].fit.run() == 0
    clock.steps(1)
    with parts(config(folder, rush.url, COVERED), clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run() == 2
        clock.steps(1)
        assert jobs.score.run() and np.isfinite(made.board.snapshots()["latency"].score).all()


def test_a_detector_that_takes_none_is_refused(
    rush: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with (
        pytest.raises(
            ConfigError, match="watch 'latency': detector: `vae` takes no covariates: choose"
        ),
        parts(config(folder, rush.url, COVERED.model_copy(update={"detector": "vae"})), clock),
    ):
        pass
