"""The page to which the link of an alarm leads: it shows the alarm, and takes feedback by a form.

Opening it changes nothing, because chat programs and mail filters open links. The address of the
form is the signed link. Another site can neither read nor guess it, so it cannot send feedback
through a browser that remembers a password.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

from flask import Response, request

from plugin.domain.alarms import Alarm
from plugin.domain.band_drawing import draw
from plugin.domain.tolerances import FeedbackEntry
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.web.answer_forms import WORDS, described, moment, read_answer
from plugin.web.context import WebContext
from plugin.web.explanations import ExplanationViews
from plugin.web.feedback import by_whom
from plugin.web.feedback_actions import FeedbackActions, FeedbackTarget
from plugin.web.feedback_effects import effect
from plugin.web.feedback_html import Content, html, sentence
from plugin.web.guard import refuse_other_sites
from plugin.web.links import NAMES, SignedLinks
from plugin.web.parameter_readers import read_time
from plugin.web.queries import NoQuery
from plugin.web.responses import View
from plugin.web.thinning import thin

# Steps that are drawn before the range, at least, and after it.
STEPS_BEFORE = 180
STEPS_AFTER = 30
DEFAULT_STEP = 60  # seconds, for a watch that is not configured any more
FORM_SECONDS = 3600  # that a form stays valid for a person who came without a link
MAX_NAMES = 10  # series that are named
DRAWN_POINTS = 300


class _Answered(TypedDict):
    """The fields of a page on feedback that is there."""

    answers: list[tuple[int, str]]
    wider: list[str]


class FeedbackPageViews:
    """The views at /feedback."""

    def __init__(
        self,
        context: WebContext,
        actions: FeedbackActions,
        links: SignedLinks,
        explanations: ExplanationViews,
    ) -> None:
        self._context = context
        self._actions = actions
        self._links = links
        self._explanations = explanations

    @property
    def views(self) -> Mapping[str, View]:
        return {"answer_page": self.show, "answer_page_send": self.take}

    def show(self, _: NoQuery) -> Response:
        """The alarm of the link. Changes nothing."""
        link = request.args.to_dict()
        if "signature" in link:
            self._links.check(link, self._context.clock())
        return html(self._question(link, self._target(link)))

    def take(self, _: NoQuery) -> Response:
        """Feedback, or the withdrawal of some."""
        form = {**request.form.to_dict(), **request.args.to_dict()}
        self._check_sender(form)
        target = self._target(form)
        title, *lines = (
            self._withdraw(form["withdraw"], target)
            if form.get("withdraw")
            else self._give(form, target)
        )
        return html(Content(title, lines, link=self._form(form), **self._answered(target)))

    def _check_sender(self, form: Mapping[str, str]) -> None:
        """A browser sends a password that it remembers with every form, also with one of another
        site."""
        bearer = (request.headers.get("Authorization") or "").lower().startswith("bearer ")
        if "signature" in form or not bearer:
            self._links.check(form, self._context.clock())
        refuse_other_sites(self._context.settings.external_url)

    def _target(self, link: Mapping[str, str]) -> FeedbackTarget:
        if link.get("incident"):
            return self._actions.incident(link["incident"])
        record = self._actions.series(link.get("watch", ""), link.get("series", ""))
        try:
            time = read_time(link.get("at", ""), self._context.settings)
        except ValueError as error:
            raise RequestError(f"`at`: {error}", field="at") from error
        return self._actions.moment(record, time // 1000)

    def _give(self, form: Mapping[str, str], target: FeedbackTarget) -> list[str]:
        answer = read_answer(form)
        author = by_whom(f"{answer.name} (by link)" if answer.name else "link")
        receipt = self._actions.give(answer.verdict, target, comment=answer.comment, author=author)
        return [f"Noted: {WORDS[answer.verdict].lower()}", sentence(effect(receipt))]

    def _withdraw(self, number: str, target: FeedbackTarget) -> list[str]:
        """A link can take back only feedback that is about nothing but its own alarms."""
        if not any(str(entry.id) == number for entry in self._own(target)):
            raise RequestError(
                "there is no such answer in force to this alarm alone",
                field="withdraw",
                status=404,
                code="unknown_feedback",
            )
        self._actions.withdraw(int(number), by_whom("link"))
        return ["Taken back", f"Answer {number} has no effect any more."]

    def _in_force(self, target: FeedbackTarget) -> list[FeedbackEntry]:
        """Feedback on the same samples that has an effect."""
        entries = self._context.store.feedback.between(
            target.start, target.end, [part.series_id for part in target.parts]
        )
        return [entry for entry in entries if entry.in_force]

    def _own(self, target: FeedbackTarget) -> list[FeedbackEntry]:
        """Of these, those that are about no other alarm."""
        return [entry for entry in self._in_force(target) if target.holds(entry)]

    def _answered(self, target: FeedbackTarget) -> _Answered:
        """What the page says of them."""
        entries = self._in_force(target)
        return {
            "answers": [(entry.id, described(entry)) for entry in entries if target.holds(entry)],
            "wider": [_described_wider(entry) for entry in entries if not target.holds(entry)],
        }

    def _form(self, link: Mapping[str, str]) -> Mapping[str, str]:
        """What the form sends back: the signed link, which is made where there is none."""
        if "signature" in link:
            return {name: link[name] for name in (*NAMES, "expires", "signature") if name in link}
        link_fields = {name: link[name] for name in NAMES if name in link}
        return self._links.signed(link_fields, self._context.clock(), FORM_SECONDS)

    def _question(self, link: Mapping[str, str], target: FeedbackTarget) -> Content:
        records_by_id = self._actions.records()
        records = list(dict.fromkeys(records_by_id[part.series_id] for part in target.parts))
        alarms = self._context.store.alarms.between(target.start, target.end, [records[0].id])
        worst = max(alarms, key=lambda alarm: alarm.peak_score, default=None)
        span = worst or target.parts[0]
        watch = self._context.watches().get(records[0].watch)
        step, unit = (watch.step, watch.unit) if watch is not None else (DEFAULT_STEP, "")
        end = min(int(self._context.clock()), span.end + STEPS_AFTER * step)
        start = span.start - max(STEPS_BEFORE * step, span.end - span.start)
        samples = self._context.store.samples.of(records[0].id, start, end)
        title, *lines = self._words(worst, records, configured=watch is not None)
        return Content(
            title,
            lines,
            about=f"{target.incident or records[0].watch} · {_span(target.start, target.end)}"
            f"{', still going on' if any(alarm.open for alarm in alarms) else ''}",
            series=re.split("(?<=,)", str(records[0].labels)),
            drawing=draw(
                thin(samples, 0, DRAWN_POINTS), (span.start, span.end), (start, end), unit
            ),
            link=self._form(link),
            asks=True,
            nameless=by_whom(None) in ("anyone", "token"),
            **self._answered(target),
        )

    def _words(
        self, alarm: Alarm | None, records: Sequence[SeriesRecord], *, configured: bool
    ) -> list[str]:
        """A title and sentences: how far outside the first series was, and the other series.

        alarm: the worst of the first series; None = there was none. configured: whether its watch
        is.
        """
        explanation = None
        if alarm is not None and configured:  # by its peak, also while it is open
            explanation = self._explanations.alarm(
                records[0], replace(alarm, open=False), int(self._context.clock()), []
            )
        if explanation is None:
            reason = (
                "Its watch is not configured any more"
                if alarm
                else "Nothing was outside then, as far as is stored"
            )
            return [reason, *_others(records)]
        value, *parts = explanation.parts
        band = f", {parts.pop(0)}" if parts[:1] and parts[0].startswith("expected ") else ""
        return [value + band, *([sentence("; ".join(parts))] if parts else []), *_others(records)]


def _others(records: Sequence[SeriesRecord]) -> list[str]:
    """The other series of the incident; the first has a line of its own."""
    names = [str(record.labels) for record in records[1:]]
    if not names:
        return []
    ending = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return [
        f"It moved first. The answer is about these, too: {', '.join(names[:MAX_NAMES])}{ending}."
    ]


def _described_wider(entry: FeedbackEntry) -> str:
    """With where it can be taken back."""
    size = len({part.series_id for part in entry.parts})
    about = f"incident {entry.incident}" if entry.incident else "a longer time"
    return (
        f"{described(entry)} (given to {about}, {size} series: it is taken back from the page of"
        " that)"
    )


def _span(start: int, end: int) -> str:
    """`2026-11-21 03:05 to 03:20 UTC`, unix seconds."""
    first = moment(start)
    last = moment(end).removeprefix(first[:11])  # the day once
    return f"{first} UTC" if first.endswith(last) else f"{first} to {last} UTC"
