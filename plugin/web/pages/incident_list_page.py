"""The page at /incidents: those of some time, the latest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Response

from plugin.config.groups import shared_labels
from plugin.domain.alarms import Alarm
from plugin.domain.times import clock_time, duration, time_of_day
from plugin.web.context import WebContext
from plugin.web.incident_details import IncidentDetails
from plugin.web.incidents import IncidentViews
from plugin.web.pages.incident_answers import AnswerLine, answer_lines_of
from plugin.web.pages.page_html import page
from plugin.web.pages.page_parameters import INCIDENT_LENGTHS, INCIDENT_STATES
from plugin.web.pages.page_queries import IncidentListQuery
from plugin.web.queries import IncidentsQuery
from plugin.web.responses import View

MAX_LINES = 200
MAX_ALARMS = 5000  # whose answers are looked up


@dataclass(frozen=True)
class IncidentLine:
    """One incident."""

    details: IncidentDetails
    title: str
    since: str
    length: str
    severity: str
    answers: Sequence[AnswerLine]


class IncidentListPageViews:
    """The view at /incidents."""

    def __init__(self, context: WebContext, incidents: IncidentViews) -> None:
        self._context = context
        self._incidents = incidents

    @property
    def views(self) -> Mapping[str, View]:
        return {"incident_list_page": self.show}

    def show(self, query: IncidentListQuery) -> Response:
        """At most MAX_LINES incidents, and whether there are more."""
        now = int(self._context.clock())
        found = self._incidents.find(
            IncidentsQuery(
                watch=query.watch,
                start=(now - query.length) * 1000,
                end=now * 1000,
                limit=MAX_LINES + 1 if not query.state else None,
            )
        )
        chosen = [each for each in found if query.state in ("", _state(each))]
        shown = chosen[:MAX_LINES]
        return page(
            "page_incident_list.html",
            title="Incidents · Bandwatch",
            query=query,
            lines=self._lines(shown, now),
            has_more=len(chosen) > len(shown),
            watches=sorted({*self._context.watches(), *query.watch}),
            states=INCIDENT_STATES,
            lengths=INCIDENT_LENGTHS,
            made_at=time_of_day(now),
        )

    def _lines(self, shown: Sequence[IncidentDetails], now: int) -> list[IncidentLine]:
        answers = self._answers([details.incident.id for details in shown])
        return [
            IncidentLine(
                details,
                title=self._incidents.words.title(details),
                since=clock_time(details.start, now),
                length=duration(details.end - details.start)
                if details.end > details.start
                else "one sample",
                severity=shared_labels(details.watches)["severity"] if details.watches else "",
                answers=answers.get(details.incident.id, ()),
            )
            for details in shown
        ]

    def _answers(self, names: Sequence[str]) -> Mapping[str, Sequence[AnswerLine]]:
        store = self._context.store
        alarms: dict[str, list[Alarm]] = {}
        for name, alarm in store.incidents.alarms(names, limit=MAX_ALARMS):
            alarms.setdefault(name, []).append(alarm)
        return answer_lines_of(store, alarms)


def _state(details: IncidentDetails) -> str:
    return "open" if details.open else "closed"
