"""What people have answered to incidents: as lines on cards and pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plugin.domain.alarms import Alarm
from plugin.domain.tolerances import FeedbackEntry, FeedbackSpan
from plugin.store import Store
from plugin.web.answer_forms import described
from plugin.web.feedback_actions import FeedbackTarget


@dataclass(frozen=True)
class AnswerLine:
    """One answer that is in force."""

    id: int
    words: str
    own: bool  # it is about nothing but the incident: it can be taken back beside it


def answer_lines(entries: Sequence[FeedbackEntry], alarms: Sequence[Alarm]) -> list[AnswerLine]:
    """Those in force about the alarms of an incident, the earliest first."""
    if not alarms:
        return []
    spans = tuple(FeedbackSpan(alarm.series_id, alarm.start, alarm.end) for alarm in alarms)
    target = FeedbackTarget(spans)
    return [
        AnswerLine(entry.id, described(entry), target.holds(entry))
        for entry in entries
        if entry.in_force and _is_about(entry, spans)
    ]


def answer_lines_of(
    store: Store, alarms: Mapping[str, Sequence[Alarm]]
) -> Mapping[str, Sequence[AnswerLine]]:
    """The same for many incidents. alarms: by the id of the incident."""
    every = [alarm for some in alarms.values() for alarm in some]
    if not every:
        return {}
    start = min(alarm.start for alarm in every)
    end = max(alarm.end for alarm in every)
    ids = sorted({alarm.series_id for alarm in every})
    entries = [entry for entry in store.feedback.between(start, end, ids) if entry.in_force]
    return {name: answer_lines(entries, some) for name, some in alarms.items()} if entries else {}


def _is_about(entry: FeedbackEntry, spans: Sequence[FeedbackSpan]) -> bool:
    return any(
        part.ended_at is None and part.overlaps(span) for part in entry.parts for span in spans
    )
