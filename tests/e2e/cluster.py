"""Workers and web replicas on one store, in one process and on clocks that tests set."""

import json
from contextlib import suppress
from dataclasses import replace

import numpy as np
from flask.testing import FlaskClient

from plugin.config import Config, Watch
from plugin.errors import StoreError
from plugin.roles.web_service import WebService
from plugin.roles.worker_service import WorkerService
from plugin.series import MAX_TIME
from plugin.store import Store
from plugin.store.sample_columns import COLUMNS
from plugin.web.application import create_app
from tests.e2e.world import Clock, watch

SERVICES = ("shop", "gone", "holes", "quiet")


def watches() -> tuple[Watch, ...]:
    """One per service; two of them share their incidents."""
    return tuple(
        watch(
            name=service,
            query=f'last_over_time(latency_ms{{service="{service}"}}[59s])',
            incident_group="front" if service in ("shop", "quiet") else None,
            learn_for=0,
        )
        for service in SERVICES
    )


class Cluster:
    """Workers and replicas whose jobs run when a test says so."""

    def __init__(self, settings: Config, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.seconds = 0.0  # of the monotonic clock of all
        self.workers: list[WorkerService] = []
        self.replicas: list[WebService] = []

    def worker(self) -> WorkerService:
        made = WorkerService(self.settings, clock=self.clock)
        made.leases._monotonic = lambda: self.seconds
        self.workers.append(made)
        return made

    def replica(self) -> WebService:
        made = WebService(self.settings, clock=self.clock)
        made._follower.run()
        self.replicas.append(made)
        return made

    def look(self, *workers: WorkerService) -> None:
        """A third of a lease goes by."""
        self.seconds += 10 / 3
        for made in workers:
            made._keep_leases()
            made._assign()

    def tick(self, *workers: WorkerService) -> None:
        """A minute goes by: everyone does everything once."""
        self.clock.steps(1)
        for made in workers:
            made._scheduler.last_beat = self.clock()
            for jobs in made._parts.watches.values():
                jobs.score.run()
                jobs.forecast.run()
            made._publisher.run()
        for each in self.replicas:
            each._follower.run()
            with suppress(StoreError):  # as the scheduler does, which counts it
                each._maintenance.follow()

    def close(self) -> None:
        for made in (*self.workers, *self.replicas):
            made.stop()


def client(replica: WebService) -> FlaskClient:
    return create_app(replica._web_context()).test_client()


def stored(store: Store) -> dict[str, object]:
    """All rows, alarms and incidents, with names in the place of ids: who registers a series first
    is chance."""
    names = {record.id: f"{record.watch} {record.labels}" for record in store.series.all()}
    samples = {name: store.samples.of(series_id, 0, MAX_TIME) for series_id, name in names.items()}
    alarms = store.alarms.between(0, MAX_TIME, np.array(sorted(names)))
    incidents = store.incidents.between(0, MAX_TIME)
    return {
        "rows": {
            name: {column: getattr(rows, column).tolist() for column in COLUMNS}
            | {"model_version": (rows.model_version > 0).tolist()}
            for name, rows in sorted(samples.items())
        },
        "alarms": sorted(
            repr(replace(alarm, series_id=0)) + names[alarm.series_id] for alarm in alarms
        ),
        "incidents": [
            repr(incident._replace(first=0, worst=0))
            + names[incident.first]
            + names[incident.worst]
            for incident in incidents
        ],
    }


def everything(store: Store) -> str:
    """Equal texts: nothing has changed."""
    return json.dumps([stored(store), store.publications.versions(), store.leases.all()])


def settle(cluster: Cluster, *workers: WorkerService) -> None:
    for _ in range(5):  # a lease and two thirds: the first look sees the last beat of the dead
        cluster.look(*workers)
