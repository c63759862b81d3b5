"""What alert rules read: rows of strings that never change, and exactly one number, never null.
Pure.

Grafana makes an alert of each row and tells alerts apart by all of their strings. docs/alerting.md
says what each situation looks like here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from plugin.board import Snapshot
from plugin.config import Watch
from plugin.config.groups import shared_labels
from plugin.domain.incidents import Incident
from plugin.series import FloatArray, IntArray, renamed
from plugin.web.pinned_snapshots import PinnedSnapshot
from plugin.web.rows import RESERVED_COLUMNS, Row, ages, encode, filled, label_columns, milliseconds
from plugin.web.watches import UNHEALTHY

FIELDS: Mapping[str, tuple[str, ...]] = {  # what a row stands for -> the numbers that it may carry
    "series": ("score", "value", "expected", "lower", "upper", "time", "age_seconds", "missing"),
    "watch": ("unhealthy", "lag_seconds", "stale_models", "missing", "anomalous", "budget_spent"),
    "incident": ("score", "size", "age_seconds", "time"),
    "service": ("heartbeat_age_seconds", "reload_refused"),
}
MAX_SELECTIONS = 15  # of series whose strings are kept
NO_BOUND = 1e300  # stands for an infinite bound: Grafana refuses 1e999


class SeriesRows:
    """One row per series that alert rules should see: its name and labels, the unit of its watch
    for the texts of alerts, and the number of one field.

    The alert score alone decides whether a series has a row, so every field has the same rows. The
    strings of a row never change, so their JSON is kept: it is nine tenths of the work for ten
    thousand rows.
    """

    def __init__(self) -> None:
        self._heads: dict[tuple[bytes, ...], list[bytes]] = {}

    def encoded(self, snapshots: Sequence[Snapshot], field: str, now: float) -> bytes:
        """Strict JSON of the rows."""
        rows_by_snapshot = [
            np.flatnonzero(~np.isnan(snapshot.alert_score)) for snapshot in snapshots
        ]
        numbers = [
            _finite(_column(snapshot, field, now), snapshot, field)[rows]
            for snapshot, rows in zip(snapshots, rows_by_snapshot, strict=True)
        ]
        heads = self._encoded_heads(snapshots, rows_by_snapshot)
        if not heads:
            return b"[]"
        # msgspec.Raw keeps whole values only: the number has to be spliced into its row.
        tails = encode(np.concatenate(numbers).tolist())[1:-1].split(b",")
        name = encode(field) + b":"
        return (
            b"["
            + b",".join(
                [head + name + tail + b"}" for head, tail in zip(heads, tails, strict=True)]
            )
            + b"]"
        )

    def _encoded_heads(
        self, snapshots: Sequence[Snapshot], rows_by_snapshot: Sequence[IntArray]
    ) -> list[bytes]:
        """The rows up to their number, as JSON."""
        key = tuple(
            part
            for snapshot, rows in zip(snapshots, rows_by_snapshot, strict=True)
            for part in (_encoded_watch(snapshot), _ids(snapshot)[rows].tobytes())
        )
        if key not in self._heads:
            heads = [
                {
                    "watch": snapshot.watch,
                    "series": str(snapshot.series[i].labels),
                    **label_columns(snapshot.series[i].labels, snapshot.labels),
                    **({"unit": snapshot.settings.unit} if snapshot.settings.unit else {}),
                }
                for snapshot, rows in zip(snapshots, rows_by_snapshot, strict=True)
                for i in rows.tolist()
            ]
            recent_heads = list(self._heads.items())[-MAX_SELECTIONS:]
            self._heads = {
                **dict(recent_heads),
                key: [encode(head)[:-1] + b"," for head in filled(heads)],
            }
        return self._heads[key]


def watch_rows(rows: Sequence[Row], watches: Mapping[str, Watch], field: str) -> list[Row]:
    """One row per watch with its own labels; rows: of /watches."""
    names = [str(row["watch"]) for row in rows]
    numbered = RESERVED_COLUMNS.union(FIELDS["watch"])
    heads = [
        {
            "watch": name,
            **{
                renamed(label, numbered, "watch_"): text
                for label, text in watches[name].own_labels.items()
            },
        }
        for name in names
    ]
    numbers = [
        float(row["state"] in UNHEALTHY) if field == "unhealthy" else row[field] for row in rows
    ]
    return [{**head, field: number} for head, number in zip(filled(heads), numbers, strict=True)]


def incident_rows(moment: PinnedSnapshot, watched: Collection[str] | None, field: str) -> list[Row]:
    """One row per open incident of the groups of some watches, None = of all."""
    incidents = list[Incident]()
    heads = list[dict[str, str]]()
    groups = {
        watch.group
        for watch in moment.watches.values()
        if (watched is None or watch.name in watched) and not watch.paused
    }
    for name in sorted(groups & moment.incidents.keys()):
        members = [watch for watch in moment.watches.values() if watch.group == name]
        labels = shared_labels(members)
        incidents += moment.incidents[name]
        heads += [
            {"watch": name, "incident": incident.id, **label_columns(incident.labels, labels)}
            for incident in moment.incidents[name]
        ]
    return [
        {**head, field: _incident_number(incident, field, moment.now)}
        for head, incident in zip(filled(heads), incidents, strict=True)
    ]


def _incident_number(incident: Incident, field: str, now: float) -> float:
    numbers = {
        "score": incident.peak_score,
        "size": incident.size,
        "time": incident.start * 1000,
        "age_seconds": round(now - incident.start, 3),
    }
    return float(numbers[field])


def service_rows(moment: PinnedSnapshot, reload_refused: bool, field: str) -> list[Row]:
    """The one row of the whole service."""
    numbers = {
        "heartbeat_age_seconds": round(max(0.0, moment.now - moment.heartbeat), 3),
        "reload_refused": float(reload_refused),
    }
    return [{field: numbers[field]}]


def _encoded_watch(snapshot: Snapshot) -> bytes:
    """What all rows of a watch share."""
    return encode([snapshot.watch, snapshot.labels, snapshot.settings.unit])


def _ids(snapshot: Snapshot) -> IntArray:
    return np.fromiter((record.id for record in snapshot.series), np.int64, len(snapshot.series))


def _column(snapshot: Snapshot, field: str, now: float) -> FloatArray:
    computed: dict[str, Callable[[], FloatArray]] = {
        "score": lambda: snapshot.alert_score,
        "time": lambda: np.array(milliseconds(snapshot.times), float),
        "age_seconds": lambda: ages(snapshot, now),
        "missing": lambda: snapshot.reported_missing.astype(float),
    }
    column: FloatArray = computed[field]() if field in computed else getattr(snapshot, field)
    return column


def _finite(numbers: FloatArray, snapshot: Snapshot, field: str) -> FloatArray:
    """A number in each row, because Grafana refuses null: ±NO_BOUND for a bound that is infinite or
    not known, the last value for an unknown expectation, otherwise 0."""
    if field == "expected":
        numbers = np.where(np.isnan(numbers), snapshot.value, numbers)
    unknown = {"lower": -NO_BOUND, "upper": NO_BOUND}.get(field, 0.0)
    return np.nan_to_num(numbers, nan=unknown, posinf=NO_BOUND, neginf=-NO_BOUND)
