"""Incidents and their alarms in short words, without times: a dashboard shows these in the zone of
whoever looks at it."""

from collections.abc import Mapping

from plugin.domain import wording
from plugin.domain.series_names import group_name
from plugin.series import SeriesRecord
from plugin.web.incident_details import IncidentDetails, IncidentMember
from plugin.web.short_names import ShortNames


class IncidentWords:
    """The columns `short_title`, `short_text` and `alarm_state`."""

    def __init__(self, names: ShortNames) -> None:
        self._names = names

    @property
    def version(self) -> int:
        """Another one when the names of series, and so the words, have changed."""
        return self._names.version

    def of(self, detail: IncidentDetails | IncidentMember) -> Mapping[str, str]:
        """Of an incident, or of one alarm."""
        if isinstance(detail, IncidentMember):
            return self.of_member(detail)
        return self.of_incident(detail)

    def of_incident(self, details: IncidentDetails) -> Mapping[str, str]:
        """Of an incident."""
        incident = details.incident
        worst = self._name(details.worst)
        peak = wording.peak_text(incident.worst_sample(details.unit))
        if incident.size > 1:
            peak = wording.incident_text(
                self._name(details.first), worst, incident.peak_score, peak
            )
        return {
            "short_title": self.title(details),
            "short_text": peak,
            "alarm_state": details.state,
        }

    def title(self, details: IncidentDetails) -> str:
        """What happened: how many series of which group, or the only one by its short name."""
        incident = details.incident
        return wording.incident_title(
            group_name(incident.group, incident.labels),
            incident.size,
            incident.among,
            self._name(details.worst),
            incident.direction,
        )

    def text(self, details: IncidentDetails) -> str:
        """The peak of an incident with its times, as a page tells it."""
        return details.text_of(self._name(details.first), self._name(details.worst))

    def series(self, record: SeriesRecord) -> str:
        """The short name of a series."""
        return self._names.of(record)

    def of_member(self, member: IncidentMember) -> Mapping[str, str]:
        """Of one alarm."""
        unit = member.watch.unit if member.watch is not None else ""
        return {
            "short_title": wording.alarm_title(
                self._names.of(member.record), member.alarm.direction
            ),
            "short_text": wording.peak_text(member.alarm.peak(unit)),
            "alarm_state": member.state,
        }

    def _name(self, record: SeriesRecord | None) -> str:
        return self._names.of(record) if record is not None else ""
