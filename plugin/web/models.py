"""Models over the API: their versions, decisions about them, and orders."""

import math
from collections.abc import Mapping, Sequence

from flask import Response

from plugin import selectors
from plugin.domain.model_decisions import Order, OrderKind, OrderResult
from plugin.domain.windows import one_line
from plugin.errors import RequestError, SelectorError
from plugin.nearest_name import nearest
from plugin.series import SeriesRecord
from plugin.store import ModelRecord
from plugin.web import audit
from plugin.web.context import WebContext
from plugin.web.feedback import by_whom
from plugin.web.queries import LatestQuery, NoQuery, SeriesQuery
from plugin.web.request_bodies import ModelsBody, RollbackBody, read_json_body
from plugin.web.responses import View, json_response
from plugin.web.row_types import DecisionRow, ModelRow, OrderRow
from plugin.web.series_catalog import SeriesCatalog

MAX_ROWS = 10_000  # decisions that one answer holds


class ModelViews:
    """The views under /api/v1/models, and /api/v1/decisions."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "models": self.models,
            "decisions": self.decisions,
            "models_rollback": self.rollback,
            "models_pin": lambda _: self._order(OrderKind.PIN),
            "models_unpin": lambda _: self._order(OrderKind.UNPIN),
            "models_refit": lambda _: self._order(OrderKind.REFIT),
        }

    def models(self, query: SeriesQuery) -> Response:
        """A row per version that is kept, by watch and series, the newest first."""
        records = {record.id: record for record in self._records(query)}
        now = self._context.clock()
        versions = sorted(
            self._context.store.models.versions(list(records)),
            key=lambda version: (
                records[version[0].series_id].watch,
                version[0].series_id,
                -version[0].version,
            ),
        )
        return json_response(
            [_model_row(records[model.series_id], model, active, now) for model, active in versions]
        )

    def decisions(self, query: LatestQuery) -> Response:
        """In their order, the latest of them."""
        records = {record.id: record for record in self._records(query)}
        start, end = query.open_range
        decisions = self._context.store.decisions.between(
            start,
            end,
            list(records) if query.narrowed else None,
            limit=min(query.limit or MAX_ROWS, MAX_ROWS),
        )
        return json_response(
            [
                DecisionRow(
                    time=decision.time * 1000,
                    watch=records[decision.series_id].watch,
                    series=str(records[decision.series_id].labels),
                    version=decision.version,
                    what=decision.what,
                    why=decision.why,
                    by=decision.by,
                )
                for decision in decisions
                if decision.series_id in records
            ]
        )

    def rollback(self, _: NoQuery) -> Response:
        body = read_json_body(RollbackBody, "an order")
        return self._carry_out(OrderKind.ROLLBACK, body, body.version)

    def _order(self, kind: OrderKind) -> Response:
        return self._carry_out(kind, read_json_body(ModelsBody, "an order"))

    def _carry_out(self, kind: OrderKind, body: ModelsBody, version: int | None = None) -> Response:
        """A row per series. Raises RequestError when the order has done nothing for any of them."""
        records = self._chosen(body)
        author = by_whom(body.by)
        results = self._context.order(
            Order(kind, tuple(records), author, body.comment or "", version)
        )
        if not results:
            raise RequestError(
                "none of these series has a watch that runs here: see /api/v1/watches",
                status=409,
                code="not_done",
            )
        if not any(result.done for result in results):
            first = results[0]
            remainder = f" (and {len(results) - 1} more)" if len(results) > 1 else ""
            raise RequestError(
                f"{first.series.watch} {first.series.labels}{remainder}: {first.why}",
                status=409,
                code="not_done",
            )
        done = [result.series for result in results if result.done]
        watches = sorted({record.watch for record in done})
        audit.note(by=author, watch=",".join(watches), series=len(done), version=version or "")
        return json_response([_order_row(result) for result in results])

    def _records(self, query: SeriesQuery) -> Sequence[SeriesRecord]:
        return self._catalog.find(query.watch, query.match, query.series)

    def _chosen(self, body: ModelsBody) -> Sequence[SeriesRecord]:
        """The series that an order is about. Raises RequestError when there are none."""
        if not (body.watch or body.series or body.match):
            raise RequestError("say whose models: `watch`, `series` or `match`", field="watch")
        try:
            match = selectors.parse(body.match) if body.match else ()
        except SelectorError as error:
            raise RequestError(f"`match`: {error}", field="match") from error
        watch = (body.watch,) if body.watch else ()
        records = self._catalog.find(watch, match, body.series or None)
        if not records:
            raise self._no_series(body)
        return records

    def _no_series(self, body: ModelsBody) -> RequestError:
        """The error for an order whose series do not exist."""
        names = {str(record.labels) for record in self._catalog.find()}
        hint = nearest(body.series, names) if body.series else ""
        parameters = (("watch", body.watch), ("series", body.series), ("match", body.match))
        conditions = ", ".join(f"`{name}` {one_line(text)}" for name, text in parameters if text)
        return RequestError(
            f"there is no series of {conditions}{hint or '; `GET /api/v1/series` lists them'}",
            field="series" if body.series else "match",
            status=404,
            code="unknown_series",
        )


def _model_row(record: SeriesRecord, model: ModelRecord, active: bool, now: float) -> ModelRow:
    return ModelRow(
        watch=record.watch,
        series=str(record.labels),
        version=model.version,
        champion=active,
        pinned=model.pinned,
        detector=model.detector,
        fitted_at=model.fitted_at * 1000,
        age_seconds=round(now - model.fitted_at, 3),
        since=model.since * 1000 if active else None,
        checked_at=model.checked_at * 1000 if active else None,
        loss=None if math.isnan(model.loss) else model.loss,
        window_start=model.window_start * 1000,
        window_end=model.window_end * 1000,
    )


def _order_row(result: OrderResult) -> OrderRow:
    return OrderRow(
        watch=result.series.watch,
        series=str(result.series.labels),
        done=result.done,
        version=result.version,
        why=result.why,
    )
