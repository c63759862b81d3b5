"""Holes of the source of a watch: times in which nothing was sampled, as while Prometheus was down.

A query with a range, such as rate(x[5m]), goes on to give values that look right and are not, until
its range has left the hole: these samples are scored, but no alarm comes of them, and they are not
learnt from. Those of a covariate count as missing.
"""

import logging
from dataclasses import dataclass

import numpy as np

from plugin.domain.times import DAY, instant
from plugin.errors import PrometheusError
from plugin.grid import Grid
from plugin.jobs.watch_context import WatchContext
from plugin.prometheus import PrometheusReader
from plugin.range_vectors import RangeVector, longest_range_vector
from plugin.series import BoolArray, FloatArray, IntArray, watch_of
from plugin.store import Store

log = logging.getLogger(__name__)

MAX_DISTANCES = 3  # usual times between two samples: more than these are a hole
MIN_HOLE_SHARE = 0.1  # of the range; a shorter hole moves a value by no more than that
MAX_PAUSE_RUNS = 64  # between two looks where it fails
TOLD_FAILURE = 2  # in a row
STEPS_BEFORE = 20  # at least, that tell what distance is usual


@dataclass(frozen=True)
class HoleSearch:
    """What a look for holes has found."""

    spans: list[tuple[int, int]]  # unix seconds at which the query looks back over a hole
    has_samples: bool  # the source has some in the range
    is_open: bool  # the last hole has no end yet


class SourceHoles:
    """Finds the holes of one query and keeps them in the store."""

    def __init__(self, context: WatchContext) -> None:
        self._context = context
        self._vector = longest_range_vector(context.watch.query)
        self._is_open = False  # the last hole has no end yet
        self._owed: tuple[int, int] | None = None  # grid times that could not be looked at
        self._failures = 0  # in a row
        self._pause_runs = 1  # until what is owed is looked at again
        self._runs = 0  # since it was
        self._last_sample: int | None = None  # grid time of the last answer that had a sample

    def follow(self, grid: Grid, *, has_samples: bool) -> None:
        """Looks for holes where they may be: after an outage, and when samples come again after
        there were none.

        grid: what was just asked for. Raises Stopped, StoreError.
        """
        last = grid.start if self._last_sample is None else self._last_sample
        returned = has_samples and grid.start - last > grid.step
        if grid.count > 1 or self._is_open or self._owed or returned:
            self.look(min(last, grid.start), grid.end)
        if has_samples:
            self._last_sample = max(last, grid.end)

    def look(self, start: int, end: int) -> None:
        """Looks for holes around start..end, grid times: one more query. What fails is tried again
        by the next look. Raises Stopped, StoreError."""
        found = self._search(start, end)
        if found is None:
            owed = self._owed or (start, end)
            self._owed = min(owed[0], start), max(owed[1], end)
            return
        if found.has_samples:
            self._is_open = found.is_open
        elif self._is_open:  # it has had none for a while: the hole that is known goes on
            self._keep(_span((end, end), self._vector))
        self.look_again()

    def look_again(self) -> None:
        """Looks where it has failed, less and less often while it fails. Raises Stopped,
        StoreError."""
        self._runs += 1
        if self._owed is not None and self._runs >= self._pause_runs:
            self._runs = 0
            failed = self._search(*self._owed) is None
            self._pause_runs = min(MAX_PAUSE_RUNS, 2 * self._pause_runs) if failed else 1
            self._owed = self._owed if failed else None
        if self._owed is None:
            self._failures = 0

    def _search(self, start: int, end: int) -> HoleSearch | None:
        """Keeps what is found; None = it failed: counted, and told at the second time in a row,
        because a Prometheus that is busy for a moment answers the next time."""
        context = self._context
        watch = context.watch
        try:
            found = search_holes(context.reader, self._vector, start, end, watch.step)
        except PrometheusError as error:
            name = watch_of(watch.name)
            context.metrics.source_hole_failures.labels(name, error.reason).inc()
            self._failures += 1
            if self._failures == TOLD_FAILURE:
                log.warning(
                    "holes of the source not looked for",
                    extra={"watch": name, "query": watch.query, "err": str(error)},
                )
            return None
        for span in found.spans:
            self._keep(span)
        return found

    def _keep(self, span: tuple[int, int]) -> None:
        context = self._context
        watch = context.watch
        if not context.store.source_holes.add(watch.name, *span):
            return
        name = watch_of(watch.name)
        context.metrics.source_holes.labels(name).inc()
        told = "is scored, but does not alert" if name == watch.name else "counts as missing"
        log.warning(
            f"the source has a hole: what looks back over it {told}",
            extra={
                "watch": name,
                "query": watch.query,
                "from": instant(span[0] - 1),
                "to": instant(span[1] - self._vector.seconds),
                "until": instant(span[1]),
            },
        )


