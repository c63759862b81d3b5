"""What is to be drawn: each panel with its frames, its dashboard's variables and its annotations
filled in."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plugin.commands.grafana.panel_queries import panels
from plugin.commands.grafana.shipped import PROMETHEUS
from plugin.commands.grafana.variables import Everything, through_regex
from tests.grafana.preview.sources import Frame, NotAsked, Sources, answer, is_table
from tests.grafana.preview.variables import Range, Values, filled_in, time_range

WIDTH = 1200  # pixels of a dashboard: a laptop's
COLUMNS = 24  # of a dashboard's grid
# pixels
ROW = 38
GAP = 8
THEMES = ("dark", "light")
DRAWN = ("timeseries", "table", "stat", "bargauge")  # kinds of panels

Job = dict[str, Any]
Panel = Mapping[str, Any]


@dataclass(frozen=True)
class Story:
    """What the pictures are to show."""

    name: str = ""
    wanted: Mapping[str, str] = field(
        default_factory=dict
    )  # text columns that the series must have
    past: int | None = None  # seconds back; None = as far as the dashboard
    boards: tuple[str, ...] = ()  # names of files; () = all

    def chosen(self, sources: Sources) -> dict[str, str]:
        """Text columns of the series with the highest score. Raises NotAsked."""
        status, text = answer(f"{sources.service}/api/v1/scores", sources.token)
        if status != 200:
            raise NotAsked(f"{sources.service} answers {status}: {text[:300]}")
        rows = [
            row
            for row in json.loads(text)
            if all(row.get(name) == value for name, value in self.wanted.items())
        ]
        if not rows:
            raise NotAsked(f"no series has {dict(self.wanted)}")
        best = max(rows, key=lambda row: row["score"] or 0)
        return {name: value for name, value in best.items() if isinstance(value, str)}


def jobs(path: Path, story: Story, sources: Sources, now: int) -> Iterator[Job | str]:
    """The panels of a dashboard in each theme, and words on what is not drawn. Raises NotAsked."""
    dashboard: Panel = json.loads(path.read_text())
    values = variable_values(
        dashboard, story.chosen(sources), sources, time_range(dashboard, {}, now, story.past)
    )
    for panel in panels(dashboard):
        name, board = (
            f"{path.stem}{one}{story.name and '-'}{story.name}" for one in (f"-{panel['id']}", "")
        )
        if panel["type"] not in DRAWN:
            yield f"{name}: a {panel['type']} panel is not drawn"
            continue
        span = time_range(dashboard, panel, now, story.past)
        frames, refused = frames_of(panel, values, span, sources)
        regions, unknown = annotations(dashboard, panel, values, span, sources)
        yield from (f"{name}: {said}" for said in (*refused, *unknown))
        drawn = {
            "panel": {**panel, "title": filled_in(str(panel["title"]), values)},
            "frames": frames,
            "annotations": regions,
            "range": {"from": span.begin * 1000, "to": span.end * 1000},
            **size(panel),
        }
        yield from (
            {"name": f"{name}-{theme}", "board": f"{board}-{theme}", "theme": theme, **drawn}
            for theme in THEMES
        )


def frames_of(
    panel: Panel, values: Values, span: Range, sources: Sources
) -> tuple[list[Frame], list[str]]:
    """What its queries give, and words on those that give nothing."""
    frames: list[Frame] = []
    refused = []
    targets = [
        {"datasource": panel.get("datasource"), **target}
        for target in panel["targets"]
        if not target.get("hide")
    ]
    several = sum(is_table(target) for target in targets) > 1
    for target in targets:
        try:
            frames += sources.frames(target, values, span, several=several)
        except NotAsked as error:
            refused.append(f"query {target['refId']}: {error}")
    return frames, refused


def size(panel: Panel) -> dict[str, int]:
    """Pixels that it has on a laptop, and where it stands on its dashboard."""
    x, y, width, height = (panel["gridPos"][name] for name in "xywh")
    return {
        "width": WIDTH * width // COLUMNS - GAP,
        "height": height * ROW - GAP,
        "left": GAP + WIDTH * x // COLUMNS,
        "top": GAP + ROW * y,
    }


def variable_values(
    dashboard: Mapping[str, Any], chosen: Mapping[str, str], sources: Sources, span: Range
) -> dict[str, list[str]]:
    """One after the other, as they build on one another; the chosen series' where it is among those
    offered."""
    values: dict[str, list[str]] = {}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        offered = offers(variable, values, sources, span)
        if variable.get("includeAll"):
            values[name] = (
                [Everything(variable["allValue"])] if variable.get("allValue") else offered
            )
        else:
            values[name] = [fitting(offered, chosen.get(name), chosen)]
    return values


def fitting(offered: Sequence[str], wanted: str | None, chosen: Mapping[str, str]) -> str:
    """The value that is wanted, else the one that names most of the chosen series' labels, else the
    first."""
    if wanted in offered:
        return str(wanted)
    return max(
        offered,
        key=lambda one: sum(f'{name}="{value}"' in one for name, value in chosen.items()),
        default="",
    )


def offers(variable: Mapping[str, Any], values: Values, sources: Sources, span: Range) -> list[str]:
    """The values that a variable lets one choose from. Raises NotAsked."""
    query = variable.get("query", "")
    if variable["type"] in ("custom", "interval"):
        return [one.strip() for one in query.split(",")]
    if variable["type"] != "query":  # a constant, a text, or the name of a data source
        return [str(query)]
    if variable["datasource"]["type"] == PROMETHEUS:
        found = sources.options(query if isinstance(query, str) else query["query"], values, span)
    else:
        columns = sources.columns({"refId": "variable", **query["infinityQuery"]}, values, span)
        found = [str(value) for value in next(iter(columns.values()), [])]
    return sorted(set(through_regex(found, variable.get("regex", ""))))


def annotations(
    dashboard: Panel, panel: Panel, values: Values, span: Range, sources: Sources
) -> tuple[list[dict[str, Any]], list[str]]:
    """Those of the dashboard that this panel shows, and words on those that are not to be had."""
    regions: list[dict[str, Any]] = []
    refused = []
    for entry in dashboard["annotations"]["list"]:
        only = entry.get("filter", {"exclude": True, "ids": []})
        if "url" not in entry.get("target", {}) or (panel["id"] in only["ids"]) == only["exclude"]:
            continue
        try:
            columns = sources.columns(entry["target"], values, span) if entry["enable"] else {}
        except NotAsked as error:
            refused.append(f"annotation {entry['name']}: {error}")
            continue
        regions += [
            {"time": begin, "timeEnd": end, "color": entry["iconColor"]}
            for begin, end in zip(columns.get("time", []), columns.get("timeEnd", []), strict=True)
        ]
    return regions, refused
