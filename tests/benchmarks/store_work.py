"""A store at work in a process of its own, for bench_databases.py: each line of standard input
names a piece of work, and is answered by the seconds that it took, and by those of the processor.

Runs over older versions of the source, too: it uses only what all of them have.
"""

import sys
import time
import urllib.parse
from collections.abc import Callable
from http.client import HTTPConnection
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from plugin.board import Board
from plugin.config import WebSettings
from plugin.metrics import Metrics
from plugin.series import Labels, Tick
from plugin.store import Store
from plugin.web.context import WebContext
from plugin.web.server import serve

DAY = 86_400
STEP = 900  # of the fleet: 24 ticks are what one fold takes
FLEET = 10_000
CHARTED = 8  # series that are asked for, with a week of a sample a minute
START = 1_760_000_000 // DAY * DAY
WEEK = np.arange(START, START + 7 * DAY, 60)
ASKED = 6 * 3600  # seconds of one request


class Work:
    """What is timed. The clock of the store goes on with each tick."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rng = np.random.default_rng(0)
        labels = [Labels.of({"__name__": "up", "instance": f"host-{i}"}) for i in range(FLEET)]
        self._ids = np.array([record.id for record in store.series.register("cpu", labels, 0)])
        self._now = int(WEEK[-1]) // (6 * 3600) * 6 * 3600 + 6 * 3600
        few = [Labels.of({"__name__": "load", "instance": f"host-{i}"}) for i in range(CHARTED)]
        charted = np.array([record.id for record in store.series.register("few", few, 0)])
        for day in range(7):
            store.write([_tick(self._rng, "few", charted, WEEK[day * 1440 :][:1440])], "q", None)
        store.fold(self._now + DAY)
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
        place = "plugin.web.application"  # it was in plugin.web once
        web = import_module(place if find_spec(place) else "plugin.web")
        self._server = serve(web.create_app(context), context.settings)
        self._client = HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        self._asked = 0

    def prepared(self, name: str) -> Callable[[], Any]:
        """The work of this name; what it needs is made before the clock runs."""
        if name == "tick":
            tick = _tick(self._rng, "cpu", self._ids, np.array([self._now]), carry=True)
            self._now += STEP
            return lambda: self._store.write([tick], "q", (self._now, self._now))
        if name == "fold":
            return lambda: self._store.fold(self._now, keep=0)
        if name == "bands_unread":
            self._store.samples.clear_cache()
        return self._bands

    def _bands(self) -> None:
        self._asked += 1
        fields = {
            "series": f'load{{instance="host-{self._asked % CHARTED}"}}',
            "labels": "none",
            "from": (int(WEEK[-1]) - ASKED) * 1000,
            "to": int(WEEK[-1]) * 1000,
        }
        target = f"/api/v1/bands?{urllib.parse.urlencode(fields)}"
        self._client.request("GET", target, headers={"Accept-Encoding": "gzip"})
        response = self._client.getresponse()
        body = response.read()
        assert response.status == 200 and len(body) > 1000, (response.status, body[:200])


def _tick(
    rng: np.random.Generator, watch: str, ids: Any, times: Any, *, carry: bool = False
) -> Tick:
    """Judged samples; carry: with 400 bytes of a state for each series."""
    value = rng.normal(100, 5, (len(ids), len(times)))
    expected = np.full(value.shape, 100.0)
    score = np.abs(value - expected) / 20
    version = np.ones(len(ids), np.int64)
    state = {"trace": rng.normal(size=(len(ids), 100)).astype(np.float32)} if carry else {}
    band = (value, expected, expected - 20, expected + 20, score)
    return Tick(watch, ids, times, *band, version, state)


def main() -> None:
    """Arguments: a folder, and for PostgreSQL the URL and the password."""
    folder, *rest = sys.argv[1:]
    if rest:
        from plugin.store.server import DatabaseServer

        store = Store.open(Path(folder), server=DatabaseServer(*rest))
    else:
        store = Store.open(Path(folder))
    work = Work(store)
    print("ready", flush=True)
    for line in sys.stdin:
        run = work.prepared(line.strip())
        began = time.perf_counter()
        busy = time.process_time()
        run()
        print(time.perf_counter() - began, time.process_time() - busy, flush=True)


if __name__ == "__main__":
    main()
