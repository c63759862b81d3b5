"""The page of one incident: what moved first, its members on one time axis, what happened, and
where it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Response, request

from plugin.config.groups import shared_labels
from plugin.domain.times import HOUR, clock_time, duration, time_of_day
from plugin.domain.tolerances import FeedbackEntry
from plugin.errors import RequestError
from plugin.store.feedback import Receipt
from plugin.web.answer_forms import read_answer
from plugin.web.context import WebContext
from plugin.web.feedback import by_whom
from plugin.web.feedback_actions import FeedbackActions
from plugin.web.feedback_effects import effect
from plugin.web.feedback_html import sentence
from plugin.web.incident_details import IncidentDetails, IncidentMember
from plugin.web.incidents import IncidentViews
from plugin.web.maintenance import MaintenanceViews
from plugin.web.nearby_changes import changes_during, incident_texts
from plugin.web.pages.band_chart import Chart, chart
from plugin.web.pages.elapsed_time import elapsed
from plugin.web.pages.incident_answers import AnswerLine, answer_lines
from plugin.web.pages.incident_summary import markdown_summary
from plugin.web.pages.incident_timeline import (
    TimelineEntry,
    alarm_entries,
    answer_entries,
    change_entries,
    window_entries,
)
from plugin.web.pages.page_html import page, redirection
from plugin.web.pages.page_queries import IncidentPageQuery
from plugin.web.present_states import AlarmState
from plugin.web.queries import RangeQuery
from plugin.web.responses import View

MAX_CHARTS = 20  # series that are drawn
CHART_POINTS = 200
MIN_LEAD = HOUR  # that the charts show before the incident
MAX_LEAD = 12 * HOUR
FROM_NOW_PAGE = "now"  # what the form of a card says


@dataclass(frozen=True)
class MemberChart:
    """One series of the incident, at its first alarm."""

    member: IncidentMember
    when: str
    delay: str  # after the first series; "" for that itself
    state: AlarmState  # of the series at present
    chart: Chart | None

    @property
    def side(self) -> str:
        return "above" if self.member.alarm.direction > 0 else "below"


class IncidentPageViews:
    """The views at /incidents/<id>."""

    def __init__(
        self,
        context: WebContext,
        incidents: IncidentViews,
        actions: FeedbackActions,
        maintenance: MaintenanceViews,
    ) -> None:
        self._context = context
        self._incidents = incidents
        self._actions = actions
        self._maintenance = maintenance

    @property
    def views(self) -> Mapping[str, View]:
        return {"incident_page": self.show, "incident_answer": self.answer}

    def show(self, query: IncidentPageQuery) -> Response:
        """Raises RequestError when there is no such incident."""
        details, members = self._incidents.whole(query.id)
        now = int(self._context.clock())
        first_members = _first_of_each(members)
        entries = self._answers(members)
        lines = answer_lines(entries, [member.alarm for member in members])
        [changes] = incident_texts(self._context.store, [details])
        time_range = _time_range(details, now)
        title = self._incidents.words.title(details)
        return page(
            "page_incident.html",
            title=f"{title} · Bandwatch",
            heading=title,
            text=sentence(self._incidents.words.text(details)),
            name_of=self._incidents.words.series,
            details=details,
            id=details.incident.id,
            severity=shared_labels(details.watches)["severity"] if details.watches else "",
            span=_span(details, now),
            changes=sentence(changes) if changes else "",
            charts=self._charts(first_members, _states(members), time_range, now),
            ends=tuple(clock_time(time, now) for time in time_range),
            others=first_members[MAX_CHARTS:],
            timeline=self._timeline(details, members, entries),
            now=now,
            answers=lines,
            effect=_effect(query.noted, entries),
            nameless=by_whom(None) in ("anyone", "token"),
            summary=self._summary(details, first_members, lines, changes),
            made_at=time_of_day(now),
        )

    def answer(self, query: IncidentPageQuery) -> Response:
        """Takes an answer or takes one back, and leads to where the form was."""
        form = request.form.to_dict()
        target = self._actions.incident(query.id)
        noted = ""
        if form.get("withdraw"):
            number = form["withdraw"]
            if not number.isdecimal() or len(number) > 15:
                raise RequestError("this is not the number of an answer", field="withdraw")
            self._actions.withdraw(int(number), by_whom(form.get("by")))
        else:
            sent = read_answer(form)
            author = by_whom(sent.name)
            receipt = self._actions.give(sent.verdict, target, comment=sent.comment, author=author)
            noted = f"?noted={receipt.answer.id}"
        if form.get("from") == FROM_NOW_PAGE:
            return redirection(f"#incident-{query.id}")
        return redirection(f"incidents/{query.id}{noted}")

    def _answers(self, members: Sequence[IncidentMember]) -> list[FeedbackEntry]:
        """About any of the alarms, those that were taken back too."""
        if not members:
            return []
        return self._context.store.feedback.between(
            min(member.start for member in members),
            max(member.end for member in members),
            sorted({member.record.id for member in members}),
        )

    def _charts(
        self,
        members: Sequence[IncidentMember],
        states: Mapping[int, AlarmState],
        time_range: tuple[int, int],
        now: int,
    ) -> list[MemberChart]:
        """All over the same time range. states: by the id of the series."""
        charts = []
        for member in members[:MAX_CHARTS]:
            record = member.record
            start, end = time_range
            samples = self._context.store.samples.of(record.id, start, end)
            alarms = self._context.store.alarms.between(start, end, [record.id])
            unit = member.watch.unit if member.watch is not None else ""
            words = f"{record.labels} in its band"
            delay = member.start - members[0].start
            charts.append(
                MemberChart(
                    member,
                    _when(member, states[record.id], now),
                    duration(delay) if delay else "",
                    states[record.id],
                    chart(samples, time_range, unit, alarms, words, CHART_POINTS),
                )
            )
        return charts

    def _timeline(
        self,
        details: IncidentDetails,
        members: Sequence[IncidentMember],
        entries: Sequence[FeedbackEntry],
    ) -> list[TimelineEntry]:
        """Sorted by time."""
        end = int(self._context.clock()) if details.open else details.end
        query = RangeQuery(start=details.start * 1000, end=end * 1000)
        ids = sorted({member.record.id for member in members})
        return sorted(
            (
                *change_entries(changes_during(self._context.store, details)),
                *alarm_entries(details, members, self._incidents.words),
                *window_entries(self._maintenance.occurrences(query, ids)),
                *answer_entries(entries),
            ),
            key=lambda entry: entry.time,
        )

    def _summary(
        self,
        details: IncidentDetails,
        members: Sequence[IncidentMember],
        answers: Sequence[AnswerLine],
        changes: str,
    ) -> str:
        base = self._context.settings.external_url
        return markdown_summary(
            details,
            members,
            answers=[line.words for line in answers],
            changes=changes,
            url=f"{base}/incidents/{details.incident.id}" if base else "",
        )


def _first_of_each(members: Sequence[IncidentMember]) -> list[IncidentMember]:
    """The first alarm of each series, in the order in which they moved."""
    firsts = dict[int, IncidentMember]()
    for member in members:
        firsts.setdefault(member.record.id, member)
    return sorted(firsts.values(), key=lambda member: member.rank)


def _when(member: IncidentMember, state: AlarmState, now: int) -> str:
    start = clock_time(member.start, now)
    return f"from {start}" if state == "over" else f"since {start}"


def _states(members: Sequence[IncidentMember]) -> Mapping[int, AlarmState]:
    """Of each series by its latest alarm."""
    return {member.record.id: member.state for member in members}


def _time_range(details: IncidentDetails, now: int) -> tuple[int, int]:
    """What the charts show: the incident, and as long before it and after it; unix seconds."""
    lead = min(max(MIN_LEAD, details.end - details.start), MAX_LEAD)
    return details.start - lead, now if details.open else min(now, details.end + lead)


def _span(details: IncidentDetails, now: int) -> str:
    start = clock_time(details.start, now)
    if details.open:
        return f"since {start} ({elapsed(details.start, now)})"
    length = duration(details.end - details.start) if details.end > details.start else "one sample"
    return f"from {start} to {clock_time(details.end, now)} ({length})"


def _effect(noted: int | None, entries: Sequence[FeedbackEntry]) -> str:
    """What follows from the answer that has just been given."""
    entry = next((entry for entry in entries if entry.id == noted and entry.in_force), None)
    return sentence(effect(Receipt(entry))) if entry is not None else ""
