"""The samples of one watch as Prometheus has them now, and what was not there when it was asked."""

from dataclasses import dataclass

from plugin.errors import PrometheusError
from plugin.grid import Grid, align
from plugin.jobs import watch_history
from plugin.jobs.answer_faults import tell_faults
from plugin.jobs.late_samples import LateSamples
from plugin.jobs.source_holes import SourceHoles
from plugin.jobs.watch_context import WatchContext
from plugin.series import FloatArray, IntArray

MAX_PAUSE_RUNS = 64  # between two requests for what a partial answer has left out


@dataclass(frozen=True)
class FetchedSamples:
    """What the query has on a grid."""

    ids: IntArray  # [S] series ids
    values: FloatArray  # [S, T] NaN = no sample
    complete: bool  # False = the server says that samples may be missing


class WatchSource:
    """Reads one watch for its score job."""

    def __init__(self, context: WatchContext) -> None:
        self._context = context
        self._holes = SourceHoles(context)
        self._late = LateSamples(context)
        self._partial = False  # the last answer was
        self._pause_runs = 1  # until what is missing is asked for again
        self._runs = 0  # since it was asked for

    def fetch(self, grid: Grid, now: int) -> FetchedSamples:
        """Asks for a grid. Steps that cannot be evaluated have no samples.

        now: grid time at which the query must work. Raises PrometheusError.
        """
        watch = self._context.watch
        answer = self._context.reader.range(
            watch.query,
            grid.start,
            grid.end,
            grid.step,
            max_series=watch.max_series,
            probe_time=now,
        )
        tell_faults(answer, watch.name, grid.step, self._context.metrics)
        self._partial = bool(answer.partial)
        self._holes.follow(grid, has_samples=bool(answer.observed))
        ids, series = self._context.identify(answer)
        return FetchedSamples(ids, align(series, grid), not answer.partial)

    def complete(self, start: int, end: int) -> None:
        """Asks again for what partial answers have left out of start..end, once the answers are
        complete: less and less often while they stay partial.

        Rows that are stored stay as they are. Now and then it looks for samples that come late.
        Raises Stopped, StoreError.
        """
        if not self._partial:
            self._late.look(end)
        self._runs += 1
        if self._partial or self._runs < self._pause_runs or end < start:
            return
        self._runs = 0
        try:
            history = watch_history.load(
                self._context, Grid.between(start, end, self._context.watch.step)
            )
        except PrometheusError:  # counted by its outcome; the samples of now are there
            history = None
        failed = history is None or history.partial
        self._pause_runs = min(MAX_PAUSE_RUNS, 2 * self._pause_runs) if failed else 1
