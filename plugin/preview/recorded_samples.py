"""Samples that are there already, in the place of a Prometheus: those of a store, or those of
arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plugin.config import Config, PrometheusSettings, Watch
from plugin.domain.windows import Window
from plugin.errors import BandwatchError
from plugin.grid import Grid
from plugin.jobs.watch_history import query_key
from plugin.prometheus import PrometheusReader, QueryResult
from plugin.series import MAX_TIME, Series, covariate_watch
from plugin.store import Store

NO_SERVER = PrometheusSettings(url="http://127.0.0.1:9")  # is never asked


class ArrayReader(PrometheusReader):
    """Answers queries from series in memory."""

    def __init__(self, series_by_query: Mapping[str, Sequence[Series]]) -> None:
        super().__init__(NO_SERVER)
        self._series_by_query = series_by_query

    def range(
        self,
        query: str,
        start: int,
        end: int,
        step: int,
        *,
        max_series: int,
        probe_time: int | None = None,
    ) -> QueryResult:
        """The samples from start to end, unix seconds; the times of all are on its grid."""
        series = []
        for member in self._series_by_query.get(query, ()):
            first, last = np.searchsorted(member.times, [start, end + 1])
            if last > first:
                part = slice(first, last)
                series.append(Series(member.labels, member.times[part], member.values[part]))
        return QueryResult(series, (), 0, 0.0)


class StoredReader(PrometheusReader):
    """Answers the queries of watches from what a service has stored of them."""

    def __init__(self, store: Store, watches: Sequence[Watch]) -> None:
        super().__init__(NO_SERVER)
        self._store = store
        self._names = _names(watches)

    def range(
        self,
        query: str,
        start: int,
        end: int,
        step: int,
        *,
        max_series: int,
        probe_time: int | None = None,
    ) -> QueryResult:
        """The samples from start to end, unix seconds; none of a query that no watch has."""
        name = self._names.get(query)
        records = self._store.series.of(name) if name is not None else []
        grid = Grid.between(start, end, step)
        ids = np.array([record.id for record in records], np.int64)
        values = self._store.samples.values(ids, start, end, step)
        series = [
            Series(record.labels, grid.times[finite], row[finite])
            for record, row, finite in zip(records, values, np.isfinite(values), strict=True)
            if finite.any()
        ]
        return QueryResult(series, (), 0, 0.0)


def _names(watches: Sequence[Watch]) -> dict[str, str]:
    """Query -> the name under which a store keeps its samples, also of covariates."""
    covariates = {
        query: covariate_watch(watch.name, query) for watch in watches for query in watch.covariates
    }
    return covariates | {watch.query: watch.name for watch in watches}


@dataclass(frozen=True)
class StoredPast:
    """What a store knows of the past besides samples."""

    windows: tuple[Window, ...]  # of maintenance: those of the API, and silences
    holes: tuple[tuple[str, int, int], ...]  # watch, first and last second without a true sample


def stored_past(store: Store, config: Config, end: int) -> StoredPast:
    """Maintenance and holes of the source. end: unix seconds of the last sample that is wanted.

    Raises BandwatchError where the store holds nothing of the query of a watch.
    """
    for watch in config.watches:
        _refuse_unknown(store, watch, end)
    return StoredPast(
        tuple(store.maintenance.all()),
        tuple(
            (name, first, last)
            for name in _names(config.watches).values()
            for first, last in store.source_holes.between(name, 0, MAX_TIME)
        ),
    )


def _refuse_unknown(store: Store, watch: Watch, end: int) -> None:
    start = (end - watch.fit_seconds) // watch.step * watch.step
    last = end // watch.step * watch.step
    missing = store.coverage.missing(watch.name, query_key(watch), start, last, watch.step)
    if missing == [(start, last)]:
        raise BandwatchError(
            f"{store.folder}: holds no sample of the query and the step of watch {watch.name!r};"
            " leave --store out, so that Prometheus is asked"
        )
