"""Bandwatch itself: does it score, fit and answer.

Reads Prometheus, which goes on when Bandwatch does not.
"""

from typing import Any

from tests.grafana.dashboards import links
from tests.grafana.dashboards.look import (
    ANOMALY,
    CAUTION,
    GOOD,
    LEARNING,
    NEUTRAL,
    QUIET,
    colored,
    prop,
    words,
)
from tests.grafana.dashboards.panels import graph, number, place
from tests.grafana.dashboards.queries import latest, lines
from tests.grafana.dashboards.variables import dashboard, exported, source

OF = '{watch=~"$watch"}'
RATE = "[$__rate_interval]"
DAY = "[1d]"  # for fits: most watches have one a day
SELF = "on (job, instance) bandwatch_build_info"  # of all processes that Prometheus scrapes, ours


def board() -> dict[str, Any]:
    return dashboard(
        "bandwatch-self",
        "Bandwatch: itself",
        "Whether Bandwatch scores, fits and answers as it should.",
        panels=place(
            (4, [(24, _health())]),
            (8, [(8, _lag()), (8, _share()), (8, _failures())]),
            (8, [(8, _fits()), (8, _fit_duration()), (8, _series())]),
            (8, [(8, _refused()), (8, _drifted()), (8, _oldest())]),
            (8, [(8, _requests()), (8, _waits()), (8, _answers())]),
            (8, [(12, _process()), (12, _written())]),
        ),
        variables=[
            source(),
            exported(
                "watch",
                "Watch",
                "The queries of Bandwatch's configuration.",
                "label_values(bandwatch_watch_up, watch)",
                multi=True,
                every=".*",
            ),
        ],
        links=[
            links.board("Fleet", "bandwatch-fleet"),
            links.board("Incidents", "bandwatch-incidents"),
        ],
    )


def _health() -> Any:
    beat = "time() - max(bandwatch_scheduler_heartbeat_timestamp_seconds)"
    return (
        number(
            1,
            "Health",
            "Heartbeat: seconds since the scheduler last worked; `down` means that Prometheus"
            " gets no metrics of Bandwatch. Then: watches whose last scoring failed or is late,"
            " models that no refit has checked in time, whether the last reload of the"
            " configuration worked, and the time since the start.",
            latest(beat, "Heartbeat", "heartbeat"),
            latest(f"sum(bandwatch_watch_unhealthy{OF})", "Watches not ok", "unhealthy"),
            latest(f"sum(bandwatch_watch_stale_models{OF})", "Stale models", "stale"),
            latest("min(bandwatch_config_last_reload_successful)", "Last reload", "reload"),
            latest(f"time() - max(process_start_time_seconds and {SELF})", "Up for", "uptime"),
            empty="down",
        )
        .override_by_name(
            "Heartbeat",
            [prop("unit", "s"), prop("decimals", 0), colored(GOOD, (60, CAUTION), (120, ANOMALY))],
        )
        .override_by_name("Watches not ok", [colored(GOOD, (1, ANOMALY))])
        .override_by_name("Stale models", [colored(GOOD, (1, CAUTION))])
        .override_by_name("Last reload", [words({"1": (GOOD, "worked"), "0": (ANOMALY, "failed")})])
        .override_by_name("Up for", [prop("unit", "dtdurations"), prop("decimals", 0)])
    )


def _lag() -> Any:
    return graph(
        2,
        "Lag",
        "How far the scores of each watch are behind the present. It rises and falls by one "
        "scoring interval. If a line keeps rising, the watch is no longer scored.",
        lines(f"time() - bandwatch_watch_last_score_timestamp_seconds{OF}", "{{watch}}"),
        unit="s",
    )


def _share() -> Any:
    return graph(
        3,
        "Scoring, share of its interval",
        "The share of its interval that scoring a watch takes, on average. At 100 % it needs the"
        " whole interval: score it less often, or with a simpler detector.",
        lines(
            f"sum by (watch) (rate(bandwatch_score_duration_seconds_sum{OF}{RATE}))", "{{watch}}"
        ),
        unit="percentunit",
    ).min(0)


def _failures() -> Any:
    def failed(metric: str, labels: str, legend: str, ref: str) -> Any:
        return lines(f"sum by ({labels}) (increase({metric}{RATE})) > 0", legend, ref)

    return graph(
        4,
        "What failed",
        "Each failure by its reason. docs/metrics.md explains the reasons. Nothing is drawn "
        "while nothing fails, or while Prometheus gets no metrics: see Health.",
        failed(
            f"bandwatch_score_failures_total{OF}",
            "watch, reason",
            "scoring {{watch}}: {{reason}}",
            "scores",
        ),
        failed(
            f"bandwatch_fit_failures_total{OF}",
            "watch, reason",
            "fit {{watch}}: {{reason}}",
            "fits",
        ),
        failed(
            f"bandwatch_forecast_failures_total{OF}", "watch", "forecast {{watch}}", "forecasts"
        ),
        failed(
            f"bandwatch_covariate_failures_total{OF}",
            "watch, reason",
            "covariate {{watch}}: {{reason}}",
            "covariates",
        ),
        failed(
            "bandwatch_remote_write_failures_total", "reason", "remote write: {{reason}}", "writes"
        ),
        failed("bandwatch_jobs_missed_total", "job", "not run in time: {{job}}", "missed"),
        failed("bandwatch_job_errors_total", "job", "error in {{job}}", "errors"),
        empty="No failure was counted",
    ).min(0)


