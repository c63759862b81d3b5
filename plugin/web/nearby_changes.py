"""The reported changes beside incidents and alarms: which, and in words."""

from collections.abc import Sequence

from plugin.domain.changes import (
    LAG_SECONDS,
    LEAD_SECONDS,
    Change,
    changes_about,
    changes_around,
    describe_changes,
)
from plugin.series import MAX_TIME, Labels
from plugin.store import Store
from plugin.web.incident_details import IncidentDetails

MAX_CHANGES = 10_000  # that one answer looks through: the latest


def changes_during(store: Store, details: IncidentDetails) -> list[Change]:
    """What was changed from an hour before an incident to its end, in order of time: for its
    timeline.

    As in all texts, a change is left out where a label of it says that it is about other series
    than the first one, the worst one and the group of the incident.
    """
    end = MAX_TIME if details.open else max(details.end, details.start + LAG_SECONDS)
    changes = store.changes.between(details.start - LEAD_SECONDS, end, MAX_CHANGES)
    return list(changes_about(changes, _label_sets(details)))


def incident_texts(store: Store, incidents: Sequence[IncidentDetails]) -> list[str]:
    """`began 3 min after checkout v1.42` for each incident; "" = nothing was changed then."""
    if not incidents:
        return []
    starts = [details.start for details in incidents]
    changes = store.changes.between(
        min(starts) - LEAD_SECONDS, max(starts) + LAG_SECONDS, MAX_CHANGES
    )
    return [
        describe_changes(
            changes_around(changes, details.start, _label_sets(details)), details.start
        )
        if changes
        else ""
        for details in incidents
    ]


def alarm_changes(store: Store, start: int, labels: Labels, now: int) -> str:
    """The same of an alarm of one series, as it was known at `now`; times are unix seconds."""
    end = min(start + LAG_SECONDS, now)
    changes = store.changes.between(start - LEAD_SECONDS, end, MAX_CHANGES)
    return describe_changes(changes_around(changes, start, [labels]), start)


def _label_sets(details: IncidentDetails) -> list[Labels]:
    records = (details.first, details.worst)
    return [details.incident.labels, *(record.labels for record in records if record is not None)]
