"""The store on PostgreSQL beside that on SQLite, as ratios of the same work done in turn.

`BANDWATCH_BEFORE=folder` names another version of the source: then SQLite is compared with that
one, too, by the seconds of the processor, which a busy machine changes least. PostgreSQL syncs each
commit, as it does by default; SQLite syncs its log now and then.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.postgres import PostgresServer

ROUNDS = 3
TICKS = 24  # of a round: what the fold after it takes
REQUESTS = 40  # of a round, of each kind
WORK = Path(__file__).parent / "store_work.py"
NAMES = {
    "tick": "a tick of 10,000 series",
    "bands": "/bands, 6 h of a series",
    "bands_unread": "  the same, not in memory",
    "fold": "fold of 240,000 rows",
}
SERVER = (  # as in service
    "fsync=on",
    "full_page_writes=on",
    "shared_buffers=128MB",
    "autovacuum_naptime=1min",
)
WALL, BUSY = 0, 1
Seconds = list[tuple[float, float]]  # by the clock, and of the processor
Found = dict[str, dict[str, Seconds]]


class Worker:
    """One store in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._answer()

    def seconds(self, work: str) -> tuple[float, float]:
        """By the clock, and of the processor."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{work}\n")
        self._process.stdin.flush()
        wall, busy = self._answer().split()
        return float(wall), float(busy)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def worker(script: Path, source: Path, *arguments: str) -> Iterator[Worker]:
    """Over the source in a folder."""
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
        cwd=source,
    )
    with process:
        yield Worker(process)
        assert process.stdin is not None
        process.stdin.close()


def measure() -> Found:
    """Seconds of each piece of work, by who did it."""
    here = Path(__file__).parents[2]
    before = os.environ.get("BANDWATCH_BEFORE")
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer(settings=SERVER)).new_database()
        folders = [stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(3)]
        workers = {
            "sqlite": stack.enter_context(worker(WORK, here, folders[0])),
            "postgresql": stack.enter_context(
                worker(WORK, here, folders[1], server.url, server.password)
            ),
        }
        if before:
            workers["before"] = stack.enter_context(worker(WORK, Path(before), folders[2]))
        found: Found = {work: {name: [] for name in workers} for work in NAMES}
        for number in range(ROUNDS):
            for work, count in _round():
                for turn in range(count):
                    # Whoever is first would always find the processor in the same state.
                    names = list(workers)[:: 1 if turn % 2 else -1]
                    for name in names:
                        seconds = workers[name].seconds(work)
                        if number:  # the first round warms up
                            found[work][name].append(seconds)
        return found


def _round() -> list[tuple[str, int]]:
    return [("tick", TICKS), ("bands", REQUESTS), ("bands_unread", REQUESTS), ("fold", 1)]


def main() -> None:
    goals = {"tick": 2.0, "bands": 1.5}
    print(f"{'':<28}{'SQLite':>11}{'PostgreSQL':>13}{'ratio':>8}   (medians)")
    found = measure()
    for work, seconds in found.items():
        sqlite, postgres = (
            statistics.median(wall for wall, _ in seconds[name])
            for name in ("sqlite", "postgresql")
        )
        goal = f"   goal <= {goals[work]}" if work in goals else ""
        ratio = _ratio(seconds["postgresql"], seconds["sqlite"], WALL)
        print(
            f"{NAMES[work]:<28}{sqlite * 1e3:>8.1f} ms{postgres * 1e3:>10.1f} ms{ratio:>8.2f}{goal}"
        )
    if "before" in found["tick"]:
        print("processor: SQLite now, over the version before (goal <= 1.05)")
        for work, seconds in found.items():
            print(f"{NAMES[work]:<28}{_ratio(seconds['sqlite'], seconds['before'], BUSY):>8.2f}")


def _median(seconds: Seconds) -> float:
    return statistics.median(wall for wall, _ in seconds)


def _ratio(one: Seconds, other: Seconds, which: int) -> float:
    """The median of pairs that were measured one after the other."""
    return statistics.median(a[which] / b[which] for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    main()
