"""Samples that arrive after they were asked for: now and then the last steps are read again, and
compared with what is stored."""

import logging
from dataclasses import dataclass

import numpy as np

from plugin.config.durations import format_duration
from plugin.errors import PrometheusError
from plugin.grid import Grid, align
from plugin.jobs.watch_context import WatchContext
from plugin.jobs.watch_history import query_key
from plugin.series import BoolArray, FloatArray, IntArray

log = logging.getLogger(__name__)

RUNS_BETWEEN = 50  # of the score job, between two readings
COMPARED_STEPS = 60
MAX_READINGS = 5  # in a row, until one tells how long values change
MIN_CHANGED_SHARE = 0.05  # of the values: a scrape that is just being stored is no delay
TOLERANCE = 1e-6  # relative: sums may be added up in another order


@dataclass(frozen=True)
class Reading:
    """What the query has on a grid."""

    grid: Grid
    ids: IntArray  # [S]
    values: FloatArray  # [S, T] NaN = no sample


class LateSamples:
    """Tells for how long the values of one watch change after they were read."""

    def __init__(self, context: WatchContext) -> None:
        self._context = context
        self._runs_left = RUNS_BETWEEN
        self._readings: list[Reading] = []  # that follow each other, the first one with changes

    def look(self, end: int) -> None:
        """After a run up to a grid time: does nothing in most runs. Raises Stopped, StoreError."""
        self._runs_left -= 1
        if self._runs_left > 0:
            return
        self._runs_left = RUNS_BETWEEN
        try:
            reading = self._read(end)
        except PrometheusError:  # its outcome is counted; the next run asks the same server
            self._readings = []
            return
        if reading is None:
            return
        late_seconds = self._late_seconds(reading)
        if late_seconds is None:
            self._readings.append(reading)
            self._runs_left = 1
        else:
            self._readings = []
            self._tell(late_seconds)

    def _read(self, end: int) -> Reading | None:
        """None where nothing can be compared."""
        context = self._context
        watch = context.watch
        grid = Grid.between(end - (COMPARED_STEPS - 1) * watch.step, end, watch.step)
        answer = context.reader.range(
            watch.query, grid.start, grid.end, grid.step, max_series=watch.max_series
        )
        missing = context.store.coverage.missing(
            watch.name, query_key(watch), grid.start, grid.end, grid.step
        )
        if answer.partial or missing or not answer.observed:
            return None
        ids, series = context.identify(answer)
        return Reading(grid, ids, align(series, grid))

    def _late_seconds(self, reading: Reading) -> int | None:
        """Seconds before the end of the reading in which values still change; 0 = none do; None =
        they do, and the next run will tell for how long."""
        grid = reading.grid
        stored = self._context.store.samples.values(reading.ids, grid.start, grid.end, grid.step)
        changes = changed(stored, reading.values)
        if changes.sum() <= MIN_CHANGED_SHARE * np.isfinite(reading.values).sum():
            return 0
        moving = [_oldest_change(earlier, reading) for earlier in self._readings]
        if any(moving):
            return max(moving)
        if len(self._readings) < MAX_READINGS:
            return None
        return int(grid.end - grid.times[changes.any(axis=0)].max())

    def _tell(self, late_seconds: int) -> None:
        watch = self._context.watch
        self._context.metrics.late_seconds.labels(watch.name).set(late_seconds)
        if late_seconds:
            advice = format_duration(watch.offset + late_seconds)
            log.warning(
                f"values of the last {late_seconds} s still change: set offset to {advice}",
                extra={"watch": watch.name, "late_seconds": late_seconds, "offset": advice},
            )


def changed(earlier: FloatArray, later: FloatArray) -> BoolArray:
    """[S, T] where there is a value now, and was another one, or none."""
    result: BoolArray = np.isfinite(later) & ~np.isclose(earlier, later, rtol=TOLERANCE, atol=0.0)
    return result


def _oldest_change(earlier: Reading, later: Reading) -> int:
    """The age in seconds, at the end of the later reading, of the oldest value that has changed
    since the earlier one; 0 = none has. Series that are in only one of them do not count."""
    times = np.intersect1d(earlier.grid.times, later.grid.times)
    rows = np.flatnonzero(np.isin(later.ids, earlier.ids))
    order = np.argsort(earlier.ids)
    before = order[np.searchsorted(earlier.ids[order], later.ids[rows])]
    changes = changed(
        earlier.values[np.ix_(before, np.isin(earlier.grid.times, times))],
        later.values[np.ix_(rows, np.isin(later.grid.times, times))],
    )
    changed_times = times[changes.any(axis=0)]
    return int(later.grid.end - changed_times.min()) if len(changed_times) else 0
