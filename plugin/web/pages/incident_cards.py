"""The open incidents as cards: words, members, a small chart, and the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plugin.config.groups import shared_labels
from plugin.domain.alarms import Alarm
from plugin.domain.times import clock_time
from plugin.series import SeriesRecord
from plugin.web.context import WebContext
from plugin.web.incident_details import IncidentDetails
from plugin.web.incident_words import IncidentWords
from plugin.web.links import SignedLinks
from plugin.web.nearby_changes import incident_texts
from plugin.web.pages.band_chart import Chart
from plugin.web.pages.elapsed_time import elapsed
from plugin.web.pages.incident_answers import AnswerLine, answer_lines_of
from plugin.web.pages.sparklines import Sparklines
from plugin.web.pages.state_lists import SeriesNote

MAX_CARDS = 50
MAX_MEMBERS = 6  # that one card names
MAX_ALARMS = 2000  # that all cards read


@dataclass(frozen=True)
class IncidentCard:
    """One open incident."""

    details: IncidentDetails
    title: str
    text: str
    since: str
    members: Sequence[SeriesNote]  # in the order in which they moved
    sparkline: Chart | None  # of the worst series
    answer_url: str  # for those who may not change; "" = they cannot answer
    answers: Sequence[AnswerLine]
    changes: str  # what was changed when it began, in words; "" = nothing

    @property
    def id(self) -> str:
        return self.details.incident.id

    @property
    def state(self) -> str:
        return self.details.state

    @property
    def watch(self) -> str:
        """Of the only series; "" where several are named by their group."""
        worst = self.details.worst
        return worst.watch if self.size == 1 and worst is not None else ""

    @property
    def severity(self) -> str:
        return shared_labels(self.details.watches)["severity"]

    @property
    def size(self) -> int:
        """Series that were in it so far."""
        return self.details.incident.size

    @property
    def remainder(self) -> int:
        """How many members are not named."""
        return self.size - len(self.members)


class IncidentCards:
    """Makes the cards of one service."""

    def __init__(self, context: WebContext, links: SignedLinks, words: IncidentWords) -> None:
        self._context = context
        self._words = words
        self._links = links
        self._sparklines = Sparklines(context)

    def cards(
        self, incidents: Sequence[IncidentDetails], records: Mapping[int, SeriesRecord], now: int
    ) -> list[IncidentCard]:
        """A card for each incident, in the same order.

        records: all series by their ids. now: unix seconds.
        """
        alarms = dict[str, list[Alarm]]()
        names = [details.incident.id for details in incidents]
        for name, alarm in self._context.store.incidents.alarms(names, limit=MAX_ALARMS):
            alarms.setdefault(name, []).append(alarm)
        sparklines = self._sparklines.of(incidents, alarms, now)
        changes = incident_texts(self._context.store, incidents)
        answers = answer_lines_of(self._context.store, alarms)
        return [
            IncidentCard(
                details,
                title=self._words.title(details),
                text=self._words.text(details),
                since=_since(details, now),
                members=_members(alarms.get(details.incident.id, ()), records, now),
                sparkline=sparklines[details.incident.id],
                answer_url=self._links.url({"incident": details.incident.id}, now),
                answers=answers.get(details.incident.id, ()),
                changes=text,
            )
            for details, text in zip(incidents, changes, strict=True)
        ]


def _since(details: IncidentDetails, now: int) -> str:
    return f"since {clock_time(details.start, now)} ({elapsed(details.start, now)})"


def _members(
    alarms: Sequence[Alarm], records: Mapping[int, SeriesRecord], now: int
) -> list[SeriesNote]:
    """The series of an incident, in the order in which they moved."""
    first_alarms = dict[int, Alarm]()
    for alarm in sorted(alarms, key=lambda alarm: (alarm.start, -alarm.peak_score)):
        first_alarms.setdefault(alarm.series_id, alarm)
    members = [
        (records[series_id], alarm)
        for series_id, alarm in first_alarms.items()
        if series_id in records
    ]
    return [
        SeriesNote(record, f"{_side(alarm)} since {clock_time(alarm.start, now)}")
        for record, alarm in members[:MAX_MEMBERS]
    ]


def _side(alarm: Alarm) -> str:
    return "above" if alarm.direction > 0 else "below"
