"""The board as parts that other processes can read: what a snapshot, a forecast, the incidents of a
group and the noise report look like when they are published. Pure.

Labels are left out: they never change, and the store has them by the id of the series.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from plugin.board import Forecast, LevelShift, Snapshot, WatchHealth
from plugin.config import Watch
from plugin.domain.budget import NoiseReport, Suggestion
from plugin.domain.incidents import Incident
from plugin.series import IntArray, Labels, SeriesRecord, SeriesState
from plugin.store.publications import Publication

SNAPSHOT = "watch/"  # followed by the name of the watch
FORECAST = "forecast/"  # the same
INCIDENTS = "incidents/"  # followed by the name of the group
NOISE = "noise"
STATES = tuple(SeriesState)
SNAPSHOT_ARRAYS = tuple(
    each.name
    for each in fields(Snapshot)
    if each.name not in ("settings", "time", "series", "detector", "outlook", "reason", "shifts")
)
FORECAST_ARRAYS = ("ids", "origin", "expected", "lower", "upper")

Content = Snapshot | Forecast | NoiseReport | tuple[Incident, ...]


def parts_of(watches: Iterable[Watch]) -> set[str]:
    """The names of all parts that a board with these watches may have."""
    names = {NOISE}
    for watch in watches:
        names |= {SNAPSHOT + watch.name, INCIDENTS + watch.group}
        if watch.steps_ahead:
            names.add(FORECAST + watch.name)
    return names


def encode(content: Content) -> Publication:
    """Something that is on a board, as others can read it."""
    if isinstance(content, Snapshot):
        return _snapshot_part(content)
    if isinstance(content, Forecast):
        return _forecast_part(content)
    if isinstance(content, NoiseReport):
        return _noise_part(content)
    return _incidents_part(content)


def _snapshot_part(snapshot: Snapshot) -> Publication:
    detectors = sorted(set(snapshot.detector))
    series = snapshot.series
    return Publication(
        {
            "time": snapshot.time,
            "outlook": snapshot.outlook,
            "reason": snapshot.reason,
            "detectors": detectors,
            "states": STATES,
            "shifts": {
                series_id: (shift.since, shift.due) for series_id, shift in snapshot.shifts.items()
            },
        },
        {
            **{name: getattr(snapshot, name) for name in SNAPSHOT_ARRAYS},
            "ids": _integers(record.id for record in series),
            "state": _integers(STATES.index(record.state) for record in series),
            "first_seen": _integers(record.first_seen for record in series),
            "last_seen": _integers(record.last_seen for record in series),
            "detector": _integers(detectors.index(name) for name in snapshot.detector),
        },
    )


def series_ids(part: Publication) -> list[int]:
    """Of the series that a snapshot or a forecast is about."""
    ids: list[int] = part.arrays["ids"].tolist()
    return ids


def read_snapshot(part: Publication, watch: Watch, labels: Mapping[int, Labels]) -> Snapshot:
    """watch: as configured here. labels: of all its series, by id."""
    facts = part.facts
    columns = ("ids", "state", "first_seen", "last_seen")
    return Snapshot(
        settings=watch,
        time=facts["time"],
        series=tuple(
            SeriesRecord(
                series_id,
                watch.name,
                labels[series_id],
                SeriesState(facts["states"][state]),
                first_seen,
                last_seen,
            )
            for series_id, state, first_seen, last_seen in zip(
                *(part.arrays[name].tolist() for name in columns), strict=True
            )
        ),
        detector=tuple(facts["detectors"][place] for place in part.arrays["detector"].tolist()),
        outlook=WatchHealth(facts["outlook"]),
        reason=facts["reason"],
        shifts={int(series_id): LevelShift(*times) for series_id, times in facts["shifts"].items()},
        **{name: part.arrays[name] for name in SNAPSHOT_ARRAYS},
    )


def _forecast_part(forecast: Forecast) -> Publication:
    return Publication(
        {"made_at": forecast.made_at, "step": forecast.step},
        {name: getattr(forecast, name) for name in FORECAST_ARRAYS},
    )


def read_forecast(part: Publication, watch: str) -> Forecast:
    return Forecast(
        watch=watch,
        made_at=part.facts["made_at"],
        step=part.facts["step"],
        **{name: part.arrays[name] for name in FORECAST_ARRAYS},
    )


def _incidents_part(incidents: Sequence[Incident]) -> Publication:
    return Publication(
        {
            "incidents": [
                incident._asdict() | {"labels": incident.labels.pairs} for incident in incidents
            ]
        }
    )


def read_incidents(part: Publication) -> tuple[Incident, ...]:
    return tuple(
        Incident(**row | {"labels": Labels(tuple(map(tuple, row["labels"])))})
        for row in part.facts["incidents"]
    )


def _noise_part(noise: NoiseReport) -> Publication:
    return Publication(
        {
            "made_at": noise.made_at,
            "days": list(noise.scored),
            "suggestions": {
                series_id: asdict(suggestion) for series_id, suggestion in noise.suggestions.items()
            },
        },
        {"ids": noise.ids} | {str(days): column for days, column in noise.scored.items()},
    )


def read_noise(part: Publication) -> NoiseReport:
    facts = part.facts
    return NoiseReport(
        facts["made_at"],
        part.arrays["ids"],
        {days: part.arrays[str(days)] for days in facts["days"]},
        {
            int(series_id): Suggestion(**suggestion)
            for series_id, suggestion in facts["suggestions"].items()
        },
    )


def _integers(numbers: Iterable[Any]) -> IntArray:
    return np.fromiter(numbers, np.int64)
