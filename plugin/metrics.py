"""Our own metrics on a registry that is passed in, and the latest scores of every series from the board.

The scores are written as text here, not through the registry: ten thousand series are fifty thousand lines,
and prometheus_client takes a second for them at every scrape.
"""

import re
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry as CollectorRegistry
from prometheus_client import Counter, Gauge, Histogram, Metric, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics.exposition import VALUES, escape_label_name

from plugin.board import Snapshot
from plugin.series import SeriesRecord, SeriesState, renamed
from plugin.version import VERSION

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4  # what `exposition` writes
JOB_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

STATES = tuple(state for state in SeriesState if state is not SeriesState.GONE)  # those that are on the board
SEEN = (SeriesState.OK, SeriesState.WARMING_UP)  # only what has just been scored is exported
SCORES = (("bandwatch_anomaly_score", "score", "Score of the latest sample; above 1 = outside the band."),
          ("bandwatch_value", "value", "Latest value, as read from Prometheus."),
          ("bandwatch_expected", "expected", "Middle of the band at the latest sample."),
          ("bandwatch_lower", "lower", "Lower bound of the band at the latest sample."),
          ("bandwatch_upper", "upper", "Upper bound of the band at the latest sample."))
TAKEN = frozenset({"watch", "metric_name"})


class Metrics:
    """What the jobs, the scheduler and the web count and time."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"bandwatch_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"bandwatch_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str,
                      buckets: tuple[float, ...] = JOB_SECONDS) -> Histogram:
            return Histogram(f"bandwatch_{name}", text, labels, buckets=buckets, registry=registry)

        self.fits = counter("fits_total", "Fits of a stack, by outcome.", "watch", "outcome")
        self.fit_failures = counter("fit_failures_total", "Fits without a model.", "watch", "reason")
        self.fit_duration = histogram("fit_duration_seconds", "Time that fitting one stack took.", "watch")
        self.last_fit = gauge("watch_last_fit_timestamp_seconds", "When the last fit succeeded.", "watch")
        self.score_duration = histogram("score_duration_seconds", "Time that one scoring took.", "watch")
        self.samples_scored = counter("samples_scored_total", "Samples that were scored.", "watch")
        self.score_failures = counter("score_failures_total", "Scorings that failed.", "watch", "reason")
        self.covariate_failures = counter("covariate_failures_total", "Covariates that were missing.", "watch",
                                          "reason")
        self.last_score = gauge("watch_last_score_timestamp_seconds", "Time that is scored last.", "watch")
        self.watch_up = gauge("watch_up", "1 = the last run of the score job worked.", "watch")
        self.prometheus_requests = counter("prometheus_requests_total", "Requests to Prometheus.", "outcome")
        self.prometheus_request_duration = histogram("prometheus_request_duration_seconds",
                                                     "Time that a request to Prometheus took.")
        self.prometheus_warnings = counter("prometheus_warnings_total", "Warnings in answers of Prometheus.")
        self.jobs_missed = counter("jobs_missed_total", "Runs that were due and did not start.", "job")
        self.job_errors = counter("job_errors_total", "Runs that ended in an error of ours.", "job")
        self.heartbeat = gauge("scheduler_heartbeat_timestamp_seconds", "When the scheduler last worked.")
        self.reload_successful = gauge("config_last_reload_successful", "1 = the last reload worked.")
        self.reload_time = gauge("config_last_reload_success_timestamp_seconds", "When a reload last worked.")
        self.http_requests = counter("http_requests_total", "Requests that were answered.", "route", "status")
        self.http_duration = histogram("http_request_duration_seconds", "Time that an answer took.", "route",
                                       buckets=REQUEST_SECONDS)
        gauge("build_info", "Always 1; the version is a label.", "version").labels(VERSION).set(1)
        ProcessCollector(registry=registry)

    def forget(self, watch: str) -> None:
        """Takes back what says how a watch is now: one that a reload has removed must look neither down nor late."""
        for gauge in (self.watch_up, self.last_score, self.last_fit):
            gauge.remove(watch)


def exposition(registry: CollectorRegistry, snapshots: Mapping[str, Snapshot]) -> bytes:
    """Everything for one scrape, in the text format 0.0.4."""
    shown = [snapshots[name] for name in sorted(snapshots)]
    return generate_latest(_Own(registry)) + "".join(_score_lines(shown)).encode()


class _Own:
    """The registry without the `_created` series that prometheus_client adds beside each counter."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


def _score_lines(snapshots: list[Snapshot]) -> Iterator[str]:
    yield from _head("bandwatch_series", "Series of the watch, by state.")
    for snapshot in snapshots:
        states = [record.state for record in snapshot.series]
        watch = _escaped(snapshot.watch)
        for state in STATES:
            yield f'bandwatch_series{{watch="{watch}",state="{state.value}"}} {states.count(state)}\n'
    rows = [[(row, _labels(record)) for row, record in enumerate(snapshot.series) if record.state in SEEN]
            for snapshot in snapshots]
    for name, column, text in SCORES:
        yield from _head(name, text)
        for snapshot, seen in zip(snapshots, rows, strict=True):
            numbers: list[float] = getattr(snapshot, column).tolist()
            for row, labels in seen:
                number = numbers[row]
                if number == number:  # NaN = nothing to say: no line
                    yield f"{name}{{{labels}}} {number!r}\n"


def _head(name: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"


def _labels(record: SeriesRecord) -> str:
    """All labels of the series, and `watch`; its `__name__` becomes `metric_name`."""
    pairs = [f'watch="{_escaped(record.watch)}"']
    pairs += [f'{_label_name(name)}="{_escaped(value)}"' for name, value in record.labels.pairs]
    return ",".join(pairs)


def _label_name(name: str) -> str:
    if name == "__name__":
        return "metric_name"
    return escape_label_name(renamed(name, TAKEN), VALUES)


_SPECIAL = re.compile(r'[\\"\n]')


def _escaped(value: str) -> str:
    if not _SPECIAL.search(value):
        return value
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
