"""Incidents: alarms that belong together. Pure.

Sort the alarms of a group by their start. An alarm joins the incident before it when it starts at
most `gap` seconds after the last end in that incident. The result depends only on the alarms and on
the feedback about them, not on the ticks or restarts in between. The id is the exception: it is set
when the incident is first stored, and it never changes.

An incident ends when all of its alarms have been acknowledged as nothing to act on. An alarm that
starts later opens a new incident, because the person on call has not seen it yet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from plugin.domain.alarms import Alarm
from plugin.domain.wording import AlarmPeak
from plugin.series import MAX_TIME, Labels

Lead = tuple[int, float, int]  # start, score times -1, series id
Peak = tuple[float, int, int]  # score times -1, time, series id


class Incident(NamedTuple):
    """Alarms that belong together. `peak_…` and `direction` are those of its worst series.

    A tuple, because thousands are read, compared and replaced at once: a frozen dataclass takes
    five times as long.
    """

    id: str  # never changes
    group: str
    labels: Labels  # the values of the group's labels
    start: int  # unix seconds of the first sample outside
    end: int  # unix seconds of the last sample outside, so far
    open: bool
    size: int  # series that were in it so far
    among: int  # series that the group had when the incident started
    first: int  # id of the series that alarmed first; of several, the one with the highest score
    first_score: float
    worst: int  # id of the series with the highest score
    peak_time: int  # unix seconds
    peak_score: float
    peak_value: float
    peak_expected: float
    peak_lower: float  # -inf = no bound on that side
    peak_upper: float
    direction: int  # 1 = above the band, -1 = below
    merged_into: str | None = None  # id of the older incident that now holds its alarms

    @property
    def lead(self) -> Lead:
        """Sort key of its first series: the lowest key comes first."""
        return self.start, -self.first_score, self.first

    @property
    def peak(self) -> Peak:
        """Sort key of its worst series: the lowest key is the worst."""
        return -self.peak_score, self.peak_time, self.worst

    def worst_sample(self, unit: str) -> AlarmPeak:
        """Its peak as it is told. unit: of the worst series, a unit id of Grafana."""
        return AlarmPeak(
            self.peak_time,
            self.peak_value,
            self.peak_expected,
            self.peak_lower,
            self.peak_upper,
            unit,
        )

    def with_alarms(self, alarms: Sequence[Alarm]) -> "Incident":
        """The incident with alarms that have joined it or have changed.

        `size` and `open` stay as they are: they need all alarms of the incident.
        """
        worst = min(alarms, key=_peak)
        end = max([alarm.end for alarm in alarms])
        return self._extended(end, min(map(_lead, alarms)), _peak(worst), worst)

    def with_merged(self, younger: "Incident") -> "Incident":
        """This incident with the alarms of a younger one."""
        incident = self._replace(among=max(self.among, younger.among))
        return incident._extended(younger.end, younger.lead, younger.peak, younger)

    def _extended(self, end: int, lead: Lead, peak: Peak, worst: "Alarm | Incident") -> "Incident":
        """The incident with other alarms: their last end, their first series, and their worst
        series with the alarm or incident that holds its peak."""
        start, score, first = min(self.lead, lead)
        worst_id, worst_peak = (peak[2], worst) if peak < self.peak else (self.worst, self)
        return Incident._make(
            (
                self.id,
                self.group,
                self.labels,
                start,
                max(self.end, end),
                self.open,
                self.size,
                self.among,
                first,
                -score,
                worst_id,
                *_peak_columns(worst_peak),
                self.merged_into,
            )
        )


def new_incident(group: str, labels: Labels, alarms: Sequence[Alarm]) -> Incident:
    """A new incident of these alarms."""
    first = min(alarms, key=_lead)
    worst = min(alarms, key=_peak)
    prefix = f"{labels.fingerprint[:6]}-" if labels else ""
    size = len({alarm.series_id for alarm in alarms})
    end = max([alarm.end for alarm in alarms])
    return Incident(
        f"{group}-{prefix}{first.start}",
        group,
        labels,
        first.start,
        end,
        True,
        size,
        size,
        first.series_id,
        first.peak_score,
        worst.series_id,
        *_peak_columns(worst),
    )


@dataclass(frozen=True)
class Acknowledged:
    """When the alarms of an incident need no action, as people have said.

    For each alarm its spans (since, until) in unix seconds, `since` excluded. A span without an end
    has until = MAX_TIME.
    """

    spans: tuple[tuple[tuple[int, int], ...], ...]

    def covers(self, time: int) -> bool:
        """Whether no alarm of it needed action at this time: an alarm that starts then opens
        another incident."""
        return all(any(start < time <= end for start, end in alarm) for alarm in self.spans)


def join_alarms(
    incidents: Sequence[Incident],
    alarms: Sequence[Alarm],
    gap: int,
    acknowledged: Mapping[str, Acknowledged] = MappingProxyType({}),
) -> Iterator[tuple[list[Incident], list[Alarm]]]:
    """Which stored incidents and new alarms are one incident, all of one group and its labels.

    Yields (incidents, alarms) for each result, the oldest first; a stored incident that nothing
    joins is left out. gap: seconds. acknowledged: by incident id.
    """
    joined_incidents = list[Incident]()
    joined_alarms = list[Alarm]()
    last_end = -MAX_TIME
    if not alarms and len(incidents) < 2:
        return
    items: list[Incident | Alarm] = [*incidents, *alarms]
    for item in sorted(items, key=attrgetter("start", "end")):
        # An acknowledged incident takes only alarms that started before it was acknowledged.
        ends = [
            incident.end
            for incident in joined_incidents
            if incident.id in acknowledged and not acknowledged[incident.id].covers(item.start)
        ]
        if item.start - max([last_end, *ends]) > gap:
            if joined_alarms or len(joined_incidents) > 1:
                yield joined_incidents, joined_alarms
            joined_incidents = []
            joined_alarms = []
        if isinstance(item, Incident):
            joined_incidents.append(item)
        else:
            joined_alarms.append(item)
        if not (isinstance(item, Incident) and item.id in acknowledged):
            last_end = max(last_end, item.end)
    if joined_alarms or len(joined_incidents) > 1:
        yield joined_incidents, joined_alarms


def _lead(alarm: Alarm) -> Lead:
    return alarm.start, -alarm.peak_score, alarm.series_id


def _peak(alarm: Alarm) -> Peak:
    return -alarm.peak_score, alarm.peak_time, alarm.series_id


_peak_columns = attrgetter(  # of an alarm or an incident
    "peak_time",
    "peak_score",
    "peak_value",
    "peak_expected",
    "peak_lower",
    "peak_upper",
    "direction",
)
