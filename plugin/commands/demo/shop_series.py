"""What a series of the demo is: its name, its labels, and its level as a function of time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from plugin.commands.demo.randomness import normal
from plugin.series import FloatArray, IntArray, Labels

# [T] unix seconds -> [T] value of a gauge, or events per second of a counter
Level = Callable[[IntArray], FloatArray]
# The same, after the key of its noise: a level uses a few numbers from the key on.
NoisyLevel = Callable[[int, IntArray], FloatArray]


@dataclass(frozen=True)
class Source:
    """One exported series and how people call it."""

    title: str
    watch: str
    metric: str
    labels: Labels
    unit: str  # a unit id of Grafana, see `plugin.domain.number_text`; "" = a bare number
    level: Level
    kind: Literal["gauge", "counter"] = "gauge"
    gap: tuple[int, int] | None = None  # seconds before `now` between which nothing was exported


@dataclass(frozen=True)
class Gauge:
    """One row of a table of gauges: a source without its watch and its noise."""

    title: str
    metric: str
    labels: Mapping[str, str]
    unit: str
    level: NoisyLevel
    gap: tuple[int, int] | None = None

    def source(self, watch: str, key: int) -> Source:
        """The source in its watch; key: of its noise."""
        return Source(
            self.title,
            watch,
            self.metric,
            Labels.of(self.labels),
            self.unit,
            partial(self.level, key),
            gap=self.gap,
        )


def counted(key: int, times: IntArray, mean: FloatArray) -> FloatArray:
    """[T] whole numbers around a mean [T], about Poisson; they stay for ten seconds."""
    noise = np.sqrt(mean) * normal(key, times // 10)
    return np.maximum(np.floor(mean + noise + 0.5), 0)
