"""Series: one series in its band, its score, why, and its incidents."""

from typing import Any

from tests.grafana.dashboards import links
from tests.grafana.dashboards.panels import band, place, scores
from tests.grafana.dashboards.queries import RANGE, Ask
from tests.grafana.dashboards.tables import (
    Column,
    answer,
    carried,
    direction,
    duration,
    grid,
    moment,
    name,
    number,
    ordered,
    score,
    seconds,
    state,
    text,
    unit_of,
)
from tests.grafana.dashboards.variables import asked, dashboard, incidents

WATCH = {"watch": "${watch:raw}"}
ONE = {**WATCH, "series": "${series:raw}"}
# In back-quotes, quotes and backslashes stand for themselves, as an escaped value needs it. A value
# with a
# back-quote cannot be written so, and is not offered.
MATCH = {"match": '{"${label:raw}"=~`${value:regex}`}'}
POINTS = {"max_points": "1500", "labels": "none"}
NUMBERS = {"id": "byType", "options": "number"}
# From the bottom to the top.
DRAWN = ("time", "lower", "upper", "provisional", "value", "anomaly", "expected")
MEASURED = {"id": "byRegexp", "options": "/^(value|expected|lower|upper)$/"}


def board() -> dict[str, Any]:
    marks = Ask(
        "/api/v1/annotations",
        {**ONE, **RANGE, "members": "true"},
        ["time", "timeEnd", "title", "text", "tags"],
        ref="Anno",
        shape="dataframe",
    )
    return dashboard(
        "bandwatch-series",
        "Bandwatch: one series",
        "One series in its band, with the forecast, its score, the reason in words, and its"
        " incidents.",
        panels=place(
            (4, [(24, _now())]),
            (11, [(24, _band())]),
            (6, [(24, _scores())]),
            (6, [(24, _incidents())]),
            (9, [(24, _others())]),
        ),
        variables=_variables(),
        annotations=[incidents(marks)],
        links=[
            links.board("Fleet", "bandwatch-fleet"),
            links.board("Incidents", "bandwatch-incidents"),
            links.board("Bandwatch itself", "bandwatch-self"),
            links.explore("bandwatch", _explored()),
        ],
        end="now+1h",
    )


def _variables() -> list[dict[str, Any]]:
    return [
        asked(
            "watch",
            "Watch",
            "A query of Bandwatch's configuration.",
            "/api/v1/label/watch/values",
            {},
        ),
        asked(
            "label",
            "Label",
            "A label to narrow the series by.",
            "/api/v1/labels",
            WATCH,
            regex=r'/^(?!watch$)[^"\\]+$/',
        ),
        asked(
            "value",
            "is",
            "The value of that label.",
            "/api/v1/label/${label:percentencode}/values",
            WATCH,
            regex="/^[^`]*$/",
            every=".*",
        ),
        asked(
            "series",
            "Series",
            "A series of the watch, as a Prometheus selector.",
            "/api/v1/series",
            {**WATCH, **MATCH},
        ),
    ]


def _band() -> Any:
    return (
        band(
            1,
            "Value in its band",
            "The samples, their expected values, and the band in which they should lie. The band"
            " was known before each sample, and is never redrawn. The forecast is to the right of"
            " now. Red points are outside the band, red regions are incidents. Where purple dots"
            " lie under the expected values, the series was learning: the band is provisional, and"
            " nothing alerts.",
            Ask(
                "/api/v1/bands",
                {**ONE, **RANGE, **POINTS, "forecast": "true"},
                DRAWN,
                shape="timeseries",
            ),
            Ask("/api/v1/watches", WATCH, ["unit"], ref="unit"),
        )
        .with_transformation(unit_of("unit", NUMBERS))
        .with_transformation(ordered(DRAWN))
    )


def _scores() -> Any:
    return scores(
        2,
        "Anomaly score",
        "Distance of the value from the expected value, in half-widths of the band. It is above 1"
        " (red) exactly where the value is outside. Where the line is broken, nothing was scored.",
        Ask("/api/v1/bands", {**ONE, **RANGE, **POINTS}, ["time", "score"], shape="timeseries"),
    )


def _now() -> Any:
    columns = [
        state(),
        score(),
        number("value", "Value"),
        number("expected", "Expected"),
        number("lower", "Lower"),
        number("upper", "Upper"),
        text("explanation", "In words"),
        seconds("age_seconds", "Sample age"),
        text("detector", "Detector", 105),
        Column("model_version", "Model", 70),
        seconds("model_age_seconds", "Model age"),
        answer(),
    ]
    return grid(
        3,
        "Now",
        "The latest sample and its explanation, whatever the chosen time range. Also the model "
        "that judged it, and the age of that model.",
        columns,
        Ask("/api/v1/scores", ONE, [*_names(columns), "unit"]),
        empty="This series is not watched now",
        before=[unit_of("A", MEASURED)],
        hidden=["unit"],
    )


def _incidents() -> Any:
    columns = [
        moment("time", "Start"),
        state(width=75),
        duration(),
        score("score", "Peak"),
        direction(),
        name("short_text", "At its peak", links.to_incident()),
        answer(),
        carried("incident"),
    ]
    return grid(
        4,
        "Incidents of this series",
        "When this series left its band in the chosen range: how long, how far, to which side, and"
        " in words. Click on the words to see which series left their bands with it.",
        columns,
        Ask("/api/v1/incidents", {**ONE, **RANGE, "members": "true"}, _names(columns)),
        empty="No incident in this range",
        sort="Start",
    )


def _others() -> Any:
    columns = [
        score(),
        state(),
        name("series", "Series", links.to_series("watch")),
        text("explanation", "In words"),
        seconds("age_seconds", "Age"),
    ]
    return grid(
        5,
        "Beside it",
        "The series of this watch with the chosen label, highest score first. Is it one "
        "series or all of them? Click on one to draw it.",
        columns,
        Ask("/api/v1/scores", {**WATCH, **MATCH, "limit": "25"}, _names(columns)),
        empty="No series has this label",
        sort="Score",
    )


def _explored() -> dict[str, Any]:
    parameters = {
        "watch": "${watch:doublequote}",
        "series": "${series:doublequote}",
        **RANGE,
        "max_points": "1500",
    }
    columns = ["time", "value", "expected", "lower", "upper", "score"]
    return Ask(
        "/api/v1/bands", {**parameters, "labels": "none"}, columns, shape="timeseries"
    ).to_json()


def _names(columns: list[Column]) -> list[str]:
    return [column.name for column in columns]
