"""Latency of `/api/v1/alert` and `/-/healthy`, and the memory of the service, beside crowds that
behave badly: silent connections, requests of a byte a second, slow readers of large answers.

The service is its own process, with 1,000 series on the board and 12 of them in the store for eight
days. 50 requests a second come on new connections.
"""

import http.client
import json
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from tests.benchmarks.repetition import repeated

SECONDS = 20
SERIES = 1000
STORED = 12
SILENT = 1000
DRIPPING = 300
READERS = 60
CLIENTS = 10
RATE = 50  # requests a second
HOST = "127.0.0.1"


def child(folder: str) -> None:
    """Serves until its input ends."""
    from prometheus_client import CollectorRegistry

    from plugin.board import Board
    from plugin.config import Watch, WebSettings
    from plugin.metrics import Metrics
    from plugin.series import Labels
    from plugin.web.application import create_app
    from plugin.web.context import WebContext
    from plugin.web.server import serve
    from tests.benchmarks.bench_bands import filled, history
    from tests.snapshots import snapshot

    labels = [Labels.of({"__name__": "x", "instance": f"host-{i}"}) for i in range(SERIES)]
    series = [
        replace(each, labels=own)
        for each, own in zip((history() * 2)[:STORED], labels, strict=False)
    ]
    store = filled(Path(folder), series)
    end = int(series[0].times[-1])
    records = store.series.register("bench", labels, end)
    board = Board()
    flat = np.ones(SERIES)
    board.publish(
        snapshot(
            Watch(name="bench", query="x", learn_for=0),
            records,
            end,
            value=flat,
            expected=flat,
            lower=0 * flat,
            upper=2 * flat,
            score=0 * flat,
            alert_score=0 * flat,
        )
    )
    metrics = Metrics(CollectorRegistry())
    settings = WebSettings(listen_address=f"{HOST}:0")
    context = WebContext(
        store=store,
        board=board,
        settings=settings,
        registry=CollectorRegistry(),
        config_text=str,
        reload=lambda: None,
        readiness=lambda: None,
        metrics=metrics,
    )
    server = serve(create_app(context), settings, metrics)
    print(json.dumps([server.port, end]), flush=True)
    sys.stdin.read()
    server.close()
    store.close()


@dataclass
class Found:
    """What the honest clients saw."""

    alert: list[float] = field(default_factory=list)  # seconds
    healthy: list[float] = field(default_factory=list)
    lost: int = 0

    def ask(self, port: int, path: str, seconds: list[float]) -> None:
        start = time.monotonic()
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            seconds.append(time.monotonic() - start)
        except (OSError, http.client.HTTPException):
            self.lost += 1
        finally:
            connection.close()


def honest(port: int) -> Found:
    """RATE requests a second for SECONDS, and health four times a second."""
    found = Found()
    end = time.monotonic() + SECONDS

    def repeat(path: str, seconds: list[float], pause: float, offset: float) -> None:
        at = time.monotonic() + offset
        while at < end:
            time.sleep(max(0.0, at - time.monotonic()))
            found.ask(port, path, seconds)
            at += pause

    threads = [
        threading.Thread(
            target=repeat, args=("/api/v1/alert", found.alert, CLIENTS / RATE, i / RATE)
        )
        for i in range(CLIENTS)
    ]
    threads.append(threading.Thread(target=repeat, args=("/-/healthy", found.healthy, 0.25, 0)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@contextmanager
def crowd(start: Callable[[], list[socket.socket]], beat: Callable[[], None]) -> Iterator[None]:
    """The sockets are open, and `beat` runs every second."""
    sockets = start()
    try:
        with repeated(beat, 1.0):
            yield
    finally:
        for sock in sockets:
            sock.close()


def connect(port: int, buffer: int = 0) -> socket.socket:
    sock = socket.socket()
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.settimeout(10)
    sock.connect((HOST, port))
    return sock


def slow_crowd(port: int) -> tuple[Callable[[], list[socket.socket]], Callable[[], None]]:
    """Silent connections, and requests of which a byte a second comes; a cut one begins again."""
    dripping: list[socket.socket] = []

    def begin() -> socket.socket:
        sock = connect(port)
        sock.sendall(b"G")
        sock.setblocking(False)
        return sock

    def start() -> list[socket.socket]:
        dripping.extend(begin() for _ in range(DRIPPING))
        return [connect(port) for _ in range(SILENT)]

    def beat() -> None:
        text = b"ET /api/v1/alert HTTP/1.1"
        for i, sock in enumerate(dripping):
            try:
                sock.send(text[int(time.monotonic()) % len(text) :][:1])
            except OSError:
                sock.close()
                dripping[i] = begin()

    return start, beat


def reading_crowd(
    port: int, end: int
) -> tuple[Callable[[], list[socket.socket]], Callable[[], None]]:
    """Readers that take a kilobyte a second of an answer of megabytes."""
    times = {"from": (end - 8 * 86_400) * 1000, "to": end * 1000}
    query = urlencode({"watch": "bench", "max_points": 11_000, **times})
    text = f"GET /api/v1/bands?{query} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    readers: list[socket.socket] = []

    def start() -> list[socket.socket]:
        for _ in range(READERS):
            readers.append(connect(port, 8192))
            readers[-1].sendall(text)
            readers[-1].setblocking(False)
        return readers

    def beat() -> None:
        for sock in readers:
            try:
                sock.recv(1024)
            except OSError:
                continue

    return start, beat


def resident(pid: int) -> float:
    """MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def report(title: str, found: Found, memory: float) -> None:
    p = statistics.quantiles(found.alert, n=100, method="inclusive")
    print(
        f"{title:>32}   /alert p50 {p[49] * 1e3:6.1f} ms  p99 {p[98] * 1e3:6.1f} ms   "
        f"/-/healthy worst {max(found.healthy) * 1e3:6.1f} ms   lost {found.lost} of "
        f"{len(found.alert) + len(found.healthy)}   memory {memory:.0f} MiB",
        flush=True,
    )


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.bench_crowd", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout and process.stdin
        port, end = json.loads(process.stdout.readline())
        report("alone", honest(port), resident(process.pid))
        with crowd(*slow_crowd(port)):
            found = honest(port)
            report(f"{SILENT} silent, {DRIPPING} dripping", found, resident(process.pid))
        with crowd(*reading_crowd(port, end)):
            report(f"{READERS} slow readers", honest(port), resident(process.pid))
        process.stdin.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1])
    else:
        main()
