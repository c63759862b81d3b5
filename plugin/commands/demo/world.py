"""The world of the demo: the value of every series at any moment, incidents included.

World.values(source, times) is a pure function of absolute time, so that the history, the live
exporter and the stand-in agree. The only change is that an incident is added, always for a time yet
to come; those of the past are known from the start.
"""

from collections.abc import Sequence

import numpy as np

from plugin.commands.demo.randomness import uniform
from plugin.commands.demo.scripted_incidents import ScriptedIncident
from plugin.commands.demo.shop import catalog
from plugin.commands.demo.shop_series import Source
from plugin.domain.times import DAY, HOUR, MINUTE
from plugin.series import FloatArray, IntArray, Labels, Series

TICK_SECONDS = 5  # counters count in ticks
# The shop is deployed every night at 03:17 UTC, which resets its counters.
RESTART_SECONDS = 3 * HOUR + 17 * MINUTE
HISTORY = 21 * DAY
SCRAPE_LABELS = {"job": "shop", "instance": "shop-1"}  # what a scrape adds to the labels


class World:
    """The sources and the incidents on them.

    now: unix seconds at which the history ends; past: the incidents in it.
    """

    def __init__(self, seed: int, now: int, incidents: tuple[ScriptedIncident, ...] = ()) -> None:
        self.now = now
        self.sources = catalog(seed)
        self.incidents = incidents
        self._dither = {source: seed * 7919 + number for number, source in enumerate(self.sources)}

    def add(self, incident: ScriptedIncident) -> None:
        """Lets an incident happen; it must lie ahead, or counters would run backwards."""
        self.source(incident.title)
        self.incidents = (*self.incidents, incident)

    def source(self, title: str) -> Source:
        """The source with this title. Raises KeyError."""
        for source in self.sources:
            if source.title == title:
                return source
        raise KeyError(f"no series is called {title!r}")

    def values(self, source: Source, times: IntArray) -> FloatArray:
        """[T] the exported value at each time, ascending; NaN = not exported."""
        level = (
            self._totals(source, times) if source.kind == "counter" else self._level(source, times)
        )
        if source.gap is not None:
            absent = (times >= self.now - source.gap[0]) & (times < self.now - source.gap[1])
            level = np.where(absent, np.nan, level)
        return level

    def history(self, start: int, end: int, step: int) -> list[Series]:
        """The samples of all sources on the grid start..end (end excluded), as a scrape would have
        labelled them."""
        times = np.arange(start, end, step, dtype=np.int64)
        return [
            present(series_labels(source), times, self.values(source, times))
            for source in self.sources
        ]

    def _level(self, source: Source, times: IntArray) -> FloatArray:
        level = source.level(times)
        for incident in self.incidents:
            if incident.title == source.title:
                level = incident.apply(times, level)
        return level

    def _totals(self, source: Source, times: IntArray) -> FloatArray:
        """[T] whole events since the last restart before each time."""
        restarts = last_restart(times) // TICK_SECONDS
        first = int(restarts[0])
        ticks = np.arange(first, times[-1] // TICK_SECONDS + 1, dtype=np.int64)
        expected = np.maximum(self._level(source, ticks * TICK_SECONDS), 0) * TICK_SECONDS
        events = np.floor(expected + uniform(self._dither[source], ticks))
        total = np.concatenate([[0.0], np.cumsum(events)])  # [ticks + 1] events before each tick
        return np.asarray(total[times // TICK_SECONDS - first] - total[restarts - first])


def last_restart(times: IntArray) -> IntArray:
    """[T] the last restart before or at each time."""
    return (times - RESTART_SECONDS) // DAY * DAY + RESTART_SECONDS


def series_labels(source: Source) -> Labels:
    """The labels that the source has in Prometheus."""
    return Labels.of({"__name__": source.metric, **source.labels, **SCRAPE_LABELS})


def present(labels: Labels, times: IntArray, values: FloatArray) -> Series:
    """A series of the samples that are no NaN."""
    is_sample = ~np.isnan(values)
    return Series(labels, times[is_sample], values[is_sample])


def kinds(sources: Sequence[Source]) -> dict[str, str]:
    """Metric name -> gauge or counter, in the order of first appearance."""
    return {source.metric: source.kind for source in sources}
