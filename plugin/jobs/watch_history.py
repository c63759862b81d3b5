"""What the past of a watch looked like: asked of Prometheus once, kept in the store."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plugin.config import Watch
from plugin.domain.times import DAY
from plugin.grid import Grid, align
from plugin.jobs.answer_faults import tell_faults
from plugin.jobs.watch_context import WatchContext

log = logging.getLogger(__name__)

SAMPLES_AT_ONCE = 8_000_000  # bounds the memory of one part: 64 MB of float64


def query_key(watch: Watch) -> str:
    """Names what was asked: another query or step is another history."""
    return hashlib.sha256(f"{watch.step}|{watch.offset}|{watch.query}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class LoadedHistory:
    """What came of a request for history."""

    samples: int  # added
    partial: bool  # some answers were: they are kept, and will be asked for again
    asked: tuple[tuple[int, int], ...] = ()  # grid times, both ends included


def load(
    context: WatchContext,
    window: Grid,
    *,
    progress: Callable[[float], None] = lambda share: None,
    accept_partial: bool = False,
) -> LoadedHistory:
    """Fetches what the store lacks of a window, in parts.

    accept_partial: do not ask again for what is partial. Raises PrometheusError; the parts fetched
    until then are kept and are not asked for again.
    """
    watch = context.watch
    missing = context.store.coverage.missing(
        watch.name, query_key(watch), window.start, window.end, watch.step
    )
    total = sum(last - first + watch.step for first, last in missing) or 1
    samples = 0
    loaded = 0
    partial = False
    for first, last in missing:
        start = first
        while start <= last:
            series = len(context.registry.records()) or watch.max_series
            part = Grid.between(start, min(last, _part_end(start, watch.step, series)), watch.step)
            added, complete = _load_part(context, part, accept_partial=accept_partial)
            samples += added
            partial |= not complete
            loaded += part.count * watch.step
            progress(loaded / total)
            start = part.end + watch.step
    return LoadedHistory(samples, partial, tuple(missing))


def _part_end(start: int, step: int, series: int) -> int:
    """The last grid time of the part that starts at `start`: within the bound on samples, and where
    possible with a day, so that no block of the store has to be written twice."""
    bound = start + (max(1, SAMPLES_AT_ONCE // series) - 1) * step
    day_end = (bound + step) // DAY * DAY - 1  # the last second of the last whole day
    end = start + (day_end - start) // step * step
    return end if end >= start else bound


def _load_part(context: WatchContext, part: Grid, *, accept_partial: bool) -> tuple[int, bool]:
    """Returns the samples added, and whether the part will not be asked for again."""
    watch = context.watch
    answer = context.reader.range(
        watch.query,
        part.start,
        part.end,
        watch.step,
        max_series=watch.max_series,
        probe_time=context.latest_time(),
    )
    tell_faults(answer, watch.name, watch.step, context.metrics)
    complete = accept_partial or not answer.partial
    ids, series = context.identify(answer)
    values = align(series, part)
    covered = (part.start, part.end) if complete else None
    context.store.record_history(watch.name, query_key(watch), ids, part.times, values, covered)
    log.debug(
        "history loaded",
        extra={"watch": watch.name, "series": len(ids), "from": part.start, "to": part.end},
    )
    return int(np.count_nonzero(~np.isnan(values))), complete
