"""The text of one scrape: our own metrics, and the latest scores of every series from the board.

The scores are written as text here, not through the registry: ten thousand series are fifty
thousand lines, and prometheus_client takes a second for them at every scrape.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics.exposition import VALUES, escape_label_name

from plugin.board import Snapshot, WatchHealth
from plugin.config import Watch
from plugin.config.groups import shared_labels
from plugin.domain.incidents import Incident
from plugin.series import BoolArray, FloatArray, Labels, SeriesRecord, SeriesState, renamed

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4  # of the text that `exposition` writes
# The states of series on the board.
BOARD_STATES = tuple(state for state in SeriesState if state is not SeriesState.GONE)
# Only series in these states have a score of the latest tick.
SCORED_STATES = (SeriesState.OK, SeriesState.WARMING_UP, SeriesState.LEARNING)
# Name of the metric, column of a snapshot, help.
SCORE_METRICS = (
    ("bandwatch_anomaly_score", "score", "Score of the latest sample; above 1 = outside the band."),
    ("bandwatch_value", "value", "Latest value, as read from Prometheus."),
    ("bandwatch_expected", "expected", "Middle of the band at the latest sample."),
    ("bandwatch_lower", "lower", "Lower bound of the band at the latest sample."),
    ("bandwatch_upper", "upper", "Upper bound of the band at the latest sample."),
)
ALERT_METRICS = (
    (
        "bandwatch_alert_score",
        "alert_score",
        "What alert rules read: above 1 exactly while an alarm is open, and then the highest score "
        "so far.",
    ),
    (
        "bandwatch_missing",
        "reported_missing",
        "1 = the samples of the series have stopped, and alert rules should know.",
    ),
)
# Prometheus sets the last two on ALERTS.
RESERVED_LABELS = frozenset({"watch", "metric_name", "alertname", "alertstate"})
# The rules join the metrics of a watch by these labels.
TARGET_LABELS = frozenset({"job", "instance"})
KNOWN_TEXTS = 2**18  # of labels; of vanished series they are forgotten last
_SPECIAL_CHARACTERS = re.compile(r'[\\"\n]')


def exposition(
    registry: CollectorRegistry,
    snapshots: Mapping[str, Snapshot],
    *,
    scores: bool = True,
    incidents: Mapping[str, Sequence[Incident]] = MappingProxyType({}),
    clock: Callable[[], float] = time.time,
) -> bytes:
    """Everything for one scrape, in the text format 0.0.4.

    scores: False leaves out what remote write sends, because one Prometheus cannot store it twice.
    incidents: the open ones, by the name of their group.
    """
    ordered = [snapshots[name] for name in sorted(snapshots)]
    lines = "".join(
        [
            *_watch_lines(ordered, clock()),
            *_series_lines(ordered, SCORE_METRICS if scores else ()),
            *_incident_lines([snapshot.settings for snapshot in ordered], incidents),
        ]
    )
    return generate_latest(_WithoutCreated(registry)) + lines.encode()


def exported_labels(record: SeriesRecord, watch_labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """`watch`, the watch's own labels, and all labels of the series; its `__name__` becomes
    `metric_name`.

    A label of the series that the watch sets itself gets the prefix `label_`.
    """
    return _labels_of(record.watch, record.labels, watch_labels)


class _WithoutCreated:
    """The registry without the `_created` series that prometheus_client adds to each counter."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
            yield family


def _series_lines(
    snapshots: list[Snapshot], scores: Sequence[tuple[str, str, str]]
) -> Iterator[str]:
    yield from _head("bandwatch_series", "Series of the watch, by state.")
    for snapshot in snapshots:
        states = [record.state for record in snapshot.series]
        watch = _escaped(snapshot.watch)
        for state in BOARD_STATES:
            yield (
                f'bandwatch_series{{watch="{watch}",state="{state.value}"}} {states.count(state)}\n'
            )
    labels_by_watch = [
        [
            _series_text(record.labels, snapshot.watch, tuple(snapshot.labels.items()))
            for record in snapshot.series
        ]
        for snapshot in snapshots
    ]
    for name, column, text in scores:
        yield from _head(name, text)
        for snapshot, labels in zip(snapshots, labels_by_watch, strict=True):
            rows = np.array([record.state in SCORED_STATES for record in snapshot.series], bool)
            rows |= snapshot.muted & ~snapshot.missing & (snapshot.outlook is WatchHealth.OK)
            yield from _lines(name, getattr(snapshot, column), rows, labels)
    for name, column, text in ALERT_METRICS:
        yield from _head(name, text)
        for snapshot, labels in zip(snapshots, labels_by_watch, strict=True):
            values = getattr(snapshot, column).astype(float)
            yield from _lines(name, values, ~np.isnan(snapshot.alert_score), labels)


@lru_cache(KNOWN_TEXTS)
def _series_text(labels: Labels, watch: str, watch_labels: tuple[tuple[str, str], ...]) -> str:
    """The labels of a line: the same at every scrape, and most of its work."""
    return label_text(_without_target(_labels_of(watch, labels, dict(watch_labels))))


