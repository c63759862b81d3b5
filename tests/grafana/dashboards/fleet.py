"""Fleet: is anything unusual, missing or out of date, over all watches."""

from typing import Any

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.models.common import GraphDrawStyle, StackingMode

from tests.grafana.dashboards import links
from tests.grafana.dashboards.look import ANOMALY, CAUTION, SPENT
from tests.grafana.dashboards.panels import graph, number, place
from tests.grafana.dashboards.queries import RANGE, Ask
from tests.grafana.dashboards.tables import (
    Column,
    answer,
    carried,
    count,
    duration,
    grid,
    moment,
    name,
    query,
    score,
    seconds,
    share,
    state,
    text,
)
from tests.grafana.dashboards.tables import number as number_of
from tests.grafana.dashboards.variables import dashboard, watches

WATCH = {"watch": "${watch:csv}"}
WATCHES = "/api/v1/watches"
SCORES = "/api/v1/scores"
INCIDENTS = "/api/v1/incidents"
ALARMS = "/api/v1/alarms"
BUDGET = "/api/v1/budget"
NOW = "This is the present state, whatever the chosen time range."


def board() -> dict[str, Any]:
    return dashboard(
        "bandwatch-fleet",
        "Bandwatch: fleet",
        "All watches: what is unusual now, what is missing, what is out of date.",
        panels=place(
            (4, _numbers()),
            (8, [(24, _unusual())]),
            (7, [(9, _history()), (15, _watches())]),
            (8, [(24, _incidents())]),
            (5, [(24, _missing())]),
            (7, [(24, _noisiest())]),
        ),
        variables=watches(),
        links=[
            links.board("Incidents", "bandwatch-incidents"),
            links.board("Bandwatch itself", "bandwatch-self"),
        ],
        begin="now-24h",
    )


def _numbers() -> list[tuple[int, Any]]:
    def of_watches(column: str) -> Ask:
        return Ask(WATCHES, WATCH, [column])

    unhealthy = Ask("/api/v1/alert", {**WATCH, "by": "watch", "field": "unhealthy"}, ["unhealthy"])
    return [
        (
            5,
            number(
                1,
                "Unusual now",
                f"Series with an open alarm: their alert score is above 1. {NOW}",
                of_watches("anomalous"),
                calc="sum",
                above=[(1, ANOMALY)],
            ),
        ),
        (
            5,
            number(
                2,
                "Missing now",
                f"Series that are expected, but have stopped. {NOW}",
                of_watches("missing"),
                calc="sum",
                above=[(1, CAUTION)],
            ),
        ),
        (
            5,
            number(
                3,
                "Stale models",
                "Models that no refit has checked in time. Their bands may be out of date. "
                "The dashboard Bandwatch itself shows why fits fail.",
                of_watches("stale_models"),
                calc="sum",
                above=[(1, CAUTION)],
            ),
        ),
        (
            5,
            number(
                4,
                "Watches not ok",
                "Watches that fail or are late. Their scores are old. The reason is in the table "
                "below.",
                unhealthy,
                calc="sum",
                above=[(1, ANOMALY)],
            ),
        ),
        (
            4,
            number(
                5,
                "Noise budget, 7 d",
                "Alarms of the last seven days as a share of those that `alert_budget` allows, "
                "for the worst watch. Above 100 % it alarms more often than was promised.",
                of_watches("budget_spent"),
                calc="max",
                unit="percentunit",
                above=SPENT,
            ).decimals(0),
        ),
    ]


def _watches() -> Any:
    columns = [
        name("watch", "Watch", links.to_watch()),
        state(),
        text("reason", "Reason"),
        count("series", "Series"),
        count("anomalous", "Unusual", ANOMALY),
        count("missing", "Missing", CAUTION),
        count("learning", "Learning"),
        score("worst_score", "Worst"),
        share("budget_spent", "Noise budget, 7 d"),
        seconds("lag_seconds", "Lag"),
        count("stale_models", "Stale", CAUTION),
    ]
    return grid(
        6,
        "Watches",
        "Each configured query: its state and why, how many of its series are unusual, missing or"
        " learning (new, without alerts yet), the highest score, the noise budget spent in seven"
        " days, how far its scores are behind,"
        " and how many models are stale. Click on a watch to see its series.",
        columns,
        Ask(WATCHES, WATCH, _names(columns)),
        empty="No watch is configured",
    )


