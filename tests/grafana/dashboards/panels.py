"""Panels as they all look here: graphs, numbers, bars and tables, and where they stand."""

import json
from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeNamePlacement,
    BarGaugeValueMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    GraphGradientMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import FieldColorModeId, Panel

from tests.grafana.dashboards.look import (
    ABSENT,
    ANOMALY,
    BAND,
    EXPECTED,
    LEARNING,
    NEUTRAL,
    QUIET,
    VALUE,
    fixed,
    prop,
    steps,
)

Row = tuple[
    int, Sequence[tuple[int, Any]]
]  # its height, and for each panel its width and its builder
COLUMNS = 24  # of Grafana's grid
# pixels left of a graph: the same for all that stand above each other, so that their times do, too
AXIS = 64
ORDER = (
    "id",
    "type",
    "title",
    "description",
    "gridPos",
    "datasource",
    "targets",
    "transformations",
    "options",
    "fieldConfig",
)  # of the keys of a panel; what else the SDK writes has no effect


def place(*rows: Row) -> list[dict[str, Any]]:
    """Panels from the top down, each with the data source of its queries."""
    placed = []
    y = 0
    for height, across in rows:
        x = 0
        for width, builder in across:
            built = _written(builder.build())
            built["gridPos"] = {"x": x, "y": y, "w": width, "h": height}
            built["datasource"] = built["targets"][0]["datasource"]
            placed.append({key: built[key] for key in ORDER if key in built})
            x += width
        assert x == COLUMNS, [panel["title"] for panel in placed[-len(across) :]]
        y += height
    return placed


def _written(panel: Panel) -> dict[str, Any]:
    return dict(json.loads(json.dumps(panel, cls=JSONEncoder)))


def graph(
    number: int,
    title: str,
    description: str,
    *queries: Builder[Dataquery],
    unit: str = "short",
    legend: bool = True,
    empty: str = "",
) -> timeseries.Panel:
    """Lines over time; a gap is a gap. empty: what a graph says that rightly has no line."""
    shown = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
    )
    made = (
        timeseries.Panel()
        .id(number)
        .title(title)
        .description(description)
        .targets(list(queries))
        .unit(unit)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .draw_style(GraphDrawStyle.LINE)
        .line_interpolation(LineInterpolation.LINEAR)
        .line_width(1)
        .fill_opacity(0)
        .show_points(VisibilityMode.AUTO)
        .point_size(4)
        .span_nulls(False)
        .axis_border_show(False)
        .legend(shown.show_legend(legend).calcs([]))
        .tooltip(
            common.VizTooltipOptions()
            .mode(TooltipDisplayMode.MULTI)
            .sort(SortOrder.DESCENDING if legend else SortOrder.NONE)
        )
    )
    return made.no_value(empty).override_by_regexp("/.*/", [ABSENT]) if empty else made


def band(
    number: int, title: str, description: str, *queries: Builder[Dataquery]
) -> timeseries.Panel:
    """One series in its band: fields `lower`, `upper`, `provisional`, `value`, `anomaly`,
    `expected`, each once and in this order.

    What comes later is drawn over what came before. The edges are thin lines, because a band that
    is open on one side has nothing to fill.
    """
    edge = [
        fixed(BAND),
        prop("custom.lineWidth", 0.5),
        prop("custom.showPoints", "never"),
        prop("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False}),
    ]
    marks = [
        fixed(ANOMALY),
        prop("custom.drawStyle", "points"),
        prop("custom.showPoints", "always"),
        prop("custom.pointSize", 5),
    ]
    highlight = [
        fixed(LEARNING),
        prop("custom.lineWidth", 6),
        prop("custom.lineStyle", {"fill": "dot", "dash": [0, 10]}),
        prop("custom.showPoints", "never"),
        prop("custom.hideFrom", {"legend": True, "tooltip": True, "viz": False}),
    ]
    fill = [prop("custom.fillBelowTo", "lower"), prop("custom.fillOpacity", 18)]
    return (
        graph(number, title, description, *queries)
        .axis_width(AXIS)
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.NONE))
        .override_by_name("value", [fixed(VALUE), prop("custom.lineWidth", 2)])
        .override_by_name("anomaly", marks)
        .override_by_name("provisional", highlight)
        .override_by_name(
            "expected",
            [
                fixed(EXPECTED),
                prop("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}),
                prop("custom.showPoints", "never"),
            ],
        )
        .override_by_name("lower", edge)
        .override_by_name("upper", [*edge, *fill])
    )


def scores(
    number: int, title: str, description: str, *queries: Builder[Dataquery], empty: str = ""
) -> timeseries.Panel:
    """Anomaly scores, red from 1 on, with a line at 1."""
    return (
        graph(number, title, description, *queries, legend=False, empty=empty)
        .min(0)
        .axis_width(AXIS)
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(steps(NEUTRAL, (1, ANOMALY)))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE))
        .axis_soft_max(2)
        .fill_opacity(10)
        .gradient_mode(GraphGradientMode.SCHEME)
    )


def number(
    panel: int,
    title: str,
    description: str,
    *queries: Builder[Dataquery],
    calc: str = "lastNotNull",
    above: Sequence[tuple[float, str]] = (),
    unit: str = "short",
    empty: str = "unknown",
) -> stat.Panel:
    """One number, large. Nothing is coloured until it should be looked at."""
    return (
        stat.Panel()
        .id(panel)
        .title(title)
        .description(description)
        .targets(list(queries))
        .unit(unit)
        .no_value(empty)
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(steps(QUIET, *above))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs([calc]).fields("").values(False))
    )


def bars(
    panel: int,
    title: str,
    description: str,
    *queries: Builder[Dataquery],
    rows: bool = False,
    empty: str,
    above: Sequence[tuple[float, str]] = (),
    long: bool = False,
) -> bargauge.Panel:
    """One bar for each series, or for each row of a table. long: names are, and stand above their
    bars."""
    names, height = (BarGaugeNamePlacement.TOP, 40) if long else (BarGaugeNamePlacement.LEFT, 24)
    return (
        bargauge.Panel()
        .id(panel)
        .title(title)
        .description(description)
        .targets(list(queries))
        .min(0)
        .no_value(empty)
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(steps(NEUTRAL, *above))
        .display_mode(BarGaugeDisplayMode.BASIC)
        .show_unfilled(False)
        .orientation(VizOrientation.HORIZONTAL)
        .name_placement(names)
        .value_mode(BarGaugeValueMode.TEXT)
        .min_viz_height(height)
        .max_viz_height(height)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(rows))
    )
