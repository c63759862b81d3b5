"""An incident or an alarm of it, with what its texts are made from."""

from dataclasses import dataclass

from plugin.config import Watch
from plugin.config.groups import shared_labels
from plugin.domain import wording
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import Incident
from plugin.series import SeriesRecord
from plugin.web.present_states import AlarmState


@dataclass(frozen=True, eq=False)
class IncidentDetails:
    """An incident, and what its texts are made from.

    Two are equal only if they are one object: encoded rows are kept by it.
    """

    incident: Incident
    watches: tuple[Watch, ...]  # of its group as configured; none = the group has been removed
    first: SeriesRecord | None  # None = forgotten
    worst: SeriesRecord | None
    unit: str  # of the worst
    state: AlarmState  # at present

    @property
    def open(self) -> bool:
        """False for a group that is not configured any more: it is not scored."""
        return self.state != "over"

    def agrees(self, incident: Incident, watches: tuple[Watch, ...], state: AlarmState) -> bool:
        """Whether it still says what is true of the incident."""
        return (self.incident, self.watches, self.state) == (incident, watches, state)

    @property
    def start(self) -> int:
        return self.incident.start

    @property
    def end(self) -> int:
        return self.incident.end

    @property
    def title(self) -> str:
        incident = self.incident
        group = f"{incident.group}{incident.labels}" if incident.labels else incident.group
        return wording.incident_title(
            group, incident.size, incident.among, name_of(self.worst), incident.direction
        )

    @property
    def text(self) -> str:
        return self.text_of(name_of(self.first), name_of(self.worst))

    def text_of(self, first: str, worst: str) -> str:
        """first, worst: how these series are called."""
        incident = self.incident
        peak = wording.alarm_text(
            incident.worst_sample(self.unit),
            seconds=incident.end - incident.start,
            is_open=self.open,
            last=None if self.state == "outside" else incident.end,
        )
        if incident.size == 1:
            return peak
        return wording.incident_text(first, worst, incident.peak_score, peak)

    @property
    def tags(self) -> str:
        """Separated by commas."""
        severity = (shared_labels(self.watches)["severity"],) if self.watches else ()
        return ",".join((self.incident.group, _side(self.incident.direction), *severity))


@dataclass(frozen=True)
class IncidentMember:
    """One alarm of an incident."""

    alarm: Alarm
    of: IncidentDetails
    record: SeriesRecord
    watch: Watch | None  # None = the configuration has no such watch any more
    rank: int
    state: AlarmState  # at present

    @property
    def open(self) -> bool:
        return self.state != "over"

    @property
    def start(self) -> int:
        return self.alarm.start

    @property
    def end(self) -> int:
        return self.alarm.end

    @property
    def title(self) -> str:
        return wording.alarm_title(str(self.record.labels), self.alarm.direction)

    @property
    def text(self) -> str:
        alarm = self.alarm
        return wording.alarm_text(
            alarm.peak(self.watch.unit if self.watch is not None else ""),
            seconds=alarm.end - alarm.start,
            is_open=self.open,
            last=None if self.state == "outside" else alarm.end,
        )

    @property
    def tags(self) -> str:
        """Separated by commas."""
        severity = (self.watch.own_labels["severity"],) if self.watch is not None else ()
        return ",".join((self.record.watch, _side(self.alarm.direction), *severity))


def name_of(record: SeriesRecord | None) -> str:
    """Its labels; "" where it has been forgotten."""
    return str(record.labels) if record is not None else ""


def _side(direction: int) -> str:
    return "above" if direction > 0 else "below"
