"""New levels that were accepted as normal, as rows and as annotations."""

import math
from collections.abc import Iterator, Mapping, Sequence

from flask import Response

from plugin.domain import wording
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.store import Regime
from plugin.web.context import WebContext
from plugin.web.data_source import View, json
from plugin.web.parameters import QueryParameters, time_range
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog

MAX_ROWS = 10_000  # that one answer may hold


class RegimeViews:
    """The view /api/v1/regimes, and the same for /api/v1/annotations."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    @property
    def views(self) -> Mapping[str, View]:
        return {"regimes": self.regimes}

    def regimes(self, query: QueryParameters) -> Response:
        return json(
            [
                {
                    "time": each.since * 1000,
                    "timeEnd": each.accepted * 1000,
                    "series": str(record.labels),
                    "watch": record.watch,
                    "before": _finite(each.before),
                    "after": _finite(each.after),
                    "by": each.by,
                    "reason": each.reason,
                    "text": self._text(each, record),
                }
                for each, record in self._find(query)
            ]
        )

    def annotated(self, query: QueryParameters, ids: Sequence[int] | None = None) -> list[Row]:
        """From the first sample at the new level to the one with which it was accepted. ids: only
        of these series."""
        return [
            {
                "time": each.since * 1000,
                "timeEnd": each.accepted * 1000,
                "title": f"{record.labels} at a new level",
                "text": self._text(each, record),
                "tags": f"{record.watch},new level",
            }
            for each, record in self._find(query, ids)
        ]

    def _find(
        self, query: QueryParameters, ids: Sequence[int] | None = None
    ) -> Iterator[tuple[Regime, SeriesRecord]]:
        """Those that were accepted in the range, by time.

        Raises RequestError when they are too many.
        """
        begin, end = time_range(query, self._context.clock(), self._context.settings)
        chosen = None if ids is None else set(ids)
        records = {
            each.id: each
            for each in self._catalog.find(query)
            if chosen is None or each.id in chosen
        }
        narrowed = query.watch or query.match or query.series is not None or chosen is not None
        limit = min(query.limit or MAX_ROWS + 1, MAX_ROWS + 1)
        found = self._context.store.regimes.between(
            begin, end, list(records) if narrowed else None, limit
        )
        if len(found) > MAX_ROWS:
            raise RequestError(
                f"more than {MAX_ROWS} new levels in this range: narrow `match` or the range, or"
                " ask for the latest with `limit`",
                field="from",
                code="too_much",
            )
        return ((each, records[each.series_id]) for each in found if each.series_id in records)

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


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
