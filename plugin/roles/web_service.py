"""`bandwatch web`: all pages and the whole API, over what workers have stored and published. Any
number of replicas answer alike."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from plugin import config as settings
from plugin.board import Board, WatchHealth
from plugin.clock import SteadyClock
from plugin.cluster.following import BoardFollower
from plugin.cluster.orders import RemoteOrders
from plugin.config import Config, Watch
from plugin.config_reload import ConfigReload
from plugin.errors import BandwatchError
from plugin.maintenance import MaintenanceCalendar
from plugin.metrics import CollectorRegistry, Metrics
from plugin.process_memory import GIVE_BACK_SECONDS, give_back
from plugin.roles.news import News
from plugin.scheduler import Scheduler
from plugin.store import Store
from plugin.store.folder_lock import lock_folder
from plugin.store.news import Topic
from plugin.systemd import READY, STOPPING, notify
from plugin.web.application import create_app
from plugin.web.context import WebContext
from plugin.web.key_file import share_keys
from plugin.web.links import KEY_FILE as LINK_KEY
from plugin.web.server import Server, listen
from plugin.web.sessions import KEY_FILE as SESSION_KEY

log = logging.getLogger(__name__)

CONFIG_CHECK_SECONDS = 5  # how often the file is looked at, where it is watched
SIGNING_KEYS = (SESSION_KEY, LINK_KEY)


class WebService:
    """One replica."""

    def __init__(
        self,
        config: Config,
        *,
        load: Callable[[], Config] | None = None,
        config_changed: Callable[[], bool] | None = None,
        clock: Callable[[], float] | None = None,
        server: Server | None = None,
    ) -> None:
        """As those of `Service`. Raises BandwatchError."""
        self._config = config
        self._watches = _by_name(config)
        self._server = server
        self._metrics = server.metrics if server is not None else Metrics(CollectorRegistry())
        self._clock = clock or SteadyClock()
        if isinstance(self._clock, SteadyClock):
            self._metrics.follow(self._clock)
        self.board = Board()
        folder = Path(config.store.path)
        self._lock = lock_folder(folder, shared=True)
        try:
            self.store = Store.of(config.store)
            self._metrics.follow_connections(self.store.connections)
            self._maintenance = MaintenanceCalendar(
                config.maintenance, self.store, self._metrics, clock=self._clock
            )
        except BandwatchError:
            self._lock.close()
            raise
        self._follower = BoardFollower(
            self.store, self.board, self._metrics, lambda: self._watches, self._clock
        )
        self._orders = RemoteOrders(self.store, self._clock)
        self._scheduler = Scheduler(self._metrics, clock=self._clock)
        looks = {Topic.BOARD: self._follower.run, Topic.WINDOWS: self._maintenance.follow}
        self._news = News(self.store, self._metrics, self._scheduler, looks)
        self._reload = ConfigReload(
            load, lambda: self._config, self._swap, self._metrics, config_changed
        )
        self._config_changed = config_changed
        self._reloaded_at = 0.0  # unix seconds of the last reload

    def start(self) -> None:
        """Reads what is published, then listens: no answer is of an empty board."""
        self._follower.run()
        share_keys(self.store.folder, SIGNING_KEYS, self.store.signing_keys.agree)
        application = create_app(self._web_context())
        if self._server is None:
            self._server = listen(self._config, self._metrics)
        self._server.use(application)
        self._reload.succeed()
        self._news.start()
        self._scheduler.every("upkeep", GIVE_BACK_SECONDS, give_back, long=True)
        self._schedule_maintenance()
        if self._config_changed is not None:
            self._scheduler.every(
                "config", CONFIG_CHECK_SECONDS, self._reload.follow, lane="config"
            )
        self._scheduler.start()
        notify(READY, f"STATUS=listening at {self.url}")
        log.info("listening", extra={"url": self.url, "watches": len(self._watches)})

    def stop(self) -> bool:
        """Ends in order, as `Service.stop`."""
        notify(STOPPING)
        self._news.stop()
        all_ended = self._scheduler.stop()
        if self._server is not None:
            self._server.close()
        self.store.close()
        self._lock.close()
        log.info("stopped")
        return all_ended

    def reload(self) -> None:
        """Raises ConfigError and changes nothing when the file is wrong."""
        self._reload.run()

    def try_reload(self) -> None:
        """`reload` where nobody waits for its outcome: a refusal is logged."""
        self._reload.attempt()

    @property
    def url(self) -> str:
        assert self._server is not None, "the service has not been started"
        web = self._config.web
        host = web.listen_address.rpartition(":")[0]
        return f"{'https' if web.tls_server_config else 'http'}://{host}:{self._server.port}"

    @property
    def page_url(self) -> str:
        """Where people open the page: the address that is configured for them, or our own."""
        return f"{self._config.web.external_url or self.url}/"

    def readiness(self) -> str | None:
        """None when every watch is on the board, else what is still missing."""
        snapshots = self.board.snapshots()
        waiting = [
            name
            for name, watch in self._watches.items()
            if not watch.paused
            if name not in snapshots
            or not snapshots[name].time
            or snapshots[name].outlook is WatchHealth.STARTING
        ]
        return f"not scored yet: {', '.join(waiting)}" if waiting else None

    def _web_context(self) -> WebContext:
        return WebContext(
            store=self.store,
            board=self.board,
            settings=self._config.web,
            registry=self._metrics.registry,
            config_text=lambda: settings.masked(self._config),
            reload=self.reload,
            readiness=self.readiness,
            metrics=self._metrics,
            watches=lambda: self._watches,
            heartbeat=lambda: self._follower.heartbeat,
            shows_board=False,  # /metrics of the workers has it, each watch once
            clock=self._clock,
            reloaded=lambda: self._reloaded_at,
            reload_refused=lambda: self._reload.refused,
            maintenance=self._maintenance,
            order=self._orders.execute,
            moment=self._follower.moment,
        )

    def _swap(self, config: Config) -> None:
        self._maintenance.use(self._maintenance.plan(config.maintenance))
        self._config = config
        self._watches = _by_name(config)
        self._reloaded_at = self._clock()
        self._follower.reread()
        self._news.wake(Topic.BOARD)
        self._schedule_maintenance()

    def _schedule_maintenance(self) -> None:
        """Calendars only: a worker stores silences."""
        self._scheduler.every(
            "maintenance",
            self._config.maintenance.refresh,
            lambda: self._maintenance.run(with_silences=False),
            lane="maintenance",
        )


def _by_name(config: Config) -> Mapping[str, Watch]:
    return {watch.name: watch for watch in config.watches}
