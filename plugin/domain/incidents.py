"""Incidents: alarms that belong together. Pure.

Alarms of one group of which each begins at most `gap` after all before it have ended are one
incident. What that comes to does not depend on how the time is cut into ticks, nor on restarts: it
follows from the alarms, and from what people have said of them, alone. Only the id remembers the
past: it is given when the incident is first seen, and stays.

An incident of which every alarm has been answered as nothing to act on is over with the answer:
what begins after it is another one, as whoever is on call has not seen it yet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from plugin.domain.alarms import Alarm
from plugin.series import Labels

EVER = 2**62  # unix seconds
Lead = tuple[int, float, int]  # start, score times -1, series id
Peak = tuple[float, int, int]  # score times -1, time, series id


class Incident(NamedTuple):
    """Alarms that belong together; `id` names it for ever. `peak_…` and `direction` are those of
    its worst series.

    A tuple, as thousands are read, compared and replaced at once: a frozen dataclass takes five
    times as long.
    """

    id: str
    group: str
    labels: Labels  # the values of the group's labels
    start: int  # unix seconds of the first sample outside
    end: int  # unix seconds of the last sample outside, so far
    open: bool
    size: int  # series that were in it so far
    among: int  # series that the group had when it began
    first: int  # id of the series that moved first; of several, the one that went farthest
    first_score: float
    worst: int  # id of the series with the highest score
    peak_time: int  # unix seconds
    peak_score: float
    peak_value: float
    peak_expected: float
    peak_lower: float  # -inf = no bound on that side
    peak_upper: float
    direction: int  # 1 = above the band, -1 = below
    merged_into: str | None = None  # the id of an older one that it turned out to be

    @property
    def lead(self) -> Lead:
        """By which the first of its series is found: the lowest is first."""
        return self.start, -self.first_score, self.first

    @property
    def peak(self) -> Peak:
        """By which the worst of its series is found: the lowest is worst."""
        return -self.peak_score, self.peak_time, self.worst

    def grown(self, alarms: Sequence[Alarm]) -> "Incident":
        """With alarms that are new in it, or that have grown; size and state are left to whoever
        sees all of them."""
        worst = min(alarms, key=_peak)
        return self._reaching(
            max([alarm.end for alarm in alarms]), min(map(_lead, alarms)), _peak(worst), worst
        )

    def merged(self, younger: "Incident") -> "Incident":
        """This one with all of a younger one."""
        whole = self._replace(among=max(self.among, younger.among))
        return whole._reaching(younger.end, younger.lead, younger.peak, younger)

    def _reaching(self, end: int, lead: Lead, peak: Peak, worst: "Alarm | Incident") -> "Incident":
        """With others, given by their last sample, their first series, and their worst with its
        numbers."""
        start, score, first = min(self.lead, lead)
        farthest, numbers = (peak[2], worst) if peak < self.peak else (self.worst, self)
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
                farthest,
                *_numbers(numbers),
                self.merged_into,
            )
        )


def new_incident(group: str, labels: Labels, alarms: Sequence[Alarm]) -> Incident:
    """A new incident of these alarms."""
    first = min(alarms, key=_lead)
    worst = min(alarms, key=_peak)
    kind = f"{labels.fingerprint[:6]}-" if labels else ""
    size = len({alarm.series_id for alarm in alarms})
    end = max([alarm.end for alarm in alarms])
    return Incident(
        f"{group}-{kind}{first.start}",
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
        *_numbers(worst),
    )


@dataclass(frozen=True)
class Acknowledged:
    """What people have said of an incident: for each of its alarms, from when until when it needed
    nobody.

    Both unix seconds, the first excluded; a time of EVER is later than all that has been withdrawn.
    """

    spans: tuple[tuple[tuple[int, int], ...], ...]

    def at(self, time: int) -> bool:
        """Whether no alarm of it needed anybody at a time, so that what began then is another
        incident."""
        return all(any(since < time <= until for since, until in alarm) for alarm in self.spans)


def chains(
    known: Sequence[Incident],
    alarms: Sequence[Alarm],
    gap: int,
    answered: Mapping[str, Acknowledged] = MappingProxyType({}),
) -> Iterator[tuple[list[Incident], list[Alarm]]]:
    """Which known incidents (of one group and its labels) and new alarms are one, the oldest first.

    answered: by the id of the incident. An incident that is alone is not told.
    """
    incidents = list[Incident]()
    new = list[Alarm]()
    reach = -EVER
    if not alarms and len(known) < 2:
        return
    spans: list[Incident | Alarm] = [*known, *alarms]
    for each in sorted(spans, key=lambda each: (each.start, each.end)):
        ends = [
            one.end
            for one in incidents
            if one.id in answered and not answered[one.id].at(each.start)
        ]
        if each.start - max([reach, *ends]) > gap:
            if new or len(incidents) > 1:
                yield incidents, new
            incidents = []
            new = []
        if isinstance(each, Incident):
            incidents.append(each)
        else:
            new.append(each)
        if not (isinstance(each, Incident) and each.id in answered):
            reach = max(reach, each.end)
    if new or len(incidents) > 1:
        yield incidents, new


def _lead(alarm: Alarm) -> Lead:
    return alarm.start, -alarm.peak_score, alarm.series_id


def _peak(alarm: Alarm) -> Peak:
    return -alarm.peak_score, alarm.peak_time, alarm.series_id


_numbers = attrgetter(  # of an alarm or an incident
    "peak_time",
    "peak_score",
    "peak_value",
    "peak_expected",
    "peak_lower",
    "peak_upper",
    "direction",
)
