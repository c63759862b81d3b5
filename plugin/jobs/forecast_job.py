"""The forecast job of one watch: the band ahead of now, of all its series, made of what the last
tick left behind.

A forecast is the band that the models draw into a gap (see `Scores.band`): the steps that follow
are scored as if no sample came. Each run pays for itself with rest, so that all runs of a watch
together take `CORE_SHARE` of a core.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from detectors.api import Band
from plugin.board import Board, Forecast
from plugin.config import Watch
from plugin.domain.tolerances import NO_TOLERANCES, Tolerances
from plugin.grid import Grid, series_batch
from plugin.jobs.covariates import queries_of
from plugin.jobs.model_stack import ModelStack
from plugin.jobs.policies import move_band
from plugin.jobs.throttle import Throttle
from plugin.jobs.watch_scorer import WatchScorer
from plugin.metrics import Metrics
from plugin.series import IntArray

log = logging.getLogger(__name__)

CORE_SHARE = 0.02  # of a core; 10,000 series and 120 steps take 0.3 s (baseline) to 1.6 s (seq2seq)
CELLS_AT_ONCE = 60_000  # series times steps of one part: bounds its memory, and is quickest


class ForecastJob:
    """Publishes the band ahead after a tick, once the run before has been paid for."""

    def __init__(
        self, watch: Watch, board: Board, metrics: Metrics, scorer: Callable[[], WatchScorer | None]
    ) -> None:
        """scorer: that of the score job as of its last tick; None = it has none now."""
        self.watch = watch
        self._board = board
        self._metrics = metrics
        self._scorer = scorer
        self._last_until: int | None = None  # `until` of the scorer of the last run
        self._throttle = Throttle(CORE_SHARE)

    def run(self) -> bool:
        """A forecast, if there is something new to make it from. Returns whether one has been
        published.

        A failure is counted and logged; the forecast before stays until it is past.
        """
        scorer = self._scorer()
        if scorer is None or scorer.until == self._last_until or not self._throttle.over:
            return False
        stacks = scorer.stacks()
        if stacks is None:
            return False
        self._last_until = scorer.until
        try:
            with self._throttle.after():
                self._board.publish_forecast(
                    forecast_ahead(self.watch, stacks, scorer.until, scorer.tolerances)
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


def forecast_ahead(
    watch: Watch,
    stacks: tuple[ModelStack, ...],
    last_time: int,
    tolerances: Tolerances = NO_TOLERANCES,
) -> Forecast:
    """The band of the steps after `last_time`, the grid time that all stacks have seen, moved by
    the watch's policies."""
    count = sum(len(stack.ids) for stack in stacks)
    ids = np.empty(count, np.int64)
    origin = np.empty(count)
    expected, lower, upper = (np.empty((count, watch.steps_ahead), np.float32) for _ in range(3))
    rows = slice(0, 0)
    for part_ids, band in _bands(watch, stacks, last_time, tolerances):
        rows = slice(rows.stop, rows.stop + len(part_ids))
        first = band.expected[:, :1]
        zero = np.where(np.isfinite(first), first, 0.0)
        ids[rows] = part_ids
        origin[rows] = zero[:, 0]
        with np.errstate(over="ignore"):  # what float32 cannot hold is no bound
            expected[rows] = band.expected - zero
            lower[rows] = band.lower - zero
            upper[rows] = band.upper - zero
    order = np.argsort(ids)
    return Forecast(
        watch=watch.name,
        made_at=last_time,
        step=watch.step,
        ids=ids[order],
        origin=origin[order],
        expected=expected[order],
        lower=lower[order],
        upper=upper[order],
    )


def _bands(
    watch: Watch, stacks: tuple[ModelStack, ...], last_time: int, tolerances: Tolerances
) -> Iterator[tuple[IntArray, Band]]:
    """The ids of some series and their bands, part by part."""
    grid = Grid(last_time + watch.step, watch.step, watch.steps_ahead)
    rows = max(1, CELLS_AT_ONCE // grid.count)
    for stack in stacks:
        for first in range(0, len(stack.ids), rows):
            part = stack.part(slice(first, first + rows))
            widening = tolerances.widening(part.ids, grid.times)
            yield part.ids, move_band(_gap(watch, part, grid), watch, widening)


def _gap(watch: Watch, stack: ModelStack, grid: Grid) -> Band:
    """What the models say of steps without samples, of covariates neither. Local time goes on."""
    rows = len(stack.ids)
    batch = series_batch(np.full((rows, grid.count), np.nan), grid, watch.timezone, watch.calendar)
    covariates = np.full((rows, len(queries_of(stack.spec)), grid.count), np.nan)
    return stack.score(replace(batch, covariates=covariates))[0].band
