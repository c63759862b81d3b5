"""Where the link of an alarm leads: shows what it is about, and takes an answer by a form.

Opening it changes nothing, because chat programs and mail filters open links. The form sends the signed link back:
another site can neither read nor guess it, so it cannot answer in the name of a browser that remembers a password.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Response, request

from plugin import wording
from plugin.errors import RequestError
from plugin.feedback import Answer, Part, Verdict
from plugin.series import SeriesRecord
from plugin.web.answering import Answering, Target, effect
from plugin.web.catalog import Catalog
from plugin.web.context import WebContext
from plugin.web.data import View
from plugin.web.drawing import draw
from plugin.web.feedback import by_whom
from plugin.web.links import ABOUT, Links
from plugin.web.page import Content, html
from plugin.web.parameters import FROM, Query

AROUND = 3 * 3600  # seconds that are drawn before the range, at least
AFTER = 1800  # and after it
FORM_SECONDS = 3600  # that a form stays valid for someone who came without a link
NAMED = 10  # series that are named
WORDS = {Verdict.FALSE_ALARM: "False alarm", Verdict.REAL: "Real", Verdict.NEW_NORMAL: "New normal"}


class AnswerPage:
    """The views at /feedback."""

    def __init__(self, context: WebContext, catalog: Catalog, answering: Answering, links: Links) -> None:
        self._context, self._catalog, self._answering, self._links = context, catalog, answering, links

    @property
    def views(self) -> Mapping[str, View]:
        return {"answer_page": self.show, "answer_page_send": self.take}

    def show(self, _: Query) -> Response:
        """What the link is about. Changes nothing."""
        try:
            given = request.args.to_dict()
            if "signature" in given:
                self._links.check(given, self._context.clock())
            return html(self._asking(given, self._target(given)))
        except RequestError as error:
            return _refused(error)

    def take(self, _: Query) -> Response:
        """An answer, or one taken back."""
        try:
            given = request.form.to_dict()
            self._check_sender(given)
            target = self._target(given)
            if given.get("withdraw"):
                done = self._withdrawn(given["withdraw"], target)
            else:
                done = self._given(given, target)
            return html(Content(done[0], done[1:], link=self._form(given), answers=self._standing(target)))
        except RequestError as error:
            return _refused(error)

    def _check_sender(self, given: Mapping[str, str]) -> None:
        """A browser sends a password that it remembers wherever a page of another site tells it to."""
        bearer = (request.headers.get("Authorization") or "").lower().startswith("bearer ")
        if "signature" in given or not bearer:
            self._links.check(given, self._context.clock())
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise RequestError("this form was sent by a page of another site: open the link itself and answer there",
                               status=403, code="cross_site")

    def _target(self, given: Mapping[str, str]) -> Target:
        if given.get("incident"):
            return self._answering.incident(given["incident"])
        record = self._answering.series(given.get("watch", ""), given.get("series", ""))
        try:
            at = FROM.read(given.get("at", ""), self._context.settings)
        except ValueError as error:
            raise RequestError(f"`at`: {error}", field="at") from error
        assert isinstance(at, int)
        return self._answering.moment(record, at // 1000)

    def _given(self, given: Mapping[str, str], target: Target) -> list[str]:
        try:
            verdict = Verdict(given.get("verdict", ""))
        except ValueError:
            raise RequestError("choose one of the three answers", field="verdict") from None
        name = given.get("by", "").strip()[:100]
        by = by_whom(f"{name} (by link)" if name else "link")
        done = self._answering.give(verdict, target, comment=given.get("comment", "").strip()[:1000], by=by)
        return [f"Noted: {WORDS[verdict].lower()}", _sentence(effect(done)),
                f"It is answer {done.answer.id}, by {done.answer.by}."]

    def _withdrawn(self, number: str, target: Target) -> list[str]:
        """Only what is about the same can be taken back by this link."""
        if not any(str(id) == number for id, _ in self._standing(target)):
            raise RequestError("there is no such answer in force to this alarm", field="withdraw", status=404,
                               code="unknown_feedback")
        self._answering.withdraw(int(number), by_whom("link"))
        return ["Taken back", f"Answer {number} has no effect any more."]

    def _standing(self, target: Target) -> list[tuple[int, str]]:
        """The answers in force to the same samples."""
        found = self._context.store.feedback.answers(target.start, target.end,
                                                     [part.series_id for part in target.parts])
        return [(answer.id, _told(answer)) for answer in found if answer.in_force]

    def _form(self, given: Mapping[str, str]) -> Mapping[str, str]:
        if "signature" in given:
            return {name: given[name] for name in (*ABOUT, "expires", "signature") if name in given}
        about = {name: given[name] for name in ABOUT if name in given}
        return self._links.signed(about, self._context.clock(), FORM_SECONDS)

    def _asking(self, given: Mapping[str, str], target: Target) -> Content:
        known = self._answering.records()
        records = list(dict.fromkeys(known[part.series_id] for part in target.parts))
        first = target.parts[0]
        until = min(int(self._context.clock()), first.end + AFTER)
        begin = min(first.start - AROUND, first.start - (first.end - first.start))
        samples = self._context.store.samples(first.series_id, begin, until)
        return Content(_title(records, target), [*self._words(first, known[first.series_id]), *_others(records)],
                       draw(samples, first.start, first.end, begin, until), self._form(given), self._standing(target),
                       asks=True, nameless=by_whom(None) in ("anyone", "token"))

    def _words(self, part: Part, record: SeriesRecord) -> list[str]:
        """When, and how far out it was."""
        watch = self._context.watches().get(record.watch)
        alarms = self._context.store.alarms(part.start, part.end, [record.id])
        when = f"{_moment(part.start)} to {_moment(part.end)} UTC"
        if not alarms:
            return [f"{record.watch}: {when}; nothing was outside its band then, as far as is stored."]
        alarm = alarms[0]
        text = wording.alarm_text(alarm.peak_value, alarm.peak_expected, alarm.peak_lower, alarm.peak_upper,
                                  watch.unit if watch is not None else "", at=alarm.peak_time,
                                  seconds=alarm.end - alarm.start, open=alarm.open)
        return [_sentence(text), f"{record.watch}: {when}{', still going on' if alarm.open else ''}."]


def _title(records: list[SeriesRecord], target: Target) -> str:
    if len(records) == 1:
        return str(records[0].labels)
    return f"{target.incident}: {len(records)} series"


def _others(records: list[SeriesRecord]) -> list[str]:
    if len(records) == 1:
        return []
    more = f", and {len(records) - NAMED} more" if len(records) > NAMED else ""
    return ["Series: " + ", ".join(str(record.labels) for record in records[:NAMED]) + more + "; drawn is the first."]


def _told(answer: Answer) -> str:
    said = f": {answer.comment}" if answer.comment else ""
    return f"{WORDS[answer.verdict]}, by {answer.by}, {_moment(answer.at)} UTC{said}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")


def _refused(error: RequestError) -> Response:
    return html(Content("This cannot be answered", [_sentence(str(error))]), error.status)
