"""One incident on processes that are killed meanwhile: three workers and two web replicas over
PostgreSQL, with weights in an object store. Whoever is on call gets one page and one end of it,
and what is stored is what one process alone stores."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors import episodes
from plugin import config
from plugin.commands import store_copy
from plugin.components import Components
from plugin.store import Store
from tests.e2e import short_alarms
from tests.e2e.cluster import stored
from tests.e2e.pager import Pager, pager
from tests.e2e.repeated_asking import Asking
from tests.e2e.test_role_processes import RoleProcess, eventually
from tests.e2e.trouble import AHEAD, SERVICES, TROUBLED, Trouble
from tests.object_store import S3Server
from tests.postgres import PostgresServer

ALERT = "BandwatchAnomaly"
PAGE = f"firing {ALERT} {TROUBLED}"
PAGE_ENDS = f"resolved {ALERT} {TROUBLED}"
AFTER = 5  # seconds of quiet in which a second page would have come
TICK_ALONE = 5  # seconds of the process alone: less often, and the same comes of it


class Fleet:
    """The processes, each on a port that it has again after a restart."""

    def __init__(self, folder: Path, file: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._file = file
        self._stack = stack
        self._count = 0
        self.workers = [self.start("worker") for _ in range(3)]
        self.replicas = [self.start("web") for _ in range(2)]

    def start(self, role: str, port: int = 0) -> RoleProcess:
        self._count += 1
        log = self._folder / f"{role}{self._count}.log"
        made = RoleProcess(role, self._file, log, port=port, module=short_alarms.__name__)
        self._stack.callback(made.end)
        return made

    def targets(self) -> list[str]:
        return [each.url.removeprefix("http://") for each in (*self.workers, *self.replicas)]

    def holder(self) -> RoleProcess | None:
        """The worker that shows the troubled service."""
        shown = f'bandwatch_alert_score{{watch="{TROUBLED}"'
        for worker in self.workers:
            if worker.is_ready() and shown in worker.get("/metrics").decode():
                return worker
        return None

    def restart(self, role: str, killed: RoleProcess) -> RoleProcess:
        """As whatever supervises processes does."""
        return self.start(role, int(killed.url.rpartition(":")[2]))


@pytest.fixture
def postgres_of_pages() -> Iterator[PostgresServer]:
    """One that may be restarted."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with S3Server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        server.make_bucket("models")
        yield server


@pytest.fixture(autouse=True)
def short_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "HOLD_SECONDS", short_alarms.HOLD_SECONDS)


def written(file: Path, url: str, store: dict[str, object]) -> Path:
    """A configuration file."""
    watch = {
        "step": "1s",
        "fit_window": "30m",
        "backfill": "10m",  # beside much load a worker may be late by a minute
        "learn_for": "0s",
        "detector": "baseline",
    }
    watches = [{"name": service, "query": service, **watch} for service in SERVICES]
    settings = {"prometheus": {"url": url}, "store": store, "watches": watches}
    file.write_text(json.dumps(settings))  # JSON is YAML
    return file


def begin_alike(distributed: Path, folder: Path) -> int:
    """The first ticks of both, in the database of the one and copied into the folder of the other.
    Returns unix seconds."""
    now = int(time.time())
    with closing(Components(config.load(distributed), clock=lambda: now)) as made:
        for jobs in made.watches.values():
            assert jobs.score.run() and made.store.models.champions(jobs.watch.name)
    store_copy.run(distributed, str(folder), "")
    return now


def live_alone(file: Path, begin: int, end: int) -> dict[str, Any]:
    """What one process stores, tick by tick."""
    now = begin
    with closing(Components(config.load(file), clock=lambda: now)) as made:
        for jobs in made.watches.values():
            jobs.score.restore()
        while now < end:
            now = min(now + TICK_ALONE, end)
            for jobs in made.watches.values():
                assert jobs.score.run()
        return stored(made.store)


