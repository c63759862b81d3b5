"""Web replicas at work over one PostgreSQL, in one process, and a store that publishes to them as a
worker does."""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import requests
from sqlalchemy import event

from plugin.cluster import board_parts
from plugin.config import Config, PrometheusSettings, StoreSettings, Watch, WebSettings
from plugin.roles.web_service import WebService
from plugin.series import Labels
from plugin.store import Store
from plugin.store.server import DatabaseServer
from tests.snapshots import snapshot

WATCH = Watch(name="cpu", query="up")
WAIT_SECONDS = 30  # for what takes a second at most
SERIES = 100


class Replicas:
    """Use as a context manager."""

    def __init__(self, folder: Path, server: DatabaseServer, count: int = 2) -> None:
        store = StoreSettings(path=str(folder), url=server.url, password=server.password)
        self._config = Config(
            prometheus=PrometheusSettings(url="http://127.0.0.1:9"),
            watches=(WATCH,),
            store=store,
            web=WebSettings(listen_address="127.0.0.1:0"),
        )
        self.worker = Store.of(store)
        labels = [Labels.of({"instance": f"host-{row}"}) for row in range(SERIES)]
        self._records = self.worker.series.register("cpu", labels, 0)
        self._start = int(time.time()) - 10_000
        self._published = 0
        self.all = [WebService(self._config) for _ in range(count)]

    def __enter__(self) -> Self:
        for replica in self.all:
            replica.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for replica in self.all:
            replica.stop()
        self.worker.close()

    def publish(self) -> int:
        """Scores that are a second newer than the last ones. Returns their time."""
        self._published += 1
        scored_until = self._start + self._published
        part = board_parts.encode(snapshot(WATCH, self._records, scored_until))
        self.worker.publications.publish(board_parts.SNAPSHOT + WATCH.name, part, int(time.time()))
        return scored_until

    def shown(self, replica: WebService) -> int:
        """The time of the scores that a replica answers with."""
        found = replica.board.snapshots().get(WATCH.name)
        return found.time if found is not None else 0

    def seconds_until_answered(self) -> list[float]:
        """From the commit of a publication until each replica has answered with it."""
        scored_until = self.publish()
        committed = time.monotonic()
        seconds = []
        for replica in self.all:
            wait_until(lambda replica=replica: self.shown(replica) == scored_until)
            scores = requests.get(f"{replica.url}/api/v1/scores", timeout=WAIT_SECONDS).json()
            assert {row["time"] for row in scores} == {scored_until * 1000}
            seconds.append(time.monotonic() - committed)
        return seconds

    def transactions(self, seconds: float) -> int:
        """Of the first replica, while nothing happens."""
        counted: list[object] = []
        count = counted.append
        engine = self.all[0].store._database._engine
        event.listen(engine, "begin", count)
        time.sleep(seconds)
        event.remove(engine, "begin", count)
        return len(counted)

    def wait_until_heard(self, is_heard: bool = True) -> None:
        for replica in self.all:
            wait_until(lambda replica=replica: replica._news._listening.is_heard is is_heard)


def wait_until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.001)