def search_holes(
    reader: PrometheusReader, vector: RangeVector, start: int, end: int, step: int
) -> HoleSearch:
    """Looks for holes around start..end, grid times: one query a day, and none where the query that
    is meant has no range. Raises PrometheusError."""
    if not vector.selector:
        return HoleSearch([], has_samples=False, is_open=False)
    first = (start - max(vector.seconds, STEPS_BEFORE * step)) // step * step
    sampled = newest_samples(reader, vector, first, end, step)
    if not len(sampled):
        return HoleSearch([], has_samples=False, is_open=False)
    holes, is_open = holes_between(sampled, end, step)
    long_enough = MIN_HOLE_SHARE * vector.seconds
    spans = [_span(hole, vector) for hole in holes if hole[1] - hole[0] >= long_enough]
    return HoleSearch(spans, has_samples=True, is_open=is_open)


def newest_samples(
    reader: PrometheusReader, vector: RangeVector, start: int, end: int, step: int
) -> FloatArray:
    """[T] unix seconds of the newest sample as seen at each time of the grid start..end at which
    there is one. Raises PrometheusError."""
    # Each request reads all series of the selector, of which the answer tells nothing: a day of
    # them is answered in time.
    length = DAY // step * step
    answers = [
        reader.range(
            _newest_sample(vector, step), first, min(first + length - step, end), step, max_series=1
        )
        for first in range(start, end + step, length)
    ]
    return np.concatenate(
        [answer.observed[0].values for answer in answers if answer.observed] or [np.empty(0)]
    )


def _newest_sample(vector: RangeVector, step: int) -> str:
    """A query for the time of the newest sample, in unix seconds."""
    if vector.names_metric:
        return f"max(timestamp({vector.selector}))"
    # `timestamp` would refuse series that differ by their name alone. This has a value at the times
    # before which there was a sample within the step; Prometheus 2 counts both ends of a range.
    return f"count(last_over_time({vector.selector}[{step * 1000 - 1}ms])) * 0 + time()"


def _span(hole: tuple[int, int], vector: RangeVector) -> tuple[int, int]:
    """When a query looks back over a hole. hole: the times of the samples before and after it."""
    return hole[0] + 1, hole[1] + vector.seconds


def over_holes(store: Store, name: str, grid: Grid) -> BoolArray | None:
    """[T] where a query looks back over a hole; None = nowhere.

    name: under which its samples are kept: of a watch or of a covariate.
    """
    spans = store.source_holes.between(name, grid.start, grid.end)
    return columns_within(spans, grid) if spans else None


def columns_within(spans: list[tuple[int, int]], grid: Grid) -> BoolArray:
    """[T] which grid times are within spans of unix seconds, both ends included."""
    within: BoolArray = np.zeros(grid.count, bool)
    for start, end in spans:
        within[grid.columns(start, end)] = True
    return within


def holes_between(sampled: FloatArray, end: int, step: int) -> tuple[list[tuple[int, int]], bool]:
    """Holes between samples, as the times before and after each, and whether the last one has no
    end yet.

    sampled: [T] unix seconds of the newest sample as seen at grid times up to `end`.
    """
    times: IntArray = np.unique(sampled.astype(np.int64))
    distances = np.diff(times)
    usual = max(step, float(np.median(distances))) if len(distances) else step
    limit = MAX_DISTANCES * usual
    holes = [
        (int(times[index]), int(times[index + 1])) for index in np.flatnonzero(distances > limit)
    ]
    is_open = bool(end - times[-1] > limit)
    return (holes + [(int(times[-1]), end)] if is_open else holes), is_open
