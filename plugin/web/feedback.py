"""Answers to alarms over the API: given, listed, withdrawn."""

from collections.abc import Iterator, Mapping

from flask import Response, g, request

from plugin.domain.tolerances import FeedbackEntry, FeedbackSpan, Tolerances, Verdict
from plugin.domain.windows import plain
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.store.feedback import Receipt
from plugin.web.context import WebContext
from plugin.web.data_source import View, json
from plugin.web.feedback_actions import FeedbackActions, FeedbackTarget, effect, undone
from plugin.web.parameters import FROM, TO, QueryParameters, nearest
from plugin.web.request_bodies import FeedbackBody, read_body
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog

EVER = 2**62  # seconds


class FeedbackViews:
    """The views under /api/v1/feedback."""

    def __init__(
        self, context: WebContext, catalog: SeriesCatalog, answering: FeedbackActions
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._answering = answering

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "feedback": self.list,
            "feedback_give": self.give,
            "feedback_withdraw": self.withdraw,
        }

    def list(self, query: QueryParameters) -> Response:
        """A row for each series of each answer, those that have ended too, by time of the
        answer."""
        records = {record.id: record for record in self._catalog.find(query)}
        begin = 0 if query.begin is None else -(-query.begin // 1000)
        found = self._context.store.feedback.answers(
            begin, EVER if query.end is None else query.end // 1000, list(records)
        )
        feedback = self._context.store.feedback
        now = int(self._context.clock())
        tolerances = {
            name: feedback.tolerances(name)
            for name in {record.watch for record in records.values()}
        }
        return json([row for answer in found for row in _rows(answer, records, tolerances, now)])

    def give(self, _: QueryParameters) -> Response:
        if request.mimetype != "application/json":  # what a form of another site could send is none
            raise RequestError(
                "an answer is sent as JSON: Content-Type: application/json",
                status=415,
                code="not_json",
            )
        body = read_body(request.get_data(), FeedbackBody)
        given = self._answering.give(
            _verdict(body.verdict),
            self._target(body),
            comment=body.comment or "",
            by=by_whom(body.by),
        )
        return json(feedback_row(given, self._answering.records()))

    def withdraw(self, query: QueryParameters) -> Response:
        if not query.id.isdecimal() or len(query.id) > 15:
            raise RequestError(
                f"`{plain(query.id)[:80]}` is not the number of an answer: `GET /api/v1/feedback` "
                "lists them",
                field="id",
            )
        before = self._answering.withdraw(int(query.id), by_whom(query.who))
        return json(
            {
                "id": before.id,
                "withdrawn": True,
                "again": not before.in_force,
                "effect": undone(before),
            }
        )

    def _target(self, body: FeedbackBody) -> FeedbackTarget:
        if body.incident:
            if body.series or body.watch or body.begin is not None or body.to is not None:
                raise RequestError(
                    "name an `incident`, or `watch` and `series` with `from` and `to`, not both",
                    field="incident",
                )
            return self._answering.incident(body.incident)
        settings = self._context.settings
        ends = dict[str, int | None]()
        for parameter, text in ((FROM, body.begin), (TO, body.to)):
            try:
                read = None if text is None else parameter.read(str(text), settings)
            except ValueError as error:
                raise RequestError(f"`{parameter.name}`: {error}", field=parameter.name) from error
            assert read is None or isinstance(read, int)
            ends[parameter.name] = read
        begin = ends["from"]
        end = ends["to"]
        return self._answering.range(
            self._answering.series(body.watch or "", body.series or ""),
            None if begin is None else -(-begin // 1000),
            None if end is None else end // 1000,
        )


def feedback_row(given: Receipt, records: Mapping[int, SeriesRecord]) -> dict[str, object]:
    """What came of an answer, for whoever gave it."""
    answer = given.answer
    target = FeedbackTarget(answer.parts)
    return {
        "id": answer.id,
        "verdict": answer.verdict.value,
        "incident": answer.incident,
        "series": list(
            dict.fromkeys(
                str(records[part.series_id].labels)
                for part in answer.parts
                if part.series_id in records
            )
        ),
        "from": target.start * 1000,
        "to": target.end * 1000,
        "comment": answer.comment,
        "by": answer.by,
        "at": answer.at * 1000,
        "again": given.again,
        "replaced": list(given.replaced),
        "effect": effect(given),
    }


def by_whom(told: str | None) -> str:
    """The user of basic auth; else the name that is told with a token, or without any
    authentication."""
    who: str = g.get("by", "")
    return who if who not in ("", "token") else told or who or "anyone"


def _rows(
    answer: FeedbackEntry,
    records: Mapping[int, SeriesRecord],
    tolerances: Mapping[str, Tolerances],
    now: int,
) -> Iterator[Row]:
    for part in answer.parts:
        record = records.get(part.series_id)
        if record is not None:
            below, above = tolerances[record.watch].at(record.id, now)
            yield {
                "id": answer.id,
                "time": part.start * 1000,
                "timeEnd": part.end * 1000,
                "watch": record.watch,
                "series": str(record.labels),
                "incident": answer.incident,
                "verdict": answer.verdict.value,
                "state": _state(answer, part),
                "comment": answer.comment,
                "by": answer.by,
                "at": answer.at * 1000,
                "ended_at": None if part.ended_at is None else part.ended_at * 1000,
                "ended_by": answer.withdrawn_by,
                "tolerance_below": below,
                "tolerance_above": above,
            }


def _verdict(text: str) -> Verdict:
    try:
        return Verdict(text)
    except ValueError:
        valid = [each.value for each in Verdict]
        raise RequestError(
            f"`verdict`: `{text}` is not one of: {', '.join(valid)}{nearest(text, valid)}",
            field="verdict",
        ) from None


def _state(answer: FeedbackEntry, part: FeedbackSpan) -> str:
    return (
        "in_force"
        if part.ended_at is None
        else "withdrawn"
        if answer.withdrawn_at is not None
        else "replaced"
    )
