"""Latency of `/api/v1/alert` with 10,000 series while a fit runs and ticks are scored, beside
Prometheus' own answer.

The service is as in the tick's benchmark, its own process: web server, real ticks (one every three
seconds, twenty times as often as they are due), and a worker process that fits one stack after the
other. Asked as the shipped rule
asks: five fields with one `to`. The peer is an instant query of the same 10,000 series.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks.bench_bands import _get
from tests.benchmarks.bench_tick import QUERY, SERIES, STEP, TICKS, history, scoring, tick
from tests.servers import PrometheusServer

# evaluations of the rule, and between
RULES = 60
PAUSE = 0.2
FIELDS = ("score", "value", "lower", "upper", "time")


def child(url: str, folder: str, end: int) -> dict[str, list[float]]:
    from plugin.config import WebSettings
    from plugin.metrics import CollectorRegistry
    from plugin.web.application import create_app
    from plugin.web.context import WebContext
    from plugin.web.server import serve

    parts = scoring(url, folder, end)
    context = WebContext(
        store=parts.store,
        board=parts.board,
        settings=WebSettings(listen_address="127.0.0.1:0"),
        registry=CollectorRegistry(),
        config_text=str,
        reload=lambda: None,
        readiness=lambda: None,
        metrics=parts.metrics,
        watches=lambda: {"bench": parts.job.watch},
    )
    server = serve(create_app(context), context.settings)
    prometheus = HTTPConnection(urlsplit(url).netloc, timeout=30)
    ours = HTTPConnection("127.0.0.1", server.port, timeout=30)
    found: dict[str, list[float]] = {"alert": [], "query": []}
    with fitting(), ticking(parts):
        for number in range(RULES):
            at = (end + number) * 1000
            found["alert"] += [
                _get(ours, "/api/v1/alert", {"field": field, "to": at}) for field in FIELDS
            ]
            found["query"].append(_get(prometheus, "/api/v1/query", {"query": QUERY, "time": end}))
            time.sleep(PAUSE)
    server.close()
    parts.store.close()
    return found


@contextmanager
def fitting() -> Iterator[None]:
    """A worker process at its priority that fits without a pause."""
    worker = subprocess.Popen(
        [sys.executable, "-c", "from tests.benchmarks.bench_alert import fit; fit()"]
    )
    try:
        time.sleep(8)  # torch is imported and the first stack is under way
        yield
    finally:
        assert worker.poll() is None, "nothing was fitted meanwhile"
        worker.terminate()
        worker.wait()


def fit() -> None:
    import os

    from detectors.registry import detector_named
    from plugin.jobs.executors.local import start_worker
    from tests.benchmarks.bench_fit import BUDGET, series

    start_worker(os.getppid(), 1)
    batch = series(64)
    detector = detector_named("auto", {})
    while True:
        detector.fit(batch, alert_budget=BUDGET)


@contextmanager
def ticking(parts) -> Iterator[None]:  # type: ignore[no-untyped-def]
    """Scores tick after tick in a thread, as the scheduler does."""
    ended = threading.Event()

    def run() -> None:
        for number in range(1, TICKS + 1):
            tick(parts, number)
            ended.wait(3)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def main() -> None:
    end = int(time.time()) // STEP * STEP - STEP
    with (
        tempfile.TemporaryDirectory() as folder,
        PrometheusServer(Path(folder) / "prometheus").backfill(history(end)) as prometheus,
    ):
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.benchmarks.bench_alert",
                prometheus.url,
                f"{folder}/store",
                str(end),
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    found: dict[str, list[float]] = json.loads(run.stdout.splitlines()[-1])
    print(
        f"{SERIES:,} series, {len(found['alert'])} requests, while a fit runs and ticks are scored "
        "(goal: p99 <= 100 ms)"
    )
    for who, seconds in found.items():
        p = statistics.quantiles(seconds, n=100, method="inclusive")
        print(
            f"{who:>6}   p50 {p[49] * 1e3:6.1f} ms   p99 {p[98] * 1e3:6.1f} ms   worst"
            f" {max(seconds) * 1e3:6.1f} ms"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(child(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
    else:
        main()
