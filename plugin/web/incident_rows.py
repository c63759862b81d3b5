"""Incidents and their alarms -> flat JSON rows. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Raw

from plugin.config.groups import shared_labels
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import Incident
from plugin.series import Labels
from plugin.web.incident_details import IncidentDetails, IncidentMember, name_of
from plugin.web.incident_words import IncidentWords
from plugin.web.row_types import AnnotationRow
from plugin.web.rows import Row, encode, filled, finite, label_columns

MAX_ENCODED_ROWS = 20_000  # that are kept as JSON


def incident_rows(details: Sequence[IncidentDetails]) -> list[Row]:
    """One row per incident; value and band are those of the worst series at its peak."""
    heads = _heads(details)
    return [{**_incident(detail), **heads[_head_key(detail)]} for detail in details]


class IncidentRows:
    """The same as JSON.

    The row of an incident that is over never changes, so its JSON is kept: making it anew takes
    0.2 s for a month of incidents.
    """

    def __init__(self, words: IncidentWords) -> None:
        self._words = words
        self._encoded: dict[IncidentDetails, bytes] = {}
        self._made_with: tuple[object, ...] = ()  # what all rows depend on

    def encoded(
        self, details: Sequence[IncidentDetails], columns: Sequence[Mapping[str, str]]
    ) -> bytes:
        """Strict JSON of the rows. columns: those that change with time, of each row."""
        heads = _heads(details)
        made_with = (self._words.version, *next(iter(heads.values()), ()))
        usable = made_with == self._made_with and len(self._encoded) < MAX_ENCODED_ROWS
        encoded = self._encoded if usable else {}
        for detail in details:
            if detail not in encoded:
                row = {**_incident(detail), **heads[_head_key(detail)]}
                encoded[detail] = encode({**row, **self._words.of_incident(detail)})
        self._encoded = encoded
        self._made_with = made_with
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
    details: Sequence[IncidentDetails] | Sequence[IncidentMember], words: IncidentWords
) -> list[AnnotationRow]:
    """What Grafana draws. A region needs an end, so one that is open ends with its last sample
    outside."""
    return [_annotation(detail, words.of(detail)) for detail in details]


def _annotation(
    detail: IncidentDetails | IncidentMember, texts: Mapping[str, str]
) -> AnnotationRow:
    return AnnotationRow(
        time=detail.start * 1000,
        time_end=detail.end * 1000,
        title=texts["short_title"],
        text=texts["short_text"],
        tags=detail.tags,
    )


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
        "first": name_of(details.first),
        "worst": name_of(details.worst),
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
