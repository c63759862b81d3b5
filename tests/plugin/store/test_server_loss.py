"""PostgreSQL dies, restarts, or is replaced by its standby while a writer is at work: the writer
goes on by itself, and all that was acknowledged is there, once."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pytest

from plugin.errors import StoreError
from plugin.series import IntArray, Labels
from plugin.store import Store
from plugin.store.postgresql_errors import LOST, READ_ONLY, RESTARTED, STARTING, UNREACHABLE
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import tick
from tests.postgres import PostgresServer, StandbyServer

STEP = 60
REMEDIES = (LOST, READ_ONLY, RESTARTED, STARTING, UNREACHABLE)
WAIT_SECONDS = 60  # for what takes a second or two


class Writer:
    """Writes ticks without end, as a watch does: one that failed is written again. Use as a context
    manager."""

    def __init__(self, store: Store) -> None:
        labels = [Labels.of({"instance": name}) for name in "abc"]
        self.store = store
        self.ids: IntArray = np.array([r.id for r in store.series.register("cpu", labels, 0)])
        self.acknowledged = 0  # time of the last tick
        self.refusals: list[str] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_for_more()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def wait_for_more(self) -> None:
        """Until further ticks have been acknowledged."""
        wanted = self.acknowledged + 5 * STEP
        deadline = time.monotonic() + WAIT_SECONDS
        while self.acknowledged < wanted:
            assert time.monotonic() < deadline and self._thread.is_alive(), self.refusals[-1:]
            time.sleep(0.01)

    def _run(self) -> None:
        while not self._stopped.is_set():
            due = self.acknowledged + STEP
            try:
                self.store.write([tick(self.ids, [due])], "q", (due, due))
            except StoreError as error:
                self.refusals.append(str(error))
                time.sleep(0.05)
            else:
                self.acknowledged = due

    def check(self) -> None:
        """Each tick that was acknowledged is there once; at most the last one may be there
        without."""
        found = self.store.samples.latest(self.ids, 10**6)
        wanted = list(range(STEP, self.acknowledged + STEP, STEP))
        for part in found:
            times = part.times.tolist()
            assert times in (wanted, [*wanted, self.acknowledged + STEP])
        for words in self.refusals:
            assert any(remedy in words for remedy in REMEDIES), words


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    """A server that may be killed: it syncs, as a real one does."""
    with PostgresServer(settings=("fsync=on", "full_page_writes=on")) as server:
        yield server


@pytest.fixture
def mortal_store(mortal: PostgresServer, tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path, server=mortal.new_database())
    yield store
    store.close()


def test_a_server_that_is_killed_while_writing(mortal: PostgresServer, mortal_store: Store) -> None:
    with Writer(mortal_store) as writer:
        for _ in range(3):
            mortal.stop(kill=True)
            seen = len(writer.refusals)
            while len(writer.refusals) < seen + 2:
                time.sleep(0.01)
            mortal.start()
            writer.wait_for_more()
    writer.check()
    assert any("check that the server runs" in words for words in writer.refusals)


def test_a_server_that_is_restarted(mortal: PostgresServer, mortal_store: Store) -> None:
    with Writer(mortal_store) as writer:
        mortal.stop()
        mortal.start()
        writer.wait_for_more()
    writer.check()
    assert writer.refusals


def test_a_restart_between_two_ticks_is_not_noticed(
    mortal: PostgresServer, mortal_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Writer(mortal_store) as writer:
        pass
    mortal.stop()
    mortal.start()
    # As if some time had passed.
    monkeypatch.setattr("plugin.store.postgresql_connections.PING_SECONDS", 0)
    due = writer.acknowledged + STEP
    mortal_store.write([tick(writer.ids, [due])], "q", (due, due))
    assert mortal_store.samples.scored_until("cpu") == due


def test_a_standby_is_refused_in_words(
    mortal: PostgresServer, mortal_store: Store, tmp_path: Path
) -> None:
    name = mortal_store._database.name.rsplit("/", 1)[1]
    with StandbyServer(primary=mortal) as standby:
        store = Store.open(tmp_path / "standby", server=standby.database(name))
        with pytest.raises(StoreError, match="it is read-only, as a standby is: name the primary"):
            store.series.register("cpu", [Labels.of({"instance": "a"})], 0)
        store.close()
        empty = standby.database("postgres")
        with pytest.raises(StoreError, match="it is read-only, as a standby is"):
            Store.open(tmp_path / "empty", server=empty)


def test_failover_to_a_promoted_standby(tmp_path: Path) -> None:
    """The primary acknowledges only what the standby has, so that nothing can be lost."""
    with ExitStack() as stack:
        primary = stack.enter_context(PostgresServer())
        standby = stack.enter_context(StandbyServer(primary=primary))
        name = primary.new_database().url.rsplit("/", 1)[1]
        standby.wait_for_all()
        url = (
            f"postgresql+psycopg://postgres@/{name}?host=127.0.0.1:{primary.port}"
            f"&host=127.0.0.1:{standby.port}&target_session_attrs=read-write"
        )
        store = Store.open(tmp_path, server=DatabaseServer(url, primary.password, pool_size=4))
        stack.callback(store.close)
        with Writer(store) as writer:
            primary.stop(kill=True)
            standby.promote()
            writer.wait_for_more()
        writer.check()
        assert writer.refusals
