"""The page at `/` with 10,000 series and 50 open incidents, while ticks are published and a worker
process fits.

Six hours of every series are stored, as a service that runs has them. First byte, whole answer and
size over HTTP on open connections, with and without gzip.
"""

import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from plugin.board import Board
from plugin.config import Watch, WebSettings
from plugin.config.groups import groups
from plugin.domain.alarms import Alarm
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import FloatArray, IntArray, Labels, Tick
from plugin.store import Store
from plugin.web.application import create_app
from plugin.web.context import WebContext
from plugin.web.server import serve
from tests.benchmarks.bench_alert import fitting
from tests.benchmarks.repetition import repeated
from tests.snapshots import snapshot

WATCHES = 4
SERVICES = 500  # each has SERIES / SERVICES series, and at most one open incident
SERIES = 10_000
INCIDENTS = 50
STEP = 60
HOURS = 6
REQUESTS = 40
PAUSE = 0.25  # seconds between two requests
HEADERS: dict[str, dict[str, str]] = {"plain": {}, "gzip": {"Accept-Encoding": "gzip"}}
TICK_SECONDS = 3  # between two ticks, twenty times as often as they are due


def crowded(
    store: Store, board: Board, now: int, *, series: int = SERIES, hours: int = HOURS
) -> dict[str, Watch]:
    """Fills the store with `series` series, of which INCIDENTS services are outside."""
    watches = {
        f"watch_{number}": Watch(
            name=f"watch_{number}", query="up", group_by=("service",), unit="s", learn_for=0
        )
        for number in range(WATCHES)
    }
    length = hours * 3600 // STEP
    times = now - STEP * np.arange(length)[::-1]
    for number, (name, watch) in enumerate(watches.items()):
        labels = [
            Labels.of(
                {
                    "__name__": "latency_seconds",
                    "service": f"s{i % SERVICES:03}",
                    "pod": f"p-{number}-{i:05}",
                }
            )
            for i in range(series // WATCHES)
        ]
        records = store.series.register(name, labels, int(times[0]))
        ids = np.array([record.id for record in records])
        value, bounds = _values(len(ids), times)
        rows = [i for i in range(len(ids)) if number == 0 and i % SERVICES < INCIDENTS]
        value[rows, -20:] += 3.0
        score = np.abs(value - bounds[0]) / 0.5
        expected, lower, upper = bounds
        tick = Tick(name, ids, times, value, expected, lower, upper, score, np.ones(len(ids), int))
        alarms = [
            _alarm(int(ids[i]), times, float(value[i, -1]), float(score[i, -1])) for i in rows
        ]
        store.write([tick], "up", (int(times[0]), now), alarms, groups(watches.values())[name])
        columns = {
            "value": value[:, -1],
            "expected": bounds[0][:, -1],
            "lower": bounds[1][:, -1],
            "upper": bounds[2][:, -1],
            "score": score[:, -1],
            "alert_score": score[:, -1],
        }
        board.publish(snapshot(watch, records, now, **columns))
    return watches


def _values(count: int, times: IntArray) -> tuple[FloatArray, tuple[FloatArray, ...]]:
    """[S, T] values, and expected, lower and upper."""
    generator = np.random.default_rng(0)
    season = 1 + 0.2 * np.sin(2 * np.pi * times / 86_400)
    expected = np.tile(season, (count, 1))
    value = expected + 0.1 * generator.standard_normal(expected.shape)
    return value, (expected, expected - 0.5, expected + 0.5)


def _alarm(series_id: int, times: IntArray, value: float, score: float) -> Alarm:
    start, end = int(times[-20]), int(times[-1])
    return Alarm(series_id, start, end, True, 20, end, score, value, 1.0, 0.5, 1.5, 1)


def ticking(board: Board) -> AbstractContextManager[None]:
    """Publishes every snapshot again and again, as ticks do: what is kept by tick is lost."""

    def publish() -> None:
        for shown in board.snapshots().values():
            board.publish(replace(shown))

    return repeated(publish, TICK_SECONDS)


def context(store: Store, board: Board, watches: dict[str, Watch]) -> WebContext:
    registry = CollectorRegistry()
    return WebContext(
        store=store,
        board=board,
        settings=WebSettings(listen_address="127.0.0.1:0"),
        registry=registry,
        config_text=str,
        reload=lambda: None,
        readiness=lambda: None,
        metrics=Metrics(registry),
        watches=lambda: watches,
    )


def measured(
    connection: HTTPConnection, path: str, headers: dict[str, str]
) -> tuple[float, float, int]:
    """Seconds to the first byte and to the last, and bytes."""
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    first_byte = time.perf_counter() - began
    body = answer.read()
    assert answer.status == 200, body[:300]
    return first_byte, time.perf_counter() - began, len(body)


def _spread(first: FloatArray, whole: FloatArray) -> str:
    """Of times in seconds."""
    columns = (("first byte", 1000 * first), ("whole", 1000 * whole))
    return "; ".join(
        f"{name} p50 {np.median(column):.0f} ms, worst {column.max():.0f} ms"
        for name, column in columns
    )


def main() -> None:
    now = int(time.time()) // STEP * STEP
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder))
        board = Board()
        parts = context(store, board, crowded(store, board, now))
        server = serve(create_app(parts), parts.settings, parts.metrics, Path(folder))
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        with fitting(), ticking(board):
            for path in ("/", "/series", "/series?text=s003", f"/series/{SERIES // 2}"):
                for name, headers in HEADERS.items():
                    runs = []
                    for _ in range(REQUESTS):
                        runs.append(measured(connection, path, headers))
                        time.sleep(PAUSE)
                    first, whole, size = (np.array(column) for column in zip(*runs, strict=True))
                    print(f"{path:24} {name:6} {size.max() / 1000:.0f} kB", _spread(first, whole))
        server.close()
        store.close()


if __name__ == "__main__":
    main()
