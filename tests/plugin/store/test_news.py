"""What is announced is heard once its transaction has committed, over a real PostgreSQL."""

from collections.abc import Callable, Iterator

import pytest

from plugin.domain.windows import Window
from plugin.errors import Fenced, StoreError
from plugin.store import Store
from plugin.store.leases import Fence, Lease
from plugin.store.news import Listener, Topic
from plugin.store.publications import Publication
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import POSTGRESQL_ONLY, SQLITE_ONLY
from tests.postgres import PostgresServer

PART = Publication({"time": 1})
WINDOW = Window("w", "work", "", (), "2026-11-21T02:00", 60)
END_LISTENERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    " AND datname = current_database()"
)


@pytest.fixture
def listener(store: Store) -> Iterator[Listener]:
    made = store.listener()
    assert made is not None
    made.open(tuple(Topic))
    yield made
    made.close()


@SQLITE_ONLY
def test_a_file_announces_nothing(store: Store) -> None:
    assert store.listener() is None
    assert store.publications.publish("noise", PART, 0) == 1


@POSTGRESQL_ONLY
@pytest.mark.parametrize(
    ("write", "topic"),
    [
        (lambda store: store.publications.publish("noise", PART, 0), Topic.BOARD),
        (lambda store: store.orders.add("cpu", "{}", 0), Topic.ORDERS),
        (lambda store: store.maintenance.put([WINDOW]), Topic.WINDOWS),
        (lambda store: store.maintenance.remove(["w"]), Topic.WINDOWS),
    ],
)
def test_a_write_is_heard(
    store: Store, listener: Listener, write: Callable[[Store], object], topic: Topic
) -> None:
    write(store)
    assert listener.heard(5) == {topic}
    assert listener.heard(0.1) == set()


@POSTGRESQL_ONLY
def test_what_is_not_written_is_not_heard(store: Store, listener: Listener) -> None:
    with pytest.raises(RuntimeError), store._database.writing() as connection:
        store._database.announce(connection, Topic.BOARD)
        raise RuntimeError
    store.leases.take(Lease("cpu", "", 0, 0), "another")
    with pytest.raises(Fenced):
        store.fenced(Fence("cpu", "one", 1)).publications.publish("noise", PART, 0)
    assert listener.heard(0.2) == set()


@POSTGRESQL_ONLY
def test_a_proof_is_heard_by_who_asked_for_it(store: Store, listener: Listener) -> None:
    other = store.listener()
    assert other is not None
    other.open([Topic.ORDERS])
    proof = other.proof()
    assert other.heard(5) == {proof}
    store.publications.publish("noise", PART, 0)
    assert other.heard(0.2) == set(), "it listens to orders alone"
    assert listener.heard(5) == {Topic.BOARD}
    other.close()


@POSTGRESQL_ONLY
def test_a_lost_connection_is_told_and_opened_anew(
    store: Store, listener: Listener, server: DatabaseServer, postgres: PostgresServer
) -> None:
    assert postgres.one(END_LISTENERS, server.url.rsplit("/", 1)[1]) == 1
    with pytest.raises(StoreError, match="stopped or restarted"):
        listener.heard(5)
    listener.open([Topic.BOARD])
    store.publications.publish("noise", PART, 0)
    assert listener.heard(5) == {Topic.BOARD}


@POSTGRESQL_ONLY
def test_listening_takes_no_connection_of_the_pool(store: Store, listener: Listener) -> None:
    assert store._database._engine.pool.checkedout() == 0  # type: ignore[attr-defined]
