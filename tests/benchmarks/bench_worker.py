"""What one worker scores beside the single process on the same PostgreSQL, and that beside the
single process on SQLite: the same 10,000 series of a real Prometheus, tick by tick, in turn.

A minute of a worker has its publications, its looks at the leases, and its looks at the board.
"""

import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from plugin.series import Labels, Series
from tests.benchmarks.bench_databases import SERVER, Worker, worker
from tests.benchmarks.role_work import HISTORY, SINGLE, STEP, WATCH_SERIES, WATCHES, WORKER
from tests.postgres import PostgresServer
from tests.servers import PrometheusServer

SERIES = WATCHES * WATCH_SERIES
TICKS = 15
WARM_UP = 3
GOAL = 0.95
SCRIPT = Path(__file__).parent / "role_work.py"
NAMES = {
    "single": "one process, PostgreSQL",
    "worker": "one worker, PostgreSQL",
    "sqlite": "one process, SQLite",
}
WALL, BUSY, ALL = range(3)
# Seconds of a tick by the clock, and of the processor, and with what is fixed in each minute.
Minute = tuple[float, float, float]
Minutes = dict[str, list[Minute]]  # by who worked


def history(end: int) -> list[Series]:
    times = end - STEP * np.arange(HISTORY + TICKS + WARM_UP, dtype=np.int64)[::-1]
    rng = np.random.default_rng(0)
    return [
        Series(
            Labels.of({"__name__": "bench_gauge", "shard": str(shard), "instance": f"host-{row}"}),
            times,
            50 + 10 * np.sin(row) + rng.normal(size=len(times)),
        )
        for shard in range(WATCHES)
        for row in range(WATCH_SERIES)
    ]


def measure() -> tuple[Minutes, list[float]]:
    """Minutes in turn, and seconds of the processor that a worker spends between two ticks."""
    end = int(time.time()) // STEP * STEP - STEP
    first = str(end - STEP * (TICKS + WARM_UP))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = PrometheusServer(folder / "prometheus").backfill(history(end))
        url = stack.enter_context(server).url
        postgres = stack.enter_context(PostgresServer(settings=SERVER))
        workers: dict[str, Worker] = {}
        for name, role in (("single", SINGLE), ("worker", WORKER), ("sqlite", SINGLE)):
            place = postgres.new_database()
            database = () if name == "sqlite" else (place.url, place.password)
            arguments = (role, url, first, str(folder / name), *database)
            workers[name] = stack.enter_context(worker(SCRIPT, SCRIPT.parents[2], *arguments))
        return _minutes(workers)


def _minutes(workers: dict[str, Worker]) -> tuple[Minutes, list[float]]:
    found: Minutes = {name: [] for name in workers}
    rests = []
    for number in range(TICKS + WARM_UP):
        # Whoever is first would always find the processor in the same state.
        for name in list(workers)[:: 1 if number % 2 else -1]:
            wall, busy = workers[name].seconds("tick")
            rest = workers[name].seconds("rest")[BUSY]
            if number < WARM_UP:
                continue
            found[name].append((wall, busy, busy + rest))
            if name == "worker":
                rests.append(rest)
    return found, rests


def ratio(minutes: Minutes, name: str, other: str, which: int) -> float:
    """How much more `name` scores in a second than `other`: the ratio of the medians."""
    one, two = (
        statistics.median(minute[which] for minute in minutes[each]) for each in (name, other)
    )
    return two / one


def main() -> None:
    minutes, rests = measure()
    print(f"a tick of {SERIES:,} series in {WATCHES} watches, median of {TICKS} in turn")
    print(f"{'':<26}{'by the clock':>14}{'series a second':>18}{'processor':>12}")
    for name, title in NAMES.items():
        wall, busy = (
            statistics.median(minute[which] for minute in minutes[name]) for which in (WALL, BUSY)
        )
        print(f"{title:<26}{wall:>12.2f} s{SERIES / wall:>18,.0f}{busy:>10.2f} s")
    for title, names in (
        ("worker, times single", ("worker", "single")),
        ("PostgreSQL, times SQLite", ("single", "sqlite")),
    ):
        wall, busy, all_of_it = (ratio(minutes, *names, which) for which in (WALL, BUSY, ALL))
        goal = f"   goal >= {GOAL}" if names[0] == "worker" else ""
        print(f"{title:<26}{wall:>14.2f} by the clock{busy:>9.2f} by the processor{goal}")
        print(f"{'':<26}{all_of_it:>36.2f} with what is fixed in a minute")
    print(f"of a minute of a worker, leases and looks: {1000 * statistics.median(rests):.0f} ms")


if __name__ == "__main__":
    main()
