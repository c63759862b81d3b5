"""The forecast job of one watch: the band ahead of now, of all its series, made of what the last
tick left behind.

A forecast is the band that the models draw into a gap (see `Scores.band`): the steps that follow
are scored as if no sample came. Each run pays for itself with rest, so that all runs of a watch
together take `SHARE` of a core.
"""

import logging
from collections.abc import Callable, Iterator

import numpy as np

from detectors.api import Band
from plugin import grid
from plugin.board import Board, Forecast
from plugin.config import Watch
from plugin.domain.tolerances import NO_TOLERANCES, Tolerances
from plugin.jobs.covariates import queries_of
from plugin.jobs.model_stack import ModelStack
from plugin.jobs.policies import moved
from plugin.jobs.throttle import Throttle
from plugin.jobs.watch_scorer import WatchScorer
from plugin.metrics import Metrics
from plugin.series import FloatArray, IntArray

log = logging.getLogger(__name__)

SHARE = 0.02  # of a core; 10,000 series and 120 steps take 0.3 s (baseline) to 1.6 s (seq2seq)
CELLS_AT_ONCE = 60_000  # series times steps of one part: bounds its memory, and is quickest


class ForecastJob:
    """Publishes the band ahead after a tick, once the run before has been paid for."""

    def __init__(
        self, watch: Watch, board: Board, metrics: Metrics, stacks: Callable[[], WatchScorer | None]
    ) -> None:
        """stacks: those of the score job as of its last tick; None = it has none now."""
        self.watch = watch
        self._board = board
        self._metrics = metrics
        self._stacks = stacks
        self._seen: int | None = None  # `until` of the stacks of the last run
        self._rest = Throttle(SHARE)

    def run(self) -> bool:
        """A forecast, if there is something new to make it from. Returns whether one has been
        published.

        A failure is counted and logged; the forecast before stays until it is past.
        """
        stacks = self._stacks()
        if stacks is None or stacks.until == self._seen or not self._rest.over:
            return False
        standing = stacks.standing()
        if standing is None:
            return False
        self._seen = stacks.until
        try:
            with self._rest.after():
                self._board.publish_forecast(
                    ahead(self.watch, standing, stacks.until, stacks.tolerances)
                )
        except Exception as error:  # whatever a detector raises: scoring goes on
            self._metrics.forecast_failures.labels(self.watch.name).inc()
            log.error(
                "forecast failed",
                extra={"watch": self.watch.name, "err": repr(error)},
                exc_info=True,
            )
            return False
        return True


def ahead(
    watch: Watch, stacks: tuple[ModelStack, ...], until: int, tolerances: Tolerances = NO_TOLERANCES
) -> Forecast:
    """The band of the steps after `until`, the grid time that all stacks have seen, moved by the
    watch's policies."""
    count = sum(len(stack.ids) for stack in stacks)
    ids = np.empty(count, np.int64)
    origin = np.empty(count)
    expected, lower, upper = (np.empty((count, watch.steps_ahead), np.float32) for _ in range(3))
    rows = slice(0, 0)
    for part, band in _bands(watch, stacks, until, tolerances):
        rows = slice(rows.stop, rows.stop + len(part))
        first = band.expected[:, :1]
        zero = np.where(np.isfinite(first), first, 0.0)
        ids[rows] = part
        origin[rows] = zero[:, 0]
        with np.errstate(over="ignore"):  # beyond float32 there is no bound
            expected[rows], lower[rows], upper[rows] = (
                bound - zero for bound in (band.expected, band.lower, band.upper)
            )
    order = np.argsort(ids)
    return Forecast(
        watch.name,
        until,
        watch.step,
        ids[order],
        origin[order],
        expected[order],
        lower[order],
        upper[order],
    )


def _bands(
    watch: Watch, stacks: tuple[ModelStack, ...], until: int, tolerances: Tolerances
) -> Iterator[tuple[IntArray, Band]]:
    """The ids of some series and their bands, part by part."""
    times = until + watch.step * np.arange(1, watch.steps_ahead + 1, dtype=np.int64)
    rows = max(1, CELLS_AT_ONCE // watch.steps_ahead)
    for stack in stacks:
        for first in range(0, len(stack.ids), rows):
            part = stack.part(slice(first, first + rows))
            yield (
                part.ids,
                moved(_gap(watch, part, until), watch, tolerances.widening(part.ids, times)),
            )


def _gap(watch: Watch, stack: ModelStack, until: int) -> Band:
    """What the models say of steps without samples: covariates are missing too, and local time is
    that of the steps."""
    shape = len(stack.ids), watch.steps_ahead
    nothing: FloatArray = np.full(shape, np.nan)
    covariates: FloatArray = np.full((shape[0], len(queries_of(stack.spec)), shape[1]), np.nan)
    batch = grid.batch(
        nothing, until + watch.step, watch.step, watch.timezone, covariates=covariates
    )
    return stack.score(batch)[0].band
