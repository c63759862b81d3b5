"""One night on everything that can be apart: three workers, two web replicas, PostgreSQL, weights
in an object store, fits on a Ray cluster of two nodes. Each of them fails once, and what is stored
and shown is what one process alone would have stored and shown."""

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugin.components import Components
from plugin.config import Config, ExecutorSettings, StoreSettings
from plugin.jobs.executors.ray_executor import RayExecutor
from plugin.roles.worker_service import WorkerService
from plugin.store import object_weights
from tests.e2e.cluster import Cluster, client, everything, settle, stored, watches
from tests.e2e.waiting_fits import FOLDER, drive_waiting_fits
from tests.e2e.world import INCIDENT, Clock, Threads, config, process
from tests.e2e.world import client as world_client
from tests.object_store import S3Server
from tests.plugin.jobs.executors.cluster import ray_cluster
from tests.postgres import PostgresServer
from tests.servers import PrometheusServer

# Minutes after the start of the world; the incident is from 60 to 90.
START = 50
NODE_LOST = 54  # of Ray, in the middle of a fit
KILLED = 64  # a worker
OBJECTS_AWAY = range(67, 71)  # nobody reaches the weights; a fit is tried at 68 and at 72
FIT_FAILS, FIT_WORKS = 68, 72
RESTARTED = 74  # PostgreSQL
REPLICA_KILLED = 77
FROZEN, THAWED = 79, 83  # a worker
ADDED = 86  # a fourth worker
END = 105
NODES_SECONDS = 60  # until fits wait on both nodes
UNSEEN = (KILLED, RESTARTED)  # answers of these minutes may be a minute old


@pytest.fixture
def postgres_of_night() -> Iterator[PostgresServer]:
    """One that may be restarted."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    monkeypatch.setattr(object_weights, "RETRY_SECONDS", 0.01)
    with S3Server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        server.make_bucket("models")
        yield server


@pytest.fixture
def ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes on which a fit waits for a file where the folder has a file `wait`."""
    folder = tmp_path / "fits"
    folder.mkdir()
    monkeypatch.setenv(FOLDER, str(folder))
    with ray_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(
    small_world: PrometheusServer,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    postgres_of_night: PostgresServer,
    objects: S3Server,
    ray: Any,
) -> Iterator[Cluster]:
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)
    monkeypatch.setattr(
        "plugin.components.RayExecutor", partial(RayExecutor, drive=drive_waiting_fits)
    )
    server = postgres_of_night.new_database()
    store = StoreSettings(
        path=str(tmp_path / "data"),
        url=server.url,
        password=server.password,
        weights="s3://models/night",
    )
    executor = ExecutorSettings(kind="ray", address=ray.address, fits=2, fallback="none")
    settings = config(tmp_path / "data", small_world.url, *watches())
    made = Cluster(settings.model_copy(update={"store": store, "executor": executor}), clock)
    yield made
    made.close()


