"""What incidents cost at 10,000 series with a month of them behind: in a tick, and to be asked for
over thirty days.

All is CPU time of the thread that works, medians: on a busy machine a whole tick waits more than a
part of it does.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from plugin.board import Board
from plugin.config import Watch, WebSettings
from plugin.config.groups import Group, groups
from plugin.domain.alarms import Alarm
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import IntArray, Labels, Tick
from plugin.store import Store
from plugin.web.application import create_app
from plugin.web.context import WebContext
from tests.benchmarks import bench_tick
from tests.servers import PrometheusServer

SERIES = 10_000
PER_SERVICE = 20
DAYS = 30
RATE = 0.03  # alarms per series and day
STEP = 60
NOW = 1_795_219_200
DAY = 86_400
RUNS = 9
# goals: share, seconds
OF_A_TICK = 0.05
AN_ANSWER = 0.1
WATCH = Watch(name="fleet", query="m", group_by=("service",), unit="reqps")
ALERTING = (1, 200, 2000)  # series outside at the same time
MOMENTS = ("begin", "go on", "end", "are over")  # over: the incidents, a gap after their last alarm
ASKED = {
    "all": "",
    "limit=200": "&limit=200",
    "one series": '&series=m{instance="h5",service="s0"}',
}


def main() -> None:
    tick = _tick()
    with tempfile.TemporaryDirectory() as folder:
        store, ids = _month(Path(folder))
        found = _answers(store)
        spent = _ticks(store, ids)
        store.close()
    print(
        f"a score tick of {SERIES:,} series, no alarm      {tick * 1000:6.1f} ms   "
        f"goal for incidents <= {OF_A_TICK:.0%}, {tick * OF_A_TICK * 1000:.1f} ms"
    )
    for count in ALERTING:
        for moment in MOMENTS:
            seconds = spent[count, moment]
            print(
                f"  {count:>5,} series outside {moment:<10}          {seconds * 1000:6.1f} ms"
                f" {seconds / tick:6.1%}{'   missed' if seconds > tick * OF_A_TICK else ''}"
            )
    print(
        f"/api/v1/incidents over {DAYS} d, {found['rows']:,.0f} incidents   goal <="
        f" {AN_ANSWER * 1000:.0f} ms"
    )
    for name in (name for name in found if name != "rows"):
        print(
            f"  {name:<40} {found[name] * 1000:6.1f}"
            f" ms{'   missed' if found[name] > AN_ANSWER else ''}"
        )


def _tick() -> float:
    """Seconds of a whole tick in which no series is outside."""
    end = int(time.time()) // STEP * STEP - STEP
    with (
        tempfile.TemporaryDirectory() as folder,
        PrometheusServer(Path(folder) / "prometheus").backfill(
            bench_tick.history(end)
        ) as prometheus,
    ):
        parts = bench_tick.scoring(prometheus.url, f"{folder}/store", end)
        seconds = [
            _timed(lambda: bench_tick.tick(parts, number))  # noqa: B023
            for number in range(1, bench_tick.TICKS + 1)
        ]
        parts.store.close()
    return float(np.median(seconds))


def _month(folder: Path) -> tuple[Store, IntArray]:
    """A store with the alarms of a month, all of them over."""
    store = Store.open(folder)
    rng = np.random.default_rng(1)
    labels = [
        Labels.of({"__name__": "m", "service": f"s{i // PER_SERVICE}", "instance": f"h{i}"})
        for i in range(SERIES)
    ]
    ids = np.array([record.id for record in store.series.register(WATCH.name, labels, 0)])
    count = round(SERIES * DAYS * RATE)
    starts = (NOW - rng.integers(7200, DAYS * DAY, count)) // STEP * STEP
    alarms = {
        (id, start): _alarm(id, start, start + STEP * length, open=False)
        for id, start, length in zip(
            rng.choice(ids, count).tolist(),
            starts.tolist(),
            rng.integers(0, 30, count).tolist(),
            strict=True,
        )
    }
    _write(store, ids[:0], NOW, list(alarms.values()))
    return store, ids


def _write(store: Store, ids: IntArray, at: int, changed: Sequence[Alarm]) -> None:
    value = np.random.default_rng(at).normal(size=(len(ids), 1))
    tick = Tick(
        WATCH.name,
        ids,
        np.array([at]),
        value,
        value,
        value - 1,
        value + 1,
        np.abs(value),
        np.ones(len(ids), np.int64),
    )
    store.write([tick], "q", (at, at), changed, groups([WATCH])[WATCH.name])


def _ticks(store: Store, ids: IntArray) -> dict[tuple[int, str], float]:
    """Seconds that incidents take of a tick, medians: followed in its transaction, then read for
    the board."""
    spent = list[float]()
    follow = store.incidents.follow

    def timed(connection: Connection, group: Group, changed: Sequence[Alarm]) -> int:
        began = time.thread_time()
        found = follow(connection, group, changed)
        spent.append(time.thread_time() - began)
        return found

    store.incidents.follow = timed  # type: ignore[method-assign]
    rng = np.random.default_rng(0)
    at = NOW + DAY
    found = dict[tuple[int, str], list[float]]()
    for count in ALERTING:
        for _ in range(RUNS):
            some = np.sort(rng.choice(ids, count, replace=False)).tolist()
            start = at
            for moment in MOMENTS:
                at += DAY if moment == "are over" else STEP
                last = at if moment in ("begin", "go on") else start + 2 * STEP
                changed = [_alarm(id, start, last, open=moment != "end") for id in some]
                _write(store, ids, at, changed if moment != "are over" else [])
                read = _timed(lambda: store.incidents.open(WATCH.name))
                found.setdefault((count, moment), []).append(spent.pop() + read)
    store.incidents.follow = follow  # type: ignore[method-assign]
    return {each: float(np.median(seconds)) for each, seconds in found.items()}


def _answers(store: Store) -> dict[str, float]:
    """The first of its kind, before its words are made, and those that follow."""
    registry = CollectorRegistry()
    client = create_app(
        WebContext(
            store=store,
            board=Board(),
            settings=WebSettings(),
            registry=registry,
            config_text=str,
            reload=lambda: None,
            readiness=lambda: None,
            metrics=Metrics(registry),
            watches=lambda: {WATCH.name: WATCH},
            clock=lambda: NOW,
        )
    ).test_client()
    client.get("/api/v1/series")
    url = f"/api/v1/incidents?from={(NOW - DAYS * DAY) * 1000}&to={NOW * 1000}"
    found = dict[str, float]()
    for name, asked in reversed(ASKED.items()):
        found[f"{name}, the first time"] = _timed(lambda: client.get(url + asked))  # noqa: B023
        again = [_timed(lambda: client.get(url + asked)) for _ in range(RUNS)]  # noqa: B023
        found[name] = float(np.median(again))
    return {"rows": len(client.get(url).get_json()), **found}


def _alarm(id: int, start: int, end: int, *, open: bool) -> Alarm:
    return Alarm(
        id, start, end, open, 3, end, 2 + (id % 50) / 10 + end / 1e12, 123.4, 100.1, 80.2, 120.3, 1
    )


def _timed(call: Callable[[], object]) -> float:
    began = time.thread_time()
    call()
    return time.thread_time() - began


if __name__ == "__main__":
    main()
