"""One score tick of 10,000 series from end to end: ask a real Prometheus, judge, write, publish;
and its memory.

Runs in a process of its own, so that the resident memory is that of the service alone.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plugin.series import Labels, Series

if TYPE_CHECKING:
    from plugin.board import Board
    from plugin.jobs.score_job import ScoreJob
    from plugin.jobs.watch_context import WatchContext
    from plugin.metrics import Metrics
    from plugin.store import Store

# HISTORY: samples of each series before the first tick
SERIES = 10_000
STEP = 60
TICKS = 5
HISTORY = 45
FITTED = (
    64  # series that are really fitted; their models serve the others too: a tick costs the same
)
QUERY = "bench_gauge"


def history(
    end: int, query: str = QUERY, series: int = SERIES, samples: int = HISTORY + TICKS
) -> list[Series]:
    times = end - STEP * np.arange(samples, dtype=np.int64)[::-1]
    rng = np.random.default_rng(0)
    return [
        Series(
            Labels.of({"__name__": query, "instance": f"host-{i}", "job": "bench"}),
            times,
            50 + 10 * np.sin(i) + rng.normal(size=len(times)),
        )
        for i in range(series)
    ]


@dataclass(frozen=True)
class Scoring:
    """What the service does at a tick, with a clock that stands where we say."""

    job: "ScoreJob"
    board: "Board"
    store: "Store"
    metrics: "Metrics"
    clock: list[float]
    first: int  # unix seconds; the ticks follow


def scoring(
    url: str,
    folder: str,
    end: int,
    query: str = QUERY,
    series: int = SERIES,
    adopt: Callable[["WatchContext", int], int] | None = None,
) -> Scoring:
    """The series of a query with their models, the first tick done. adopt: as `adopt_fitted`."""
    from prometheus_client import CollectorRegistry

    from plugin.board import Board
    from plugin.config import PrometheusSettings, Watch
    from plugin.config.groups import groups
    from plugin.jobs.covariates import Covariates
    from plugin.jobs.model_registry import ModelRegistry
    from plugin.jobs.score_job import ScoreJob
    from plugin.jobs.watch_context import WatchContext
    from plugin.jobs.watch_publisher import WatchPublisher
    from plugin.metrics import Metrics
    from plugin.prometheus import PrometheusReader
    from plugin.store import Store

    first = end - STEP * TICKS
    clock = [float(first)]
    watch = Watch(
        name="bench", query=query, step=STEP, max_series=series, backfill=STEP * 3, learn_for=0
    )
    store = Store.open(Path(folder))
    reader = PrometheusReader(PrometheusSettings(url=url))
    registry = ModelRegistry(store, watch.name)
    metrics = Metrics(CollectorRegistry())
    board = Board()
    context = WatchContext(watch, store, reader, metrics, registry, clock=lambda: clock[0])
    publisher = WatchPublisher(context, board, groups([watch])[watch.name], gone_after=10**9)
    job = ScoreJob(
        context,
        Covariates(context),
        publisher,
        first_fit=lambda oldest, now: (adopt or adopt_fitted)(context, oldest),
    )
    assert job.run(), "the first tick failed"
    return Scoring(job, board, store, metrics, clock, first)


def tick(parts: Scoring, number: int) -> float:
    """Seconds of one tick."""
    parts.clock[0] = parts.first + number * STEP
    scored = parts.metrics.samples_scored.labels(parts.job.watch.name)._value
    before = scored.get()
    began = time.monotonic()
    assert parts.job.run()
    seconds = time.monotonic() - began
    series = parts.job.watch.max_series
    assert scored.get() - before == series, "a tick that leaves series out is no measure"
    return seconds


def child(url: str, folder: str, end: int) -> dict[str, float]:
    parts = scoring(url, folder, end)
    seconds = [tick(parts, number) for number in range(1, TICKS + 1)]
    parts.store.close()
    return {
        "tick": float(np.median(seconds)),
        "worst": max(seconds),
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }


def adopt_fitted(context: "WatchContext", until: int) -> int:
    """Registers all series and crowns champions: FITTED real models of the default detector, each
    serving many rows."""
    from detectors.registry import detector_named, to_spec
    from plugin import grid
    from plugin.jobs import watch_history as past
    from plugin.store import ModelRecord

    watch = context.watch
    store = context.store
    past.load(context, grid.Grid(until - 10 * STEP, STEP, 11))
    detector = detector_named(watch.detector, {})
    times = np.arange(20_160) * 60
    rng = np.random.default_rng(1)
    values = 50 + 10 * np.sin(2 * np.pi * times / 86_400) + rng.normal(size=(FITTED, len(times)))
    window = grid.Grid(0, 60, len(times))
    fitted = detector.fit(grid.series_batch(values, window, "UTC"), alert_budget=watch.alert_budget)
    version = store.models.new_version(watch.name)
    path = store.weights.write(version, fitted.state)
    spec = to_spec(detector)
    models = [
        ModelRecord(
            record.id, version, row % FITTED, watch.detector, spec, path, 0.1, until, 0, until
        )
        for row, record in enumerate(context.registry.records())
    ]
    store.save_models(watch.name, models)
    context.registry.promote(models)
    return until


def measure() -> dict[str, float]:
    from tests.servers import PrometheusServer

    end = int(time.time()) // STEP * STEP - STEP
    with (
        tempfile.TemporaryDirectory() as folder,
        PrometheusServer(Path(folder) / "prometheus").backfill(history(end)) as prometheus,
    ):
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.benchmarks.bench_tick",
                prometheus.url,
                f"{folder}/store",
                str(end),
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
        asked = []
        for _ in range(5):
            began = time.monotonic()
            urllib.request.urlopen(
                f"{prometheus.url}/api/v1/query_range?query={QUERY}&start={end}&end={end}&step={STEP}",
                timeout=30,
            ).read()
            asked.append(time.monotonic() - began)
        return {**found, "query": float(np.median(asked))}


def main() -> None:
    found = measure()
    print(
        f"score tick, {SERIES:,} series, auto   median {found['tick']:.2f} s, worst"
        f" {found['worst']:.2f} s   goal <= 10 s"
    )
    print(f"  of that, Prometheus answering the query alone   {found['query']:.2f} s")
    print(f"  samples scored per second                  {SERIES / found['tick']:,.0f}")
    print(f"resident memory of the service, highest     {found['rss']:.2f} GiB   goal <= 1.5 GB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(child(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
    else:
        main()
