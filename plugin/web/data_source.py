"""The data source: what Grafana reads. Every answer is a bare array."""

from collections.abc import Callable, Mapping, Sequence

from flask import Response

from plugin.board import Snapshot
from plugin.domain.budget import Spending
from plugin.domain.learning import learning_end
from plugin.domain.times import DAY
from plugin.errors import RequestError
from plugin.nearest_name import nearest
from plugin.selectors import select
from plugin.series import SeriesRecord
from plugin.web import alert, budget_spending, rows, watches
from plugin.web.context import WebContext
from plugin.web.forecast import Future, forecast_rows
from plugin.web.links import SignedLinks
from plugin.web.pinned_snapshots import PinnedSnapshot, SnapshotPins
from plugin.web.queries import (
    AlertQuery,
    BandsQuery,
    ForecastQuery,
    LabelValuesQuery,
    NamesQuery,
    ScoresQuery,
    WatchListQuery,
    time_range,
)
from plugin.web.responses import View, encoded_response, json_response
from plugin.web.series_catalog import SeriesCatalog, chosen_part, highest
from plugin.web.thinning import thin

MAX_SERIES = 1000  # that one answer of /bands may draw
MAX_ROWS = 200_000  # that one answer of /bands may hold

# explains the series that alert: series id -> sentence
Sentences = Callable[[Sequence[Snapshot]], Mapping[int, str]]


class DataSourceViews:
    """The views under /api/v1 that carry numbers and names."""

    def __init__(
        self, context: WebContext, catalog: SeriesCatalog, links: SignedLinks, sentences: Sentences
    ) -> None:
        self._context = context
        self._clock = context.clock
        self._links = links
        self._sentences = sentences
        self._catalog = catalog
        self._pins = SnapshotPins(context)
        self._alert_rows = alert.SeriesRows()

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "bands": self.bands,
            "forecast": self.forecast,
            "scores": self.scores,
            "watches": self.watches,
            "alert": self.alert,
            "series": self.series,
            "labels": self.labels,
            "values": self.values,
        }

    def bands(self, query: BandsQuery) -> Response:
        start, end = time_range(query, self._clock(), self._context.settings)
        records = self._catalog.find(query.watch, query.match, query.series)
        _check_number(query, records)
        steps = {name: snapshot.step for name, snapshot in self._context.board.snapshots().items()}
        points = min(query.max_points, self._context.settings.max_points)
        future = Future.of(self._context.board) if query.forecast else None
        parts = []
        total = 0
        for record in records:
            stored = self._context.store.samples.of(record.id, start, end)
            samples = thin(stored, steps.get(record.watch, 0), points)
            if future is not None:
                samples = future.continued(record, samples, start, end)
            total += len(samples)
            if total > MAX_ROWS:
                raise RequestError(
                    f"{len(records)} series have more than {MAX_ROWS} rows in this range: "
                    "narrow `match` or the range, or lower `max_points`",
                    field="max_points",
                    code="too_much",
                )
            if len(samples):
                parts.append((record, samples))
        ends = self._learning_ends(records)
        if query.labels == "none":
            numbers = [rows.number_rows(samples, ends[record.id]) for record, samples in parts]
            return json_response([row for part in numbers for row in part])
        return json_response(rows.band_rows(parts, ends))

    def _learning_ends(self, records: Sequence[SeriesRecord]) -> dict[int, int]:
        """Series id -> unix seconds before which its samples are provisional; 0 = none is."""
        lengths = {name: watch.learn_for for name, watch in self._context.watches().items()}
        return {
            record.id: learning_end(record.first_seen, lengths[record.watch])
            if record.watch in lengths
            else 0
            for record in records
        }

    def forecast(self, query: ForecastQuery) -> Response:
        records = self._catalog.find(query.watch, query.match, query.series)
        future = Future.of(self._context.board)
        _check_number(query, records)
        parts = [(record, future.ahead(record, horizon=query.horizon)) for record in records]
        if sum(len(samples) for _, samples in parts) > MAX_ROWS:
            raise RequestError(
                f"{len(records)} series have more than {MAX_ROWS} rows ahead: narrow `match` or "
                "`horizon`",
                field="horizon",
                code="too_much",
            )
        return json_response(forecast_rows(parts, labels=query.labels != "none"))

    def scores(self, query: ScoresQuery) -> Response:
        return json_response(self.score_rows(query))

    def score_rows(self, query: ScoresQuery) -> list[rows.Row]:
        """The rows of /scores."""
        snapshots = [
            chosen_part(snapshot, query.match, query.series, query.state)
            for snapshot in self._catalog.snapshots(self._context.board.snapshots(), query.watch)
        ]
        if query.limit is not None:
            snapshots = highest(snapshots, query.limit)
        table = rows.score_rows(
            *snapshots, now=self._clock(), explanations=self._sentences(snapshots)
        )
        if self._links.offered:
            table = [{**row, "feedback_url": self._link(row)} for row in table]
        return table if query.limit is None else sorted(table, key=_score, reverse=True)

    def _link(self, row: rows.Row) -> str:
        """Where the alarm of a row of scores can be answered; "" where there is none."""
        link_fields = {
            "watch": str(row["watch"]),
            "series": str(row["series"]),
            "at": str(row["time"]),
        }
        has_alarm = _score(row) > 1 and row["learning_until"] is None
        return self._links.url(link_fields, self._clock()) if has_alarm else ""

    def watches(self, query: WatchListQuery) -> Response:
        labels = {name: watch.own_labels for name, watch in self._context.watches().items()}
        return json_response(
            [
                row
                for row in self.watch_rows(query.watch)
                if select(query.match, labels.get(str(row["watch"]), {}))
            ]
        )

    def watch_rows(self, names: Sequence[str]) -> list[rows.Row]:
        """The rows of /watches: of these watches or incident groups, of all without names."""
        return self._watches(names, PinnedSnapshot.of(self._context))

    def alert(self, query: AlertQuery) -> Response:
        field = _field(query)
        moment = self._pins.at(query.tick)
        _check_selection(query)
        if query.by == "service":
            refused = self._context.reload_refused()
            return json_response(alert.service_rows(moment, refused, field))
        if query.by == "incident":
            self._catalog.check_watch(query.watch)
            watched = self._catalog.watched(query.watch)
            return json_response(alert.incident_rows(moment, watched, field))
        if query.by == "watch":
            health = self._watches(query.watch, moment, budget=field == "budget_spent")
            return json_response(alert.watch_rows(health, moment.watches, field))
        snapshots = [
            chosen_part(snapshot, query.match)
            for snapshot in self._catalog.snapshots(moment.board, query.watch)
        ]
        return encoded_response(self._alert_rows.encoded(snapshots, field, moment.now))

    def _watches(
        self, names: Sequence[str], moment: PinnedSnapshot, *, budget: bool = True
    ) -> list[rows.Row]:
        """budget: whether the budget is needed. It is a sum over all series, so a rule on another
        number does without."""
        self._catalog.check_watch(names)
        spent = self._spent(names, moment) if budget else {}
        # since when a watch is late that was never scored
        known_since = max(self._context.started, self._context.reloaded())
        watched = self._catalog.watched(names)
        return [
            row
            for row in watches.watch_rows(moment, spent, known_since)
            if watched is None or row["watch"] in watched
        ]

    def _spent(self, names: Sequence[str], moment: PinnedSnapshot) -> dict[str, Spending]:
        """By watch."""
        records = self._catalog.find(names)
        start = int(moment.now) - watches.DAYS * DAY
        spendings = budget_spending.spendings(self._context, records, watches.DAYS, start)
        return budget_spending.by_watch(spendings, moment.watches)

    def series(self, query: NamesQuery) -> Response:
        records = self._catalog.find(query.watch, query.match)
        return json_response(sorted({str(record.labels) for record in records}))

    def labels(self, query: NamesQuery) -> Response:
        records = self._catalog.find(query.watch, query.match)
        return json_response(sorted(set().union(*map(_columns, records))))

    def values(self, query: LabelValuesQuery) -> Response:
        records = self._catalog.find(query.watch, query.match)
        values = {_columns(record).get(query.name) for record in records}
        return json_response(sorted(value for value in values if value))


