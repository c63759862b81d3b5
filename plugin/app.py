"""The composition root: starts the parts, the scheduler and the web, and swaps jobs on a reload.

A reload leaves store, board, metrics, workers, scheduler and web server as they are. It builds the
readers and the jobs of changed watches anew, and swaps them when all of them are built.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from plugin import config as settings
from plugin.board import WatchHealth
from plugin.components import Components, WatchJobs
from plugin.config import Config
from plugin.errors import BandwatchError, ConfigError
from plugin.jobs import housekeeping
from plugin.jobs.fit_task import tell_missing_torch
from plugin.preview.orders import PreviewOrders
from plugin.scheduler import Scheduler
from plugin.systemd import READY, STOPPING, notify, reload_notice
from plugin.web import WebContext, create_app
from plugin.web.server import Server, serve

log = logging.getLogger(__name__)

FIT_CHECK_SECONDS = 5  # how often the fit job looks which series need a fit
FORECAST_CHECK_SECONDS = 5  # how often the forecast job looks whether there was a tick
SEND_CHECK_SECONDS = 2  # how often the remote write job looks whether there was a tick
BUDGET_CHECK_SECONDS = 15  # how often the budget job looks whether it has rested enough
HOUSEKEEPING_SECONDS = 600
CONFIG_CHECK_SECONDS = 5  # how often the file is looked at, where it is watched
WORKER_CHECK_SECONDS = 30  # how often workers that have nothing to do are looked for


class Service:
    """Everything that `bandwatch run` runs, in one process tree."""

    def __init__(
        self,
        config: Config,
        *,
        load: Callable[[], Config] | None = None,
        config_changed: Callable[[], bool] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """load: reads the configuration again, for `reload`; raises ConfigError. config_changed:
        whether it is another than at the last `load`, asked every few seconds; None = a reload has
        to be asked for. clock: unix seconds; None = those of this machine, as long as they are
        right."""
        self._load = load
        self._config_changed = config_changed
        self._parts = Components(config, clock=clock)
        self._clock = self._parts.clock
        self._previews = PreviewOrders(self._parts, self._clock)
        self._reloading = threading.Lock()
        self._reloaded_at = 0.0  # unix seconds of the last reload
        # By watch: after a reload, its old and its new score job never run at once.
        self._score_locks: dict[str, threading.Lock] = {}
        self.board = self._parts.board
        self.store = self._parts.store
        self._scheduler = Scheduler(self._parts.metrics, clock=self._clock)
        self._server: Server | None = None

    def start(self) -> None:
        """Listens, then schedules: the first answers are "not ready", never "connection
        refused"."""
        parts = self._parts
        tell_missing_torch(parts.config.watches)
        for jobs in parts.watches.values():
            jobs.score.restore()
        self._server = serve(
            create_app(self._web_context()),
            parts.config.web,
            parts.metrics,
            Path(parts.config.store.path),
        )
        parts.workers.warm_up()  # not before, as it takes a processor for a while
        parts.metrics.reload_successful.set(1)
        parts.metrics.reload_time.set_to_current_time()
        for jobs in parts.watches.values():
            self._schedule(jobs)
        self._schedule_housekeeping()
        self._scheduler.every("noise", BUDGET_CHECK_SECONDS, parts.budget.run, lane="noise")
        self._schedule_remote_write()
        self._schedule_maintenance()
        if self._config_changed is not None:
            self._scheduler.every(
                "config", CONFIG_CHECK_SECONDS, self._reload_changed, lane="config"
            )
        self._scheduler.start()
        notify(READY, f"STATUS=listening at {self.url}")
        log.info("listening", extra={"url": self.url, "watches": len(parts.watches)})

    def _web_context(self) -> WebContext:
        """Functions where a reload changes what they return."""
        parts = self._parts
        return WebContext(
            store=parts.store,
            board=parts.board,
            settings=parts.config.web,
            registry=parts.registry,
            config_text=lambda: settings.masked(parts.config),
            reload=self.reload,
            readiness=self.readiness,
            metrics=parts.metrics,
            watches=lambda: {name: jobs.watch for name, jobs in parts.watches.items()},
            heartbeat=lambda: self._scheduler.last_beat,
            sends_scores=lambda: parts.remote_write is not None,
            clock=self._clock,
            reloaded=lambda: self._reloaded_at,
            maintenance=parts.maintenance,
            order=parts.execute,
            previews=self._previews,
        )

    def stop(self) -> bool:
        """Ends in order: no new runs, no more requests, then the store.

        False when a job could not be ended, because Prometheus or the disk lets it wait: the
        process may end all the same, as at any instant.
        """
        notify(STOPPING)
        self._parts.interrupt()
        all_ended = self._scheduler.stop()
        if self._server is not None:
            self._server.close()
        self._previews.close()
        self._parts.close()
        log.info(
            "stopped",
            extra={} if all_ended else {"left": "a job that waits for Prometheus or the disk"},
        )
        return all_ended

    @property
    def url(self) -> str:
        assert self._server is not None, "the service has not been started"
        web = self._parts.config.web
        host = web.listen_address.rpartition(":")[0]
        return f"{'https' if web.tls_server_config else 'http'}://{host}:{self._server.port}"

    @property
    def page_url(self) -> str:
        """Where people open the page: the address that is configured for them, or our own."""
        return f"{self._parts.config.web.external_url or self.url}/"

    def readiness(self) -> str | None:
        """None when every watch has been scored, else what is still missing."""
        snapshots = self._parts.board.snapshots()
        scored = [name for name, jobs in self._parts.watches.items() if not jobs.watch.paused]
        waiting = [
            name
            for name in scored
            if name not in snapshots
            or not snapshots[name].time
            or snapshots[name].outlook is WatchHealth.STARTING
        ]
        return f"not scored yet: {', '.join(waiting)}" if waiting else None

    def reload(self) -> None:
        """Reads the file again, builds, then swaps.

        Raises ConfigError and changes nothing when it is wrong.
        """
        with self._reloading, reload_notice():
            try:
                self._swap(self._read())
            except Exception:
                self._parts.metrics.reload_successful.set(0)
                raise
            self._parts.metrics.reload_successful.set(1)
            self._parts.metrics.reload_time.set_to_current_time()
            log.info("configuration reloaded", extra={"watches": len(self._parts.watches)})

    def try_reload(self) -> None:
        """`reload` where nobody waits for its outcome: a refusal is logged."""
        try:
            self.reload()
        except BandwatchError as error:
            log.error("reload refused", extra={"err": str(error)})

    def _reload_changed(self) -> None:
        if self._config_changed is not None and self._config_changed():
            self.try_reload()

    def _read(self) -> Config:
        if self._load is None:
            raise ConfigError("nothing to reload: this service was not started from a file")
        config = self._load()
        running = self._parts.config
        for section in ("store", "web", "workers"):
            if getattr(config, section) != getattr(running, section):
                raise ConfigError(
                    f"{section}: a change of it takes effect at a restart only; nothing was changed"
                )
        return config

    def _swap(self, config: Config) -> None:
        parts = self._parts
        old_watches = parts.watches
        old_remote_write = parts.remote_write
        maintenance = parts.maintenance.plan(config.maintenance)
        watches = parts.build(config)
        parts.maintenance.use(maintenance)
        self._reloaded_at = self._clock()
        parts.config = config
        parts.watches = watches
        parts.remote_write = parts.build_remote_write(config)
        if old_remote_write is not None:
            old_remote_write.close()
            if parts.remote_write is None:
                parts.metrics.remote_write_sent_time.clear()
        self._schedule_remote_write()
        self._schedule_maintenance()
        for name, jobs in old_watches.items():
            if watches.get(name) is not jobs:
                self._scheduler.drop((f"score:{name}", f"fit:{name}", f"forecast:{name}"))
                jobs.reader.close()
                self._forget(name)
        for name, jobs in watches.items():
            if old_watches.get(name) is not jobs:
                self._schedule(jobs)

    def _forget(self, name: str) -> None:
        """Takes a watch that has been removed off the board and out of the metrics."""
        if name not in self._parts.watches:
            self._parts.board.retain(self._parts.watches)
            self._parts.metrics.forget(name)

    def _schedule(self, jobs: WatchJobs) -> None:
        watch = jobs.watch
        score_lock = self._score_locks.setdefault(watch.name, threading.Lock())

        def score() -> None:
            with score_lock:
                if self._parts.watches.get(watch.name) is jobs:
                    jobs.score.run()
            self._forget(watch.name)  # it may have been removed meanwhile

        def fit() -> None:
            jobs.fit.run()
            self._forget(watch.name)

        def forecast() -> None:
            if self._parts.watches.get(watch.name) is jobs:
                jobs.forecast.run()
            self._forget(watch.name)

        self._scheduler.every(f"score:{watch.name}", watch.score_interval, score, aligned=True)
        self._scheduler.every(
            f"fit:{watch.name}", min(FIT_CHECK_SECONDS, watch.fit_every), fit, long=True
        )
        if watch.steps_ahead and not watch.paused:
            self._scheduler.every(
                f"forecast:{watch.name}",
                min(FORECAST_CHECK_SECONDS, watch.step),
                forecast,
                lane="forecast",
            )
        else:
            self._parts.board.remove_forecast(watch.name)

    def _schedule_housekeeping(self) -> None:
        parts = self._parts
        retention = parts.config.store

        def upkeep() -> None:
            housekeeping.run(parts.store, retention, self._clock, parts.maintenance)

        self._scheduler.every("upkeep", HOUSEKEEPING_SECONDS, upkeep, long=True)
        self._scheduler.every("idle_workers", WORKER_CHECK_SECONDS, parts.workers.end_idle)

    def _schedule_maintenance(self) -> None:
        self._scheduler.every(
            "maintenance",
            self._parts.config.maintenance.refresh,
            self._parts.maintenance.run,
            lane="maintenance",
        )

    def _schedule_remote_write(self) -> None:
        job = self._parts.remote_write
        if job is None:
            self._scheduler.drop(("remote_write",))
            return

        def send() -> None:
            if self._parts.remote_write is job:
                job.run()
            for name in job.watches:
                self._forget(name)

        self._scheduler.every("remote_write", SEND_CHECK_SECONDS, send, lane="remote_write")
