"""What every job of one watch works with."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from plugin.config import Watch
from plugin.jobs.earlier_shards import EarlierShards
from plugin.jobs.model_registry import ModelRegistry
from plugin.metrics import Metrics
from plugin.prometheus import PrometheusReader, QueryResult
from plugin.series import IntArray, Series
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

    @cached_property
    def earlier_shards(self) -> EarlierShards:
        return EarlierShards(self.watch)

    def identify(self, answer: QueryResult) -> tuple[IntArray, list[Series]]:
        """The series of an answer that are this watch's, with their ids. Raises StoreError."""
        series = self.earlier_shards.without_theirs(answer.observed, self.metrics)
        return self.registry.identify(series), series

    def latest_time(self) -> int:
        """The grid time up to which the watch can be asked for now, unix seconds."""
        return (int(self.clock()) - self.watch.offset) // self.watch.step * self.watch.step
