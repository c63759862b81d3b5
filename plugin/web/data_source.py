"""The data source: what Grafana reads. Every answer is a bare array."""

from collections.abc import Callable, Mapping, Sequence

from flask import Response

from plugin.board import Snapshot
from plugin.domain.budget import Spending
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.web import alert, budget_spending, rows, watches
from plugin.web.context import WebContext
from plugin.web.forecast import Future, forecast_rows
from plugin.web.links import SignedLinks
from plugin.web.parameters import QueryParameters, nearest, time_range
from plugin.web.pinned_snapshots import PinnedSnapshot, SnapshotPins
from plugin.web.series_catalog import SeriesCatalog, highest
from plugin.web.thinning import thin

MAX_SERIES = 1000  # that one answer of /bands may draw
MAX_ROWS = 200_000  # that one answer of /bands may hold
DAY = 86_400

View = Callable[[QueryParameters], Response]
Sentences = Callable[
    [Sequence[Snapshot]], Mapping[int, str]
]  # what is said of series that alert, by id


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

    def bands(self, query: QueryParameters) -> Response:
        begin, end = time_range(query, self._clock(), self._context.settings)
        records = self._catalog.find(query)
        _check_number(query, records)
        steps = {name: snapshot.step for name, snapshot in self._context.board.snapshots().items()}
        points = min(query.max_points, self._context.settings.max_points)
        future = Future.of(self._context.board) if query.forecast else None
        parts = []
        total = 0
        for record in records:
            stored = self._context.store.samples(record.id, begin, end)
            samples = thin(stored, steps.get(record.watch, 0), points)
            if future is not None:
                samples = future.following(record, samples, begin, end)
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
        if query.labels == "none":
            return json([row for _, samples in parts for row in rows.number_rows(samples)])
        return json(rows.band_rows(parts))

    def forecast(self, query: QueryParameters) -> Response:
        records = self._catalog.find(query)
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
        return json(forecast_rows(parts, labels=query.labels != "none"))

    def scores(self, query: QueryParameters) -> Response:
        snapshots = self._catalog.snapshots(query, self._context.board.snapshots())
        if query.limit is not None:
            snapshots = highest(snapshots, query.limit)
        found = rows.score_rows(*snapshots, now=self._clock(), told=self._sentences(snapshots))
        if self._links.offered:
            found = [{**row, "feedback_url": self._link(row)} for row in found]
        return json(found if query.limit is None else sorted(found, key=_score, reverse=True))

    def _link(self, row: rows.Row) -> str:
        """Where the alarm of a row of scores can be answered; "" where there is none."""
        about = {"watch": str(row["watch"]), "series": str(row["series"]), "at": str(row["time"])}
        return self._links.url(about, self._clock()) if _score(row) > 1 else ""

    def watches(self, query: QueryParameters) -> Response:
        return json(self._watches(query, PinnedSnapshot.of(self._context)))

    def alert(self, query: QueryParameters) -> Response:
        field = _field(query)
        moment = self._pins.at(query.end)
        _check_selection(query)
        if query.by == "service":
            return json(alert.service_rows(moment))
        if query.by == "incident":
            self._catalog.check_watch(query)
            return json(alert.incident_rows(moment, self._catalog.watched(query), field))
        if query.by == "watch":
            found = self._watches(query, moment, budget=field == "budget_spent")
            return json(alert.watch_rows(found, moment.watches, field))
        snapshots = self._catalog.snapshots(query, moment.board)
        return raw(self._alert_rows.encoded(snapshots, field, moment.now))

    def _watches(
        self, query: QueryParameters, moment: PinnedSnapshot, *, budget: bool = True
    ) -> list[rows.Row]:
        """budget: it takes a walk through all series, which a rule on another number is spared."""
        self._catalog.check_watch(query)
        spent = self._spent(query, moment) if budget else {}
        known_since = max(
            self._context.started, self._context.reloaded()
        )  # a watch that was never scored
        watched = self._catalog.watched(query)
        return [
            row
            for row in watches.watch_rows(moment, spent, known_since)
            if watched is None or row["watch"] in watched
        ]

    def _spent(self, query: QueryParameters, moment: PinnedSnapshot) -> dict[str, Spending]:
        """By watch."""
        records = self._catalog.find(QueryParameters(watch=query.watch))
        since = int(moment.now) - watches.DAYS * DAY
        spendings = budget_spending.spendings(self._context, records, watches.DAYS, since)
        return budget_spending.by_watch(spendings, moment.watches)

    def series(self, query: QueryParameters) -> Response:
        return json(sorted({str(record.labels) for record in self._catalog.find(query)}))

    def labels(self, query: QueryParameters) -> Response:
        return json(sorted(set().union(*map(_columns, self._catalog.find(query)))))

    def values(self, query: QueryParameters) -> Response:
        found = {_columns(record).get(query.name) for record in self._catalog.find(query)}
        return json(sorted(value for value in found if value))


def json(answer: object, status: int = 200) -> Response:
    return raw(rows.encode(answer), status)


def raw(body: bytes, status: int = 200) -> Response:
    """An answer that is JSON already."""
    return Response(body, status, mimetype="application/json")


def _score(row: rows.Row) -> float:
    score = row["score"]
    return -1.0 if score is None else float(score)


def _field(query: QueryParameters) -> str:
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


def _check_selection(query: QueryParameters) -> None:
    """A condition that no row can be held against must not look as if it had narrowed the
    answer."""
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


def _check_number(query: QueryParameters, records: list[SeriesRecord]) -> None:
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
