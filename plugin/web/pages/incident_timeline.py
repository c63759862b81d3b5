"""What happened during an incident, in order of time: alarms, answers, maintenance, changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plugin.domain.changes import Change
from plugin.domain.times import clock_time
from plugin.domain.tolerances import FeedbackEntry
from plugin.domain.wording import alarm_title
from plugin.web.answer_forms import WORDS
from plugin.web.incident_details import IncidentDetails, IncidentMember
from plugin.web.incident_words import IncidentWords
from plugin.web.row_types import AnnotationRow

MAX_ALARMS = 50  # that one timeline tells of


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened."""

    time: int  # unix seconds
    kind: str
    words: str
    url: str = ""

    def moment(self, now: int) -> str:
        """When, in words."""
        return clock_time(self.time, now)


def alarm_entries(
    details: IncidentDetails, members: Sequence[IncidentMember], words: IncidentWords
) -> Iterator[TimelineEntry]:
    """When each series went outside its band and came back; members: sorted by start."""
    for member in members[:MAX_ALARMS]:
        name = words.series(member.record)
        title = alarm_title(name, member.alarm.direction)
        yield TimelineEntry(member.start, "alarm", f"{title}: {member.text}")
        if not member.open:
            yield TimelineEntry(member.end, "back", f"{name} last outside its band")
    if len(members) > MAX_ALARMS:
        rest = len(members) - MAX_ALARMS
        yield TimelineEntry(members[MAX_ALARMS].start, "alarm", f"{rest} more alarms from here on")
    if not details.open:
        yield TimelineEntry(details.end, "end", "the incident was over")


def answer_entries(entries: Sequence[FeedbackEntry]) -> Iterator[TimelineEntry]:
    """When people answered, and took it back."""
    for entry in entries:
        comment = f": {entry.comment}" if entry.comment else ""
        words = f"answered as {WORDS[entry.verdict].lower()} by {entry.by}{comment}"
        yield TimelineEntry(entry.at, "answer", words)
        if entry.withdrawn_at is not None:
            by = f" by {entry.withdrawn_by}" if entry.withdrawn_by else ""
            words = f"answer {entry.id} taken back or replaced{by}"
            yield TimelineEntry(entry.withdrawn_at, "answer", words)


def window_entries(rows: Sequence[AnnotationRow]) -> Iterator[TimelineEntry]:
    """When maintenance began and ended. rows: occurrences of windows."""
    for row in rows:
        text = f"; {row.text}" if row.text else ""
        yield TimelineEntry(row.time // 1000, "maintenance", f"{row.title} begins{text}")
        yield TimelineEntry(row.time_end // 1000, "maintenance", f"{row.title} ends")


def change_entries(changes: Sequence[Change]) -> Iterator[TimelineEntry]:
    """What was changed before and meanwhile; that is no word about a cause."""
    for change in changes:
        by = f", by {change.by}" if change.by else ""
        yield TimelineEntry(change.time, "change", f"{change.title}{by}", change.link)
