"""The life of models over the API: versions, decisions, and what people may order."""

from collections.abc import Mapping, Sequence

from flask import Response, request

from plugin import selectors
from plugin.domain.model_decisions import Order, OrderKind, OrderResult
from plugin.domain.windows import plain
from plugin.errors import RequestError, SelectorError
from plugin.series import SeriesRecord
from plugin.store import ModelRecord
from plugin.web.context import WebContext
from plugin.web.data_source import View, json
from plugin.web.feedback import by_whom
from plugin.web.parameters import QueryParameters, nearest
from plugin.web.request_bodies import Body, ModelsBody, RollbackBody, read_body
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog

EVER = 2**62  # unix seconds
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

    def models(self, query: QueryParameters) -> Response:
        """A row per version that is kept, by watch and series, the newest first."""
        records = {record.id: record for record in self._catalog.find(query)}
        now = self._context.clock()
        found = self._context.store.active_models.versions(list(records))
        order = sorted(
            found,
            key=lambda each: (
                records[each[0].series_id].watch,
                each[0].series_id,
                -each[0].version,
            ),
        )
        return json(
            [_model_row(records[model.series_id], model, reigns, now) for model, reigns in order]
        )

    def decisions(self, query: QueryParameters) -> Response:
        """In their order, the latest of them."""
        records = {record.id: record for record in self._catalog.find(query)}
        begin = 0 if query.begin is None else -(-query.begin // 1000)
        end = EVER if query.end is None else query.end // 1000
        narrowed = query.watch or query.match or query.series is not None
        made = self._context.store.active_models.decisions(
            begin,
            end,
            list(records) if narrowed else None,
            limit=min(query.limit or MAX_ROWS, MAX_ROWS),
        )
        return json(
            [
                {
                    "time": each.time * 1000,
                    **_named(records[each.series_id]),
                    "version": each.version,
                    "what": each.what.value,
                    "why": each.why,
                    "by": each.by,
                }
                for each in made
                if each.series_id in records
            ]
        )

    def rollback(self, _: QueryParameters) -> Response:
        body = _sent(RollbackBody)
        return self._carry_out(OrderKind.ROLLBACK, body, body.version)

    def _order(self, act: OrderKind) -> Response:
        return self._carry_out(act, _sent(ModelsBody))

    def _carry_out(self, act: OrderKind, body: ModelsBody, version: int | None = None) -> Response:
        """A row per series; an error where nothing could be done for any of them."""
        records = self._chosen(body)
        answers = self._context.order(
            Order(act, tuple(records), by_whom(body.by), body.comment or "", version)
        )
        if not any(answer.done for answer in answers):
            first = answers[0]
            others = f" (and {len(answers) - 1} more)" if len(answers) > 1 else ""
            raise RequestError(
                f"{first.series.watch} {first.series.labels}{others}: {first.why}",
                status=409,
                code="not_done",
            )
        return json([_answer_row(answer) for answer in answers])

    def _chosen(self, body: ModelsBody) -> Sequence[SeriesRecord]:
        """The series that an order is about.

        Raises RequestError when none is named, or none is found.
        """
        if not (body.watch or body.series or body.match):
            raise RequestError("say whose models: `watch`, `series` or `match`", field="watch")
        try:
            match = selectors.parse(body.match) if body.match else ()
        except SelectorError as error:
            raise RequestError(f"`match`: {error}", field="match") from error
        found = self._catalog.find(
            QueryParameters(
                watch=(body.watch,) if body.watch else (), match=match, series=body.series or None
            )
        )
        if not found:
            close = (
                nearest(
                    body.series,
                    {str(each.labels) for each in self._catalog.find(QueryParameters())},
                )
                if body.series
                else ""
            )
            chosen = ", ".join(
                f"`{name}` {plain(text)}"
                for name, text in (
                    ("watch", body.watch),
                    ("series", body.series),
                    ("match", body.match),
                )
                if text
            )
            raise RequestError(
                f"there is no series of {chosen}{close or '; `GET /api/v1/series` lists them'}",
                field="series" if body.series else "match",
                status=404,
                code="unknown_series",
            )
        return found


def _sent(kind: type[Body]) -> Body:
    if request.mimetype != "application/json":  # what a form of another site could send is none
        raise RequestError(
            "an order is sent as JSON: Content-Type: application/json", status=415, code="not_json"
        )
    return read_body(request.get_data(), kind)


def _model_row(record: SeriesRecord, model: ModelRecord, reigns: bool, now: float) -> Row:
    loss = model.loss if model.loss == model.loss else None
    return {
        **_named(record),
        "version": model.version,
        "champion": reigns,
        "pinned": model.pinned,
        "detector": model.detector,
        "fitted_at": model.fitted_at * 1000,
        "age_seconds": round(now - model.fitted_at, 3),
        "since": model.since * 1000 if reigns else None,
        "checked_at": model.checked_at * 1000 if reigns else None,
        "loss": loss,
        "window_start": model.window_start * 1000,
        "window_end": model.window_end * 1000,
    }


def _answer_row(answer: OrderResult) -> Row:
    return {
        **_named(answer.series),
        "done": answer.done,
        "version": answer.version,
        "why": answer.why,
    }


def _named(record: SeriesRecord) -> Row:
    return {"watch": record.watch, "series": str(record.labels)}