class Drill:
    """What happens while the incident is on, each once what came before it is over."""

    def __init__(self, fleet: Fleet, pages: Pager, postgres: PostgresServer, store: Store) -> None:
        self._fleet = fleet
        self._pages = pages
        self._postgres = postgres
        self._store = store

    def is_scored(self, since: float) -> bool:
        until = [self._store.samples.scored_until(name) for name in SERVICES]
        return all(each is not None and each >= since for each in until)

    def told(self) -> list[str]:
        """What whoever is on call was told so far, and of whom."""
        return [
            f"{notice.status} {notice.alert} {dict(notice.labels).get('service')}"
            for notice in self._pages.receiver.notices
        ]

    def kill_a_worker(self) -> None:
        """The one that has the troubled service; it comes back."""
        workers = self._fleet.workers
        killed = self._fleet.holder()
        assert killed is not None
        killed.process.kill()
        killed.process.wait(30)
        workers.remove(killed)
        eventually(lambda: self._fleet.holder() is not None)
        workers.append(self._fleet.restart("worker", killed))
        eventually(workers[-1].is_ready)
        now = time.time()
        eventually(lambda: self.is_scored(now))

    def kill_a_replica(self, asking: Asking) -> None:
        """It comes back."""
        killed = self._fleet.replicas[0]
        killed.process.kill()
        killed.process.wait(30)
        asked = asking.answered
        eventually(lambda: asking.answered > asked + 3)
        self._fleet.replicas[0] = self._fleet.restart("web", killed)
        eventually(self._fleet.replicas[0].is_ready)

    def restart_postgres(self) -> None:
        self._postgres.stop(kill=True)
        unhealthy = "bandwatch_watch_unhealthy"
        eventually(lambda: any(each.number(unhealthy) for each in self._fleet.workers))
        self._postgres.start()
        now = time.time()
        eventually(lambda: self.is_scored(now))
        eventually(lambda: not any(each.number(unhealthy) for each in self._fleet.workers))


@dataclass(frozen=True)
class World:
    """What the processes are given."""

    trouble: Trouble
    postgres: PostgresServer
    file: Path  # the configuration of the distributed service
    alone: Path  # that of one process
    begin: int  # unix seconds up to which both have scored


@pytest.fixture
def world(tmp_path: Path, postgres_of_pages: PostgresServer, objects: S3Server) -> Iterator[World]:
    trouble = Trouble()
    place = postgres_of_pages.new_database()
    shared = {"url": place.url, "password": place.password}
    with closing(trouble.source().serve()) as source:
        files = [
            written(
                tmp_path / f"{name}.yml",
                source.url,
                {"path": str(tmp_path / name), "weights": "s3://models/pages", **more},
            )
            for name, more in (("shared", shared), ("alone", {}))
        ]
        begin = begin_alike(files[0], tmp_path / "alone")
        yield World(trouble, postgres_of_pages, *files, begin)


def test_one_page_and_one_end_while_processes_and_the_database_are_killed(
    world: World, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        fleet = Fleet(tmp_path, world.file, stack)
        store = stack.enter_context(closing(Store.of(config.load(world.file).store)))
        eventually(lambda: all(each.is_ready() for each in (*fleet.workers, *fleet.replicas)))
        pages = stack.enter_context(pager(tmp_path / "pager", fleet.targets()))
        urls = [each.url for each in fleet.replicas]
        asking = stack.enter_context(Asking(urls, f"/api/v1/alert?by=series&watch={TROUBLED}"))
        drill = Drill(fleet, pages, world.postgres, store)
        eventually(lambda: drill.is_scored(time.time() - AHEAD))
        world.trouble.starts()
        eventually(lambda: drill.told() == [PAGE])
        drill.kill_a_worker()
        drill.kill_a_replica(asking)
        drill.restart_postgres()
        assert drill.told() == [PAGE]
        world.trouble.ends()
        eventually(lambda: len(drill.told()) > 1)
        over = time.time()
        eventually(lambda: drill.is_scored(over + AFTER))
        assert drill.told() == [PAGE, PAGE_ENDS]
        [page, end] = pages.receiver.notices
        assert (page.labels, page.started_at) == (end.labels, end.started_at)
        assert len(pages.began(ALERT)) == 1
        assert asking.runs() == [False, True, False]
        found, end_time = ended(fleet, store)
    wanted = live_alone(world.alone, world.begin, end_time)
    assert until(end_time, found["rows"]) == until(end_time, wanted["rows"])
    assert wanted["alarms"] and found["alarms"] == wanted["alarms"]
    assert wanted["incidents"] and found["incidents"] == wanted["incidents"]


def ended(fleet: Fleet, store: Store) -> tuple[dict[str, Any], int]:
    """What is stored, once no worker writes any more, and up to when all have scored."""
    for worker in fleet.workers:
        worker.end()
    return stored(store), min(store.samples.scored_until(name) or 0 for name in SERVICES)


def until(end: int, rows: Any) -> str:
    """The rows of all series up to a time: equal texts, equal rows."""
    return json.dumps(
        {
            name: {
                key: column[: np.searchsorted(columns["times"], end, "right")]
                for key, column in columns.items()
            }
            for name, columns in rows.items()
        }
    )