def _watch_lines(snapshots: Sequence[Snapshot], now: float) -> Iterator[str]:
    yield from _head("bandwatch_watch_info", "Always 1; the watch's own labels and its unit.")
    for snapshot in snapshots:
        unit = [("unit", snapshot.settings.unit)] if snapshot.settings.unit else []
        watch_labels = [
            (renamed(name, RESERVED_LABELS | TARGET_LABELS | {"unit"}, "watch_"), value)
            for name, value in snapshot.labels.items()
        ]
        labels = label_text([("watch", snapshot.watch), *unit, *watch_labels])
        yield f"bandwatch_watch_info{{{labels}}} 1\n"
    for name, text, value in WATCH_METRICS:
        yield from _head(name, text)
        for snapshot in snapshots:
            number = value(snapshot, now)
            if number is not None:
                yield f'{name}{{watch="{snapshot.watch}"}} {number!r}\n'


def _oldest_model(snapshot: Snapshot, _: float) -> int | None:
    fit_times = snapshot.model_time[snapshot.renewed]
    return int(fit_times.min()) if len(fit_times) else None


# Name, help, and the value of a watch at a time in unix seconds; None = no line.
WATCH_METRICS: tuple[tuple[str, str, Callable[[Snapshot, float], float | None]], ...] = (
    (
        "bandwatch_watch_stale_models",
        "Models that three refits should have checked and did not.",
        lambda snapshot, now: int(snapshot.stale_models(now).sum()),
    ),
    (
        "bandwatch_watch_oldest_model_timestamp_seconds",
        "When the oldest active model was fitted.",
        _oldest_model,
    ),
    (
        "bandwatch_watch_drifted_models",
        "Models that their series has moved away from.",
        lambda snapshot, _: int(snapshot.drifted.sum()),
    ),
    (
        "bandwatch_watch_unhealthy",
        "1 = the last run of the score job failed, or the next one is late.",
        lambda snapshot, now: int(snapshot.unhealthy(now)),
    ),
    (
        "bandwatch_watch_alert_budget_per_second",
        "False alarms that one series may raise.",
        lambda snapshot, _: snapshot.settings.alert_budget,
    ),
)


def _incident_lines(
    watches: Sequence[Watch], incidents: Mapping[str, Sequence[Incident]]
) -> Iterator[str]:
    """The open incidents of the groups that these watches form."""
    groups = {
        name: [watch for watch in watches if watch.group == name]
        for name in sorted({watch.group for watch in watches})
    }
    yield from _head("bandwatch_incidents_open", "Incidents that are open.")
    for name in groups:
        yield f'bandwatch_incidents_open{{watch="{name}"}} {len(incidents.get(name, ()))}\n'
    labeled = [
        (incident, label_text(_incident_labels(name, incident, members)))
        for name, members in groups.items()
        for incident in incidents.get(name, ())
    ]
    yield from _head("bandwatch_incident_score", "Highest score of an open incident so far.")
    for incident, labels in labeled:
        yield f"bandwatch_incident_score{{{labels}}} {incident.peak_score!r}\n"
    yield from _head("bandwatch_incident_size", "Series of an open incident so far.")
    for incident, labels in labeled:
        yield f"bandwatch_incident_size{{{labels}}} {incident.size}\n"


def _incident_labels(
    group: str, incident: Incident, watches: Sequence[Watch]
) -> list[tuple[str, str]]:
    watch_labels = shared_labels(watches)
    labels = _labels_of(group, incident.labels, watch_labels, frozenset({"incident"}))
    return _without_target([*labels, ("incident", incident.id)])


def _without_target(labels: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Empty `job` and `instance` where the series has none: with `honor_labels` a scrape then adds
    none of its own, which would look like labels of the series."""
    names = {name for name, _ in labels}
    return [*labels, *((name, "") for name in sorted(TARGET_LABELS - names))]


def _lines(name: str, column: FloatArray, rows: BoolArray, labels: Sequence[str]) -> Iterator[str]:
    """A line for each of the rows; NaN = no line."""
    numbers = column.tolist()
    for row in np.flatnonzero(rows & ~np.isnan(column)).tolist():
        yield f"{name}{{{labels[row]}}} {numbers[row]!r}\n"


def _head(name: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"


def _labels_of(
    watch: str, labels: Labels, watch_labels: Mapping[str, str], also: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """The labels of a line. also: more names that are reserved."""
    reserved = RESERVED_LABELS | also
    own_pairs = [(renamed(name, reserved, "watch_"), value) for name, value in watch_labels.items()]
    taken_names = reserved.union(name for name, _ in own_pairs)
    return [("watch", watch), *own_pairs, *_series_labels(labels, taken_names)]


def _series_labels(labels: Labels, taken_names: frozenset[str]) -> Iterator[tuple[str, str]]:
    for name, value in labels.pairs:
        if name == "__name__":
            yield "metric_name", value
        else:
            yield escape_label_name(renamed(name, taken_names), VALUES), value


def label_text(labels: Iterable[tuple[str, str]]) -> str:
    """`name="value",...` with the three escapes of the exposition format."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


def _escaped(value: str) -> str:
    if not _SPECIAL_CHARACTERS.search(value):
        return value
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
