"""A small known world in a real Prometheus, and the service's parts beside it, driven by a clock
that tests set."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from flask.testing import FlaskClient

from plugin.components import Components
from plugin.config import (
    Config,
    PrometheusSettings,
    StoreSettings,
    Watch,
    WebSettings,
    WorkerSettings,
)
from plugin.jobs.executors.executor import BuildTask
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.fit_task import FitOutcome, run_task
from plugin.series import FloatArray, IntArray, Labels, Series
from plugin.web.application import create_app
from plugin.web.context import WebContext

STEP = 60
NOW = (
    1_760_000_040 // STEP * STEP
)  # some moment; history lies before it, the tests' future after it
HISTORY_DAYS = 4
FUTURE_STEPS = 180
INCIDENT = range(60, 90)  # steps after NOW in which `shop` is three times too slow
VANISHED_FROM = 30  # steps after NOW from which `gone` has no samples
GAP = range(-200, -150)  # steps around which `holes` has none


class Clock:
    """Unix seconds that stand still until a test moves them."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def steps(self, steps: int) -> None:
        self.now += steps * STEP


class Threads:
    """A worker pool whose workers are threads: at work at once, and dead when we are."""

    size = 1
    spread = WorkerPool.spread

    def __init__(self, *_: object) -> None:
        self._pool = ThreadPoolExecutor(1)

    def submit(self, build: BuildTask, *, urgent: bool = False) -> "Future[FitOutcome]":
        return self._pool.submit(lambda: run_task(build()))

    def stack_size(self, series: int, stack: int) -> int:
        return stack

    def result_of(self, future: "Future[FitOutcome]") -> FitOutcome:
        return future.result()

    def end_idle(self) -> None:
        """Threads have no process to end."""

    def close(self) -> None:
        self._pool.shutdown()


def times() -> IntArray:
    return NOW + STEP * np.arange(-HISTORY_DAYS * 1440, FUTURE_STEPS, dtype=np.int64)


def latency(seed: int) -> FloatArray:
    """Milliseconds: a daily shape and noise."""
    at = times()
    rng = np.random.default_rng(seed)
    daily = 200 + 60 * np.sin(2 * np.pi * at / 86_400)
    return np.asarray(daily * (1 + 0.04 * rng.normal(size=len(at))))


def series() -> list[Series]:
    """latency_ms of four services: one with an incident, one that vanishes, one with a gap, one
    quiet."""
    at = times()
    after = np.arange(-HISTORY_DAYS * 1440, FUTURE_STEPS)
    made = []
    for number, service in enumerate(("shop", "gone", "holes", "quiet")):
        value = latency(number)
        there = np.ones(len(at), bool)
        if service == "shop":
            value[np.isin(after, INCIDENT)] *= 3
        if service == "gone":
            there = after < VANISHED_FROM
        if service == "holes":
            there = ~np.isin(after, GAP)
        labels = Labels.of({"__name__": "latency_ms", "service": service})
        made.append(Series(labels, at[there], value[there]))
    return made


def watch(**settings: object) -> Watch:
    defaults: dict[str, object] = {
        "name": "latency",
        "query": "last_over_time(latency_ms[59s])",
        "step": STEP,
        "fit_window": 3 * 86_400,
        "backfill": 7200,
        "detector": "baseline",
    }
    return Watch.model_validate({**defaults, **settings})


def config(folder: Path, url: str, *watches: Watch, **prometheus: object) -> Config:
    return Config(
        prometheus=PrometheusSettings.model_validate(
            {"url": url, "retries": 0, "read_timeout": 30, **prometheus}
        ),
        watches=watches or (watch(),),
        store=StoreSettings(path=str(folder)),
        workers=WorkerSettings(stack=8),
    )


@contextmanager
def parts(settings: Config, clock: Callable[[], float]) -> Iterator[Components]:
    made = Components(settings, clock=clock)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def process(settings: Config, clock: Clock) -> Iterator[Components]:
    """Like `bandwatch run` it shows what is stored before it listens."""
    with parts(settings, clock) as made:
        for jobs in made.watches.values():
            jobs.score.restore()
        yield made


def client(made: Components, clock: Clock) -> FlaskClient:
    """Whoever asks these parts over HTTP; the scheduler is always at work."""
    return create_app(
        WebContext(
            store=made.store,
            board=made.board,
            settings=WebSettings(),
            registry=made.registry,
            config_text=str,
            reload=lambda: None,
            readiness=lambda: None,
            metrics=made.metrics,
            clock=clock,
            heartbeat=clock,
            started=clock(),
            watches=lambda: {name: jobs.watch for name, jobs in made.watches.items()},
            maintenance=made.maintenance,
            order=made.execute,
        )
    ).test_client()
