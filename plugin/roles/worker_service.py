"""`bandwatch worker`: scores and fits the watches that it holds a lease for, and publishes what is
to be seen of them."""

import logging
import threading
from collections.abc import Callable
from wsgiref.types import WSGIApplication

from plugin.app import Service
from plugin.cluster.board_parts import parts_of
from plugin.cluster.leases import LEASE_SECONDS, Holdings, LeaseKeeper
from plugin.cluster.orders import OrderDesk
from plugin.cluster.publication import NOISE_LEASE, BoardPublisher
from plugin.components import WatchJobs
from plugin.config import Config
from plugin.errors import BandwatchError, Fenced, StoreError
from plugin.job_schedule import HOUSEKEEPING_SECONDS
from plugin.roles.news import News
from plugin.roles.worker_components import WorkerComponents
from plugin.store.news import Topic
from plugin.web.application import create_app
from plugin.web.routes import MANAGEMENT_ROUTES
from plugin.web.server import Server

log = logging.getLogger(__name__)

UPKEEP_LEASE = "once:upkeep"
SILENCES_LEASE = "once:silences"
SINGLE_LEASES = (NOISE_LEASE, SILENCES_LEASE, UPKEEP_LEASE)  # what is done once for all watches
PUBLISH_SECONDS = 1  # how often the board is compared with what was published
ASSIGN_SECONDS = 1  # how often watches are looked for that are ours and have no jobs yet


class WorkerService(Service):
    """A service for some of the watches, without pages."""

    _parts: WorkerComponents

    def __init__(
        self,
        config: Config,
        *,
        load: Callable[[], Config] | None = None,
        config_changed: Callable[[], bool] | None = None,
        clock: Callable[[], float] | None = None,
        server: Server | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """As those of `Service`. lease_seconds: for which a worker may be silent before others take
        over; the same in all workers."""
        super().__init__(
            config, load=load, config_changed=config_changed, clock=clock, server=server
        )
        parts = self._parts
        self._use_lock = threading.Lock()  # held while `watches` is replaced
        self._build_lock = threading.Lock()  # held while jobs are built
        self._failing = False
        self.leases = LeaseKeeper(
            parts.store, parts.metrics, self._work, self._follow_leases, lease_seconds=lease_seconds
        )
        self._publisher = BoardPublisher(
            parts.board,
            parts.metrics,
            lambda: {name: jobs.group for name, jobs in parts.watches.items()},
            parts.store_under,
            self._clock,
        )
        self._orders = OrderDesk(
            parts.store, lambda: set(parts.watches), parts.execute, parts.store_under
        )
        self._news = News(
            parts.store,
            parts.metrics,
            self._scheduler,
            {Topic.ORDERS: self._orders.run, Topic.WINDOWS: parts.maintenance.follow},
        )

    def readiness(self) -> str | None:
        """None when every watch that it holds has been scored, else what is still missing."""
        chosen = {watch.name for watch in self._parts.chosen(self._parts.config)}
        missing = sorted(chosen - set(self._parts.watches))
        if missing:
            return f"taken over, and not loaded yet: {', '.join(missing)}"
        return super().readiness()

    def _components(self, config: Config, clock: Callable[[], float] | None) -> WorkerComponents:
        metrics = self._server.metrics if self._server is not None else None
        return WorkerComponents(config, clock=clock, metrics=metrics)

    def _application(self) -> WSGIApplication:
        application: WSGIApplication = create_app(self._web_context(), MANAGEMENT_ROUTES)
        return application

    def _schedule_jobs(self) -> None:
        parts = self._parts
        every = self._scheduler.every
        every("leases", self.leases.seconds, self._keep_leases, lane="leases")
        every("assignment", ASSIGN_SECONDS, self._assign, lane="assignment")
        every("publication", PUBLISH_SECONDS, self._publisher.run, lane="publication")
        every("publication_upkeep", HOUSEKEEPING_SECONDS, self._tidy_publications, long=True)
        self._schedule.add_upkeep(lambda: parts.store_under(UPKEEP_LEASE))
        self._schedule.add_noise(self._compute_noise)
        self._schedule.add_maintenance(self._refresh_maintenance)
        self._news.start()

    def _work(self) -> dict[str, int]:
        """All that there is to do for all workers, with the series that each piece has as far as
        this one knows."""
        snapshots = self._parts.board.snapshots()
        return dict.fromkeys(SINGLE_LEASES, 0) | {
            watch.name: len(snapshots[watch.name].series) if watch.name in snapshots else 0
            for watch in self._parts.config.watches
        }

    def _keep_leases(self) -> None:
        self.leases.heartbeat = self._scheduler.last_beat
        try:
            self.leases.run()
        except StoreError as error:
            self._fail(error)
            return
        self._failing = False

    def _fail(self, error: BandwatchError) -> None:
        self._parts.metrics.lease_failures.inc()
        if not self._failing:
            log.error("leases are not kept", extra={"err": str(error)})
        self._failing = True

    def _follow_leases(self, holdings: Holdings) -> None:
        """Stops at once what is not ours any more; what is new comes by `_assign`, as it takes
        time."""
        self._parts.hold(holdings)
        self._use(self._parts.watches)

    def _use(self, watches: dict[str, WatchJobs]) -> None:
        """Of these, the ones that are ours at this moment."""
        with self._use_lock:
            valid_watches = self._valid(watches)
            if valid_watches != self._parts.watches:
                super()._use(valid_watches)
                self._news.wake(Topic.ORDERS)  # given while nobody held a watch

    def _valid(self, watches: dict[str, WatchJobs]) -> dict[str, WatchJobs]:
        """Those whose lease is still the one that their jobs were built under."""
        return {
            name: jobs
            for name, jobs in watches.items()
            if self._parts.store_under(name) is jobs.store
        }

    def _assign(self) -> None:
        """Builds the jobs of watches that are ours and have none, from what the store holds."""
        parts = self._parts
        names = {watch.name for watch in parts.chosen(parts.config)}
        if names == set(parts.watches):
            return
        try:
            with self._build_lock:
                watches = parts.build(parts.config)
                for name, jobs in watches.items():
                    if parts.watches.get(name) is not jobs:
                        jobs.score.restore()
                        log.info("watch taken", extra={"watch": name})
                self._use(watches)
        except Fenced:
            return  # what we hold has changed meanwhile
        except BandwatchError as error:
            self._fail(error)

    def _swap(self, config: Config) -> None:
        with self._build_lock:
            super()._swap(config)

    def _compute_noise(self) -> None:
        if self._parts.store_under(NOISE_LEASE) is not None:
            self._parts.budget.run()

    def _refresh_maintenance(self) -> None:
        is_ours = self._parts.store_under(SILENCES_LEASE) is not None
        self._parts.maintenance.run(with_silences=is_ours)

    def _tidy_publications(self) -> None:
        """Removes what was published of watches that are not configured any more."""
        store = self._parts.store_under(UPKEEP_LEASE)
        if store is not None:
            store.publications.retain(parts_of(self._parts.config.watches))

    def _leave(self) -> None:
        self._news.stop()
        try:
            self.leases.close()
        except StoreError as error:
            log.warning("leases run out by themselves", extra={"err": str(error)})
