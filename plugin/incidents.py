"""Incidents: alarms that belong together. Pure.

Alarms of one group of which each begins at most `gap` after all before it have ended are one incident. What that comes
to does not depend on how the time is cut into ticks, nor on restarts: it follows from the alarms alone. Only the id
remembers the past: it is given when the incident is first seen, and stays.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from plugin.alarms import Alarm
from plugin.config import Watch
from plugin.series import Labels

GAP_SECONDS, GAP_STEPS = 1200, 15  # of quiet, whichever is longer, after which an incident is over
PEAK = ("peak_time", "peak_score", "peak_value", "peak_expected", "peak_lower", "peak_upper")
URGENT, MILD = "page", "ticket"  # severities: the one goes before all others, the other after them


@dataclass(frozen=True)
class Group:
    """Watches whose alarms may be of one incident: those of series that have equal values of the labels `by`."""

    name: str
    by: tuple[str, ...]
    watches: tuple[str, ...]  # sorted
    gap: int  # seconds

    def labels(self, labels: Labels) -> Labels:
        """What the series of one incident have in common; an absent label is equal to an empty one."""
        return Labels.of({name: labels.get(name, "") for name in self.by})


def groups(watches: Iterable[Watch]) -> dict[str, Group]:
    """The group of each watch, by its name."""
    found: dict[str, list[Watch]] = {}
    for watch in watches:
        found.setdefault(watch.group, []).append(watch)
    made = {name: Group(name, tuple(sorted(those[0].group_by)), tuple(sorted(watch.name for watch in those)),
                        max(gap(watch.step) for watch in those)) for name, those in found.items()}
    return {watch: group for group in made.values() for watch in group.watches}


def gap(step: int) -> int:
    """Seconds of quiet that end an incident of series with this step."""
    return max(GAP_SECONDS, GAP_STEPS * step)


def shared_labels(watches: Sequence[Watch]) -> dict[str, str]:
    """What the alerts of a group carry: its highest severity, and the labels that all of its watches set alike."""
    severities = {watch.own_labels["severity"] for watch in watches}
    highest = min(severities, key=lambda each: (each != URGENT, each == MILD, each))
    return {"severity": highest, **dict(sorted(set.intersection(*(set(watch.labels.items()) for watch in watches))))}


@dataclass(frozen=True)
class Incident:
    """Alarms that belong together; `id` names it for ever. `peak_…` and `direction` are those of its worst series."""

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
    def lead(self) -> tuple[int, float, int]:
        """By which the first of its series is found: the lowest is first."""
        return self.start, -self.first_score, self.first

    @property
    def peak(self) -> tuple[float, int, int]:
        """By which the worst of its series is found: the lowest is worst."""
        return -self.peak_score, self.peak_time, self.worst

    def grown(self, alarms: Sequence[Alarm]) -> "Incident":
        """With alarms that are new in it, or that have grown; size and state are left to whoever sees all of them."""
        first, worst = min(alarms, key=_lead), min(alarms, key=_peak)
        end = max(self.end, *(alarm.end for alarm in alarms))
        whole = replace(self, end=end) if end > self.end else self
        if _lead(first) < whole.lead:
            whole = replace(whole, start=first.start, first=first.series_id, first_score=first.peak_score)
        if _peak(worst) < whole.peak:
            whole = replace(whole, worst=worst.series_id, direction=worst.direction,
                            **{name: getattr(worst, name) for name in PEAK})
        return whole

    def merged(self, younger: "Incident") -> "Incident":
        """This one with all of a younger one."""
        whole = replace(self, end=max(self.end, younger.end), among=max(self.among, younger.among))
        if younger.lead < whole.lead:
            whole = replace(whole, start=younger.start, first=younger.first, first_score=younger.first_score)
        if younger.peak < whole.peak:
            whole = replace(whole, worst=younger.worst, direction=younger.direction,
                            **{name: getattr(younger, name) for name in PEAK})
        return whole



def begun(group: str, labels: Labels, alarms: Sequence[Alarm]) -> Incident:
    """A new incident of these alarms."""
    first = min(alarms, key=_lead)
    kind = f"{labels.fingerprint[:6]}-" if labels else ""
    alone = Incident(f"{group}-{kind}{first.start}", group, labels, first.start, first.end, True, 1, 1,
                     first.series_id, first.peak_score, first.series_id, first.peak_time, first.peak_score,
                     first.peak_value, first.peak_expected, first.peak_lower, first.peak_upper, first.direction)
    return alone.grown(alarms)


def chains(known: Iterable[Incident], alarms: Iterable[Alarm], gap: int,
           ) -> Iterator[tuple[list[Incident], list[Alarm]]]:
    """Which known incidents (of one group and its labels) and new alarms are one, the oldest first.

    An incident that is alone is not told.
    """
    incidents, new, reach = list[Incident](), list[Alarm](), 0
    spans: list[Incident | Alarm] = [*known, *alarms]
    for each in sorted(spans, key=lambda each: (each.start, each.end)):
        if each.start - reach > gap:
            if new or len(incidents) > 1:
                yield incidents, new
            incidents, new = [], []
        reach = max(reach, each.end)
        if isinstance(each, Incident):
            incidents.append(each)
        else:
            new.append(each)
    if new or len(incidents) > 1:
        yield incidents, new


def _lead(alarm: Alarm) -> tuple[int, float, int]:
    return alarm.start, -alarm.peak_score, alarm.series_id


def _peak(alarm: Alarm) -> tuple[float, int, int]:
    return -alarm.peak_score, alarm.peak_time, alarm.series_id