class Night:
    """What happens, minute by minute."""

    def __init__(
        self, cluster: Cluster, postgres: PostgresServer, objects: S3Server, ray: Any, folder: Path
    ) -> None:
        self.cluster = cluster
        self.postgres = postgres
        self.objects = objects
        self.ray = ray
        self.folder = folder
        self.alive = [cluster.worker() for _ in range(3)]
        self.replicas = [cluster.replica(), cluster.replica()]
        self.frozen: WorkerService | None = None
        settle(cluster, *self.alive)

    def before(self, minute: int) -> None:
        """What happens before the tick of this minute."""
        if minute == KILLED:
            self.alive.remove(self.holder("shop"))
        if minute == KILLED + 1:
            settle(self.cluster, *self.alive)
        if minute == OBJECTS_AWAY.start:
            self.objects.stop()
        if minute == OBJECTS_AWAY.stop:
            self.objects.start()
        if minute == RESTARTED:
            self.postgres.stop()
        if minute == REPLICA_KILLED:
            self.cluster.replicas.remove(self.replicas[0])
            self.replicas.pop(0).stop()
        if minute == FROZEN:
            self.frozen = self.holder("shop")
            self.alive.remove(self.frozen)
            settle(self.cluster, *self.alive)
        if minute == ADDED:
            self.alive.append(self.cluster.worker())
            settle(self.cluster, *self.alive)

    def after(self, minute: int) -> None:
        """What happens after it."""
        if minute == NODE_LOST:
            self.fit_while_a_node_is_lost()
        if minute == FIT_FAILS:
            assert self.fit() == 0
            assert self.failures("store") > 0
        if minute == FIT_WORKS:
            assert self.fit() == 4
        if minute == RESTARTED:
            self.postgres.start()
        if minute == THAWED:
            self.thaw()

    def holder(self, name: str) -> WorkerService:
        return next(made for made in self.alive if name in made._parts.watches)

    def fit(self) -> int:
        """How many of the four series got a new model."""
        jobs = [jobs for made in self.alive for jobs in made._parts.watches.values()]
        return sum(each.fit.run(everyone=True) for each in jobs)

    def failures(self, reason: str) -> float:
        return sum(
            made._parts.metrics.fit_failures.labels(name, reason)._value.get()
            for made in self.alive
            for name in made._parts.watches
        )

    def fit_while_a_node_is_lost(self) -> None:
        """Two workers fit at once, one on each node."""
        (self.folder / "wait").touch()
        jobs = list(self.holder("shop")._parts.watches.values())
        others = [
            each
            for made in self.alive
            for name, each in made._parts.watches.items()
            if name not in self.holder("shop")._parts.watches
        ]
        counts: list[int] = []

        def run(some: list[Any]) -> None:
            counts.extend(each.fit.run(everyone=True) for each in some)

        threads = [threading.Thread(target=run, args=(some,)) for some in (jobs, others)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + NODES_SECONDS
        while len(self.nodes()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        node = self.ray.list_all_nodes()[1]
        assert node.node_id in self.nodes()
        self.ray.remove_node(node, allow_graceful=False)
        (self.folder / "wait").unlink()
        for thread in threads:
            thread.join()
        assert sum(counts) == 4

    def nodes(self) -> set[str]:
        """Those on which fits wait."""
        return {path.name.split("-")[0] for path in self.folder.iterdir() if "-" in path.name}

    def thaw(self) -> None:
        """The worker that was asleep goes on where it was: it changes nothing."""
        assert self.frozen is not None
        before = everything(self.replicas[0].store)
        for jobs in self.frozen._parts.watches.values():
            assert not jobs.score.run()
        self.frozen._publisher.run()
        assert everything(self.replicas[0].store) == before
        self.alive.append(self.frozen)
        settle(self.cluster, *self.alive)

    def answer(self, minute: int) -> list[dict[str, Any]]:
        """What the alert rule reads, of one replica after the other."""
        path = f"/api/v1/alert?by=series&to={int(self.cluster.clock() * 1000)}"
        bodies = [client(replica).get(path).data for replica in self.replicas]
        assert len(set(bodies)) == 1
        rows: list[dict[str, Any]] = json.loads(bodies[minute % len(bodies)])
        return rows


def test_a_night_on_all_of_it_equals_one_process(
    cluster: Cluster,
    small_world: PrometheusServer,
    postgres_of_night: PostgresServer,
    objects: S3Server,
    ray: Any,
    tmp_path: Path,
) -> None:
    cluster.clock.steps(START)
    night = Night(cluster, postgres_of_night, objects, ray, tmp_path / "fits")
    answers = {}
    for minute in range(START + 1, END):
        night.before(minute)
        cluster.tick(*night.alive)
        answers[minute] = night.answer(minute)
        night.after(minute)
    with process(_alone(cluster.settings, tmp_path), alone := Clock()) as made:
        alone.steps(START)
        for minute in answers:
            _tick_alone(made, alone, minute)
            path = f"/api/v1/alert?by=series&to={int(alone() * 1000)}"
            if minute not in UNSEEN:
                assert answers[minute] == world_client(made, alone).get(path).json, minute
        wanted = stored(made.store)
    found = stored(night.replicas[0].store)
    assert wanted["incidents"] and found["incidents"] == wanted["incidents"]
    assert wanted["alarms"] and found["alarms"] == wanted["alarms"]
    assert json.dumps(found["rows"]) == json.dumps(wanted["rows"])
    high = [minute for minute, rows in answers.items() if _is_high(rows)]
    assert high == list(range(high[0], high[-1] + 1)), "one alarm, no flap"
    assert INCIDENT.start <= high[0] < KILLED and ADDED < high[-1]
    assert night.failures("error") == night.failures("worker_died") == 0


def _alone(settings: Config, folder: Path) -> Config:
    """The same for one process on one machine."""
    return settings.model_copy(
        update={"store": StoreSettings(path=str(folder / "alone")), "executor": ExecutorSettings()}
    )


def _tick_alone(made: Components, clock: Clock, minute: int) -> None:
    clock.steps(1)
    for jobs in made.watches.values():
        assert jobs.score.run()
    if minute in (NODE_LOST, FIT_WORKS):
        assert sum(jobs.fit.run(everyone=True) for jobs in made.watches.values()) == 4


def _is_high(rows: list[dict[str, Any]]) -> bool:
    return any(row["watch"] == "shop" and row["score"] > 1 for row in rows)
