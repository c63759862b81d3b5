"""What the service is made of: store, board, metrics, workers and the jobs of each watch; no
scheduler, no web.

The commands that run once use these parts as they are. Whatever can fail when a configuration is
built fails here, before anything live is touched.
"""

import fcntl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from detectors.api import DetectorError
from detectors.device import limit_threads
from plugin import config as settings
from plugin.board import Board
from plugin.config import Config, Watch
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
from plugin.jobs.workers import WorkerPool
from plugin.maintenance import MaintenanceCalendar
from plugin.metrics import CollectorRegistry, Metrics
from plugin.prometheus import PrometheusReader
from plugin.store import Store


@dataclass(frozen=True)
class WatchJobs:
    """What one watch needs; kept over a reload that does not change it."""

    watch: Watch
    group: Group
    prometheus: settings.PrometheusSettings
    reader: PrometheusReader
    fit: FitJob
    score: ScoreJob
    forecast: ForecastJob


class Components:
    """Store, board, metrics, workers and the jobs of each watch: all but the scheduler and the
    web."""

    def __init__(self, config: Config, *, clock: Callable[[], float] = time.time) -> None:
        self.config = config
        self._clock = clock
        limit_threads(1)  # a tick is small: more threads of torch would only spin against the fits
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.board = Board()
        self._lock = _only_one(Path(config.store.path))  # before anything in there is touched
        try:
            self.store = Store.open(Path(config.store.path))
        except BandwatchError:
            self._lock.close()
            raise
        self.workers = WorkerPool(config.workers)
        self.watches: dict[str, WatchJobs] = {}
        self.remote_write: RemoteWriteJob | None = None
        self.noise = BudgetJob(
            self.store,
            self.board,
            lambda: {n: jobs.watch for n, jobs in self.watches.items()},
            clock,
        )
        try:
            self.maintenance = MaintenanceCalendar(
                config.maintenance, self.store, self.metrics, clock=clock
            )
            self.watches = self.build(config)
            self.remote_write = self.build_remote_write(config)
        except BandwatchError:
            self.close()
            raise

    def build(self, config: Config) -> dict[str, WatchJobs]:
        """The jobs of each watch; those that the new configuration leaves alone are taken over."""
        built = {}
        shared = groups(config.watches)
        for watch in config.watches:
            group = shared[watch.name]
            old = self.watches.get(watch.name)
            unchanged = old is not None and (old.watch, old.group, old.prometheus) == (
                watch,
                group,
                config.prometheus,
            )
            built[watch.name] = (
                old if old is not None and unchanged else self._jobs(watch, group, config)
            )
        return built

    def build_remote_write(self, config: Config) -> RemoteWriteJob | None:
        if config.remote_write is None:
            return None
        return RemoteWriteJob(
            config.remote_write, config.watches, self.store, self.metrics, clock=self._clock
        )

    def _jobs(self, watch: Watch, group: Group, config: Config) -> WatchJobs:
        reader = PrometheusReader(config.prometheus, on_request=self._count_request)
        roster = ModelRegistry(self.store, watch.name)
        covariates = Covariates(watch, self.store, reader, self.metrics)
        try:
            fit = FitJob(
                watch,
                self.store,
                reader,
                self.metrics,
                roster,
                self.workers,
                config.workers,
                covariates,
                masked=FeedbackMasks(
                    watch.name, self.store, MaintenanceMasks(watch, self.maintenance)
                ),
                clock=self._clock,
            )
        except DetectorError as error:
            raise ConfigError(f"watch {watch.name!r}: detector: {error}") from error
        score = ScoreJob(
            watch,
            self.store,
            reader,
            self.board,
            self.metrics,
            roster,
            covariates,
            group=group,
            gone_after=config.store.gone_after,
            first_fit=fit.first_fit,
            planned=MaintenanceMasks(watch, self.maintenance),
            clock=self._clock,
        )
        forecast = ForecastJob(watch, self.board, self.metrics, lambda: score.stacks)
        return WatchJobs(watch, group, config.prometheus, reader, fit, score, forecast)

    def execute(self, order: Order) -> list[OrderResult]:
        """What comes of an order about models, series by series."""
        found: dict[int, OrderResult] = {}
        for watch in {record.watch for record in order.series}:
            series = [record for record in order.series if record.watch == watch]
            jobs = self.watches.get(watch)
            answers = (
                [
                    OrderResult(each, False, 0, "its watch is not configured any more")
                    for each in series
                ]
                if jobs is None
                else jobs.fit.execute(order, series)
            )
            found.update((answer.series.id, answer) for answer in answers)
        return [found[record.id] for record in order.series]

    def _count_request(self, outcome: str, seconds: float) -> None:
        self.metrics.prometheus_requests.labels(outcome).inc()
        self.metrics.prometheus_request_duration.observe(seconds)

    def interrupt(self) -> None:
        """Whatever runs ends at its next request to Prometheus, to a receiver or to a worker."""
        self.workers.close()
        for jobs in self.watches.values():
            jobs.reader.close()
        if self.remote_write is not None:
            self.remote_write.close()

    def close(self) -> None:
        self.interrupt()
        self.store.close()
        self._lock.close()


def _only_one(folder: Path) -> TextIO:
    """Holds the folder for this process: two writers would spoil each other's carry."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
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
