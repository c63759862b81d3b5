"""Series from the exported metrics alone, where the Infinity plugin may not be installed."""

from typing import Any

from tests.grafana.dashboards import links
from tests.grafana.dashboards.look import (
    ABOVE_ONE,
    ANOMALY,
    CAUTION,
    GOOD,
    QUIET,
    colored,
    prop,
    words,
)
from tests.grafana.dashboards.panels import band, number, place, scores
from tests.grafana.dashboards.queries import latest, lines
from tests.grafana.dashboards.tables import unit_of
from tests.grafana.dashboards.variables import dashboard, exported, source

# The labels of the series as a selector; without any (no series) it still asks for one watch only.
ONE = '{watch="$watch",${series:raw}}'
# No bound on a side is infinite, which no axis can show: such a sample is left out.
VALUE = f"bandwatch_value{ONE}"
EXPECTED = f"bandwatch_expected{ONE}"
LOWER = f"bandwatch_lower{ONE} > -Inf"
UPPER = f"bandwatch_upper{ONE} < +Inf"
DRAWN = {
    "lower": LOWER,
    "upper": UPPER,
    "provisional": f"{EXPECTED} unless on() bandwatch_alert_score{ONE}",  # it is learning
    "value": VALUE,
    "anomaly": f"{VALUE} and bandwatch_anomaly_score{ONE} > 1",
    "expected": EXPECTED,
}  # from the bottom to the top
TOLD = {"value": VALUE, "expected": EXPECTED, "lower": LOWER, "upper": UPPER}
LATE = (
    "This is what Prometheus scraped. It is up to one scoring interval late, has no forecast, and"
    " has no line for a time in which Bandwatch was down."
)


def board() -> dict[str, Any]:
    return dashboard(
        "bandwatch-series-prometheus",
        "Bandwatch: one series (Prometheus)",
        "One series in its band and its score, from the metrics that Bandwatch exports.",
        panels=place((4, [(24, _now())]), (11, [(24, _band())]), (7, [(24, _scores())])),
        variables=_variables(),
        links=[
            links.board("Fleet", "bandwatch-fleet-prometheus"),
            links.board("Bandwatch itself", "bandwatch-self"),
            links.explore("${datasource}", _explored()),
        ],
    )


def _variables() -> list[dict[str, Any]]:
    return [
        source(),
        exported(
            "watch",
            "Watch",
            "A query of Bandwatch's configuration.",
            "label_values(bandwatch_watch_info, watch)",
        ),
        # Grafana tells labels without escapes: a value with a quote or a backslash makes no
        # selector: it is left out.
        exported(
            "series",
            "Series",
            "A series of the watch, by all of its labels. Series that vanished within the range "
            "are listed, too.",
            'query_result(last_over_time(bandwatch_value{watch="$watch"}[$__range]))',
            regex=r'/^\w*\{((?:\w+="[^"\\\n]*",?)+)\} /',
        ),
    ]


def _now() -> Any:
    return (
        number(
            3,
            "Now",
            "The latest sample and its expected value; the score as alert rules read it; "
            f"whether the samples have stopped. {LATE}",
            *(latest(expression, name, name) for name, expression in TOLD.items()),
            latest(f"bandwatch_anomaly_score{ONE}", "score", "score"),
            latest(f"bandwatch_alert_score{ONE}", "alert score", "alert"),
            latest(f"bandwatch_missing{ONE}", "samples", "missing"),
            _unit(),
            empty="This series is not scored now",
        )
        .with_transformation(
            unit_of("unit", {"id": "byRegexp", "options": f"/^({'|'.join(TOLD)})$/"})
        )
        .override_by_regexp("/score$/", [prop("decimals", 2), colored(QUIET, (ABOVE_ONE, ANOMALY))])
        .override_by_name(
            "samples", [words({"0": (GOOD, "arrive"), "1": (CAUTION, "have stopped")})]
        )
    )


def _band() -> Any:
    return band(
        1,
        "Value in its band",
        "The samples, their expected values, and the band in which they should lie. "
        f"Red points are outside. Purple dots: the series was learning. {LATE}",
        *(lines(expression, name, name) for name, expression in DRAWN.items()),
        _unit(),
    ).with_transformation(unit_of("unit", {"id": "byType", "options": "number"}))


def _unit() -> Any:
    """One row with the label `unit`, if the watch has one."""
    return latest('max by (unit) (bandwatch_watch_info{watch="$watch"})', ref="unit", rows=True)


def _scores() -> Any:
    return scores(
        2,
        "Anomaly score",
        "Distance of the value from the expected value, in half-widths of the band. Above 1 (red)"
        " the value is outside. Dashed: what alert rules read. While an alarm is open, it is"
        " the highest score so far.",
        lines(f"bandwatch_anomaly_score{ONE}", "score", "score"),
        lines(f"bandwatch_alert_score{ONE}", "alert score", "alert"),
    ).override_by_name(
        "alert score",
        [prop("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}), prop("custom.fillOpacity", 0)],
    )


def _explored() -> dict[str, Any]:
    return {
        "refId": "A",
        "expr": 'bandwatch_value{watch="WATCH"}'.replace("WATCH", "${watch:raw}"),
        "range": True,
    }
