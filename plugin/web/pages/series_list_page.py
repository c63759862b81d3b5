"""The page at /series: series to search, filter and sort, the highest scores first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
from flask import Response, request

from plugin.board import Snapshot
from plugin.domain.number_text import digits, expected_range
from plugin.domain.times import time_of_day
from plugin.series import SeriesRecord
from plugin.web.context import WebContext
from plugin.web.pages.page_html import page
from plugin.web.pages.page_queries import SeriesListQuery
from plugin.web.parameter_readers import STATES
from plugin.web.responses import View
from plugin.web.series_catalog import SeriesCatalog, chosen_part, highest, snapshot_part

MAX_LINES = 200
# orders of the list; the words go on: "200 series as of 03:05 UTC, ..."
ORDER_WORDS = {
    "score": "the highest scores first",
    "name": "sorted by name",
    "watch": "sorted by watch and name",
    "state": "sorted by state and name",
}


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
            _matching(chosen_part(snapshot, query.match, None, query.state), query.text)
            for snapshot in self._catalog.snapshots(board, query.watch)
        ]
        count = sum(len(snapshot.series) for snapshot in snapshots)
        lines = [line for part in _first(snapshots, query.sort) for line in _lines(part)]
        return page(
            "page_series_list.html",
            title="Series · Bandwatch",
            query=query,
            watches=sorted({*self._context.watches(), *query.watch}),
            states=STATES,
            count=count,
            lines=sorted(lines, key=lambda line: _line_key(line, query.sort)),
            label_filter=request.args.get("label", ""),
            order_words=ORDER_WORDS[query.sort],
            sort_queries={order: _sorted_query(order) for order in ORDER_WORDS},
            made_at=time_of_day(int(self._context.clock())),
        )


def _first(snapshots: Sequence[Snapshot], order: str) -> list[Snapshot]:
    """Only the first MAX_LINES series in an order, of all snapshots together."""
    if order == "score":
        return highest(snapshots, MAX_LINES)
    keys = sorted(
        (_record_key(record, order), part, row)
        for part, snapshot in enumerate(snapshots)
        for row, record in enumerate(snapshot.series)
    )[:MAX_LINES]
    rows: list[list[int]] = [[] for _ in snapshots]
    for _, part, row in keys:
        rows[part].append(row)
    return [
        snapshot_part(snapshot, np.array(part_rows, np.int64))
        for snapshot, part_rows in zip(snapshots, rows, strict=True)
    ]


def _record_key(record: SeriesRecord, order: str) -> tuple[str, str, str]:
    name = str(record.labels)
    return {
        "name": (name, record.watch, ""),
        "watch": (record.watch, name, ""),
        "state": (record.state.value, name, record.watch),
    }[order]


def _line_key(line: SeriesLine, order: str) -> tuple[str | float, ...]:
    return {
        "score": (-line.score_number, line.watch, line.name),
        "name": (line.name, line.watch),
        "watch": (line.watch, line.name),
        "state": (line.state, line.name, line.watch),
    }[order]


def _sorted_query(order: str) -> str:
    """The query of the same list in another order."""
    filters = {name: text for name, text in request.args.items() if text and name != "sort"}
    return urlencode({**filters, "sort": order})


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
