"""Reads the configuration again while a service runs, and hands it over. A file that is wrong
changes nothing."""

import logging
import threading
from collections.abc import Callable

from plugin.config import Config
from plugin.errors import BandwatchError, ConfigError
from plugin.metrics import Metrics
from plugin.systemd import reload_notice

log = logging.getLogger(__name__)

RESTART_SECTIONS = ("store", "web", "workers", "executor")  # a change of these needs a restart


class ConfigReload:
    """The reloads of one service, one at a time."""

    def __init__(
        self,
        load: Callable[[], Config] | None,
        config: Callable[[], Config],
        swap: Callable[[Config], None],
        metrics: Metrics,
        changed: Callable[[], bool] | None = None,
    ) -> None:
        """load: reads the file; raises ConfigError; None = there is none. config: the one that
        runs. swap: uses another one. changed: whether the file is another than at the last
        `load`."""
        self._load = load
        self._config = config
        self._swap = swap
        self._metrics = metrics
        self._changed = changed
        self._lock = threading.Lock()
        self.refused = False  # whether the last reload was

    def run(self) -> None:
        """Raises ConfigError and changes nothing when the file is wrong."""
        with self._lock, reload_notice():
            try:
                self._swap(self._read())
            except Exception:
                self.refused = True
                self._metrics.reload_successful.set(0)
                raise
            self.succeed()
            log.info("configuration reloaded", extra={"watches": len(self._config().watches)})

    def attempt(self) -> None:
        """`run` where nobody waits for its outcome: a refusal is logged."""
        try:
            self.run()
        except BandwatchError as error:
            log.error("reload refused", extra={"err": str(error)})

    def follow(self) -> None:
        """`attempt` where the file has changed."""
        if self._changed is not None and self._changed():
            self.attempt()

    def succeed(self) -> None:
        """What runs is what the file says, also at a start."""
        self.refused = False
        self._metrics.reload_successful.set(1)
        self._metrics.reload_time.set_to_current_time()

    def _read(self) -> Config:
        if self._load is None:
            raise ConfigError("nothing to reload: this service was not started from a file")
        config = self._load()
        running = self._config()
        for section in RESTART_SECTIONS:
            if getattr(config, section) != getattr(running, section):
                raise ConfigError(
                    f"{section}: a change of it takes effect at a restart only; nothing was changed"
                )
        return config
