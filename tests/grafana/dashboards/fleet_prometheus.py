"""Fleet from the exported metrics alone, where the Infinity plugin may not be installed."""

from typing import Any

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from tests.grafana.dashboards import links
from tests.grafana.dashboards.look import ABOVE_ONE, ANOMALY, CAUTION, SPENT, prop, words
from tests.grafana.dashboards.panels import bars, graph, number, place
from tests.grafana.dashboards.queries import latest, lines
from tests.grafana.dashboards.tables import COLORED_TEXT, Column, count, grid, seconds, share, text
from tests.grafana.dashboards.variables import dashboard, exported, source

OF = '{watch=~"$watch"}'
UNUSUAL = f"bandwatch_alert_score{OF} > 1"
UNUSUAL_OR_NOT = f"bandwatch_alert_score{OF} > bool 1"
WEEK = 7 * 86_400
BUDGET = (
    f"sum by (watch) (increase(bandwatch_alarms_total{OF}[7d])) / (sum by (watch)"
    f" (bandwatch_series{OF}) * on (watch) max by (watch)"
    f" (bandwatch_watch_alert_budget_per_second{OF}) * {WEEK})"
)
MERGED = DataTransformerConfig(id_val="merge", options={})
NOW = "This is the state at the end of the chosen range."


def watch_variable() -> dict[str, Any]:
    return exported(
        "watch",
        "Watch",
        "The queries of Bandwatch's configuration.",
        "label_values(bandwatch_watch_info, watch)",
        multi=True,
        every=".*",
    )


def board() -> dict[str, Any]:
    return dashboard(
        "bandwatch-fleet-prometheus",
        "Bandwatch: fleet (Prometheus)",
        "All watches, from the metrics that Bandwatch exports: what is unusual, missing or out of"
        " date.",
        panels=place(
            (4, _numbers()),
            (8, [(15, _watches()), (9, _history())]),
            (12, [(24, _unusual())]),
            (5, [(24, _missing())]),
        ),
        variables=[source(), watch_variable()],
        links=[
            links.board("One series", "bandwatch-series-prometheus"),
            links.board("Bandwatch itself", "bandwatch-self"),
        ],
        begin="now-24h",
    )


def _numbers() -> list[tuple[int, Any]]:
    return [
        (
            5,
            number(
                1,
                "Unusual now",
                f"Series with an open alarm: their alert score is above 1. {NOW}",
                latest(f"count({UNUSUAL}) or max(bandwatch_build_info) * 0", "unusual"),
                above=[(1, ANOMALY)],
            ),
        ),
        (
            5,
            number(
                2,
                "Missing now",
                f"Series that are expected, but have stopped. {NOW}",
                latest('sum(bandwatch_series{state="missing",watch=~"$watch"})', "missing"),
                above=[(1, CAUTION)],
            ),
        ),
        (
            5,
            number(
                3,
                "Stale models",
                "Models that no refit has checked in time. Their bands may be out of date.",
                latest(f"sum(bandwatch_watch_stale_models{OF})", "stale"),
                above=[(1, CAUTION)],
            ),
        ),
        (
            5,
            number(
                4,
                "Watches not ok",
                "Watches that fail or are late. Their scores are old. "
                "`unknown`: Prometheus gets no metrics of Bandwatch.",
                latest(f"sum(bandwatch_watch_unhealthy{OF})", "not ok"),
                above=[(1, ANOMALY)],
            ),
        ),
        (
            4,
            number(
                5,
                "Noise budget, 7 d",
                "Alarms of the last seven days as a share of those that `alert_budget` allows, "
                "for the worst watch.",
                latest(f"max({BUDGET})", "spent"),
                unit="percentunit",
                above=SPENT,
            ).decimals(0),
        ),
    ]


def _watches() -> Any:
    asked = {
        "unhealthy": f"max by (watch) (bandwatch_watch_unhealthy{OF})",
        "series": f"sum by (watch) (bandwatch_series{OF})",
        "unusual": f"count by (watch) ({UNUSUAL}) or sum by (watch) (bandwatch_series{OF}) * 0",
        "missing": 'sum by (watch) (bandwatch_series{state="missing",watch=~"$watch"})',
        "learning": 'sum by (watch) (bandwatch_series{state="learning",watch=~"$watch"})',
        "budget": BUDGET,
        "lag": f"max by (watch) (time() - bandwatch_watch_last_score_timestamp_seconds{OF})",
    }
    states = (words({"0": ("green", "ok"), "1": (ANOMALY, "not ok")}), COLORED_TEXT)
    columns = [
        text("watch", "Watch"),
        Column("Value #unhealthy", "State", 80, states),
        count("Value #series", "Series"),
        count("Value #unusual", "Unusual", ANOMALY),
        count("Value #missing", "Missing", CAUTION),
        count("Value #learning", "Learning"),
        share("Value #budget", "Noise budget, 7 d"),
        seconds("Value #lag", "Lag"),
    ]
    return grid(
        6,
        "Watches",
        "Each configured query: how many of its series are unusual, missing or learning (new, "
        "without alerts yet), the noise budget "
        f"spent in seven days, and how far its scores are behind. {NOW}",
        columns,
        *(latest(expression, ref=name, rows=True) for name, expression in asked.items()),
        empty="Prometheus has no metrics of Bandwatch",
        before=[MERGED],
        hidden=["Time"],
    )


def _history() -> Any:
    return (
        graph(
            7,
            "Unusual series",
            "How many series of each watch had an alert score above 1.",
            lines(f"sum by (watch) ({UNUSUAL_OR_NOT})", "{{watch}}"),
        )
        .min(0)
        .decimals(0)
    )


def _unusual() -> Any:
    """Bars, because their labels are at hand for the link to one series; a row of a table has them
    one by one."""
    return bars(
        8,
        "What is unusual now",
        "The series with an open alarm, at most 25: their alert score, the highest of the alarm so"
        " far, in half-widths of their band. Click on a bar to draw its series.",
        latest(f"topk(25, {UNUSUAL}) + 0"),
        empty="Nothing is unusual",
        long=True,
        above=[(ABOVE_ONE, ANOMALY)],
    ).override_by_regexp("/.*/", [prop("links", [links.to_exported()]), prop("decimals", 2)])


def _missing() -> Any:
    return grid(
        9,
        "Missing series that alert",
        "Series whose samples have stopped and that alert: because of `missing_data: alert`, or "
        "because the series was unusual when it vanished.",
        [text("watch", "Watch", 130), text("metric_name", "Metric")],
        latest(f"bandwatch_missing{OF} == 1", rows=True),
        empty="No series is missing",
        hidden=["Time", "Value", "__name__"],
    )
