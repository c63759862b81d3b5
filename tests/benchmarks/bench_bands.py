"""Latency of `/api/v1/bands` beside the same Prometheus' own `query_range`: same series, same
range, same machine.

Asked as the shipped dashboard asks: one series, numbers only. Ours answers five numbers per sample,
Prometheus one. A tick is written every few requests, as in service.
"""

import statistics
import tempfile
import time
import urllib.parse
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from plugin.board import Board
from plugin.config import WebSettings
from plugin.metrics import Metrics
from plugin.series import Labels, Series, Tick
from plugin.store import Store
from plugin.web.application import create_app
from plugin.web.context import WebContext
from plugin.web.server import serve
from tests.servers import PrometheusServer

STEP = 60
DAYS = 8
SERIES = 8
REQUESTS = 80
REQUESTS_PER_TICK = 16
NAME = "bench_requests_per_second"
RANGES = {"6 h": 6 * 3600, "1 d": 86_400, "7 d": 7 * 86_400}


def history() -> list[Series]:
    times = (int(time.time()) // STEP - np.arange(DAYS * 1440)[::-1]) * STEP
    rng = np.random.default_rng(0)
    daily = 100 + 30 * np.sin(2 * np.pi * times / 86_400)
    return [
        Series(
            Labels.of({"__name__": NAME, "instance": f"host-{i}"}),
            times,
            daily * (1 + i / 10) + rng.normal(size=len(times)),
        )
        for i in range(SERIES)
    ]


def filled(folder: Path, series: list[Series]) -> Store:
    """A store that holds the series with bands of a believable kind, folded as it would be in
    service."""
    store = Store.open(folder)
    ids = np.array(
        [
            r.id
            for r in store.series.register(
                "bench", [s.labels for s in series], int(series[0].times[0])
            )
        ]
    )
    values = np.stack([s.values for s in series])
    times = series[0].times
    expected = np.round(values * 16) / 16 + 0.25
    for at in range(0, len(times), 1440):
        part = slice(at, at + 1440)
        score = np.abs(values[:, part] - expected[:, part]) / 3
        tick = Tick(
            "bench",
            ids,
            times[part],
            values[:, part],
            expected[:, part],
            expected[:, part] - 3,
            expected[:, part] + 3,
            score,
            np.ones(len(ids), np.int64),
        )
        store.write([tick], "bench", (int(times[part][0]), int(times[part][-1])))
    store.fold(int(times[-1]))
    return store


def write_tick(store: Store, time: int) -> None:
    ids = np.array([record.id for record in store.series.all()])
    value = np.full((len(ids), 1), 100.0)
    version = np.ones(len(ids), np.int64)
    tick = Tick(
        "bench", ids, np.array([time]), value, value, value - 3, value + 3, value * 0, version
    )
    store.write([tick], "bench", (time, time))


def measure() -> dict[str, dict[str, list[float]]]:
    """Seconds of each request, by range and by who answered; the two are asked in turn."""
    series = history()
    end = int(series[0].times[-1])
    with (
        tempfile.TemporaryDirectory() as folder,
        PrometheusServer(Path(folder) / "prometheus").backfill(series) as prometheus,
    ):
        store = filled(Path(folder) / "store", series)
        registry = CollectorRegistry()
        context = WebContext(
            store=store,
            board=Board(),
            settings=WebSettings(listen_address="127.0.0.1:0"),
            registry=registry,
            config_text=str,
            reload=lambda: None,
            readiness=lambda: None,
            metrics=Metrics(registry),
        )
        server = serve(create_app(context), context.settings)
        found: dict[str, dict[str, list[float]]] = {}
        ticks = 0
        us, them = (
            HTTPConnection("127.0.0.1", port, timeout=30) for port in (server.port, prometheus.port)
        )
        for title, seconds in RANGES.items():
            found[title] = {"bands": [], "query_range": []}
            for number in range(REQUESTS):
                if number % REQUESTS_PER_TICK == 0:
                    ticks += 1
                    write_tick(store, end + ticks * STEP)
                name = f'{NAME}{{instance="host-{number % SERIES}"}}'
                ours = {
                    "series": name,
                    "labels": "none",
                    "from": (end - seconds) * 1000,
                    "to": end * 1000,
                }
                theirs = {"query": name, "start": end - seconds, "end": end, "step": STEP}
                found[title]["bands"].append(_get(us, "/api/v1/bands", ours))
                found[title]["query_range"].append(_get(them, "/api/v1/query_range", theirs))
        us.close()
        them.close()
        server.close()
        store.close()
    return found


def _get(connection: HTTPConnection, path: str, parameters: dict[str, object]) -> float:
    """Seconds of one request on a connection that stays open, as Grafana keeps its own."""
    target = f"{path}?{urllib.parse.urlencode(parameters)}"
    began = time.perf_counter()
    connection.request("GET", target, headers={"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    response.read()
    seconds = time.perf_counter() - began
    assert response.status == 200, f"{target}: {response.status}"
    return seconds


def main() -> None:
    print(
        f"{REQUESTS} requests each, in turn, over HTTP with gzip, {STEP} s step (goal: p50 not"
        " slower)"
    )
    print(
        f"{'range':>6} {'bands p50':>11} {'p99':>9} {'query_range p50':>17} {'p99':>9}"
        f" {'p50 ratio':>10}"
    )
    for name, found in measure().items():
        p50, p99 = ({who: _quantile(times, q) for who, times in found.items()} for q in (0.5, 0.99))
        print(
            f"{name:>6} {p50['bands'] * 1e3:8.1f} ms {p99['bands'] * 1e3:6.1f} ms "
            f"{p50['query_range'] * 1e3:14.1f} ms "
            f"{p99['query_range'] * 1e3:6.1f} ms {p50['bands'] / p50['query_range']:10.2f}"
        )


def _quantile(times: list[float], share: float) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1]


if __name__ == "__main__":
    main()
