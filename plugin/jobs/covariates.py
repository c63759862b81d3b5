"""Covariates of a watch: asked of Prometheus once, kept in the store beside the watch, matched to
its series by labels.

Each query is kept under a name of its own, which no watch of a file can have, so that history,
catch-up and retention are those of any watch; it has no board, no models and no rows in an answer.
Which queries a model was fitted with is part of the spec of its stack: with other queries it is
another model.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from detectors.api import Detector, DetectorError
from detectors.registry import to_spec
from plugin.errors import PrometheusError
from plugin.grid import Grid
from plugin.jobs import watch_history
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.source_holes import SourceHoles, over_holes
from plugin.jobs.watch_context import WatchContext
from plugin.series import FloatArray, IntArray, Labels, covariate_watch
from plugin.store import Store

log = logging.getLogger(__name__)

METRIC_NAME = "__name__"
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Channels:
    """The covariates of S series on a grid, one channel for each of C queries."""

    values: FloatArray  # [S, C, T] NaN = missing
    ambiguous: Mapping[str, int]  # query -> series for which several matched at the same time


class Covariates:
    """Brings the covariates of one watch into the store."""

    def __init__(self, context: WatchContext) -> None:
        self._context = context
        self._watch = context.watch
        self._metrics = context.metrics
        self._failures: dict[str, str] = {}  # query -> the reason, of the last time it was asked
        self._ambiguous: set[str] = set()  # queries that matched more than once in the last tick
        self._holes = {
            query: SourceHoles(_of_query(context, query)) for query in self._watch.covariates
        }

    def load(self, start: int, end: int, limit_seconds: float = np.inf) -> bool:
        """Asks for what the store lacks of start..end. A covariate that cannot be had is missing:
        counted, and logged once.

        limit_seconds: seconds after which no other query is asked. Queries that failed the last
        time come last, so that none waits for them. Returns whether all are there. Raises Stopped.
        """
        deadline = time.monotonic() + limit_seconds
        window = Grid.between(start, end, self._watch.step)
        complete = True
        for query in sorted(self._watch.covariates, key=lambda query: query in self._failures):
            reason = ""
            message = ""
            try:
                if time.monotonic() < deadline:
                    complete &= self._load(query, window)
                else:
                    reason = "late"
                    message = f"not asked: those before it took {limit_seconds:g} s"
            except PrometheusError as error:
                reason = error.reason
                message = str(error)
            if reason:
                self._count(query, reason, message, again=self._failures.get(query) == reason)
                self._failures[query] = reason
                complete = False
            elif self._failures.pop(query, ""):
                log.info("covariate is back", extra={"watch": self._watch.name, "query": query})
        return complete

    def _load(self, query: str, window: Grid) -> bool:
        """Returns whether all that was asked for is there. Raises PrometheusError, Stopped."""
        history = watch_history.load(_of_query(self._context, query), window)
        for start, end in history.asked:
            asked = Grid.between(start, end, window.step)
            self._holes[query].follow(asked, has_samples=history.samples > 0)
        return not history.partial

    def count_ambiguous(self, ambiguous: Mapping[str, int]) -> None:
        """Counts covariates that matched some series more than once; logged when it starts.

        ambiguous: query -> series.
        """
        counts = {query: series for query, series in ambiguous.items() if series}
        for query, series in counts.items():
            self._count(
                query,
                "ambiguous",
                f"{series} series of the watch have several that match: aggregate it by "
                "the labels that both have, as in sum by (...)",
                again=query in self._ambiguous,
            )
        self._ambiguous = set(counts)

    def _count(self, query: str, reason: str, message: str, *, again: bool) -> None:
        self._metrics.covariate_failures.labels(self._watch.name, reason).inc()
        if not again:
            log.warning(
                "covariate missing",
                extra={"watch": self._watch.name, "query": query, "reason": reason, "err": message},
            )


def _of_query(context: WatchContext, query: str) -> WatchContext:
    """The watch under which the samples of a covariate are kept.

    Its registry is read anew each time: no score job tells it which series are gone.
    """
    name = covariate_watch(context.watch.name, query)
    watch = context.watch.model_copy(update={"name": name, "query": query})
    return replace(context, watch=watch, registry=ModelRegistry(context.store, name))


def spec_with(detector: Detector, queries: Sequence[str]) -> str:
    """The spec of a detector that is fitted with covariates.

    Raises DetectorError when it takes none.
    """
    spec = to_spec(detector)
    if not queries:
        return spec
    if not detector.takes_covariates:
        raise DetectorError(
            f"`{detector.name}` takes no covariates: choose a detector that does, such as lstm, or "
            "leave `covariates` out"
        )
    return json.dumps(
        {**json.loads(spec), "covariates": list(queries)}, sort_keys=True, separators=(",", ":")
    )


def queries_of(spec: str) -> tuple[str, ...]:
    """The covariates that models of this spec were fitted with."""
    return tuple(json.loads(spec).get("covariates", ()))


def channels(store: Store, watch: str, spec: str, ids: IntArray, grid: Grid) -> Channels:
    """What the store holds of the covariates of some series of a watch, on a grid.

    A channel has a value where exactly one of the series that match has one, and where its query
    does not look back over a hole of its source.
    """
    queries = queries_of(spec)
    values = np.full((len(ids), len(queries), grid.count), np.nan)
    if not queries:
        return Channels(values, {})
    labels_by_id = {record.id: record.labels for record in store.series.of(watch)}
    labels = [labels_by_id.get(series_id, Labels.of({})) for series_id in ids.tolist()]
    ambiguous = Counter[str]()
    for channel, query in enumerate(queries):
        records = store.series.of(covariate_watch(watch, query))
        matches_by_row = matches(labels, [record.labels for record in records])
        matching = sorted({index for indices in matches_by_row for index in indices})
        matching_ids = np.array([records[index].id for index in matching], np.int64)
        stored = store.samples.values(matching_ids, grid.start, grid.end, grid.step)
        for indices, rows in _positions(matches_by_row).items():
            candidates = stored[np.searchsorted(matching, indices)]  # [K, T]
            count = np.isfinite(candidates).sum(axis=0)
            values[rows, channel] = np.where(count == 1, np.nansum(candidates, axis=0), np.nan)
            ambiguous[query] += len(rows) * bool((count > 1).any())
        over_hole = over_holes(store, covariate_watch(watch, query), grid)
        if over_hole is not None:
            values[:, channel, over_hole] = np.nan
    return Channels(values, ambiguous)


def matches(series: Sequence[Labels], covariates: Sequence[Labels]) -> list[tuple[int, ...]]:
    """For each series the indices of the covariates that match it: each label that both have has
    the same value in both. The metric name does not count."""
    indices_by_row: list[list[int]] = [[] for _ in series]
    for names, rows in _positions(map(frozenset, series)).items():
        for covariate_names, indices in _positions(map(frozenset, covariates)).items():
            shared = sorted((names & covariate_names) - {METRIC_NAME})
            indices_by_labels: dict[tuple[str, ...], list[int]] = {}
            for index in indices:
                labels = tuple(covariates[index][name] for name in shared)
                indices_by_labels.setdefault(labels, []).append(index)
            for row in rows:
                labels = tuple(series[row][name] for name in shared)
                indices_by_row[row] += indices_by_labels.get(labels, [])
    return [tuple(sorted(indices)) for indices in indices_by_row]


def _positions(keys: Iterable[Key]) -> dict[Key, list[int]]:
    """Where each key stands among the others."""
    positions: dict[Key, list[int]] = {}
    for position, key in enumerate(keys):
        positions.setdefault(key, []).append(position)
    return positions
