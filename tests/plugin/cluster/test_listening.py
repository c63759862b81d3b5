"""What is announced is looked for at once; where nothing can be heard, again and again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plugin.cluster import listening
from plugin.cluster.listening import Listening
from plugin.cluster.lookout import LOOK_SECONDS, Lookout
from plugin.metrics import CollectorRegistry, Metrics
from plugin.store import Store
from plugin.store.news import Topic
from plugin.store.publications import Publication
from plugin.store.server import DatabaseServer
from tests.deaf_pooler import DeafPooler
from tests.e2e.replicas import wait_until
from tests.postgres import PostgresServer

UNENCRYPTED = "?sslmode=disable&gssencmode=disable"


class Watcher:
    """Looks on a clock that tests set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.is_heard = True
        self.answer: bool | None = None
        self.looks: list[float] = []
        self.lookout = Lookout(self._look, lambda: self.is_heard, lambda: self.now)

    def _look(self) -> bool | None:
        self.looks.append(self.now)
        return self.answer

    def seconds(self, count: int) -> list[float]:
        """So many go by, with a run in each. Returns when it looked."""
        self.looks = []
        for _ in range(count):
            self.lookout.run()
            self.now += 1
        return self.looks


def test_it_looks_every_second_where_nothing_is_heard() -> None:
    watcher = Watcher()
    watcher.is_heard = False
    assert watcher.seconds(4) == [0, 1, 2, 3]


def test_it_looks_seldom_where_all_is_heard_and_at_once_when_it_is_woken() -> None:
    watcher = Watcher()
    assert watcher.seconds(25) == [0, LOOK_SECONDS, 2 * LOOK_SECONDS]
    watcher.lookout.wake()
    assert watcher.seconds(2) == [25]
    watcher.is_heard = False
    assert watcher.seconds(2) == [27, 28]


def test_a_look_that_failed_is_due_again() -> None:
    watcher = Watcher()
    watcher.answer = False
    assert watcher.seconds(3) == [0, 1, 2]
    watcher.answer = True
    assert watcher.seconds(3) == [3]


class Hearer:
    """A store whose news are counted by topic."""

    def __init__(self, folder: Path, server: DatabaseServer) -> None:
        self.store = Store.open(folder, server=server)
        self.metrics = Metrics(CollectorRegistry())
        self.woken = {Topic.BOARD: 0, Topic.ORDERS: 0}
        self.listening = Listening(
            self.store.listener(),
            self.metrics,
            {topic: lambda topic=topic: self._count(topic) for topic in self.woken},
        )
        self.listening.start()

    def _count(self, topic: Topic) -> None:
        self.woken[topic] += 1

    def publish(self) -> None:
        self.store.publications.publish("noise", Publication({}), 0)

    def failures(self, reason: str) -> float:
        return float(self.metrics.listen_failures.labels(reason)._value.get())

    def close(self) -> None:
        self.listening.stop()
        self.store.close()


@pytest.fixture
def server(postgres: PostgresServer, postgres_template: str) -> Iterator[DatabaseServer]:
    made = postgres.new_database(postgres_template)
    yield made
    postgres.drop(made)


@pytest.fixture
def hearer(
    tmp_path: Path, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hearer]:
    monkeypatch.setattr(listening, "RETRY_SECONDS", 0.1)
    made = Hearer(tmp_path, server)
    wait_until(lambda: made.listening.is_heard)
    yield made
    made.close()


def test_who_looks_for_a_topic_is_woken(hearer: Hearer) -> None:
    wait_until(lambda: hearer.woken == {Topic.BOARD: 1, Topic.ORDERS: 1})  # what came before
    hearer.publish()
    wait_until(lambda: hearer.woken == {Topic.BOARD: 2, Topic.ORDERS: 1})
    assert hearer.metrics.listening._value.get() == 1


def test_after_a_loss_it_listens_again_and_all_are_woken(
    hearer: Hearer,
    server: DatabaseServer,
    postgres: PostgresServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wait_until(lambda: hearer.woken[Topic.ORDERS] == 1)
    caplog.set_level("INFO")
    postgres.execute(f"ALTER DATABASE {server.url.rsplit('/', 1)[1]} ALLOW_CONNECTIONS false")
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^LISTEN'"
    )
    wait_until(lambda: hearer.failures("lost") >= 2)
    assert not hearer.listening.is_heard and hearer.metrics.listening._value.get() == 0
    postgres.execute(f"ALTER DATABASE {server.url.rsplit('/', 1)[1]} ALLOW_CONNECTIONS true")
    wait_until(lambda: hearer.woken[Topic.ORDERS] == 2)  # just after it is heard again
    assert hearer.listening.is_heard
    told = [record.message for record in caplog.records if record.name == listening.log.name]
    assert told == ["announcements are not heard", "announcements are heard again"]


def test_a_pooler_that_carries_no_announcements_is_told_once(
    tmp_path: Path,
    server: DatabaseServer,
    postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(listening, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(listening, "CARRY_SECONDS", 0.1)
    monkeypatch.setattr(listening, "WAIT_SECONDS", 0.1)
    with DeafPooler(postgres.port) as pooler:
        url = server.url.replace(f":{postgres.port}/", f":{pooler.port}/") + UNENCRYPTED
        hearer = Hearer(tmp_path, replace(server, url=url))
        wait_until(lambda: hearer.failures("silent") >= 2)
        assert pooler.dropped >= 2 and not hearer.listening.is_heard
        assert hearer.metrics.listening._value.get() == 0 == hearer.failures("lost")
        hearer.close()
    [record] = [record for record in caplog.records if "announcements" in record.message]
    assert "set pool_mode=session" in record.err  # type: ignore[attr-defined]
    assert hearer.woken == {Topic.BOARD: 0, Topic.ORDERS: 0}


def test_silence_is_proved_now_and_then(hearer: Hearer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection looks fine, and nothing comes over it any more."""
    listener = hearer.listening._listener
    assert listener is not None
    monkeypatch.setattr(listening, "PROOF_SECONDS", 0.2)
    monkeypatch.setattr(listening, "CARRY_SECONDS", 0.2)
    monkeypatch.setattr(listener, "heard", lambda seconds: set())
    wait_until(lambda: hearer.failures("silent") >= 1)
    monkeypatch.undo()
    wait_until(lambda: hearer.listening.is_heard)


def test_without_a_listener_nothing_is_started(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    metrics = Metrics(CollectorRegistry())
    alone = Listening(store.listener(), metrics, {})
    alone.start()
    assert not alone._thread.is_alive() and not alone.is_heard
    alone.stop()
    store.close()
