"""What the jobs, the scheduler and the web count and time, on a registry that is passed in."""

from prometheus_client import CollectorRegistry as CollectorRegistry
from prometheus_client import Counter, Gauge, Histogram, ProcessCollector

from plugin.clock import SteadyClock
from plugin.connection_use import ConnectionUse
from plugin.version import VERSION

JOB_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class _Families:
    """Creates metrics with our prefix on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"bandwatch_{name}", text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"bandwatch_{name}", text, labels, registry=self.registry)

    def histogram(
        self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = JOB_SECONDS
    ) -> Histogram:
        return Histogram(f"bandwatch_{name}", text, labels, buckets=buckets, registry=self.registry)


class Metrics:
    """All counters, gauges and histograms of the service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        families = _Families(registry)
        self._add_fits(families)
        self._add_scores(families)
        self._add_source(families)
        self._add_prometheus(families)
        self._add_maintenance(families)
        self._add_scheduler(families)
        self._add_web(families)
        self._add_cluster(families)
        self._add_database(families)
        build_info = families.gauge("build_info", "Always 1; the version is a label.", "version")
        build_info.labels(VERSION).set(1)
        ProcessCollector(registry=registry)

    def _add_fits(self, families: _Families) -> None:
        self.fits = families.counter(
            "fits_total", "Fits of a stack, by outcome.", "watch", "outcome"
        )
        self.fit_failures = families.counter(
            "fit_failures_total", "Fits without a model.", "watch", "reason"
        )
        self.fit_refusals = families.counter(
            "fit_refusals_total", "New models that did not take over.", "watch", "reason"
        )
        self.fit_duration = families.histogram(
            "fit_duration_seconds", "Time that fitting one stack took.", "watch"
        )
        self.last_fit = families.gauge(
            "watch_last_fit_timestamp_seconds", "When the last fit succeeded.", "watch"
        )

    def _add_scores(self, families: _Families) -> None:
        self.score_duration = families.histogram(
            "score_duration_seconds", "Time that one scoring took.", "watch"
        )
        self.samples_scored = families.counter(
            "samples_scored_total", "Samples that were scored.", "watch"
        )
        self.alarms = families.counter("alarms_total", "Alarms that have begun.", "watch")
        self.regimes = families.counter(
            "regimes_total", "New levels that were accepted as normal.", "watch"
        )
        self.incidents = families.counter("incidents_total", "Incidents that have begun.", "watch")
        self.feedback = families.counter("feedback_total", "Answers to alarms.", "watch", "verdict")
        self.score_failures = families.counter(
            "score_failures_total", "Scorings that failed.", "watch", "reason"
        )
        self.forecast_failures = families.counter(
            "forecast_failures_total", "Forecasts that failed.", "watch"
        )
        self.last_score = families.gauge(
            "watch_last_score_timestamp_seconds", "Time that is scored last.", "watch"
        )
        self.late_seconds = families.gauge(
            "watch_late_seconds", "How long values change after they were read; 0 = not.", "watch"
        )
        self.watch_up = families.gauge(
            "watch_up", "1 = the last run of the score job worked.", "watch"
        )

    def _add_source(self, families: _Families) -> None:
        self.unevaluated_steps = families.counter(
            "unevaluated_steps_total",
            "Steps at which the query could not be evaluated.",
            "watch",
            "reason",
        )
        self.source_holes = families.counter(
            "source_holes_total", "Holes of the source that queries look back over.", "watch"
        )
        self.source_hole_failures = families.counter(
            "source_hole_failures_total",
            "Looks for holes of the source that failed.",
            "watch",
            "reason",
        )
        self.covariate_failures = families.counter(
            "covariate_failures_total", "Covariates that were missing.", "watch", "reason"
        )

    def _add_prometheus(self, families: _Families) -> None:
        self.prometheus_requests = families.counter(
            "prometheus_requests_total", "Requests to Prometheus.", "outcome"
        )
        self.prometheus_request_duration = families.histogram(
            "prometheus_request_duration_seconds", "Time that a request to Prometheus took."
        )
        self.prometheus_warnings = families.counter(
            "prometheus_warnings_total", "Warnings in answers of Prometheus."
        )
        self.refused_series = families.counter(
            "refused_series_total", "Series of answers that were left out.", "watch", "reason"
        )
        self.remote_write_samples = families.counter(
            "remote_write_samples_total", "Samples for the receiver.", "outcome"
        )
        self.remote_write_failures = families.counter(
            "remote_write_failures_total", "Requests that failed.", "reason"
        )
        self.remote_write_sent_time = families.gauge(
            "remote_write_sent_timestamp_seconds",
            "Time up to which the watch has been sent.",
            "watch",
        )

    def _add_maintenance(self, families: _Families) -> None:
        self.maintenance_active = families.gauge(
            "maintenance_active", "Maintenance windows that run.", "source"
        )
        self.maintenance_failures = families.counter(
            "maintenance_failures_total",
            "Calendars and silences that were not read.",
            "source",
            "reason",
        )

    def _add_scheduler(self, families: _Families) -> None:
        self.jobs_missed = families.counter(
            "jobs_missed_total", "Runs that were due and did not start.", "job"
        )
        self.job_errors = families.counter(
            "job_errors_total", "Runs that ended in an error of ours.", "job"
        )
        self.clock_steps = families.counter(
            "clock_steps_total", "Jumps of the clock of this machine.", "direction"
        )
        self.clock_correction = families.gauge(
            "clock_correction_seconds", "What is added to the clock of this machine; 0 = right."
        )
        self.heartbeat = families.gauge(
            "scheduler_heartbeat_timestamp_seconds", "When the scheduler last worked."
        )
        self.reload_successful = families.gauge(
            "config_last_reload_successful", "1 = the last reload worked."
        )
        self.reload_time = families.gauge(
            "config_last_reload_success_timestamp_seconds", "When a reload last worked."
        )

    def _add_web(self, families: _Families) -> None:
        self.http_requests = families.counter(
            "http_requests_total", "Requests that were answered.", "route", "status"
        )
        self.http_duration = families.histogram(
            "http_request_duration_seconds",
            "Time that an answer took.",
            "route",
            buckets=REQUEST_SECONDS,
        )
        self.http_connections = families.gauge("http_connections", "Open connections of clients.")
        self.http_cut_connections = families.counter(
            "http_cut_connections_total", "Connections that the server ended.", "reason"
        )
        self.tls_reload_successful = families.gauge(
            "tls_last_reload_successful", "0 = the files for TLS are wrong since they changed."
        )
        self.http_refused_credentials = families.counter(
            "http_refused_credentials_total", "Credentials that were refused.", "outcome"
        )
        self.previews = families.counter(
            "previews_total", "Previews that were ordered and are over.", "outcome"
        )

    def _add_cluster(self, families: _Families) -> None:
        self.executor_reachable = families.gauge(
            "executor_reachable",
            "Whether the cluster that runs the fits can be reached.",
            "executor",
        )
        self.leases_held = families.gauge("leases_held", "Leases that this process holds.")
        self.leases_unheld = families.gauge(
            "leases_unheld", "Leases that no living worker holds, as this one sees it."
        )
        self.leases_inherited = families.counter(
            "leases_inherited_total", "Leases taken over from processes that died."
        )
        self.leases_lost = families.counter(
            "leases_lost_total", "Leases that others took over from this process."
        )
        self.lease_failures = families.counter(
            "lease_failures_total", "Looks at the leases that failed."
        )
        self.fenced_writes = families.counter(
            "fenced_writes_total",
            "Writes refused because another process holds the lease.",
            "lease",
        )
        self.publication_failures = families.counter(
            "publication_failures_total", "Exchanges of the board that failed.", "operation"
        )
        self.listening = families.gauge(
            "listening", "1 = what other processes store is announced to this one."
        )
        self.listen_failures = families.counter(
            "listen_failures_total", "Times that announcements did not come.", "reason"
        )
        self.followed_time = families.gauge(
            "board_followed_timestamp_seconds", "When a web replica last looked for a newer board."
        )

    def _add_database(self, families: _Families) -> None:
        self.connections = families.gauge(
            "database_connections", "Connections to the database server, by state.", "state"
        )
        self.connections_limit = families.gauge(
            "database_connections_limit", "Most connections of this process; 0 = it is a file."
        )
        self.connections_waiting = families.gauge(
            "database_connections_waiting", "Who waits for a connection at this moment."
        )
        self.connection_timeouts = families.counter(
            "database_connection_timeouts_total", "Times that no connection was free in time."
        )

    def follow_connections(self, connections: ConnectionUse | None) -> None:
        """Shows how far they are used; None = the database is a file."""
        if connections is None:
            return
        self.connections_limit.set(connections.limit)
        self.connections.labels("in_use").set_function(connections.in_use)
        self.connections.labels("idle").set_function(connections.idle)
        self.connections_waiting.set_function(connections.waiting)
        connections.on_timeout = self.connection_timeouts.inc

    def set_executor_reachable(self, reachable: bool) -> None:
        self.executor_reachable.labels("ray").set(reachable)

    def follow(self, clock: SteadyClock) -> None:
        """Counts the jumps of the machine's clock, and shows whether it is right."""
        clock.on_step = lambda seconds: self.clock_steps.labels(
            "back" if seconds < 0 else "forward"
        ).inc()
        self.clock_correction.set_function(lambda: clock.correction)

    def forget(self, watch: str) -> None:
        """Removes the gauges of a watch, so that a watch that a reload has removed does not look
        down or late."""
        for gauge in (
            self.watch_up,
            self.late_seconds,
            self.last_score,
            self.last_fit,
            self.remote_write_sent_time,
        ):
            gauge.remove(watch)
