"""The history that the fits of one watch learn from: loaded at the first, completed before each."""

import logging
import math
import time

from plugin.errors import PrometheusError
from plugin.grid import Grid
from plugin.jobs import watch_history
from plugin.jobs.covariates import Covariates
from plugin.jobs.source_holes import SourceHoles
from plugin.jobs.watch_context import WatchContext

log = logging.getLogger(__name__)

# Times at which a young source is looked at: of a day, one in five minutes, in which Prometheus
# still shows the sample before.
PROBES = 288
PROGRESS_SECONDS = 10  # between two log lines about one load
RETRY_SECONDS = 600  # after a request for history that failed, or was answered in part


class _LoadLog:
    """Says how far the history of a watch is loaded, now and then: most loads take seconds."""

    def __init__(self, watch: str) -> None:
        self._watch = watch
        self._due_at = time.monotonic() + PROGRESS_SECONDS

    def tell(self, share: float) -> None:
        now = time.monotonic()
        if now >= self._due_at:
            self._due_at = now + PROGRESS_SECONDS
            log.info("loading history", extra={"watch": self._watch, "done": f"{share:.0%}"})


class FitHistory:
    """The window of a watch and its covariates, as far as Prometheus has it."""

    def __init__(self, context: WatchContext, covariates: Covariates) -> None:
        self._context = context
        self._covariates = covariates
        self._retry_at = 0.0  # unix seconds
        self._partial_since = math.inf  # unix seconds of the first partial answer
        self._holes = SourceHoles(context)

    def load(self, window: Grid) -> int:
        """For a new watch. Returns the samples added. Raises PrometheusError, Stopped."""
        history = watch_history.load(
            self._context, window, progress=_LoadLog(self._context.watch.name).tell
        )
        if history.partial:
            self._wait()
        self._covariates.load(window.start, window.end)
        self._holes.look(window.start, window.end)
        return history.samples

    def first_sample(self, start: int, end: int) -> int | None:
        """Grid time near which the samples of the watch begin, within start..end; None without
        one. Keeps nothing. Raises PrometheusError, Stopped."""
        watch = self._context.watch
        step = max(1, (end - start) // watch.step // PROBES) * watch.step
        answer = self._context.reader.range(
            watch.query,
            -(-start // step) * step,
            end // step * step,
            step,
            max_series=watch.max_series,
            probe_time=self._context.latest_time(),
        )
        return min((int(series.times[0]) for series in answer.observed), default=None)

    def complete(self, window: Grid) -> None:
        """Asks for what the store lacks. Where it is refused, most series can be fitted without
        it; partial answers are asked for again for as long as `backfill`, less and less often.

        Raises Stopped, StoreError.
        """
        self._holes.look_again()
        context = self._context
        now = context.clock()
        if now < self._retry_at:
            return
        overdue = now - self._partial_since > context.watch.backfill
        try:
            history = watch_history.load(context, window, accept_partial=overdue)
            if history.partial:
                self._wait()
            else:
                self._partial_since = math.inf
            if not self._covariates.load(window.start, window.end):
                self._retry_at = max(self._retry_at, now + RETRY_SECONDS)
        except PrometheusError as error:
            self._retry_at = now + RETRY_SECONDS
            log.warning(
                "history incomplete", extra={"watch": context.watch.name, "err": str(error)}
            )

    def _wait(self) -> None:
        now = self._context.clock()
        self._partial_since = min(self._partial_since, now)
        self._retry_at = now + max(RETRY_SECONDS, now - self._partial_since)
