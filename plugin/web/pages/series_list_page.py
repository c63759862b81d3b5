"""The page at /series: series to search and filter, the highest scores first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from flask import Response

from plugin.board import Snapshot
from plugin.domain.number_text import digits, expected_range
from plugin.domain.times import time_of_day
from plugin.web.context import WebContext
from plugin.web.pages.page_html import page
from plugin.web.pages.page_queries import SeriesListQuery
from plugin.web.parameter_readers import STATES
from plugin.web.responses import View
from plugin.web.series_catalog import SeriesCatalog, chosen_part, highest, snapshot_part

MAX_LINES = 200


@dataclass(frozen=True)
class SeriesLine:
    """One series at its latest sample."""

    id: int
    name: str
    watch: str
    state: str
    value: str
    band: str
    score: str
    outside: bool
    score_number: float


class SeriesListPageViews:
    """The view at /series."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    @property
    def views(self) -> Mapping[str, View]:
        return {"series_list_page": self.show}

    def show(self, query: SeriesListQuery) -> Response:
        """At most MAX_LINES series, and how many more there are."""
        board = self._context.board.snapshots()
        snapshots = [
            _matching(chosen_part(snapshot, (), None, query.state), query.text)
            for snapshot in self._catalog.snapshots(board, query.watch)
        ]
        count = sum(len(snapshot.series) for snapshot in snapshots)
        lines = [line for part in highest(snapshots, MAX_LINES) for line in _lines(part)]
        return page(
            "page_series_list.html",
            title="Series · Bandwatch",
            query=query,
            watches=sorted({*self._context.watches(), *query.watch}),
            states=STATES,
            count=count,
            lines=sorted(lines, key=lambda line: (-line.score_number, line.watch, line.name)),
            made_at=time_of_day(int(self._context.clock())),
        )


def _matching(snapshot: Snapshot, text: str) -> Snapshot:
    """The series whose watch and name contain every word of a text, in any case of letters."""
    words = text.lower().split()
    if not words:
        return snapshot
    names = (f"{snapshot.watch} {record.labels}".lower() for record in snapshot.series)
    is_match = [all(word in name for word in words) for name in names]
    return snapshot_part(snapshot, np.flatnonzero(is_match))


def _lines(snapshot: Snapshot) -> Iterator[SeriesLine]:
    columns: Sequence[Sequence[float]] = [
        column.tolist()
        for column in (
            snapshot.value,
            snapshot.expected,
            snapshot.lower,
            snapshot.upper,
            snapshot.score,
        )
    ]
    for record, value, expected, lower, upper, score in zip(snapshot.series, *columns, strict=True):
        value_text, band = expected_range(value, expected, lower, upper, snapshot.settings.unit)
        yield SeriesLine(
            id=record.id,
            name=str(record.labels),
            watch=record.watch,
            state=record.state.value.replace("_", " "),
            value=value_text,
            band=band.removeprefix("expected "),
            score=digits(score, 2),
            outside=score > 1,
            score_number=-1.0 if np.isnan(score) else score,
        )
