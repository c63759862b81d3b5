"""Holes of the source of a watch: times in which nothing was sampled, as while Prometheus was down.

A query with a range, such as rate(x[5m]), goes on to give values that look right and are not, until
its range has left the hole: these samples are scored, but no alarm comes of them, and they are not
learnt from.
"""

import logging

import numpy as np

from plugin.domain.times import instant
from plugin.errors import PrometheusError
from plugin.jobs.watch_context import WatchContext
from plugin.range_vectors import longest_range_vector
from plugin.series import FloatArray, IntArray

log = logging.getLogger(__name__)

MAX_DISTANCES = 3  # usual times between two samples: more than these are a hole
MIN_HOLE_SHARE = 0.1  # of the range; a shorter hole moves a value by no more than that
STEPS_BEFORE = 20  # at least, that tell what distance is usual


class SourceHoles:
    """Finds the holes of one watch and keeps them in the store."""

    def __init__(self, context: WatchContext) -> None:
        self._context = context
        self._vector = longest_range_vector(context.watch.query)
        self.unsettled = False  # a hole has no end yet, or could not be looked for

    def look(self, start: int, end: int) -> None:
        """Looks for holes around start..end, grid times: one more query. Raises Stopped,
        StoreError."""
        if not self._vector.selector:
            return
        watch = self._context.watch
        step = watch.step
        first = (start - max(self._vector.seconds, STEPS_BEFORE * step)) // step * step
        try:
            answer = self._context.reader.range(
                f"max(timestamp({self._vector.selector}))", first, end, step, max_series=1
            )
        except PrometheusError as error:
            self.unsettled = True
            log.warning(
                "holes of the source not looked for", extra={"watch": watch.name, "err": str(error)}
            )
            return
        sampled = answer.observed[0].values if answer.observed else np.empty(0)
        if len(sampled):
            holes, self.unsettled = holes_between(sampled, end, step)
        else:  # it has had none for a while: only a hole that is known goes on
            holes = [(end, end)] if self.unsettled else []
        for hole_start, hole_end in holes:
            if hole_end - hole_start >= MIN_HOLE_SHARE * self._vector.seconds or not len(sampled):
                self._keep(hole_start, hole_end)

    def _keep(self, hole_start: int, hole_end: int) -> None:
        context = self._context
        name = context.watch.name
        last = hole_end + self._vector.seconds
        if context.store.source_holes.add(name, hole_start + 1, last):
            context.metrics.source_holes.labels(name).inc()
            log.warning(
                "the source has a hole: what looks back over it is scored, but does not alert",
                extra={
                    "watch": name,
                    "from": instant(hole_start),
                    "to": instant(hole_end),
                    "until": instant(last),
                },
            )


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
