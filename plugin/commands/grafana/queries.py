"""Reads dashboards as Grafana hands them out: what each panel, annotation and variable asks, and
what it needs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from plugin.commands.grafana.judge import AnswerNeeds, Needs
from plugin.commands.grafana.shipped import INFINITY

Model = Mapping[str, object]

SERIES_PANELS = ("timeseries", "trend", "heatmap", "candlestick")
STATE_PANELS = ("status-history", "state-timeline")
BUILT_IN = ("-- Grafana --", "-- Dashboard --", "-- Mixed --", "grafana")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_592_000, "y": 31_536_000}


@dataclass(frozen=True)
class PanelQuery:
    """What is asked in one request, and what each of its targets needs."""

    name: str
    targets: tuple[Model, ...]  # each with `refId` and `datasource`
    wanted: Mapping[str, AnswerNeeds]  # by refId
    seconds: int | None = None  # the panel's own range, up to now


def panels(dashboard: Model) -> Iterator[Model]:
    """Every panel, also those within a folded row."""
    for panel in models(dashboard.get("panels")):
        yield panel
        yield from models(panel.get("panels"))


def panel_queries(dashboard: Model) -> Iterator[PanelQuery]:
    """One per panel that asks something; hidden targets are not asked, as in Grafana."""
    for panel in panels(dashboard):
        own = model(panel.get("datasource"))
        targets = [
            {
                **target,
                "refId": str(target.get("refId") or "A"),
                "datasource": target.get("datasource") or own,
            }
            for target in models(panel.get("targets"))
            if not target.get("hide")
        ]
        targets = [
            target for target in targets if model(target["datasource"]).get("uid") not in BUILT_IN
        ]
        if targets:
            yield PanelQuery(
                f"panel {panel.get('title') or panel.get('id')}",
                tuple(targets),
                {
                    str(target["refId"]): _wanted(_needs(panel, target), target)
                    for target in targets
                },
                _seconds(panel.get("timeFrom")),
            )


def annotation_queries(dashboard: Model) -> Iterator[PanelQuery]:
    for entry in models(model(dashboard.get("annotations")).get("list")):
        source = model(entry.get("datasource"))
        target = model(entry.get("target"))
        if not entry.get("builtIn") and source.get("uid") not in BUILT_IN and target:
            asked = {**target, "refId": str(target.get("refId") or "Anno"), "datasource": source}
            yield PanelQuery(
                f"annotation {entry.get('name')}",
                (asked,),
                {str(asked["refId"]): _wanted(Needs.ANNOTATIONS, asked)},
            )


def variables(dashboard: Model) -> list[Model]:
    return models(model(dashboard.get("templating")).get("list"))


def variable_query(variable: Model) -> PanelQuery | None:
    """What an Infinity variable asks; None for every other one."""
    target = model(model(variable.get("query")).get("infinityQuery"))
    if not target:
        return None
    asked = {
        **target,
        "refId": str(target.get("refId") or "variable"),
        "datasource": variable.get("datasource"),
    }
    return PanelQuery(
        f"variable {variable.get('name')}",
        (asked,),
        {str(asked["refId"]): AnswerNeeds(Needs.VARIABLE)},
    )


def time_range(dashboard: Model, now: int) -> tuple[int, int]:
    """Unix seconds of the range that the dashboard opens with; `now-6h`, `now+1h`."""
    time = model(dashboard.get("time"))
    return _moment(time.get("from"), now, now - 6 * 3600), _moment(time.get("to"), now, now)


def model(value: object) -> Model:
    return value if isinstance(value, Mapping) else {}


def models(value: object) -> list[Model]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _needs(panel: Model, target: Model) -> Needs:
    kind = panel.get("type")
    ours = model(target.get("datasource")).get("type") == INFINITY
    timed = any(
        str(column.get("type")).startswith("timestamp") for column in models(target.get("columns"))
    )
    if target.get("format") == "table" and not timed:
        return Needs.TABLE  # beside the series, such as the unit that they take
    if kind in STATE_PANELS:
        return Needs.STATES
    if kind in SERIES_PANELS:
        return (
            Needs.BAND
            if ours and "custom.fillBelowTo" in str(panel.get("fieldConfig"))
            else Needs.SERIES
        )
    return (
        Needs.SERIES
        if target.get("format") in ("timeseries", "time_series") and not target.get("instant")
        else Needs.TABLE
    )


def _wanted(needs: Needs, target: Model) -> AnswerNeeds:
    if model(target.get("datasource")).get("type") != INFINITY:
        return AnswerNeeds(needs)
    columns = models(target.get("columns"))
    return AnswerNeeds(
        needs,
        {
            str(column.get("text") or column.get("selector")): str(column.get("type"))
            for column in columns
        },
    )


def _seconds(text: object) -> int | None:
    found = re.fullmatch(r"(?:now-)?(\d+)([smhdwMy])", text) if isinstance(text, str) else None
    return int(found[1]) * UNITS[found[2]] if found else None


def _moment(text: object, now: int, otherwise: int) -> int:
    found = (
        re.fullmatch(r"now(?:([-+])(\d+)([smhdwMy]))?(?:/[smhdwMy])?", text)
        if isinstance(text, str)
        else None
    )
    if not found:
        return otherwise
    return now + (int(f"{found[1]}{found[2]}") * UNITS[found[3]] if found[1] else 0)