def _score(row: rows.Row) -> float:
    score = row["score"]
    return -1.0 if score is None else float(score)


def _field(query: AlertQuery) -> str:
    """The number that the rows carry.

    Raises RequestError when this kind of row has none of that name.
    """
    valid = alert.FIELDS[query.by]
    if query.field is not None and query.field not in valid:
        raise RequestError(
            f"`field`: rows by {query.by} have no `{query.field}`{nearest(query.field, valid)}; "
            f"valid: {', '.join(valid)}",
            field="field",
        )
    return query.field or valid[0]


def _check_selection(query: AlertQuery) -> None:
    """Raises RequestError for a condition that these rows do not have: an answer that ignores it
    would look as if it were narrowed."""
    if query.match and query.by != "series":
        raise RequestError(
            f"`match` chooses series, and rows by {query.by} stand for all of them: leave it out",
            field="match",
        )
    if query.watch and query.by == "service":
        raise RequestError(
            "`watch` has no meaning by service, whose one row stands for all watches: leave it out",
            field="watch",
        )


def _columns(record: SeriesRecord) -> dict[str, str]:
    return {"watch": record.watch} | rows.label_columns(record.labels)


def _check_number(query: BandsQuery | ForecastQuery, records: Sequence[SeriesRecord]) -> None:
    if query.labels == "none" and len(records) > 1:
        raise RequestError(
            f"`labels=none` leaves nothing to tell series apart, and {len(records)} are "
            "selected: choose one by `series` and `watch`",
            field="labels",
            code="too_much",
        )
    if len(records) > MAX_SERIES:
        raise RequestError(
            f"{len(records)} series are selected and one answer draws {MAX_SERIES} at most: "
            "narrow `watch` or `match`",
            field="match",
            code="too_much",
        )
