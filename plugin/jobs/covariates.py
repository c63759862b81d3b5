"""Covariates of a watch: asked of Prometheus once, kept in the store beside the watch, matched to
its series by labels.

Each query is kept under a name of its own, which no watch of a file can have, so that history,
catch-up and retention are those of any watch; it has no board, no models and no rows in an answer.
Which queries a model was fitted with is part of the spec of its stack: with other queries it is
another model.
"""

import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from detectors.api import Detector, DetectorError
from detectors.registry import to_spec
from plugin.config import Watch
from plugin.errors import PrometheusError
from plugin.jobs import watch_history
from plugin.jobs.model_registry import ModelRegistry
from plugin.metrics import Metrics
from plugin.prometheus import PrometheusReader
from plugin.series import BESIDE, FloatArray, IntArray, Labels
from plugin.store import Store

log = logging.getLogger(__name__)

METRIC = "__name__"  # a label that does not count
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Channels:
    """The covariates of S series on a grid, one channel for each of C queries."""

    values: FloatArray  # [S, C, T] NaN = missing
    ambiguous: Mapping[str, int]  # query -> series for which several matched at the same time


class Covariates:
    """Brings the covariates of one watch into the store."""

    def __init__(
        self, watch: Watch, store: Store, reader: PrometheusReader, metrics: Metrics
    ) -> None:
        self._watch = watch.name
        self._store = store
        self._reader = reader
        self._metrics = metrics
        self._kept = [
            watch.model_copy(update={"name": name_of(watch.name, query), "query": query})
            for query in watch.covariates
        ]
        self._refused: dict[
            str, str
        ] = {}  # query -> why it could not be had when it was asked last
        self._ambiguous: set[str] = set()  # queries that matched more than once in the last tick

    def load(self, start: int, end: int, within: float = np.inf) -> bool:
        """Asks for what the store lacks of start..end. One that cannot be had is missing: counted,
        and told once.

        within: seconds after which no other is asked. Those that failed come last, so that none
        waits for them.
        Returns whether all are there. Raises Stopped.
        """
        deadline = time.monotonic() + within
        whole = True
        for kept in sorted(self._kept, key=lambda one: one.query in self._refused):
            reason = ""
            told = ""
            try:
                if time.monotonic() < deadline:
                    watch_history.load(
                        kept,
                        self._store,
                        self._reader,
                        ModelRegistry(self._store, kept.name),
                        start,
                        end,
                    )
                else:
                    reason = "late"
                    told = f"not asked: those before it took {within:g} s"
            except PrometheusError as error:
                reason = error.reason
                told = str(error)
            if reason:
                self._count(kept.query, reason, told, again=self._refused.get(kept.query) == reason)
                self._refused[kept.query] = reason
                whole = False
            elif self._refused.pop(kept.query, ""):
                log.info("covariate is back", extra={"watch": self._watch, "query": kept.query})
        return whole

    def tell_ambiguous(self, ambiguous: Mapping[str, int]) -> None:
        """Counts covariates that matched some series more than once; told when it begins."""
        wrong = {query: series for query, series in ambiguous.items() if series}
        for query, series in wrong.items():
            self._count(
                query,
                "ambiguous",
                f"{series} series of the watch have several that match: aggregate it by "
                "the labels that both have, as in sum by (...)",
                again=query in self._ambiguous,
            )
        self._ambiguous = set(wrong)

    def _count(self, query: str, reason: str, told: str, *, again: bool) -> None:
        self._metrics.covariate_failures.labels(self._watch, reason).inc()
        if not again:
            log.warning(
                "covariate missing",
                extra={"watch": self._watch, "query": query, "reason": reason, "err": told},
            )


def name_of(watch: str, query: str) -> str:
    """The name under which the store keeps a covariate of a watch."""
    return f"{watch}{BESIDE}{hashlib.sha256(query.encode()).hexdigest()[:12]}"


def spec_with(detector: Detector, queries: Sequence[str]) -> str:
    """The spec of a detector that is fitted with covariates.

    Raises DetectorError when it takes none.
    """
    spec = to_spec(detector)
    if not queries:
        return spec
    if not getattr(detector, "takes_covariates", False):
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


def channels(
    store: Store, watch: str, spec: str, ids: IntArray, start: int, end: int, step: int
) -> Channels:
    """What the store holds of the covariates of some series of a watch, on the grid start..end
    inclusive.

    A channel has a value where exactly one of the series that match has one.
    """
    queries = queries_of(spec)
    values = np.full((len(ids), len(queries), (end - start) // step + 1), np.nan)
    if not queries:
        return Channels(values, {})
    known = {record.id: record.labels for record in store.series(watch)}
    ambiguous = Counter[str]()
    labels = [known.get(series, Labels.of({})) for series in ids.tolist()]
    for channel, query in enumerate(queries):
        records = store.series(name_of(watch, query))
        found = matches(labels, [record.labels for record in records])
        wanted = sorted({place for places in found for place in places})
        given = store.values(
            np.array([records[place].id for place in wanted], np.int64), start, end, step
        )
        for places, rows in _grouped(found).items():
            some = given[np.searchsorted(wanted, places)]  # [K, T]
            count = np.isfinite(some).sum(axis=0)
            values[rows, channel] = np.where(count == 1, np.nansum(some, axis=0), np.nan)
            ambiguous[query] += len(rows) * bool((count > 1).any())
    return Channels(values, ambiguous)


def matches(series: Sequence[Labels], covariates: Sequence[Labels]) -> list[tuple[int, ...]]:
    """For each series the places of the covariates that agree with it in every label that both
    have."""
    found: list[list[int]] = [[] for _ in series]
    for names, rows in _grouped(map(frozenset, series)).items():
        for others, places in _grouped(map(frozenset, covariates)).items():
            shared = sorted((names & others) - {METRIC})
            agreeing: dict[tuple[str, ...], list[int]] = {}
            for place in places:
                agreeing.setdefault(tuple(covariates[place][name] for name in shared), []).append(
                    place
                )
            for row in rows:
                found[row] += agreeing.get(tuple(series[row][name] for name in shared), [])
    return [tuple(sorted(places)) for places in found]


def _grouped(keys: Iterable[Key]) -> dict[Key, list[int]]:
    """The places of equal keys."""
    groups: dict[Key, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    return groups
