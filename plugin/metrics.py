"""Our own metrics on a registry that is passed in, and the latest scores of every series from the
board.

The scores are written as text here, not through the registry: ten thousand series are fifty
thousand lines, and prometheus_client takes a second for them at every scrape.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from prometheus_client import CollectorRegistry as CollectorRegistry
from prometheus_client import Counter, Gauge, Histogram, Metric, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics.exposition import VALUES, escape_label_name

from plugin.board import Snapshot, WatchHealth
from plugin.config import Watch
from plugin.config.groups import shared_labels
from plugin.domain.incidents import Incident
from plugin.series import BoolArray, FloatArray, Labels, SeriesRecord, SeriesState, renamed
from plugin.version import VERSION

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4  # what `exposition` writes
JOB_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

STATES = tuple(
    state for state in SeriesState if state is not SeriesState.GONE
)  # those that are on the board
SEEN = (SeriesState.OK, SeriesState.WARMING_UP)  # only what has just been scored is exported
SCORES = (
    ("bandwatch_anomaly_score", "score", "Score of the latest sample; above 1 = outside the band."),
    ("bandwatch_value", "value", "Latest value, as read from Prometheus."),
    ("bandwatch_expected", "expected", "Middle of the band at the latest sample."),
    ("bandwatch_lower", "lower", "Lower bound of the band at the latest sample."),
    ("bandwatch_upper", "upper", "Upper bound of the band at the latest sample."),
)
READ = (
    (
        "bandwatch_alert_score",
        "alert_score",
        (
            "What alert rules read: the score after persistence, held when the "
            "series vanishes while it alerts."
        ),
    ),
    (
        "bandwatch_missing",
        "reported_missing",
        "1 = the samples of the series have stopped, and alert rules should know.",
    ),
)
TAKEN = frozenset(
    {"watch", "metric_name", "alertname", "alertstate"}
)  # the last two Prometheus sets on ALERTS
TARGET = frozenset({"job", "instance"})  # the rules join the metrics of a watch by these


class Metrics:
    """What the jobs, the scheduler and the web count and time."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"bandwatch_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"bandwatch_{name}", text, labels, registry=registry)

        def histogram(
            name: str, text: str, *labels: str, buckets: tuple[float, ...] = JOB_SECONDS
        ) -> Histogram:
            return Histogram(f"bandwatch_{name}", text, labels, buckets=buckets, registry=registry)

        self.fits = counter("fits_total", "Fits of a stack, by outcome.", "watch", "outcome")
        self.fit_failures = counter(
            "fit_failures_total", "Fits without a model.", "watch", "reason"
        )
        self.fit_refusals = counter(
            "fit_refusals_total", "New models that did not take over.", "watch", "reason"
        )
        self.fit_duration = histogram(
            "fit_duration_seconds", "Time that fitting one stack took.", "watch"
        )
        self.last_fit = gauge(
            "watch_last_fit_timestamp_seconds", "When the last fit succeeded.", "watch"
        )
        self.score_duration = histogram(
            "score_duration_seconds", "Time that one scoring took.", "watch"
        )
        self.samples_scored = counter("samples_scored_total", "Samples that were scored.", "watch")
        self.alarms = counter("alarms_total", "Alarms that have begun.", "watch")
        self.regimes = counter("regimes_total", "New levels that were accepted as normal.", "watch")
        self.incidents = counter("incidents_total", "Incidents that have begun.", "watch")
        self.feedback = counter("feedback_total", "Answers to alarms.", "watch", "verdict")
        self.score_failures = counter(
            "score_failures_total", "Scorings that failed.", "watch", "reason"
        )
        self.covariate_failures = counter(
            "covariate_failures_total", "Covariates that were missing.", "watch", "reason"
        )
        self.forecast_failures = counter(
            "forecast_failures_total", "Forecasts that failed.", "watch"
        )
        self.last_score = gauge(
            "watch_last_score_timestamp_seconds", "Time that is scored last.", "watch"
        )
        self.watch_up = gauge("watch_up", "1 = the last run of the score job worked.", "watch")
        self.prometheus_requests = counter(
            "prometheus_requests_total", "Requests to Prometheus.", "outcome"
        )
        self.prometheus_request_duration = histogram(
            "prometheus_request_duration_seconds", "Time that a request to Prometheus took."
        )
        self.prometheus_warnings = counter(
            "prometheus_warnings_total", "Warnings in answers of Prometheus."
        )
        self.remote_write_samples = counter(
            "remote_write_samples_total", "Samples for the receiver.", "outcome"
        )
        self.remote_write_failures = counter(
            "remote_write_failures_total", "Requests that failed.", "reason"
        )
        self.remote_write_sent_time = gauge(
            "remote_write_sent_timestamp_seconds",
            "Time up to which the watch has been sent.",
            "watch",
        )
        self.maintenance_active = gauge(
            "maintenance_active", "Maintenance windows that run.", "source"
        )
        self.maintenance_failures = counter(
            "maintenance_failures_total",
            "Calendars and silences that were not read.",
            "source",
            "reason",
        )
        self.jobs_missed = counter(
            "jobs_missed_total", "Runs that were due and did not start.", "job"
        )
        self.job_errors = counter("job_errors_total", "Runs that ended in an error of ours.", "job")
        self.heartbeat = gauge(
            "scheduler_heartbeat_timestamp_seconds", "When the scheduler last worked."
        )
        self.reload_successful = gauge(
            "config_last_reload_successful", "1 = the last reload worked."
        )
        self.reload_time = gauge(
            "config_last_reload_success_timestamp_seconds", "When a reload last worked."
        )
        self.http_requests = counter(
            "http_requests_total", "Requests that were answered.", "route", "status"
        )
        self.http_duration = histogram(
            "http_request_duration_seconds",
            "Time that an answer took.",
            "route",
            buckets=REQUEST_SECONDS,
        )
        gauge("build_info", "Always 1; the version is a label.", "version").labels(VERSION).set(1)
        ProcessCollector(registry=registry)

    def forget(self, watch: str) -> None:
        """Takes back what says how a watch is now: one that a reload has removed must look neither
        down nor late."""
        for gauge in (self.watch_up, self.last_score, self.last_fit, self.remote_write_sent_time):
            gauge.remove(watch)


