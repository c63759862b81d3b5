"""Incidents: what left its band in a range of time, where and for how long."""

from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import GraphDrawStyle, TooltipDisplayMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, FieldColorModeId

from tests.grafana.dashboards import links
from tests.grafana.dashboards.look import ANOMALY, CLOCK
from tests.grafana.dashboards.panels import bars, number, place, scores
from tests.grafana.dashboards.queries import RANGE, Ask
from tests.grafana.dashboards.tables import (
    Column,
    answer,
    carried,
    count,
    direction,
    duration,
    grid,
    moment,
    name,
    score,
    state,
    text,
    verdict,
)
from tests.grafana.dashboards.variables import dashboard, watches, written

ASKED = {"watch": "${watch:csv}", **RANGE}
PATH = "/api/v1/incidents"
MANY = "1000"
STILL_OPEN = DataTransformerConfig(
    id_val="filterByValue",
    options={
        "type": "include",
        "match": "all",
        "filters": [
            {"fieldName": "state", "config": {"id": "equal", "options": {"value": "open"}}}
        ],
    },
)
BY_WATCH = DataTransformerConfig(
    id_val="groupBy",
    options={
        "fields": {
            "watch": {"operation": "groupby", "aggregations": []},
            "score": {"operation": "aggregate", "aggregations": ["count"]},
        }
    },
)


def board() -> dict[str, Any]:
    return dashboard(
        "bandwatch-incidents",
        "Bandwatch: incidents",
        "When series left their bands, how far and for how long.",
        panels=place(
            (4, _numbers()),
            (8, [(8, _by_watch()), (16, _timeline())]),
            (10, [(24, _table())]),
            (8, [(24, _members())]),
            (6, [(24, _answers())]),
        ),
        variables=[
            *watches(),
            written(
                "incident",
                "Incident",
                "The name of one incident. A click on an incident puts it here. "
                "Empty = all incidents of the range.",
            ),
        ],
        links=[
            links.board("Fleet", "bandwatch-fleet"),
            links.board("Bandwatch itself", "bandwatch-self"),
        ],
        begin="now-7d",
    )


def _numbers() -> list[tuple[int, Any]]:
    def asked(*columns: str) -> Ask:
        return Ask(PATH, {**ASKED, "limit": MANY}, columns)

    return [
        (
            8,
            number(
                1,
                "Open",
                "Incidents of this range that have not ended.",
                asked("state", "score"),
                calc="count",
                empty="none",
                above=[(1, ANOMALY)],
            ).with_transformation(STILL_OPEN),
        ),
        (
            8,
            number(
                2,
                "In this range",
                "Incidents in this range, also those that are only partly in it.",
                asked("score"),
                calc="count",
                empty="none",
            ),
        ),
        (
            8,
            number(
                3,
                "Longest",
                "How long the longest incident lasted, or has lasted so far.",
                asked("duration_seconds"),
                calc="max",
                unit=CLOCK,
                empty="none",
            ),
        ),
    ]


def _by_watch() -> Any:
    return bars(
        4,
        "By watch",
        "How many incidents each watch had in this range. A watch with many is in trouble, or "
        "alarms too easily: see its noise budget in Fleet.",
        Ask(PATH, {**ASKED, "limit": MANY}, ["watch", "score"]),
        rows=True,
        empty="No incident in this range",
    ).with_transformation(BY_WATCH)


def _timeline() -> Any:
    """Points, not bars of their duration: incidents overlap, and a table of starts and ends has no
    state between."""
    asked = Ask(
        PATH, {**ASKED, "limit": "200"}, ["time", "short_title", "score"], shape="timeseries"
    )
    return (
        scores(
            5,
            "When, and how far",
            "Each point is an incident: when it began, and the highest score of its "
            "series in half-widths of the band.",
            asked,
            empty="No incident in this range",
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.SINGLE))
        .draw_style(GraphDrawStyle.POINTS)
        .show_points(VisibilityMode.ALWAYS)
        .point_size(8)
        .display_name("${__field.labels.short_title}")
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    )


def _table() -> Any:
    columns: list[Column] = [
        moment("time", "Start"),
        state("alarm_state"),
        duration(),
        name("short_title", "Incident", links.to_incident()),
        name("short_text", "Went farthest", links.to_moment("worst_watch", "worst")),
        text("changes", "Changed before"),
        score("score", "Peak"),
        direction(),
        answer(),
        carried("incident"),
        carried("worst"),
        carried("worst_watch"),
    ]
    return grid(
        6,
        "Incidents",
        "The latest first: how many series were in it, which one moved first, which one went"
        " farthest, and what was changed before. Recovering: none is outside any more. Click on an"
        " incident to see all of its series below, on what went farthest to draw that series"
        " around that time, on `answer` to say what it was.",
        columns,
        Ask(PATH, {**ASKED, "limit": "200"}, _names(columns)),
        empty="No incident in this range",
        sort="Start",
    )


def _members() -> Any:
    """In the order in which Bandwatch answers: by start, so the first to move comes first."""
    columns = [
        moment("time", "Left its band"),
        count("rank", "Moved as"),
        text("watch", "Watch", 105),
        name("short_title", "Series", links.to_moment("watch", "series")),
        state("alarm_state"),
        duration(),
        score("score", "Peak"),
        text("short_text", "At its peak"),
        carried("series"),
    ]
    return grid(
        7,
        "Series of the incident",
        "The series of the chosen incident, in the order in which they left their bands: 1 moved"
        " first. If no incident is chosen, the latest 20 are shown. Click on a series to draw it"
        " around that time.",
        columns,
        Ask(
            PATH,
            {**ASKED, "incident": "${incident:raw}", "members": "true", "limit": "20"},
            _names(columns),
        ),
        empty="No incident in this range",
    )


def _answers() -> Any:
    columns = [
        moment("at", "Answered"),
        verdict(),
        text("watch", "Watch", 105),
        name("series", "Series", links.to_moment("watch", "series")),
        state(width=90),
        text("by", "By", 120),
        text("comment", "Why"),
        carried("time"),
    ]
    return grid(
        8,
        "Answers",
        "What people said about alarms of this range, and whether the answer is in force. Click on "
        "a series to draw it around the alarm.",
        columns,
        Ask("/api/v1/feedback", ASKED, _names(columns)),
        empty="No alarm was answered in this range",
        sort="Answered",
    )


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]
