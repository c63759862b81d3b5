"""What the past of a watch looked like: asked of Prometheus once, kept in the store."""

import hashlib
import logging
from collections.abc import Callable

import numpy as np

from plugin import grid
from plugin.config import Watch
from plugin.jobs.model_registry import ModelRegistry
from plugin.prometheus import PrometheusReader
from plugin.store import Store

log = logging.getLogger(__name__)

SAMPLES_AT_ONCE = 8_000_000  # bounds the memory of one part: 64 MB of float64
DAY = (
    86_400  # of the store's blocks: a part that ends with a day leaves no block to be written again
)


def query_key(watch: Watch) -> str:
    """Names what was asked: another query or step is another history."""
    return hashlib.sha256(f"{watch.step}|{watch.offset}|{watch.query}".encode()).hexdigest()[:16]


def load(
    watch: Watch,
    store: Store,
    reader: PrometheusReader,
    roster: ModelRegistry,
    start: int,
    end: int,
    *,
    progress: Callable[[float], None] = lambda share: None,
) -> int:
    """Fetches what the store lacks of start..end (grid times, inclusive), in parts. Returns the
    samples added.

    Raises PrometheusError; the parts fetched until then are kept and are not asked for again.
    """
    added = 0
    key = query_key(watch)
    ranges = store.missing_ranges(watch.name, key, start, end, watch.step)
    total = sum(last - first + watch.step for first, last in ranges) or 1
    done = 0
    for first, last in ranges:
        part_first = first
        while part_first <= last:
            part_last = min(
                last, _part_end(part_first, watch.step, len(roster.records()) or watch.max_series)
            )
            added += _load_part(watch, store, reader, roster, key, part_first, part_last)
            done += part_last - part_first + watch.step
            progress(done / total)
            part_first = part_last + watch.step
    return added


def _part_end(first: int, step: int, series: int) -> int:
    """The last grid time of the part that begins at `first`: within the bound, and with the day
    where it can."""
    furthest = first + (max(1, SAMPLES_AT_ONCE // series) - 1) * step
    day_ends = (furthest + step) // DAY * DAY - 1  # the last second of the last whole day
    whole = first + (day_ends - first) // step * step
    return whole if whole >= first else furthest


def _load_part(
    watch: Watch,
    store: Store,
    reader: PrometheusReader,
    roster: ModelRegistry,
    key: str,
    first: int,
    last: int,
) -> int:
    answer = reader.range(watch.query, first, last, watch.step, max_series=watch.max_series)
    ids = roster.identify(answer.observed)
    values = grid.align(answer.observed, first, last, watch.step)
    store.record_history(
        watch.name, key, ids, grid.grid_times(first, last, watch.step), values, (first, last)
    )
    if answer.warnings:
        log.warning(
            "history may be partial",
            extra={"watch": watch.name, "warnings": "; ".join(answer.warnings)},
        )
    log.debug(
        "history loaded", extra={"watch": watch.name, "series": len(ids), "from": first, "to": last}
    )
    return int(np.count_nonzero(~np.isnan(values)))
