"""Feedback over the API: listed, given, withdrawn."""

from collections.abc import Iterator, Mapping
from typing import Literal

from flask import Response, g

from plugin.domain.tolerances import FeedbackEntry, FeedbackSpan, Tolerances, Verdict
from plugin.domain.windows import one_line
from plugin.errors import RequestError
from plugin.nearest_name import nearest
from plugin.series import SeriesRecord
from plugin.store.feedback import Receipt
from plugin.web.answer_types import FeedbackReceipt, FeedbackWithdrawal
from plugin.web.context import WebContext
from plugin.web.feedback_actions import FeedbackActions, FeedbackTarget
from plugin.web.feedback_effects import effect, withdrawal_effect
from plugin.web.parameter_readers import read_time
from plugin.web.queries import NoQuery, RangeQuery, RemovalQuery
from plugin.web.request_bodies import FeedbackBody, read_json_body
from plugin.web.responses import View, json_response
from plugin.web.row_types import FeedbackRow
from plugin.web.series_catalog import SeriesCatalog


class FeedbackViews:
    """The views under /api/v1/feedback."""

    def __init__(
        self, context: WebContext, catalog: SeriesCatalog, actions: FeedbackActions
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._actions = actions

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "feedback": self.list,
            "feedback_give": self.give,
            "feedback_withdraw": self.withdraw,
        }

    def list(self, query: RangeQuery) -> Response:
        """A row for each series of each entry, also of those that have ended, by the time at which
        it was given."""
        records = {
            record.id: record
            for record in self._catalog.find(query.watch, query.match, query.series)
        }
        feedback = self._context.store.feedback
        entries = feedback.between(*query.open_range, list(records))
        now = int(self._context.clock())
        tolerances = {
            name: feedback.tolerances(name)
            for name in {record.watch for record in records.values()}
        }
        return json_response(
            [row for entry in entries for row in _rows(entry, records, tolerances, now)]
        )

    def give(self, _: NoQuery) -> Response:
        body = read_json_body(FeedbackBody, "an answer")
        receipt = self._actions.give(
            _verdict(body.verdict),
            self._target(body),
            comment=body.comment or "",
            author=by_whom(body.by),
        )
        return json_response(_described(receipt, self._actions.records()))

    def withdraw(self, query: RemovalQuery) -> Response:
        if not query.id.isdecimal() or len(query.id) > 15:
            raise RequestError(
                f"`{one_line(query.id)[:80]}` is not the number of an answer: "
                "`GET /api/v1/feedback` lists them",
                field="id",
            )
        entry = self._actions.withdraw(int(query.id), by_whom(query.who))
        return json_response(
            FeedbackWithdrawal(
                id=entry.id,
                withdrawn=True,
                again=not entry.in_force,
                effect=withdrawal_effect(entry),
            )
        )

    def _target(self, body: FeedbackBody) -> FeedbackTarget:
        if body.incident:
            if body.series or body.watch or body.start is not None or body.to is not None:
                raise RequestError(
                    "name an `incident`, or `watch` and `series` with `from` and `to`, not both",
                    field="incident",
                )
            return self._actions.incident(body.incident)
        start = self._milliseconds("from", body.start)
        end = self._milliseconds("to", body.to)
        return self._actions.range(
            self._actions.series(body.watch or "", body.series or ""),
            None if start is None else -(-start // 1000),
            None if end is None else end // 1000,
        )

    def _milliseconds(self, field: str, text: str | int | None) -> int | None:
        try:
            return None if text is None else read_time(str(text), self._context.settings)
        except ValueError as error:
            raise RequestError(f"`{field}`: {error}", field=field) from error


def _described(receipt: Receipt, records: Mapping[int, SeriesRecord]) -> FeedbackReceipt:
    """What came of feedback, for its sender."""
    entry = receipt.answer
    target = FeedbackTarget(entry.parts)
    names = (
        str(records[part.series_id].labels) for part in entry.parts if part.series_id in records
    )
    return FeedbackReceipt(
        id=entry.id,
        verdict=entry.verdict,
        incident=entry.incident,
        series=[*dict.fromkeys(names)],
        start=target.start * 1000,
        end=target.end * 1000,
        comment=entry.comment,
        by=entry.by,
        at=entry.at * 1000,
        again=receipt.again,
        replaced=[*receipt.replaced],
        effect=effect(receipt),
    )


def by_whom(name: str | None) -> str:
    """The user of basic auth. Otherwise the name that the request states, which is possible with a
    token and without authentication."""
    user: str = g.get("by", "")
    return user if user not in ("", "token") else name or user or "anyone"


def _rows(
    entry: FeedbackEntry,
    records: Mapping[int, SeriesRecord],
    tolerances: Mapping[str, Tolerances],
    now: int,
) -> Iterator[FeedbackRow]:
    for part in entry.parts:
        record = records.get(part.series_id)
        if record is not None:
            below, above = tolerances[record.watch].at(record.id, now)
            yield FeedbackRow(
                id=entry.id,
                time=part.start * 1000,
                time_end=part.end * 1000,
                watch=record.watch,
                series=str(record.labels),
                incident=entry.incident,
                verdict=entry.verdict,
                state=_state(entry, part),
                comment=entry.comment,
                by=entry.by,
                at=entry.at * 1000,
                ended_at=None if part.ended_at is None else part.ended_at * 1000,
                ended_by=entry.withdrawn_by,
                tolerance_below=below,
                tolerance_above=above,
            )


def _verdict(text: str) -> Verdict:
    try:
        return Verdict(text)
    except ValueError:
        valid = [verdict.value for verdict in Verdict]
        raise RequestError(
            f"`verdict`: `{text}` is not one of: {', '.join(valid)}{nearest(text, valid)}",
            field="verdict",
        ) from None


def _state(
    entry: FeedbackEntry, part: FeedbackSpan
) -> Literal["in_force", "withdrawn", "replaced"]:
    if part.ended_at is None:
        return "in_force"
    return "replaced" if entry.withdrawn_at is None else "withdrawn"