def _fits() -> Any:
    return (
        graph(
            5,
            "Fits of 24 hours",
            "How many fits of a stack of series ended in the 24 hours before, by "
            "outcome. A fit that failed, or was no better, keeps the old model.",
            lines(f"sum by (outcome) (increase(bandwatch_fits_total{OF}{DAY}))", "{{outcome}}"),
        )
        .min(0)
        .decimals(0)
        .override_by_name("success", [prop("color", {"mode": "fixed", "fixedColor": GOOD})])
        .override_by_name("failure", [prop("color", {"mode": "fixed", "fixedColor": ANOMALY})])
    )


def _fit_duration() -> Any:
    return _quantiles(
        6,
        "Fit duration",
        "How long fitting one stack took in the 24 hours before. Half of the fits were "
        "quicker than the lower line, and 95 of 100 were quicker than the upper one.",
        f"bandwatch_fit_duration_seconds_bucket{OF}",
        DAY,
    )


def _refused() -> Any:
    return (
        graph(
            13,
            "Refused models of 24 h",
            "New models that did not take over in the 24 hours before, by reason. The old models"
            " stay. A few are normal. If there are many at once, the series have changed, or the"
            " detector does not suit them. docs/models.md explains the reasons.",
            lines(
                f"sum by (reason) (increase(bandwatch_fit_refusals_total{OF}{DAY}))", "{{reason}}"
            ),
            empty="No model was refused",
        )
        .min(0)
        .decimals(0)
    )


def _drifted() -> Any:
    return (
        graph(
            14,
            "Drifted models",
            "Models from which their series have moved away over the last day. A refit corrects "
            "that. If it does not, check the series, and whether refits are refused.",
            lines(f"sum by (watch) (bandwatch_watch_drifted_models{OF})", "{{watch}}"),
        )
        .min(0)
        .decimals(0)
    )


def _oldest() -> Any:
    return graph(
        15,
        "Age of the oldest model",
        "The age of the oldest active model of each watch, without those of missing series. A model"
        " may be old for a good reason: it is pinned, or no refit did better. Stale models, in"
        " Health, are those that no refit has checked.",
        lines(f"time() - bandwatch_watch_oldest_model_timestamp_seconds{OF}", "{{watch}}"),
        unit="s",
    ).min(0)


def _series() -> Any:
    return (
        graph(
            7,
            "Series by state",
            "How many series are scored (ok), have no model yet (warming up), are in their first "
            "day and do not alert (learning), have stopped (missing), could not be read (stale), "
            "or are in maintenance.",
            lines(f"sum by (state) (bandwatch_series{OF})", "{{state}}"),
        )
        .min(0)
        .decimals(0)
        .override_by_name("ok", [prop("color", {"mode": "fixed", "fixedColor": GOOD})])
        .override_by_name(
            "warming_up",
            [
                prop("color", {"mode": "fixed", "fixedColor": NEUTRAL}),
                prop("displayName", "warming up"),
            ],
        )
        .override_by_name("learning", [prop("color", {"mode": "fixed", "fixedColor": LEARNING})])
        .override_by_name("missing", [prop("color", {"mode": "fixed", "fixedColor": CAUTION})])
        .override_by_name("stale", [prop("color", {"mode": "fixed", "fixedColor": ANOMALY})])
        .override_by_name("maintenance", [prop("color", {"mode": "fixed", "fixedColor": QUIET})])
    )


def _requests() -> Any:
    return (
        graph(
            8,
            "Requests to Prometheus",
            "Requests that Bandwatch makes, by outcome. After any outcome but `success`, a "
            "watch has no new samples.",
            lines(
                f"sum by (outcome) (rate(bandwatch_prometheus_requests_total{RATE}))", "{{outcome}}"
            ),
            unit="reqps",
        )
        .min(0)
        .override_by_name("success", [prop("color", {"mode": "fixed", "fixedColor": GOOD})])
    )


def _waits() -> Any:
    return _quantiles(
        9,
        "Prometheus answers after",
        "How long a request to Prometheus took: the median, and 95 of 100.",
        "bandwatch_prometheus_request_duration_seconds_bucket",
    )


def _answers() -> Any:
    buckets = f"sum by (le, route) (rate(bandwatch_http_request_duration_seconds_bucket{RATE}))"
    return graph(
        10,
        "HTTP answers after",
        "Time within which 95 of 100 requests were answered, by route. Alert rules "
        "need /api/v1/alert, panels /api/v1/bands.",
        lines(f"histogram_quantile(0.95, {buckets})", "{{route}}"),
        unit="s",
    ).min(0)


def _process() -> Any:
    return (
        graph(
            11,
            "Process",
            "Memory and processor time of Bandwatch's own process (fits run in a second one).",
            lines(f"process_resident_memory_bytes and {SELF}", "memory", "memory"),
            lines(f"rate(process_cpu_seconds_total{RATE}) and {SELF}", "processors", "processors"),
            unit="bytes",
        )
        .min(0)
        .override_by_name(
            "processors",
            [prop("unit", "none"), prop("custom.axisPlacement", "right"), prop("decimals", 2)],
        )
    )


def _written() -> Any:
    return graph(
        12,
        "Remote write",
        "Samples that were sent back to Prometheus, by outcome. There are none without "
        "`remote_write` in the configuration.",
        lines(
            f"sum by (outcome) (rate(bandwatch_remote_write_samples_total{RATE}))", "{{outcome}}"
        ),
        unit="cps",
        empty="No sample is written back",
    ).min(0)


def _quantiles(panel: int, title: str, description: str, buckets: str, window: str = RATE) -> Any:
    def quantile(share: float) -> str:
        return f"histogram_quantile({share}, sum by (le) (rate({buckets}{window})))"

    return graph(
        panel,
        title,
        description,
        lines(quantile(0.95), "95 of 100", "most"),
        lines(quantile(0.5), "median", "median"),
        unit="s",
    ).min(0)
