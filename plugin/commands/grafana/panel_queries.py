"""What each panel, annotation and variable of a dashboard asks, and what it needs of the answer.

Dashboards are read as Grafana's HTTP API gives them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from plugin.commands.grafana.answer_needs import AnswerNeeds, Purpose
from plugin.commands.grafana.shipped import INFINITY

Model = Mapping[str, object]

SERIES_PANELS = ("timeseries", "trend", "heatmap", "candlestick")
STATE_PANELS = ("status-history", "state-timeline")
BUILT_IN_SOURCES = ("-- Grafana --", "-- Dashboard --", "-- Mixed --", "grafana")
UNIT_SECONDS = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
    "M": 2_592_000,
    "y": 31_536_000,
}


@dataclass(frozen=True)
class PanelQuery:
    """What is asked in one request, and what each of its targets needs."""

    name: str
    targets: tuple[Model, ...]  # each with `refId` and `datasource`
    needs: Mapping[str, AnswerNeeds]  # by refId
    seconds: int | None = None  # the panel's own range, up to now


def panels(dashboard: Model) -> Iterator[Model]:
    """Every panel, also those within a folded row."""
    for panel in models(dashboard.get("panels")):
        yield panel
        yield from models(panel.get("panels"))


def panel_queries(dashboard: Model) -> Iterator[PanelQuery]:
    """One per panel that asks something; hidden targets are left out, as in Grafana."""
    for panel in panels(dashboard):
        panel_source = model(panel.get("datasource"))
        targets = [
            {
                **target,
                "refId": str(target.get("refId") or "A"),
                "datasource": target.get("datasource") or panel_source,
            }
            for target in models(panel.get("targets"))
            if not target.get("hide")
        ]
        targets = [
            target
            for target in targets
            if model(target["datasource"]).get("uid") not in BUILT_IN_SOURCES
        ]
        if targets:
            yield PanelQuery(
                f"panel {panel.get('title') or panel.get('id')}",
                tuple(targets),
                {
                    str(target["refId"]): _answer_needs(_purpose(panel, target), target)
                    for target in targets
                },
                _seconds(panel.get("timeFrom")),
            )


def annotation_queries(dashboard: Model) -> Iterator[PanelQuery]:
    for entry in models(model(dashboard.get("annotations")).get("list")):
        source = model(entry.get("datasource"))
        target = model(entry.get("target"))
        if not entry.get("builtIn") and source.get("uid") not in BUILT_IN_SOURCES and target:
            reference = str(target.get("refId") or "Anno")
            query = {**target, "refId": reference, "datasource": source}
            yield PanelQuery(
                f"annotation {entry.get('name')}",
                (query,),
                {reference: _answer_needs(Purpose.ANNOTATIONS, query)},
            )


def variables(dashboard: Model) -> list[Model]:
    return models(model(dashboard.get("templating")).get("list"))


def variable_query(variable: Model) -> PanelQuery | None:
    """What an Infinity variable asks; None for every other one."""
    target = model(model(variable.get("query")).get("infinityQuery"))
    if not target:
        return None
    reference = str(target.get("refId") or "variable")
    query = {**target, "refId": reference, "datasource": variable.get("datasource")}
    return PanelQuery(
        f"variable {variable.get('name')}", (query,), {reference: AnswerNeeds(Purpose.VARIABLE)}
    )


def time_range(dashboard: Model, now: int) -> tuple[int, int]:
    """Unix seconds of the range that the dashboard opens with; `now-6h`, `now+1h`."""
    time = model(dashboard.get("time"))
    return _moment(time.get("from"), now, now - 6 * 3600), _moment(time.get("to"), now, now)


def model(value: object) -> Model:
    """An object; an empty one where the value is none."""
    return value if isinstance(value, Mapping) else {}


def models(value: object) -> list[Model]:
    """The objects in a list; none where the value is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _purpose(panel: Model, target: Model) -> Purpose:
    kind = panel.get("type")
    is_infinity = model(target.get("datasource")).get("type") == INFINITY
    has_time = any(
        str(column.get("type")).startswith("timestamp") for column in models(target.get("columns"))
    )
    if target.get("format") == "table" and not has_time:
        return Purpose.TABLE  # beside the series, such as the unit that they take
    if kind in STATE_PANELS:
        return Purpose.STATES
    if kind in SERIES_PANELS:
        return (
            Purpose.BAND
            if is_infinity and "custom.fillBelowTo" in str(panel.get("fieldConfig"))
            else Purpose.SERIES
        )
    return (
        Purpose.SERIES
        if target.get("format") in ("timeseries", "time_series") and not target.get("instant")
        else Purpose.TABLE
    )


def _answer_needs(purpose: Purpose, target: Model) -> AnswerNeeds:
    if model(target.get("datasource")).get("type") != INFINITY:
        return AnswerNeeds(purpose)
    columns = models(target.get("columns"))
    return AnswerNeeds(
        purpose,
        {
            str(column.get("text") or column.get("selector")): str(column.get("type"))
            for column in columns
        },
    )


def _seconds(text: object) -> int | None:
    match = re.fullmatch(r"(?:now-)?(\d+)([smhdwMy])", text) if isinstance(text, str) else None
    return int(match[1]) * UNIT_SECONDS[match[2]] if match else None


def _moment(text: object, now: int, default: int) -> int:
    match = (
        re.fullmatch(r"now(?:([-+])(\d+)([smhdwMy]))?(?:/[smhdwMy])?", text)
        if isinstance(text, str)
        else None
    )
    if not match:
        return default
    return now + (int(f"{match[1]}{match[2]}") * UNIT_SECONDS[match[3]] if match[1] else 0)
