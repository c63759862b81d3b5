"""Incidents and their alarms -> flat JSON rows. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Raw

from plugin.config import Watch
from plugin.config.groups import shared_labels
from plugin.domain import wording
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import Incident
from plugin.series import Labels, SeriesRecord
from plugin.web.row_types import AnnotationRow
from plugin.web.rows import Row, encode, filled, finite, label_columns

MAX_ENCODED_ROWS = 20_000  # that are kept as JSON


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
    outside: bool  # one of its alarms is open

    @property
    def open(self) -> bool:
        """False for a group that is not configured any more: it is not scored."""
        return self.incident.open and bool(self.watches)

    def agrees(self, incident: Incident, watches: tuple[Watch, ...], *, is_outside: bool) -> bool:
        """Whether it still says what is true of the incident."""
        return (self.incident, self.watches, self.outside) == (incident, watches, is_outside)

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
            group, incident.size, incident.among, _name(self.worst), incident.direction
        )

    @property
    def text(self) -> str:
        incident = self.incident
        peak = wording.alarm_text(
            wording.AlarmPeak(
                incident.peak_time,
                incident.peak_value,
                incident.peak_expected,
                incident.peak_lower,
                incident.peak_upper,
                self.unit,
            ),
            seconds=incident.end - incident.start,
            is_open=self.open,
            last=None if self.outside else incident.end,
        )
        if incident.size == 1:
            return peak
        return wording.incident_text(
            _name(self.first), _name(self.worst), incident.peak_score, peak
        )

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
            alarm.peak(self.watch.unit if self.watch is not None else ""),
            seconds=alarm.end - alarm.start,
            is_open=self.open,
        )

    @property
    def tags(self) -> str:
        """Separated by commas."""
        severity = (self.watch.own_labels["severity"],) if self.watch is not None else ()
        return ",".join((self.record.watch, _side(self.alarm.direction), *severity))


def incident_rows(details: Sequence[IncidentDetails]) -> list[Row]:
    """One row per incident; value and band are those of the worst series at its peak."""
    heads = _heads(details)
    return [{**_incident(detail), **heads[_head_key(detail)]} for detail in details]


class IncidentRows:
    """The same as JSON.

    The row of an incident that is over never changes, so its JSON is kept: making it anew takes
    0.2 s for a month of incidents.
    """

    def __init__(self) -> None:
        self._encoded: dict[IncidentDetails, bytes] = {}
        self._columns: tuple[str, ...] = ()

    def encoded(
        self, details: Sequence[IncidentDetails], columns: Sequence[Mapping[str, str]]
    ) -> bytes:
        """Strict JSON of the rows. columns: those that change with time, of each row."""
        heads = _heads(details)
        head_columns = tuple(next(iter(heads.values()), ()))
        usable = head_columns == self._columns and len(self._encoded) < MAX_ENCODED_ROWS
        encoded = self._encoded if usable else {}
        for detail in details:
            if detail not in encoded:
                encoded[detail] = encode({**_incident(detail), **heads[_head_key(detail)]})
        self._encoded = encoded
        self._columns = head_columns
        # msgspec.Raw keeps whole values only: more fields have to be spliced in.
        parts = [
            encoded[detail][:-1] + b"," + encode(fields)[1:] if fields else encoded[detail]
            for detail, fields in zip(details, columns, strict=True)
        ]
        return encode([Raw(part) for part in parts])


def _head_key(details: IncidentDetails) -> tuple[str, Labels]:
    return details.incident.group, details.incident.labels


def _heads(details: Sequence[IncidentDetails]) -> dict[tuple[str, Labels], dict[str, str]]:
    """The label columns by group and labels of the incident."""
    heads: dict[tuple[str, Labels], dict[str, str]] = {}
    for detail in details:
        key = _head_key(detail)
        if key not in heads:
            labels = shared_labels(detail.watches) if detail.watches else {}
            heads[key] = label_columns(detail.incident.labels, labels)
    return dict(zip(heads, filled(list(heads.values())), strict=True))


def member_rows(members: Sequence[IncidentMember]) -> list[Row]:
    """One row per alarm; value and band are those of its peak."""
    heads: dict[int, dict[str, str]] = {}
    for member in members:
        if member.record.id not in heads:
            labels = member.watch.own_labels if member.watch is not None else {}
            heads[member.record.id] = {
                "watch": member.record.watch,
                "series": str(member.record.labels),
                **label_columns(member.record.labels, labels),
            }
    heads = dict(zip(heads, filled(list(heads.values())), strict=True))
    return [{**_member(member), **heads[member.record.id]} for member in members]


def annotation_rows(
    details: Sequence[IncidentDetails] | Sequence[IncidentMember],
) -> list[AnnotationRow]:
    """What Grafana draws. A region needs an end, so one that is open ends with its last sample
    outside."""
    return [
        AnnotationRow(
            time=detail.start * 1000,
            time_end=detail.end * 1000,
            title=detail.title,
            text=detail.text,
            tags=detail.tags,
        )
        for detail in details
    ]


def _incident(details: IncidentDetails) -> Row:
    incident = details.incident
    is_open = details.open
    return {
        "time": incident.start * 1000,
        "timeEnd": None if is_open else incident.end * 1000,
        "incident": incident.id,
        "watch": incident.group,
        "state": "open" if is_open else "closed",
        "duration_seconds": incident.end - incident.start,
        **_peak(incident),
        "size": incident.size,
        "coverage": round(incident.size / incident.among, 4),
        "first": _name(details.first),
        "worst": _name(details.worst),
        "worst_watch": details.worst.watch if details.worst is not None else "",
        "title": details.title,
        "text": details.text,
    }


def _member(member: IncidentMember) -> Row:
    alarm = member.alarm
    is_open = member.open
    return {
        "time": alarm.start * 1000,
        "timeEnd": None if is_open else alarm.end * 1000,
        "incident": member.of.incident.id,
        "state": "open" if is_open else "closed",
        "duration_seconds": alarm.end - alarm.start,
        **_peak(alarm),
        "rank": member.rank,
        "title": member.title,
        "text": member.text,
    }


def _peak(outlier: Incident | Alarm) -> Row:
    return {
        "score": outlier.peak_score,
        "value": outlier.peak_value,
        "expected": outlier.peak_expected,
        "lower": finite(outlier.peak_lower),
        "upper": finite(outlier.peak_upper),
        "direction": outlier.direction,
    }


def _name(record: SeriesRecord | None) -> str:
    return str(record.labels) if record is not None else ""


def _side(direction: int) -> str:
    return "above" if direction > 0 else "below"
