"""What incidents cost at 10,000 series: in the transaction of a tick, and to be asked for over thirty days."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from plugin.alarms import Alarm
from plugin.board import Board
from plugin.config import Watch, Web
from plugin.incidents import groups
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import IntArray, Labels, Tick
from plugin.store import Store
from plugin.web import WebContext, create_app

SERIES, PER_SERVICE, DAYS = 10_000, 20, 30
RATE = 0.03  # alarms per series and day
STEP, NOW, DAY = 60, 1_795_219_200, 86_400
RUNS = 9
WATCH = Watch(name="fleet", query="m", group_by=("service",), unit="reqps")
ALERTING = (0, 1, 200, 2000)  # series outside at the same time
ASKED = {"all": "", "limit=200": "&limit=200", "one series": '&series=m{instance="h5",service="s0"}'}


def main() -> None:
    found = measure()
    print(f"writing a tick of {SERIES:,} series, no alarm   {found['write'] * 1000:8.1f} ms")
    for count in ALERTING:
        print(f"  of that, incidents with {count:>5,} series outside   {found[f'follow {count}'] * 1000:8.1f} ms")
    print(f"/api/v1/incidents over {DAYS} d, {found['rows']:,.0f} incidents   goal <= 100 ms")
    for name in ASKED:
        print(f"  {name:<42} {found[name] * 1000:8.1f} ms")


def measure() -> dict[str, float]:
    """Seconds, medians."""
    with tempfile.TemporaryDirectory() as folder:
        return {**_ticks(Path(folder) / "ticks"), **_answers(Path(folder) / "answers")}


def _open(folder: Path) -> tuple[Store, IntArray]:
    store = Store.open(folder)
    labels = [Labels.of({"__name__": "m", "service": f"s{i // PER_SERVICE}", "instance": f"h{i}"})
              for i in range(SERIES)]
    return store, np.array([record.id for record in store.register(WATCH.name, labels, 0)])


def _ticks(folder: Path) -> dict[str, float]:
    store, ids = _open(folder)
    spent, follow, group = list[float](), store.incidents.follow, groups([WATCH])[WATCH.name]

    def timed(*arguments: object) -> int:
        began = time.perf_counter()
        found = follow(*arguments)  # type: ignore[arg-type]
        spent.append(time.perf_counter() - began)
        return found

    store.incidents.follow = timed  # type: ignore[assignment, method-assign]
    rng, at, found = np.random.default_rng(0), NOW, dict[str, float]()
    for count in ALERTING:
        some, start, spent[:], writes = rng.choice(ids, count, replace=False).tolist(), at, [], []
        for _ in range(RUNS):
            changed = [_alarm(id, start, at, open=True) for id in some]
            value = rng.normal(size=(SERIES, 1))
            tick = Tick(WATCH.name, ids, np.array([at]), value, value, value - 1, value + 1, np.abs(value),
                        np.ones(SERIES, np.int64))
            writes.append(_timed(lambda: store.write([tick], "q", (at, at), changed, group)))  # noqa: B023
            at += STEP
        found[f"follow {count}"] = float(np.median(spent[1:]))  # the first one finds nothing in memory
        found.setdefault("write", float(np.median(writes)))
        at += 2 * DAY
    store.close()
    return found


def _answers(folder: Path) -> dict[str, float]:
    store, ids = _open(folder)
    rng = np.random.default_rng(1)
    count = round(SERIES * DAYS * RATE)
    starts = (NOW - rng.integers(7200, DAYS * DAY, count)) // STEP * STEP
    alarms = {(id, start): _alarm(id, start, start + STEP * length, open=False) for id, start, length in zip(
        rng.choice(ids, count).tolist(), starts.tolist(), rng.integers(0, 30, count).tolist(), strict=True)}
    nobody, nothing = np.empty(0, np.int64), np.empty((0, 1))
    tick = Tick(WATCH.name, nobody, np.array([NOW]), nothing, nothing, nothing, nothing, nothing, nobody)
    store.write([tick], "q", (NOW, NOW), list(alarms.values()), groups([WATCH])[WATCH.name])
    registry = CollectorRegistry()
    client = create_app(WebContext(
        store=store, board=Board(), settings=Web(), registry=registry, config_text=str, reload=lambda: None,
        readiness=lambda: None, metrics=Metrics(registry), watches=lambda: {WATCH.name: WATCH},
        clock=lambda: NOW)).test_client()
    url = f"/api/v1/incidents?from={(NOW - DAYS * DAY) * 1000}&to={NOW * 1000}"
    rows = len(client.get(url).get_json())  # and all words are made: they are kept
    found = {name: float(np.median([_timed(lambda: client.get(url + asked)) for _ in range(RUNS)]))  # noqa: B023
             for name, asked in ASKED.items()}
    store.close()
    return {"rows": rows, **found}


def _alarm(id: int, start: int, end: int, *, open: bool) -> Alarm:
    return Alarm(id, start, end, open, 3, end, 2 + (id % 50) / 10 + end / 1e12, 123.4, 100.1, 80.2, 120.3, 1)


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
