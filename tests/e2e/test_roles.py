"""Workers and web replicas on one store, in one process and on clocks that tests set: whatever
becomes of a worker, what is stored and shown is what one process alone would have stored and
shown."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from plugin.cluster.orders import RemoteOrders
from plugin.components import Components
from plugin.config import StoreSettings
from plugin.domain.model_decisions import DecisionKind, Order, OrderKind
from plugin.errors import StoreError
from plugin.series import MAX_TIME
from tests.e2e.cluster import SERVICES, Cluster, client, everything, settle, stored, watches
from tests.e2e.world import INCIDENT, Clock, Threads, config, parts, process, watch
from tests.e2e.world import client as world_client
from tests.servers import PrometheusServer

BOTH_DATABASES = pytest.mark.parametrize("cluster", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def cluster(
    request: pytest.FixtureRequest,
    small_world: PrometheusServer,
    clock: Clock,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cluster]:
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)
    settings = config(folder, small_world.url, *watches())
    if getattr(request, "param", "sqlite") == "postgresql":
        server = request.getfixturevalue("postgres").new_database()
        store = StoreSettings(path=str(folder), url=server.url, password=server.password)
        settings = settings.model_copy(update={"store": store})
    made = Cluster(settings, clock)
    yield made
    made.close()


def test_a_night_with_lost_workers_equals_one_process(
    cluster: Cluster, small_world: PrometheusServer, tmp_path: Path
) -> None:
    start, lost, added, end = 50, 65, 85, 110  # minutes; the incident is from 60 to 90
    cluster.clock.steps(start)
    alive = [cluster.worker() for _ in range(3)]
    left, right = cluster.replica(), cluster.replica()
    settle(cluster, *alive)
    held = [set(made._parts.watches) for made in alive]
    assert set().union(*held) == set(SERVICES) and sum(map(len, held)) == len(SERVICES)
    answers = []
    for minute in range(start + 1, end):
        if minute == lost:
            alive.remove(next(made for made in alive if "shop" in made._parts.watches))
        if minute == lost + 1:
            settle(cluster, *alive)
        if minute == added:
            alive.append(cluster.worker())
            settle(cluster, *alive)
        cluster.tick(*alive)
        path = f"/api/v1/alert?by=series&to={int(cluster.clock() * 1000)}"
        bodies = [client(replica).get(path).data for replica in (left, right)]
        assert bodies[0] == bodies[1]
        answers.append(json.loads(bodies[minute % 2]))

    alone = Clock()
    alone.steps(start)
    with process(config(tmp_path / "alone", small_world.url, *watches()), alone) as made:
        for minute, answer in enumerate(answers, start + 1):
            alone.steps(1)
            assert all([jobs.score.run() for jobs in made.watches.values()])
            path = f"/api/v1/alert?by=series&to={int(alone() * 1000)}"
            if minute != lost:
                assert answer == world_client(made, alone).get(path).json, minute
            else:
                assert [row["series"] for row in answer] == [row["series"] for row in answers[-1]]
        wanted = stored(made.store)
    found = stored(left.store)
    assert wanted["incidents"] and found["incidents"] == wanted["incidents"]
    assert wanted["alarms"] and found["alarms"] == wanted["alarms"]
    assert json.dumps(found["rows"]) == json.dumps(wanted["rows"])
    high = [
        minute
        for minute, answer in enumerate(answers, start + 1)
        if any(row["watch"] == "shop" and row["score"] > 1 for row in answer)
    ]
    assert high == list(range(high[0], high[-1] + 1)), "one alarm, no flap"
    assert INCIDENT.start <= high[0] < lost < added < high[-1]


@BOTH_DATABASES
def test_a_worker_that_was_asleep_writes_nothing_and_publishes_nothing(cluster: Cluster) -> None:
    one, two = cluster.worker(), cluster.worker()
    settle(cluster, one, two)
    cluster.tick(one, two)
    jobs = dict(one._parts.watches)
    assert jobs
    settle(cluster, two)  # `one` is asleep
    assert set(two._parts.watches) == set(SERVICES)
    cluster.tick(two)
    before = everything(two.store)
    cluster.clock.steps(1)
    for each in jobs.values():  # it wakes, and goes on where it was
        assert not each.score.run()
        assert each.score.scorer is not None and each.score.scorer.until < cluster.clock()
    one._parts.board.publish(
        replace(one.board.snapshots()[next(iter(jobs))], time=int(cluster.clock()))
    )
    one._publisher.run()
    assert everything(two.store) == before
    fenced = one._parts.metrics.fenced_writes
    assert sum(fenced.labels(name)._value.get() for name in jobs) >= len(jobs)
    assert one.board.snapshots().keys() == jobs.keys(), "it does not know it yet"
    cluster.look(one)
    assert not one._parts.watches and not one.board.snapshots()


@BOTH_DATABASES
def test_changes_through_a_replica_reach_the_worker(cluster: Cluster) -> None:
    one, two = cluster.worker(), cluster.worker()
    settle(cluster, one, two)
    replica = cluster.replica()
    cluster.tick(one, two)
    asker = client(replica)

    def working() -> None:
        for made in (one, two):
            made._orders.run()
            made._parts.maintenance.follow()

    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(asker.post, "/api/v1/models/pin", json={"watch": "shop", "by": "ada"})
        while not asked.done():
            working()
    assert asked.result().status_code == 200, asked.result().text
    [row] = asked.result().json
    assert row["done"] and row["why"] == "is pinned now" and row["watch"] == "shop"
    [holder] = [made for made in (one, two) if "shop" in made._parts.watches]
    [champion] = holder._parts.watches["shop"].fit._registry.champions().values()
    assert champion.pinned
    assert [row["what"] for row in asker.get("/api/v1/decisions?watch=shop").json][-1:] == [
        "pinned"
    ]

    added = asker.post(
        "/api/v1/maintenance", json={"name": "disk", "watch": "shop", "duration": "1h"}
    )
    assert added.status_code in (200, 201), added.text
    working()
    cluster.tick(one, two)
    states = {row["watch"]: row["state"] for row in client(replica).get("/api/v1/scores").json}
    assert states["shop"] == "maintenance" and states["quiet"] == "ok"


def test_an_order_that_no_worker_takes_is_withdrawn(cluster: Cluster) -> None:
    one = cluster.worker()
    settle(cluster, one)
    replica = cluster.replica()
    cluster.tick(one)
    [record] = replica.store.series.of("shop")
    orders = RemoteOrders(replica.store, cluster.clock, wait_seconds=0.0)
    [result] = orders.execute(Order(OrderKind.PIN, (record,), "ada"))
    assert not result.done and "withdrawn" in result.why
    one._orders.run()
    assert not replica.store.decisions.between(
        0, MAX_TIME, [record.id], decision_kind=DecisionKind.PINNED
    )


def test_a_replica_that_starts_later_answers_the_same(cluster: Cluster) -> None:
    one = cluster.worker()
    settle(cluster, one)
    first = cluster.replica()
    cluster.tick(one)
    one._parts.budget.run()
    one._publisher.run()
    moment = int(cluster.clock() * 1000)
    paths = [
        f"/api/v1/alert?by={by}&to={moment}" for by in ("series", "watch", "incident", "service")
    ] + [
        "/api/v1/scores",
        "/api/v1/watches",
        "/api/v1/budget",
        f"/api/v1/bands?watch=shop&from={moment - 3_600_000}&to={moment}",
        "/api/v1/forecast?watch=shop",
    ]
    first._follower.run()
    wanted = [client(first).get(path) for path in paths]
    assert {answer.status_code for answer in wanted} == {200}
    cluster.tick(one)  # what is asked with `to` stays
    second = cluster.replica()
    later = [client(second).get(path).data for path in paths[:4]]
    assert later == [answer.data for answer in wanted[:4]]
    assert json.loads(later[0]) and json.loads(later[1])
    for path in paths[4:]:
        assert client(first).get(path).data == client(second).get(path).data, path


def test_replicas_answer_while_the_store_cannot_be_read(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cluster.worker()
    settle(cluster, one)
    replica = cluster.replica()
    cluster.tick(one)

    def fail(*_: object) -> None:
        raise StoreError("the database is down")

    monkeypatch.setattr(replica.store.publications, "pin", fail)
    monkeypatch.setattr(replica.store.publications, "versions", fail)
    replica._follower.run()
    path = f"/api/v1/alert?by=series&to={int(cluster.clock() * 1000)}"
    assert len(client(replica).get(path).json) == 4
    failures = replica._metrics.publication_failures
    assert failures.labels("pin")._value.get() == failures.labels("follow")._value.get() == 1


def test_a_worker_has_no_pages_and_shows_its_scores_once(cluster: Cluster) -> None:
    one = cluster.worker()
    settle(cluster, one)
    replica = cluster.replica()
    cluster.tick(one)
    asker = one._application().test_client()  # type: ignore[attr-defined]
    assert asker.get("/-/healthy").status_code == asker.get("/-/ready").status_code == 200
    assert asker.get("/api/v1/scores").status_code == asker.get("/").status_code == 404
    assert b"bandwatch_anomaly_score{" in asker.get("/metrics").data
    assert b"bandwatch_leases_held 7.0" in asker.get("/metrics").data
    of_replica = client(replica).get("/metrics").data
    assert b"bandwatch_board_followed_timestamp_seconds" in of_replica
    assert b'watch="shop"' not in of_replica, "else a watch would alert once for each replica"
    assert replica.readiness() is None


def test_one_store_is_for_one_process_alone_or_for_many(cluster: Cluster) -> None:
    cluster.worker()
    cluster.replica()
    with pytest.raises(StoreError, match="another bandwatch is at work on this store"):
        Components(cluster.settings, clock=cluster.clock)
    for made in (*cluster.workers, *cluster.replicas):
        made.stop()
    cluster.workers.clear()
    cluster.replicas.clear()
    with parts(cluster.settings, cluster.clock):
        with pytest.raises(StoreError, match="at work on its own on this store"):
            cluster.worker()


def test_a_reload_takes_a_watch_away_and_adds_one(cluster: Cluster) -> None:
    one, two = cluster.worker(), cluster.worker()
    settle(cluster, one, two)
    replica = cluster.replica()
    cluster.tick(one, two)
    kept = [each for each in watches() if each.name != "gone"]
    added = watch(name="more", query='last_over_time(latency_ms{service="gone"}[59s])')
    settings = cluster.settings.model_copy(update={"watches": (*kept, added)})
    for made in (one, two, replica):
        made._swap(settings)
    settle(cluster, one, two)
    cluster.tick(one, two)
    names = {"shop", "holes", "quiet", "more"}
    assert set(one._parts.watches) | set(two._parts.watches) == names
    assert set(replica.board.snapshots()) == names
    assert one.store.leases.all()["gone"].holder == ""