def _unusual() -> Any:
    columns = [
        state("alarm_state"),
        score(),
        text("watch", "Watch", 130),
        name("short_name", "Series", links.to_series(), links.to_silence()),
        text("alarm_text", "Now"),
        moment("alarm_start", "Since"),
        seconds("age_seconds", "Sample age"),
        query(),
        answer(),
        carried("series"),
    ]
    return grid(
        7,
        "What is unusual now",
        "The series with an open alarm, the highest scores first, named by the labels that tell"
        " them apart. Recovering: inside the band again, the alarm ends if it stays. Click on a"
        " series to draw it over the same time or to silence its alert, on `PromQL` for its query,"
        " on `answer` to say what the alarm was.",
        columns,
        Ask(ALARMS, {**WATCH, "limit": "50"}, _names(columns)),
        empty="Nothing is unusual",
        sort="Score",
    )


def _history() -> Any:
    """Bars: what a point stands for is a span of time, not a moment."""
    return (
        graph(
            11,
            "Alarms over time",
            "How many alarms each watch had open at a time, in the chosen range.",
            Ask(
                f"{ALARMS}/history",
                {**WATCH, **RANGE},
                ["time", "watch", "alarms"],
                shape="timeseries",
            ),
            empty="No alarm in this range",
        )
        .min(0)
        .decimals(0)
        .draw_style(GraphDrawStyle.BARS)
        .fill_opacity(60)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
        .display_name("${__field.labels.watch}")
    )


def _missing() -> Any:
    columns = [
        text("watch", "Watch", 130),
        name("series", "Series", links.to_series()),
        seconds("age_seconds", "Last seen"),
    ]
    return grid(
        8,
        "Missing series",
        "Series whose samples have stopped, longest first. `missing_data` of the watch decides "
        "whether that alerts.",
        columns,
        Ask(SCORES, {**WATCH, "state": "missing", "limit": "200"}, _names(columns)),
        empty="No series is missing",
        sort="Last seen",
    )


def _incidents() -> Any:
    columns = [
        moment("time", "Start"),
        state("alarm_state"),
        name("short_title", "Incident", links.to_incident()),
        name("short_text", "Went farthest", links.to_moment("worst_watch", "worst")),
        text("changes", "Changed before"),
        duration(),
        score(title="Peak"),
        answer(),
        carried("incident"),
        carried("worst"),
        carried("worst_watch"),
    ]
    return grid(
        9,
        "Incidents in this range",
        "When series left their bands together and how long that lasted, the latest first."
        " Recovering: none is outside any more. Click on an incident to see its series, on what"
        " went farthest to draw that series around that time, on `answer` to say what it was.",
        columns,
        Ask(INCIDENTS, {**WATCH, **RANGE, "limit": "20"}, _names(columns)),
        empty="No incident in this range",
        sort="Start",
    )


def _noisiest() -> Any:
    columns = [
        count("alarms", "Alarms"),
        number_of("promised", "Promised"),
        share("spent", "Budget spent"),
        text("watch", "Watch", 110),
        name("series", "Series", links.to_series()),
        text("suggestion", "What would make it quieter"),
    ]
    return grid(
        10,
        "Noisiest series, 30 d",
        "The series with the most alarms in thirty days, without those that were answered as real,"
        " and how many `alert_budget` allows. The suggested setting would have removed most of"
        " these alarms; it was tried on the stored samples. Click on a series to draw it.",
        columns,
        Ask(BUDGET, {**WATCH, "by": "series", "days": "30", "limit": "10"}, _names(columns)),
        empty="No alarm in thirty days",
        sort="Alarms",
    )


def _names(columns: list[Column]) -> list[str]:
    return [column.name for column in columns]
