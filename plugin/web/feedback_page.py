"""Where the link of an alarm leads: shows what it is about, and takes an answer by a form.

Opening it changes nothing, because chat programs and mail filters open links. The form sends the
signed link back: another site can neither read nor guess it, so it cannot answer in the name of a
browser that remembers a password.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from flask import Response, request

from plugin.domain.alarms import Alarm
from plugin.domain.tolerances import FeedbackEntry, Verdict
from plugin.domain.windows import plain
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.web.band_drawing import draw
from plugin.web.context import WebContext
from plugin.web.data_source import View
from plugin.web.explanations import ExplanationViews
from plugin.web.feedback import by_whom
from plugin.web.feedback_actions import FeedbackActions, FeedbackTarget, effect
from plugin.web.feedback_html import Content, html
from plugin.web.links import ABOUT, SignedLinks
from plugin.web.parameters import FROM, QueryParameters

# steps that are drawn before the range, at least, and after it
BEFORE = 180
AFTER = 30
STEP = 60  # seconds, of a watch that is configured no more
FORM_SECONDS = 3600  # that a form stays valid for someone who came without a link
NAMED = 10  # series that are named
MOST_SAID = 1000  # characters of a comment
WORDS = {Verdict.FALSE_ALARM: "False alarm", Verdict.REAL: "Real", Verdict.NEW_NORMAL: "New normal"}


class FeedbackPageViews:
    """The views at /feedback."""

    def __init__(
        self,
        context: WebContext,
        answering: FeedbackActions,
        links: SignedLinks,
        explaining: ExplanationViews,
    ) -> None:
        self._context = context
        self._answering = answering
        self._links = links
        self._explaining = explaining

    @property
    def views(self) -> Mapping[str, View]:
        return {"answer_page": self.show, "answer_page_send": self.take}

    def show(self, _: QueryParameters) -> Response:
        """What the link is about. Changes nothing."""
        try:
            given = request.args.to_dict()
            if "signature" in given:
                self._links.check(given, self._context.clock())
            return html(self._asking(given, self._target(given)))
        except RequestError as error:
            return _refused(error)

    def take(self, _: QueryParameters) -> Response:
        """An answer, or one taken back."""
        try:
            given = request.form.to_dict()
            self._check_sender(given)
            target = self._target(given)
            if given.get("withdraw"):
                done = self._withdrawn(given["withdraw"], target)
            else:
                done = self._given(given, target)
            return html(
                Content(done[0], done[1:], link=self._form(given), answers=self._standing(target))
            )
        except RequestError as error:
            return _refused(error)

    def _check_sender(self, given: Mapping[str, str]) -> None:
        """A browser sends a password that it remembers wherever a page of another site tells it
        to."""
        bearer = (request.headers.get("Authorization") or "").lower().startswith("bearer ")
        if "signature" in given or not bearer:
            self._links.check(given, self._context.clock())
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise RequestError(
                "this form was sent by a page of another site: open the link itself and answer"
                " there",
                status=403,
                code="cross_site",
            )

    def _target(self, given: Mapping[str, str]) -> FeedbackTarget:
        if given.get("incident"):
            return self._answering.incident(given["incident"])
        record = self._answering.series(given.get("watch", ""), given.get("series", ""))
        try:
            at = FROM.read(given.get("at", ""), self._context.settings)
        except ValueError as error:
            raise RequestError(f"`at`: {error}", field="at") from error
        assert isinstance(at, int)
        return self._answering.moment(record, at // 1000)

    def _given(self, given: Mapping[str, str], target: FeedbackTarget) -> list[str]:
        try:
            verdict = Verdict(given.get("verdict", ""))
        except ValueError:
            raise RequestError("choose one of the three answers", field="verdict") from None
        name = plain(given.get("by", ""))[:100]
        comment = plain(given.get("comment", ""))
        if len(comment) > MOST_SAID:
            raise RequestError(
                f"a comment of {len(comment)} characters; {MOST_SAID} are the most", field="comment"
            )
        by = by_whom(f"{name} (by link)" if name else "link")
        done = self._answering.give(verdict, target, comment=comment, by=by)
        return [f"Noted: {WORDS[verdict].lower()}", _sentence(effect(done))]

    def _withdrawn(self, number: str, target: FeedbackTarget) -> list[str]:
        """Only what is about the same can be taken back by this link."""
        if not any(str(id) == number for id, _ in self._standing(target)):
            raise RequestError(
                "there is no such answer in force to this alarm",
                field="withdraw",
                status=404,
                code="unknown_feedback",
            )
        self._answering.withdraw(int(number), by_whom("link"))
        return ["Taken back", f"Answer {number} has no effect any more."]

    def _standing(self, target: FeedbackTarget) -> list[tuple[int, str]]:
        """The answers in force to the same samples."""
        found = self._context.store.feedback.answers(
            target.start, target.end, [part.series_id for part in target.parts]
        )
        return [(answer.id, _told(answer)) for answer in found if answer.in_force]

    def _form(self, given: Mapping[str, str]) -> Mapping[str, str]:
        if "signature" in given:
            return {name: given[name] for name in (*ABOUT, "expires", "signature") if name in given}
        about = {name: given[name] for name in ABOUT if name in given}
        return self._links.signed(about, self._context.clock(), FORM_SECONDS)

    def _asking(self, given: Mapping[str, str], target: FeedbackTarget) -> Content:
        known = self._answering.records()
        records = list(dict.fromkeys(known[part.series_id] for part in target.parts))
        alarms = self._context.store.alarms(target.start, target.end, [records[0].id])
        worst = max(alarms, key=lambda alarm: alarm.peak_score, default=None)
        shown = worst or target.parts[0]
        watch = self._context.watches().get(records[0].watch)
        step, unit = (watch.step, watch.unit) if watch is not None else (STEP, "")
        until = min(int(self._context.clock()), shown.end + AFTER * step)
        begin = shown.start - max(BEFORE * step, shown.end - shown.start)
        samples = self._context.store.samples(records[0].id, begin, until)
        title, *lines = self._words(worst, records, known=watch is not None)
        return Content(
            title,
            lines,
            f"{target.incident or records[0].watch} · {_span(target.start, target.end)}"
            f"{', still going on' if any(alarm.open for alarm in alarms) else ''}",
            re.split("(?<=,)", str(records[0].labels)),
            draw(samples, shown.start, shown.end, begin, until, unit),
            self._form(given),
            self._standing(target),
            asks=True,
            nameless=by_whom(None) in ("anyone", "token"),
        )

    def _words(
        self, alarm: Alarm | None, records: Sequence[SeriesRecord], *, known: bool
    ) -> list[str]:
        """A title and sentences: how far out the first series was, and which others there are.

        alarm: its worst; None = there was none. known: whether its watch is still configured.
        """
        told = None
        if alarm is not None and known:  # by its peak, also while it is open
            told = self._explaining.alarm(
                records[0], replace(alarm, open=False), int(self._context.clock()), []
            )
        if told is None:
            why = (
                "Its watch is not configured any more"
                if alarm
                else "Nothing was outside then, as far as is stored"
            )
            return [why, *_others(records)]
        value, *more = told.parts
        band = f", {more.pop(0)}" if more[:1] and more[0].startswith("expected ") else ""
        return [value + band, *([_sentence("; ".join(more))] if more else []), *_others(records)]


def _others(records: Sequence[SeriesRecord]) -> list[str]:
    """Who else is in the incident; the first has a line of its own."""
    rest = [str(record.labels) for record in records[1:]]
    if not rest:
        return []
    more = f" and {len(rest) - NAMED} more" if len(rest) > NAMED else ""
    return [f"It moved first. The answer is about these, too: {', '.join(rest[:NAMED])}{more}."]


def _told(answer: FeedbackEntry) -> str:
    said = f": {answer.comment}" if answer.comment else ""
    return f"{WORDS[answer.verdict]}, by {answer.by}, {_moment(answer.at)} UTC{said}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _span(start: int, end: int) -> str:
    """`2026-11-21 03:05 to 03:20 UTC`, unix seconds."""
    begin = _moment(start)
    until = _moment(end)
    until = until.removeprefix(begin[:11])  # the day once
    return f"{begin} UTC" if begin.endswith(until) else f"{begin} to {until} UTC"


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")


def _refused(error: RequestError) -> Response:
    return html(Content("This cannot be answered", [_sentence(str(error))]), error.status)
