"""New levels that were accepted as normal, as rows and as annotations."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from flask import Response

from plugin.domain import wording
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.store import Regime
from plugin.web.context import WebContext
from plugin.web.queries import LatestQuery, RangeQuery, time_range
from plugin.web.responses import View, json_response
from plugin.web.row_types import AnnotationRow, RegimeRow
from plugin.web.rows import finite
from plugin.web.series_catalog import SeriesCatalog

MAX_ROWS = 10_000  # that one answer may hold


class RegimeViews:
    """The view /api/v1/regimes, and the new levels among the annotations."""

    def __init__(
        self, context: WebContext, catalog: SeriesCatalog, name_of: Callable[[SeriesRecord], str]
    ) -> None:
        """name_of: how a series is called in an annotation."""
        self._context = context
        self._name_of = name_of
        self._catalog = catalog

    @property
    def views(self) -> Mapping[str, View]:
        return {"regimes": self.regimes}

    def regimes(self, query: LatestQuery) -> Response:
        return json_response(
            [
                RegimeRow(
                    time=regime.since * 1000,
                    time_end=regime.accepted * 1000,
                    series=str(record.labels),
                    watch=record.watch,
                    before=finite(regime.before),
                    after=finite(regime.after),
                    by=regime.by,
                    reason=regime.reason,
                    text=self._text(regime, record),
                )
                for regime, record in self._find(query, limit=query.limit)
            ]
        )

    def annotations(
        self, query: RangeQuery, ids: Sequence[int] | None = None
    ) -> list[AnnotationRow]:
        """Each from the first sample at the new level to the one with which it was accepted. ids:
        only of these series."""
        return [
            AnnotationRow(
                time=regime.since * 1000,
                time_end=regime.accepted * 1000,
                title=f"{self._name_of(record)} at a new level",
                text=self._text(regime, record),
                tags=f"{record.watch},new level",
            )
            for regime, record in self._find(query, ids)
        ]

    def _find(
        self, query: RangeQuery, ids: Sequence[int] | None = None, limit: int | None = None
    ) -> Iterator[tuple[Regime, SeriesRecord]]:
        """The new levels that were accepted in the range, by time.

        limit: only so many, the latest. Raises RequestError when they are too many.
        """
        start, end = time_range(query, self._context.clock(), self._context.settings)
        chosen_ids = None if ids is None else set(ids)
        records = {
            record.id: record
            for record in self._catalog.find(query.watch, query.match, query.series)
            if chosen_ids is None or record.id in chosen_ids
        }
        narrowed = query.narrowed or chosen_ids is not None
        regimes = self._context.store.regimes.between(
            start,
            end,
            list(records) if narrowed else None,
            min(limit or MAX_ROWS + 1, MAX_ROWS + 1),
        )
        if len(regimes) > MAX_ROWS:
            raise RequestError(
                f"more than {MAX_ROWS} new levels in this range: narrow `match` or the range, or"
                " ask for the latest with `limit`",
                field="from",
                code="too_much",
            )
        return (
            (regime, records[regime.series_id]) for regime in regimes if regime.series_id in records
        )

    def _text(self, regime: Regime, record: SeriesRecord) -> str:
        watch = self._context.watches().get(record.watch)
        return wording.regime(
            regime.since,
            regime.accepted,
            regime.before,
            regime.after,
            watch.unit if watch is not None else "",
            regime.by,
        )