def exposition(
    registry: CollectorRegistry,
    snapshots: Mapping[str, Snapshot],
    *,
    scores: bool = True,
    incidents: Mapping[str, Sequence[Incident]] = MappingProxyType({}),
) -> bytes:
    """Everything for one scrape, in the text format 0.0.4.

    scores: False leaves out what remote write sends; one Prometheus could not hold it twice.
    incidents: those that are open, by the name of their group.
    """
    shown = [snapshots[name] for name in sorted(snapshots)]
    lines = "".join(
        [
            *_watch_lines(shown, time.time()),
            *_score_lines(shown, SCORES if scores else ()),
            *_incident_lines([snapshot.settings for snapshot in shown], incidents),
        ]
    )
    return generate_latest(_Own(registry)) + lines.encode()


class _Own:
    """The registry without the `_created` series that prometheus_client adds beside each
    counter."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
            yield family


def _score_lines(
    snapshots: list[Snapshot], scores: Sequence[tuple[str, str, str]]
) -> Iterator[str]:
    yield from _head("bandwatch_series", "Series of the watch, by state.")
    for snapshot in snapshots:
        states = [record.state for record in snapshot.series]
        watch = _escaped(snapshot.watch)
        for state in STATES:
            yield (
                f'bandwatch_series{{watch="{watch}",state="{state.value}"}} {states.count(state)}\n'
            )
    names = [
        [_printed(exported_labels(record, snapshot.labels)) for record in snapshot.series]
        for snapshot in snapshots
    ]
    for name, column, text in scores:
        yield from _head(name, text)
        for snapshot, labels in zip(snapshots, names, strict=True):
            seen = np.array([record.state in SEEN for record in snapshot.series], bool)
            seen |= snapshot.muted & ~snapshot.missing & (snapshot.outlook is WatchHealth.OK)
            yield from _lines(name, getattr(snapshot, column), seen, labels)
    for name, column, text in READ:
        yield from _head(name, text)
        for snapshot, labels in zip(snapshots, names, strict=True):
            yield from _lines(
                name,
                getattr(snapshot, column).astype(float),
                ~np.isnan(snapshot.alert_score),
                labels,
            )


def _watch_lines(snapshots: Sequence[Snapshot], now: float) -> Iterator[str]:
    yield from _head("bandwatch_watch_info", "Always 1; the watch's own labels and its unit.")
    for snapshot in snapshots:
        unit = [("unit", snapshot.settings.unit)] if snapshot.settings.unit else []
        own = [
            (renamed(name, TAKEN | TARGET | {"unit"}, "watch_"), value)
            for name, value in snapshot.labels.items()
        ]
        yield f"bandwatch_watch_info{{{_printed([('watch', snapshot.watch), *unit, *own])}}} 1\n"
    yield from _head(
        "bandwatch_watch_stale_models", "Models that three refits should have checked and did not."
    )
    for snapshot in snapshots:
        yield (
            f'bandwatch_watch_stale_models{{watch="{snapshot.watch}"}}'
            f" {int(snapshot.stale_models(now).sum())}\n"
        )
    yield from _head(
        "bandwatch_watch_oldest_model_timestamp_seconds",
        "When the oldest model that reigns was fitted.",
    )
    for snapshot in snapshots:
        fitted = snapshot.model_time[snapshot.renewed]
        if len(fitted):
            yield (
                f'bandwatch_watch_oldest_model_timestamp_seconds{{watch="{snapshot.watch}"}} '
                f"{int(fitted.min())}\n"
            )
    yield from _head(
        "bandwatch_watch_drifted_models", "Models that their series has moved away from."
    )
    for snapshot in snapshots:
        yield (
            f'bandwatch_watch_drifted_models{{watch="{snapshot.watch}"}}'
            f" {int(snapshot.drifted.sum())}\n"
        )
    yield from _head(
        "bandwatch_watch_unhealthy",
        "1 = the last run of the score job failed, or the next one is late.",
    )
    for snapshot in snapshots:
        yield (
            f'bandwatch_watch_unhealthy{{watch="{snapshot.watch}"}}'
            f" {int(snapshot.unhealthy(now))}\n"
        )
    yield from _head(
        "bandwatch_watch_alert_budget_per_second", "False alarms that one series may raise."
    )
    for snapshot in snapshots:
        yield (
            f'bandwatch_watch_alert_budget_per_second{{watch="{snapshot.watch}"}} '
            f"{snapshot.settings.alert_budget!r}\n"
        )


def _incident_lines(
    watches: Sequence[Watch], incidents: Mapping[str, Sequence[Incident]]
) -> Iterator[str]:
    """Of the groups that these watches form."""
    groups = {
        name: [watch for watch in watches if watch.group == name]
        for name in sorted({watch.group for watch in watches})
    }
    yield from _head("bandwatch_incidents_open", "Incidents that are open.")
    for name in groups:
        yield f'bandwatch_incidents_open{{watch="{name}"}} {len(incidents.get(name, ()))}\n'
    found = [
        (
            incident,
            _printed(
                [
                    *_labels_of(
                        name, incident.labels, shared_labels(those), frozenset({"incident"})
                    ),
                    ("incident", incident.id),
                ]
            ),
        )
        for name, those in groups.items()
        for incident in incidents.get(name, ())
    ]
    yield from _head("bandwatch_incident_score", "Highest score of an open incident so far.")
    for incident, labels in found:
        yield f"bandwatch_incident_score{{{labels}}} {incident.peak_score!r}\n"
    yield from _head("bandwatch_incident_size", "Series of an open incident so far.")
    for incident, labels in found:
        yield f"bandwatch_incident_size{{{labels}}} {incident.size}\n"


def _lines(name: str, column: FloatArray, shown: BoolArray, labels: Sequence[str]) -> Iterator[str]:
    """A line for each row that is shown; NaN = nothing to say."""
    numbers = column.tolist()
    for row in np.flatnonzero(shown & ~np.isnan(column)).tolist():
        yield f"{name}{{{labels[row]}}} {numbers[row]!r}\n"


def _head(name: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"


def exported_labels(record: SeriesRecord, own: Mapping[str, str]) -> list[tuple[str, str]]:
    """`watch`, the watch's own labels, and all labels of the series; its `__name__` becomes
    `metric_name`.

    A label of the series that the watch sets itself gets the prefix `label_`.
    """
    return _labels_of(record.watch, record.labels, own)


def _labels_of(
    watch: str, labels: Labels, own: Mapping[str, str], also: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    ours = [(renamed(name, TAKEN | also, "watch_"), value) for name, value in own.items()]
    taken = (TAKEN | also).union(name for name, _ in ours)
    return [
        ("watch", watch),
        *ours,
        *(
            (
                (
                    "metric_name"
                    if name == "__name__"
                    else escape_label_name(renamed(name, taken), VALUES)
                ),
                value,
            )
            for name, value in labels.pairs
        ),
    ]


def _printed(labels: Sequence[tuple[str, str]]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


_SPECIAL = re.compile(r'[\\"\n]')


def _escaped(value: str) -> str:
    if not _SPECIAL.search(value):
        return value
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
