"""What the service is made of, without scheduler and web: store, board, metrics, workers, and the
jobs of each watch.

The commands that run once use these parts as they are. A wrong configuration fails here, before
anything that runs is touched.
"""

import fcntl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from detectors.api import DetectorError
from plugin.board import Board
from plugin.clock import SteadyClock
from plugin.config import Config, PrometheusSettings, Watch
from plugin.config.groups import Group, groups
from plugin.domain.model_decisions import Order, OrderResult
from plugin.errors import BandwatchError, ConfigError, StoreError
from plugin.jobs.budget_job import BudgetJob
from plugin.jobs.covariates import Covariates
from plugin.jobs.feedback_masks import FeedbackMasks
from plugin.jobs.fit_job import FitJob
from plugin.jobs.forecast_job import ForecastJob
from plugin.jobs.masks import MaintenanceMasks
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.remote_write_job import RemoteWriteJob
from plugin.jobs.score_job import ScoreJob
from plugin.jobs.watch_context import WatchContext
from plugin.jobs.watch_publisher import WatchPublisher
from plugin.jobs.workers import WorkerPool
from plugin.maintenance import MaintenanceCalendar
from plugin.metrics import CollectorRegistry, Metrics
from plugin.prometheus import PrometheusReader
from plugin.store import Store
from plugin.store.database import DISK_FULL_NUMBERS, disk_error


@dataclass(frozen=True)
class WatchJobs:
    """The jobs of one watch; a reload that does not change the watch keeps them."""

    watch: Watch
    group: Group
    prometheus: PrometheusSettings
    reader: PrometheusReader
    fit: FitJob
    score: ScoreJob
    forecast: ForecastJob


class Components:
    """Store, board, metrics, workers and the jobs of each watch: all but the scheduler and the
    web."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], float] | None = None,
        workers: WorkerPool | None = None,
        reader: PrometheusReader | None = None,
    ) -> None:
        """clock: unix seconds; None = those of this machine, as long as they are right. workers:
        those that fit; None = processes of their own. reader: of all watches; None = each asks the
        configured Prometheus."""
        self.config = config
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.clock = clock or SteadyClock()
        if isinstance(self.clock, SteadyClock):
            self.metrics.follow(self.clock)
        self.board = Board()
        self._lock = _lock_folder(Path(config.store.path))  # before anything in there is touched
        try:
            self.store = Store.open(Path(config.store.path))
        except BandwatchError:
            self._lock.close()
            raise
        self._reader = reader
        self.workers = workers or WorkerPool(config.workers)
        self.watches: dict[str, WatchJobs] = {}
        self.remote_write: RemoteWriteJob | None = None
        self.budget = BudgetJob(
            self.store,
            self.board,
            lambda: {name: jobs.watch for name, jobs in self.watches.items()},
            self.clock,
        )
        try:
            self.maintenance = MaintenanceCalendar(
                config.maintenance, self.store, self.metrics, clock=self.clock
            )
            self.watches = self.build(config)
            self.remote_write = self.build_remote_write(config)
        except BandwatchError:
            self.close()
            raise

    def build(self, config: Config) -> dict[str, WatchJobs]:
        """The jobs of each watch. A watch that the new configuration does not change keeps its
        jobs."""
        jobs = {}
        groups_by_watch = groups(config.watches)
        for watch in config.watches:
            settings = (watch, groups_by_watch[watch.name], config.prometheus)
            running = self.watches.get(watch.name)
            if running is None or (running.watch, running.group, running.prometheus) != settings:
                running = self._jobs(watch, groups_by_watch[watch.name], config)
            jobs[watch.name] = running
        return jobs

    def build_remote_write(self, config: Config) -> RemoteWriteJob | None:
        if config.remote_write is None:
            return None
        return RemoteWriteJob(
            config.remote_write, config.watches, self.store, self.metrics, clock=self.clock
        )

    def _jobs(self, watch: Watch, group: Group, config: Config) -> WatchJobs:
        context = WatchContext(
            watch=watch,
            store=self.store,
            reader=self._reader
            or PrometheusReader(config.prometheus, on_request=self._count_request),
            metrics=self.metrics,
            registry=ModelRegistry(self.store, watch.name),
            clock=self.clock,
        )
        covariates = Covariates(context)
        maintenance = MaintenanceMasks(watch, self.maintenance)
        try:
            fit = FitJob(
                context,
                covariates,
                self.workers,
                config.workers,
                FeedbackMasks(watch.name, self.store, maintenance),
            )
        except DetectorError as error:
            raise ConfigError(f"watch {watch.name!r}: detector: {error}") from error
        publisher = WatchPublisher(context, self.board, group, config.store.gone_after, maintenance)
        score = ScoreJob(context, covariates, publisher, fit.first_fit)
        forecast = ForecastJob(watch, self.board, self.metrics, lambda: score.scorer)
        return WatchJobs(watch, group, config.prometheus, context.reader, fit, score, forecast)

    def execute(self, order: Order) -> list[OrderResult]:
        """What comes of an order about models, series by series."""
        results: dict[int, OrderResult] = {}
        for watch in {record.watch for record in order.series}:
            series = [record for record in order.series if record.watch == watch]
            jobs = self.watches.get(watch)
            if jobs is None:
                why = "its watch is not configured any more"
                results |= {record.id: OrderResult(record, False, 0, why) for record in series}
            else:
                results |= {result.series.id: result for result in jobs.fit.execute(order, series)}
        return [results[record.id] for record in order.series]

    def _count_request(self, outcome: str, seconds: float) -> None:
        self.metrics.prometheus_requests.labels(outcome).inc()
        self.metrics.prometheus_request_duration.observe(seconds)

    def interrupt(self) -> None:
        """Jobs that run end at their next request to Prometheus, to a receiver or to a worker."""
        self.workers.close()
        for jobs in self.watches.values():
            jobs.reader.close()
        if self.remote_write is not None:
            self.remote_write.close()

    def close(self) -> None:
        self.interrupt()
        self.store.close()
        self._lock.close()


def _lock_folder(folder: Path) -> TextIO:
    """Keeps the folder for this process: two writers would spoil each other's detector states."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        if error.errno in DISK_FULL_NUMBERS:
            raise disk_error(folder, error) from error
        raise StoreError(
            f"{folder}: {error.strerror}: check `store.path`, the disk and its permissions"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StoreError(
            f"{folder}: another bandwatch is at work on this store; stop it, or give this one"
            " another `store.path`"
        ) from error
    return file
