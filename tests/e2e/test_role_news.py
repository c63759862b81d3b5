"""Over PostgreSQL, web replicas show what is published as soon as it is, and ask for little
otherwise."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import requests

from plugin.metrics import CollectorRegistry, Metrics
from plugin.roles import news
from plugin.scheduler import Scheduler
from plugin.store import Store
from plugin.store.news import Topic
from tests.e2e.replicas import WAIT_SECONDS, Replicas, wait_until
from tests.postgres import PostgresServer

PUBLICATIONS = 15
# Generous: this machine may be busy. Where a replica looks once a second, the median is 0.5 s.
MEDIAN_SECONDS = 0.3


@pytest.fixture
def replicas(
    tmp_path: Path, postgres: PostgresServer, postgres_template: str
) -> Iterator[Replicas]:
    server = postgres.new_database(postgres_template)
    with Replicas(tmp_path, server) as made:
        made.wait_until_heard()
        yield made
    postgres.drop(server)


def test_what_is_published_is_answered_at_once_and_alike(replicas: Replicas) -> None:
    seconds = [replicas.seconds_until_answered() for _ in range(PUBLICATIONS)]
    assert median(np.ravel(seconds)) < MEDIAN_SECONDS, seconds
    scored_until = replicas.publish()
    path = f"/api/v1/alert?by=series&to={scored_until * 1000}"
    answers = [
        requests.get(f"{replica.url}{path}", timeout=WAIT_SECONDS).content
        for replica in replicas.all
    ]
    assert answers[0] == answers[1] and b"host-99" in answers[0]


def test_a_replica_that_hears_asks_for_little(replicas: Replicas) -> None:
    replicas.seconds_until_answered()
    heard = replicas.transactions(8)
    replicas.all[0]._news.stop()
    replicas.all[0]._news._listening.is_heard = False
    followed = replicas.transactions(8)
    assert heard <= 4 < 12 <= followed


def test_a_replica_that_does_not_hear_follows_all_the_same(
    tmp_path: Path,
    postgres: PostgresServer,
    postgres_template: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(news.Store, "listener", lambda store: None)
    server = postgres.new_database(postgres_template)
    with Replicas(tmp_path, server, count=1) as made:
        assert max(made.seconds_until_answered()) < WAIT_SECONDS
        assert not made.all[0]._news._listening.is_heard
    postgres.drop(server)


def test_another_file_is_read_at_once(replicas: Replicas) -> None:
    """After a reload everything is read anew, though nothing was announced."""
    replica = replicas.all[0]
    replicas.seconds_until_answered()
    before = replica.board.snapshots()["cpu"]
    replica._swap(replica._config)
    wait_until(lambda: replica.board.snapshots()["cpu"] is not before)
    assert Topic.BOARD in replica._scheduler.names()


def test_orders_are_heard_at_once(
    tmp_path: Path, postgres: PostgresServer, postgres_template: str
) -> None:
    server = postgres.new_database(postgres_template)
    store = Store.open(tmp_path, server=server)
    metrics = Metrics(CollectorRegistry())
    scheduler = Scheduler(metrics)
    found: list[set[str]] = []

    def look() -> None:
        found.append(store.orders.waiting(["cpu"]))

    heard = news.News(store, metrics, scheduler, {Topic.ORDERS: look})
    heard.start()
    scheduler.start()
    wait_until(lambda: heard._listening.is_heard and len(found) >= 2)
    time.sleep(1.5)  # the runs of every second look no more
    count = len(found)
    store.orders.add("cpu", "{}", 0)
    wait_until(lambda: len(found) > count)
    assert found[count:] == [{"cpu"}] and not any(found[:count])
    heard.stop()
    scheduler.stop()
    store.close()
    postgres.drop(server)
