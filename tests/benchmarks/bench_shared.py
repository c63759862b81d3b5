"""What a series costs the database that workers share: seconds in which it lets nobody else write,
and bytes. A real PostgreSQL that writes to disk before it answers."""

import tempfile
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import psycopg

from plugin.cluster.board_parts import encode
from plugin.config import StoreSettings
from plugin.series import IntArray, Labels, SeriesRecord, SeriesState, Tick
from plugin.store import Store
from plugin.store.publications import Publication
from tests.postgres import PostgresServer
from tests.snapshots import snapshot

SERIES = 10_000
TICKS = 15
STEP = 60
HOUR = 3_600
FOLDED_SERIES = 1_000
FOLDED_ROWS = 6 * HOUR // STEP  # of each: one slice
KEPT_ROWS = 64  # of each, that are too young
BAND = ("value", "expected", "lower", "upper", "score")
SERVER = ("fsync=on", "full_page_writes=on", "shared_buffers=256MB")


class _Shared:
    """A store of one watch on a PostgreSQL of its own."""

    def __init__(self, server: PostgresServer, folder: str) -> None:
        database = server.new_database()
        self._log = psycopg.connect(
            database.url.replace("+psycopg", ""), password=database.password, autocommit=True
        )
        settings = StoreSettings(path=folder, url=database.url, password=database.password)
        self.store = Store.of(settings)
        self.ids = self._register("cpu", SERIES)
        self._random = np.random.default_rng(0)

    def _register(self, watch: str, count: int) -> list[int]:
        labels = [Labels.of({"instance": f"host-{row}"}) for row in range(count)]
        return [record.id for record in self.store.series.register(watch, labels, 0)]

    def tick(self, number: int) -> Tick:
        return self._tick("cpu", self.ids, np.array([number * STEP], np.int64))

    def old_tick(self) -> Tick:
        """A slice of some other series, and the rows after it."""
        ids = self._register("old", FOLDED_SERIES)
        return self._tick("old", ids, STEP * np.arange(FOLDED_ROWS + KEPT_ROWS, dtype=np.int64))

    def _tick(self, watch: str, ids: list[int], times: IntArray) -> Tick:
        columns = np.round(self._random.normal(size=(5, len(ids), len(times))), 4)
        return Tick(watch, np.array(ids, np.int64), times, *columns, np.ones(len(ids), np.int64))

    def board(self) -> Publication:
        """What a worker publishes after a tick."""
        records = [SeriesRecord(one, "cpu", Labels(()), SeriesState.OK, 0, 0) for one in self.ids]
        columns = dict(zip(BAND, self._random.normal(size=(len(BAND), SERIES)), strict=True))
        return encode(snapshot("cpu", records, 0, **columns))

    def analyze(self) -> None:
        """As the server does by itself, now and then."""
        self._log.execute("ANALYZE")

    def cost(self, work: Callable[[], object]) -> tuple[float, float]:
        """Seconds of some work, and the bytes that the server logs for it."""
        start, began = self._position(), time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        return seconds, self._position() - start

    def _position(self) -> float:
        row = self._log.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
        assert row is not None
        return float(row[0])

    def close(self) -> None:
        self._log.close()
        self.store.close()


def measure(folder: str, ticks: int = TICKS) -> dict[str, float]:
    """By the name of a unit cost; see `main` for what each is. Seconds are those of the quickest
    time: other work of the machine only makes them longer."""
    with PostgresServer(settings=SERVER) as server:
        shared = _Shared(server, folder)
        rows = [
            shared.cost(partial(shared.store.write, [shared.tick(number)], "q", None))
            for number in range(1, ticks + 1)
        ]
        board = partial(shared.store.publications.publish, "watch/cpu", shared.board(), 0)
        boards = [shared.cost(board) for _ in range(ticks)]
        shared.store.write([shared.old_tick()], "q", None)
        shared.analyze()
        fold = shared.cost(partial(shared.store.fold, 9 * HOUR))
        folded = shared.store.sizes().block_rows
        shared.close()
    assert folded == FOLDED_SERIES * FOLDED_ROWS
    found = {}
    for name, costs, count in (
        ("row", rows, SERIES),
        ("board", boards, SERIES),
        ("fold", [fold], folded),
    ):
        found[f"{name}_seconds"] = min(seconds for seconds, _ in costs) / count
        found[f"{name}_bytes"] = float(np.median([logged for _, logged in costs])) / count
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = measure(folder)
    words = {
        "row": "to write a sample with its band",
        "board": "to publish a series",
        "fold": "to move a sample into its block",
    }
    for name, text in words.items():
        seconds, logged = found[f"{name}_seconds"], found[f"{name}_bytes"]
        print(f"{text:<40}{seconds * 1e6:8.2f} µs{logged:8.1f} bytes of the server's log")
