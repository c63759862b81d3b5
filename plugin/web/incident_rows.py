"""Incidents and their alarms -> flat JSON rows. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from plugin.config import Watch
from plugin.config.groups import shared_labels
from plugin.domain import wording
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import Incident
from plugin.series import Labels, SeriesRecord
from plugin.web.rows import Row, encode, filled, label_columns

MOST_MADE = 20_000  # rows that are kept as JSON


@dataclass(frozen=True, eq=False)
class IncidentDetails:
    """An incident, and what words need to tell of it.

    Two are the same only if they are one object.
    """

    incident: Incident
    watches: tuple[Watch, ...]  # of its group as configured; none = the group has been removed
    first: SeriesRecord | None  # None = forgotten
    worst: SeriesRecord | None
    unit: str  # of the worst
    outside: bool  # one of its alarms is open

    @property
    def open(self) -> bool:
        """Nobody looks at a group that has been removed: nothing of it goes on."""
        return self.incident.open and bool(self.watches)

    @property
    def start(self) -> int:
        return self.incident.start

    @property
    def end(self) -> int:
        return self.incident.end

    @property
    def title(self) -> str:
        each = self.incident
        group = f"{each.group}{each.labels}" if each.labels else each.group
        return wording.incident_title(
            group, each.size, each.among, _name(self.worst), each.direction
        )

    @property
    def text(self) -> str:
        each = self.incident
        peak = wording.alarm_text(
            each.peak_value,
            each.peak_expected,
            each.peak_lower,
            each.peak_upper,
            self.unit,
            at=each.peak_time,
            seconds=each.end - each.start,
            open=self.open,
            last=None if self.outside else each.end,
        )
        if each.size == 1:
            return peak
        return wording.incident_text(_name(self.first), _name(self.worst), each.peak_score, peak)

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

    @property
    def open(self) -> bool:
        return self.alarm.open and self.watch is not None

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
            alarm.peak_value,
            alarm.peak_expected,
            alarm.peak_lower,
            alarm.peak_upper,
            self.watch.unit if self.watch is not None else "",
            at=alarm.peak_time,
            seconds=alarm.end - alarm.start,
            open=self.open,
        )

    @property
    def tags(self) -> str:
        """Separated by commas."""
        severity = (self.watch.own_labels["severity"],) if self.watch is not None else ()
        return ",".join((self.record.watch, _side(self.alarm.direction), *severity))


def incident_rows(found: Sequence[IncidentDetails]) -> list[Row]:
    """One row per incident; value and band are those of the worst series at its peak."""
    heads = _heads(found)
    return [
        {**_incident(told), **heads[told.incident.group, told.incident.labels]} for told in found
    ]


class IncidentRows:
    """The same as JSON.

    What is over never changes, so its JSON is made once: a month of it takes 0.2 s.
    """

    def __init__(self) -> None:
        self._made: dict[IncidentDetails, bytes] = {}
        self._columns: tuple[str, ...] = ()

    def encoded(self, found: Sequence[IncidentDetails], feedback_urls: Sequence[str] = ()) -> bytes:
        """Strict JSON of the rows. feedback_urls: a column that changes with time, one for each row
        or none."""
        heads = _heads(found)
        columns = tuple(next(iter(heads.values()), ()))
        made = self._made if columns == self._columns and len(self._made) < MOST_MADE else {}
        for told in found:
            if told not in made:
                made[told] = encode(
                    {**_incident(told), **heads[told.incident.group, told.incident.labels]}
                )
        parts = [made[told] for told in found]
        self._made = made
        self._columns = columns
        if feedback_urls:
            parts = [
                part[:-1] + b"," + encode({"feedback_url": url})[1:]
                for part, url in zip(parts, feedback_urls, strict=True)
            ]
        return b"[" + b",".join(parts) + b"]"


def _heads(found: Sequence[IncidentDetails]) -> dict[tuple[str, Labels], dict[str, str]]:
    """The label columns of each group and its labels."""
    known: dict[tuple[str, Labels], dict[str, str]] = {}
    for told in found:
        each = told.incident
        if (each.group, each.labels) not in known:
            own = shared_labels(told.watches) if told.watches else {}
            known[each.group, each.labels] = label_columns(each.labels, own)
    return dict(zip(known, filled(list(known.values())), strict=True))


def member_rows(found: Sequence[IncidentMember]) -> list[Row]:
    """One row per alarm; value and band are those of its peak."""
    known: dict[int, dict[str, str]] = {}
    for each in found:
        own = each.watch.own_labels if each.watch is not None else {}
        known.setdefault(
            each.record.id,
            {
                "watch": each.record.watch,
                "series": str(each.record.labels),
                **label_columns(each.record.labels, own),
            },
        )
    heads = dict(zip(known, filled(list(known.values())), strict=True))
    return [{**_member(each), **heads[each.record.id]} for each in found]


def annotation_rows(found: Sequence[IncidentDetails] | Sequence[IncidentMember]) -> list[Row]:
    """What Grafana draws: what is open goes up to its last sample outside, as a region needs an
    end."""
    return [
        {
            "time": each.start * 1000,
            "timeEnd": each.end * 1000,
            "title": each.title,
            "text": each.text,
            "tags": each.tags,
        }
        for each in found
    ]


def _incident(told: IncidentDetails) -> Row:
    each = told.incident
    open = told.open
    return {
        "time": each.start * 1000,
        "timeEnd": None if open else each.end * 1000,
        "incident": each.id,
        "watch": each.group,
        "state": "open" if open else "closed",
        "duration_seconds": each.end - each.start,
        **_peak(each),
        "size": each.size,
        "coverage": round(each.size / each.among, 4),
        "first": _name(told.first),
        "worst": _name(told.worst),
        "worst_watch": told.worst.watch if told.worst is not None else "",
        "title": told.title,
        "text": told.text,
    }


def _member(each: IncidentMember) -> Row:
    alarm = each.alarm
    open = each.open
    return {
        "time": alarm.start * 1000,
        "timeEnd": None if open else alarm.end * 1000,
        "incident": each.of.incident.id,
        "state": "open" if open else "closed",
        "duration_seconds": alarm.end - alarm.start,
        **_peak(alarm),
        "rank": each.rank,
        "title": each.title,
        "text": each.text,
    }


def _peak(each: Incident | Alarm) -> Row:
    return {
        "score": each.peak_score,
        "value": each.peak_value,
        "expected": each.peak_expected,
        "lower": _bound(each.peak_lower),
        "upper": _bound(each.peak_upper),
        "direction": each.direction,
    }


def _name(record: SeriesRecord | None) -> str:
    return str(record.labels) if record is not None else ""


def _side(direction: int) -> str:
    return "above" if direction > 0 else "below"


def _bound(number: float) -> float | None:
    return number if math.isfinite(number) else None
