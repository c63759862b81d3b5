"""The composition root: starts the parts, the scheduler and the web, and swaps jobs on a reload.

A reload leaves store, board, metrics, workers, scheduler and web server as they are. It builds the
readers and the jobs of changed watches anew, and swaps them when all of them are built.
"""

import logging
from collections.abc import Callable
from wsgiref.types import WSGIApplication

from plugin import config as settings
from plugin.board import WatchHealth
from plugin.components import Components, WatchJobs
from plugin.config import Config
from plugin.config_reload import ConfigReload
from plugin.job_schedule import JobSchedule
from plugin.preview.orders import PreviewOrders
from plugin.scheduler import Scheduler
from plugin.systemd import READY, STOPPING, notify
from plugin.web.application import create_app
from plugin.web.context import WebContext
from plugin.web.server import Server, listen

log = logging.getLogger(__name__)

CONFIG_CHECK_SECONDS = 5  # how often the file is looked at, where it is watched


class Service:
    """Everything that `bandwatch run` runs, in one process tree."""

    def __init__(
        self,
        config: Config,
        *,
        load: Callable[[], Config] | None = None,
        config_changed: Callable[[], bool] | None = None,
        clock: Callable[[], float] | None = None,
        server: Server | None = None,
    ) -> None:
        """load: reads the configuration again, for `reload`; raises ConfigError. config_changed:
        whether it is another than at the last `load`, asked every few seconds; None = a reload has
        to be asked for. clock: unix seconds; None = those of this machine, as long as they are
        right. server: listens already, without an application; None = `start` listens."""
        self._server = server
        self._parts = self._components(config, clock)
        self._clock = self._parts.clock
        self._previews = PreviewOrders(self._parts, self._clock)
        self._config_changed = config_changed
        self._reload = ConfigReload(
            load, lambda: self._parts.config, self._swap, self._parts.metrics, config_changed
        )
        self._reloaded_at = 0.0  # unix seconds of the last reload
        self.board = self._parts.board
        self.store = self._parts.store
        self._scheduler = Scheduler(self._parts.metrics, clock=self._clock)
        self._schedule = JobSchedule(self._parts, self._scheduler)

    def start(self) -> None:
        """Listens, then schedules: the first answers are "not ready", never "connection
        refused"."""
        parts = self._parts
        for jobs in parts.watches.values():
            jobs.score.restore()
        application = self._application()
        if self._server is None:
            self._server = listen(parts.config, parts.metrics)
        self._server.use(application)
        parts.workers.warm_up()  # not before, as it takes a processor for a while
        self._reload.succeed()
        self._schedule_jobs()
        if self._config_changed is not None:
            self._scheduler.every(
                "config", CONFIG_CHECK_SECONDS, self._reload.follow, lane="config"
            )
        self._scheduler.start()
        notify(READY, f"STATUS=listening at {self.url}")
        log.info("listening", extra={"url": self.url, "watches": len(parts.watches)})

    def _components(self, config: Config, clock: Callable[[], float] | None) -> Components:
        metrics = self._server.metrics if self._server is not None else None
        return Components(config, clock=clock, metrics=metrics)

    def _application(self) -> WSGIApplication:
        return create_app(self._web_context())

    def _schedule_jobs(self) -> None:
        parts = self._parts
        for jobs in parts.watches.values():
            self._schedule.add(jobs)
        self._schedule.add_upkeep(lambda: parts.store)
        self._schedule.add_noise(parts.budget.run)
        self._schedule.add_remote_write()
        self._schedule.add_maintenance(self._refresh_maintenance)

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
            reload_refused=lambda: self._reload.refused,
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
        self._leave()
        self._parts.close()
        log.info(
            "stopped",
            extra={} if all_ended else {"left": "a job that waits for Prometheus or the disk"},
        )
        return all_ended

    def _leave(self) -> None:
        """What is to be said to others before the store is closed; alone there are none."""

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
        self._reload.run()

    def try_reload(self) -> None:
        """`reload` where nobody waits for its outcome: a refusal is logged."""
        self._reload.attempt()

    def _swap(self, config: Config) -> None:
        parts = self._parts
        maintenance = parts.maintenance.plan(config.maintenance)
        watches = parts.build(config)
        parts.maintenance.use(maintenance)
        self._reloaded_at = self._clock()
        parts.config = config
        self._use(watches)
        self._schedule.add_maintenance(self._refresh_maintenance)

    def _use(self, watches: dict[str, WatchJobs]) -> None:
        """Replaces the jobs, and what depends on which watches there are."""
        parts = self._parts
        old_watches = parts.watches
        old_remote_write = parts.remote_write
        parts.watches = watches
        parts.remote_write = parts.build_remote_write(parts.config)
        if old_remote_write is not None:
            old_remote_write.close()
            if parts.remote_write is None:
                parts.metrics.remote_write_sent_time.clear()
        self._schedule.add_remote_write()
        for name, jobs in old_watches.items():
            if watches.get(name) is not jobs:
                self._schedule.remove(jobs)
        for name, jobs in watches.items():
            if old_watches.get(name) is not jobs:
                self._schedule.add(jobs)

    def _refresh_maintenance(self) -> None:
        self._parts.maintenance.run()
