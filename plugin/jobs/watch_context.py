"""What every job of one watch works with."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from plugin.config import Watch
from plugin.jobs.model_registry import ModelRegistry
from plugin.metrics import Metrics
from plugin.prometheus import PrometheusReader
from plugin.store import Store


@dataclass(frozen=True)
class WatchContext:
    """A watch, and the parts of the service that its jobs share."""

    watch: Watch
    store: Store
    reader: PrometheusReader
    metrics: Metrics
    registry: ModelRegistry
    clock: Callable[[], float] = time.time

    def latest_time(self) -> int:
        """The grid time up to which the watch can be asked for now, unix seconds."""
        return (int(self.clock()) - self.watch.offset) // self.watch.step * self.watch.step
