"""What watches would have done over a stretch of the past: alarms, incidents, and how often someone
would have been told. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from plugin.domain.alarms import Alarm
from plugin.domain.budget import Suggestion
from plugin.domain.incidents import Incident
from plugin.domain.times import WEEK, duration, instant
from plugin.domain.wording import alarm_text, incident_text, incident_title
from plugin.series import Labels, Samples

# The night, in hours of the local time of the watch.
NIGHT_START_HOUR = 22
NIGHT_END_HOUR = 7


@dataclass(frozen=True)
class PreviewAlarm:
    """One alarm of one series."""

    watch: str
    labels: Labels
    alarm: Alarm
    unit: str  # a unit id of Grafana
    incident: str  # the id of its incident

    @property
    def series(self) -> str:
        return str(self.labels)

    @property
    def seconds(self) -> int:
        """From its first to its last sample outside."""
        return self.alarm.end - self.alarm.start

    @property
    def length(self) -> str:
        return length_text(self.seconds)

    @property
    def words(self) -> str:
        """`24 at 03:05 UTC; expected -1 to 9; outside for 12 min`."""
        return alarm_text(self.alarm.peak(self.unit), seconds=self.seconds, is_open=self.alarm.open)


@dataclass(frozen=True)
class PreviewIncident:
    """One incident: someone is told once of it."""

    incident: Incident
    first: str  # series
    worst: str  # series
    unit: str  # of the worst
    timezone: str  # of the watch of the worst

    @property
    def seconds(self) -> int:
        return self.incident.end - self.incident.start

    @property
    def length(self) -> str:
        return length_text(self.seconds)

    @property
    def title(self) -> str:
        incident = self.incident
        group = f"{incident.group}{incident.labels}" if incident.labels else incident.group
        return incident_title(group, incident.size, incident.among, self.worst, incident.direction)

    @property
    def words(self) -> str:
        return self.words_of(self.first, self.worst)

    def words_of(self, first: str, worst: str) -> str:
        """first, worst: how these series are called."""
        incident = self.incident
        peak = alarm_text(
            incident.worst_sample(self.unit), seconds=self.seconds, is_open=incident.open
        )
        if incident.size == 1:
            return peak
        return incident_text(first, worst, incident.peak_score, peak)

    @property
    def by_night(self) -> bool:
        return is_night(self.incident.start, self.timezone)


@dataclass(frozen=True)
class WatchPreview:
    """What one watch would have done."""

    watch: str
    series: int
    seconds_scored: float  # of all series together
    alert_budget: float  # alarms per series and second
    alarms: int
    suggestions: tuple[tuple[str, Suggestion], ...] = ()  # (series, what would make it quieter)

    @property
    def promised(self) -> float:
        """Alarms that the budget allows in the time that was scored."""
        return self.alert_budget * self.seconds_scored


@dataclass(frozen=True)
class SeriesBand:
    """One series in its band."""

    watch: str
    labels: Labels
    unit: str  # a unit id of Grafana
    samples: Samples


@dataclass(frozen=True)
class Preview:
    """All that would have happened from `start` to `end`, unix seconds."""

    start: int
    end: int
    watches: tuple[WatchPreview, ...]
    alarms: tuple[PreviewAlarm, ...]  # by start
    incidents: tuple[PreviewIncident, ...]  # by start
    bands: tuple[SeriesBand, ...] = ()  # the series with the most alarms first

    @property
    def weeks(self) -> float:
        return (self.end - self.start) / WEEK

    @property
    def promised(self) -> float:
        """Alarms that the budgets allow in all."""
        return sum(line.promised for line in self.watches)

    def pages(self, group: str | None = None) -> "PageRate":
        """How often someone would have been told, of all incidents or those of a group."""
        counted = [
            incident
            for incident in self.incidents
            if group is None or incident.incident.group == group
        ]
        night = sum(incident.by_night for incident in counted)
        return PageRate(night / self.weeks, (len(counted) - night) / self.weeks)


@dataclass(frozen=True)
class PageRate:
    """Incidents that begin, a week."""

    night: float
    day: float

    @property
    def total(self) -> float:
        return self.night + self.day


@dataclass(frozen=True)
class Outage:
    """A known outage: from `start` to `end`, unix seconds, both included."""

    start: int
    end: int
    title: str = ""


@dataclass(frozen=True)
class OutageCheck:
    """Whether an outage was seen."""

    outage: Outage
    incident: PreviewIncident | None  # the first that overlaps it; None = it was missed

    @property
    def delay(self) -> int:
        """Seconds from its start to the first sample outside; 0 where that came earlier."""
        if self.incident is None:
            return 0
        return max(0, self.incident.incident.start - self.outage.start)

    @property
    def words(self) -> str:
        if self.incident is None:
            return "missed"
        when = f"{duration(self.delay)} after its start" if self.delay else "at its start"
        return f"caught {when}: {self.incident.title}"


def check_outages(preview: Preview, outages: Iterable[Outage]) -> list[OutageCheck]:
    """One for each outage that lies in the time of a preview, in the order given."""
    return [
        OutageCheck(outage, _first_overlap(preview.incidents, outage))
        for outage in outages
        if outage.start <= preview.end and outage.end >= preview.start
    ]


def unexplained(preview: Preview, outages: Sequence[Outage]) -> int:
    """How many incidents overlap none of the outages."""
    return sum(
        not any(_overlaps(incident, outage) for outage in outages) for incident in preview.incidents
    )


def differences(
    preview: Preview, other: Preview
) -> tuple[list[PreviewIncident], list[PreviewIncident]]:
    """The incidents that only one of two previews has: no incident of the same group and labels
    overlaps them in the other."""
    return _absent_in(other, preview.incidents), _absent_in(preview, other.incidents)


def with_bands(preview: Preview, bands: Iterable[SeriesBand]) -> Preview:
    return replace(preview, bands=tuple(bands))


def is_night(time: int, timezone: str) -> bool:
    """Whether unix seconds lie in the night of a time zone."""
    hour = datetime.fromtimestamp(time, ZoneInfo(timezone)).hour
    return hour >= NIGHT_START_HOUR or hour < NIGHT_END_HOUR


def length_text(seconds: int) -> str:
    """`1 h 5 min`, or `one sample`."""
    return duration(seconds) if seconds else "one sample"


def span_text(preview: Preview) -> str:
    """`2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z (30 d)`."""
    length = duration(preview.end - preview.start)
    return f"{instant(preview.start)} to {instant(preview.end)} ({length})"


def _first_overlap(incidents: Iterable[PreviewIncident], outage: Outage) -> PreviewIncident | None:
    return next((incident for incident in incidents if _overlaps(incident, outage)), None)


def _overlaps(incident: PreviewIncident, outage: Outage) -> bool:
    return incident.incident.start <= outage.end and outage.start <= incident.incident.end


def _absent_in(preview: Preview, incidents: Iterable[PreviewIncident]) -> list[PreviewIncident]:
    return [
        incident
        for incident in incidents
        if not any(_same_event(incident.incident, other.incident) for other in preview.incidents)
    ]


def _same_event(incident: Incident, other: Incident) -> bool:
    same_group = (incident.group, incident.labels) == (other.group, other.labels)
    return same_group and incident.start <= other.end and other.start <= incident.end
