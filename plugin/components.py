"""What the service is made of, without scheduler and web: store, board, metrics, workers, and the
jobs of each watch.

The commands that run once use these parts as they are. A wrong configuration fails here, before
anything that runs is touched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from detectors.api import DetectorError
from plugin.board import Board
from plugin.clock import SteadyClock
from plugin.config import Config, PrometheusSettings, Watch
from plugin.config.groups import Group, groups
from plugin.domain.model_decisions import Order, OrderResult
from plugin.errors import BandwatchError, ConfigError
from plugin.jobs.budget_job import BudgetJob
from plugin.jobs.covariates import Covariates
from plugin.jobs.executors import Executor
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.executors.ray_executor import RayExecutor
from plugin.jobs.feedback_masks import FeedbackMasks
from plugin.jobs.fit_job import FitJob
from plugin.jobs.forecast_job import ForecastJob
from plugin.jobs.masks import MaintenanceMasks
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.remote_write_job import RemoteWriteJob
from plugin.jobs.score_job import ScoreJob
from plugin.jobs.watch_context import WatchContext
from plugin.jobs.watch_publisher import WatchPublisher
from plugin.maintenance import MaintenanceCalendar
from plugin.metrics import CollectorRegistry, Metrics
from plugin.prometheus import PrometheusReader
from plugin.store import Store
from plugin.store.folder_lock import lock_folder


@dataclass(frozen=True)
class WatchJobs:
    """The jobs of one watch; a reload that does not change the watch keeps them."""

    watch: Watch
    group: Group
    prometheus: PrometheusSettings
    store: Store  # of the watch
    reader: PrometheusReader
    fit: FitJob
    score: ScoreJob
    forecast: ForecastJob

    @property
    def settings(self) -> tuple[object, ...]:
        """Others need other jobs."""
        return self.watch, self.group, self.prometheus, self.store


class Components:
    """Store, board, metrics, workers and the jobs of each watch: all but the scheduler and the
    web."""

    shares_store = False  # whether other processes do a part of the work

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], float] | None = None,
        metrics: Metrics | None = None,
        workers: Executor | None = None,
        reader: PrometheusReader | None = None,
    ) -> None:
        """clock: unix seconds; None = those of this machine, as long as they are right. metrics: of
        a server that listens already; None = new ones. workers: those that fit; None = processes of
        their own. reader: of all watches; None = each asks the configured Prometheus."""
        self.config = config
        self.metrics = metrics or Metrics(CollectorRegistry())
        self.registry = self.metrics.registry
        self.clock = clock or SteadyClock()
        if isinstance(self.clock, SteadyClock):
            self.metrics.follow(self.clock)
        self.board = Board()
        # Before anything in there is touched.
        self._lock = lock_folder(Path(config.store.path), shared=self.shares_store)
        try:
            self.store = Store.of(config.store)
            self.metrics.follow_connections(self.store.connections)
        except BandwatchError:
            self._lock.close()
            raise
        self._reader = reader
        self.workers = workers or executor_of(
            config, WorkerPool(config.workers), self.metrics.set_executor_reachable
        )
        self.watches: dict[str, WatchJobs] = {}
        self.remote_write: RemoteWriteJob | None = None
        self.budget = BudgetJob(self.store, self.board, self._watches_by_name, self.clock)
        try:
            self.maintenance = MaintenanceCalendar(
                config.maintenance, self.store, self.metrics, clock=self.clock
            )
            self.watches = self.build(config)
            self.remote_write = self.build_remote_write(config)
        except BandwatchError:
            self.close()
            raise

    def chosen(self, config: Config) -> Sequence[Watch]:
        """The watches of a configuration whose jobs are ours."""
        return config.watches

    def _watches_by_name(self) -> dict[str, Watch]:
        return {watch.name: watch for watch in self.config.watches}

    def store_of(self, watch: str) -> Store:
        """What the jobs of a watch read and write."""
        return self.store

    def build(self, config: Config) -> dict[str, WatchJobs]:
        """The jobs of each watch. A watch that the new configuration does not change keeps its
        jobs."""
        jobs = {}
        groups_by_watch = groups(config.watches)
        for watch in self.chosen(config):
            settings = (
                watch,
                groups_by_watch[watch.name],
                config.prometheus,
                self.store_of(watch.name),
            )
            running = self.watches.get(watch.name)
            if running is None or running.settings != settings:
                running = self._jobs(watch, groups_by_watch[watch.name], config)
            jobs[watch.name] = running
        return jobs

    def build_remote_write(self, config: Config) -> RemoteWriteJob | None:
        if config.remote_write is None:
            return None
        watches = self.chosen(config)
        return RemoteWriteJob(
            config.remote_write, watches, self.store, self.metrics, clock=self.clock
        )

    def _jobs(self, watch: Watch, group: Group, config: Config) -> WatchJobs:
        store = self.store_of(watch.name)
        context = WatchContext(
            watch=watch,
            store=store,
            reader=self._reader
            or PrometheusReader(config.prometheus, on_request=self._count_request),
            metrics=self.metrics,
            registry=ModelRegistry(store, watch.name),
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
                FeedbackMasks(watch.name, store, maintenance),
            )
        except DetectorError as error:
            raise ConfigError(f"watch {watch.name!r}: detector: {error}") from error
        publisher = WatchPublisher(
            context,
            self.board,
            group,
            config.store.gone_after,
            maintenance,
            lambda: fit.torch_fault,
        )
        score = ScoreJob(context, covariates, publisher, fit.first_fit)
        forecast = ForecastJob(watch, self.board, self.metrics, lambda: score.scorer)
        return WatchJobs(
            watch, group, config.prometheus, store, context.reader, fit, score, forecast
        )

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


def executor_of(
    config: Config, local: Executor, on_state: Callable[[bool], object] = lambda reachable: None
) -> Executor:
    """What runs the fits; none of it starts before the first one. local: the one of this machine.
    on_state: see `RayExecutor`."""
    settings = config.executor
    if settings.kind == "local":
        return local
    fallback = local if settings.fallback == "local" else None
    return RayExecutor(settings, fallback, on_state, spread=local.spread)
