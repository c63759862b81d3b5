"""Tables: each column by its name in the answer, in the order given here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

from tests.grafana.dashboards import links
from tests.grafana.dashboards.look import (
    ABOVE_ONE,
    ABSENT,
    ANOMALY,
    CLOCK,
    DIRECTIONS,
    GOOD,
    QUIET,
    SPENT,
    STATES,
    VERDICTS,
    colored,
    prop,
    steps,
    words,
)

FILTERED = prop("custom.filterable", True)
COLORED_TEXT = prop("custom.cellOptions", {"type": "color-text"})
WRAPPED = prop("custom.cellOptions", {"type": "auto", "wrapText": True})
COLORED_CELL = prop("custom.cellOptions", {"type": "color-background", "mode": "basic"})


@dataclass(frozen=True)
class Column:
    """A column: its name in the answer, its heading, its width in pixels (0 = its share of the
    rest)."""

    name: str
    title: str
    width: int = 0
    properties: tuple[DynamicConfigValue, ...] = ()

    @property
    def override(self) -> list[DynamicConfigValue]:
        return [*([prop("custom.width", self.width)] if self.width else []), *self.properties]


def grid(
    number: int,
    title: str,
    description: str,
    columns: Sequence[Column],
    *queries: Builder[Dataquery],
    empty: str,
    sort: str = "",
    before: Sequence[DataTransformerConfig] = (),
    hidden: Sequence[str] = (),
) -> table.Panel:
    """A table. sort: the heading of the column whose largest value comes first. hidden: names that
    are not shown."""
    organized = DataTransformerConfig(
        id_val="organize",
        options={
            "excludeByName": dict.fromkeys(hidden, True),
            "includeByName": {},
            "indexByName": {column.name: index for index, column in enumerate(columns)},
            "renameByName": {column.name: column.title for column in columns},
        },
    )
    made = (
        table.Panel()
        .id(number)
        .title(title)
        .description(description)
        .targets(list(queries))
        .no_value(empty)
        .unit("short")
        .transformations([*before, organized])
        .thresholds(steps(QUIET))
        .override_by_regexp("/.*/", [ABSENT])
    )
    if sort:
        made.sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
    for column in columns:
        if column.override:
            made.override_by_name(column.name, column.override)
    return made


def text(name: str, title: str, width: int = 0) -> Column:
    """Words, wrapped where they are long."""
    return Column(name, title, width, (WRAPPED, FILTERED))


def name(column: str, title: str, *targets: dict[str, Any]) -> Column:
    """A name that leads to what it names, and perhaps elsewhere."""
    return Column(
        column,
        title,
        0,
        (prop("links", list(targets)), prop("custom.minWidth", 200), WRAPPED, FILTERED),
    )


def answer() -> Column:
    """Leads to the page where an alarm is answered."""
    return _address("feedback_url", "Answer", "answer", links.to_answer())


def query() -> Column:
    """Leads to the query in Prometheus."""
    return _address("prometheus_url", "Query", "PromQL", links.to_query())


def _address(column: str, title: str, word: str, link: dict[str, Any]) -> Column:
    """A word that stands for an address; nothing where there is none."""
    mapping = {
        "type": "regex",
        "options": {"pattern": "/^http.*$/", "result": {"text": word, "index": 0}},
    }
    return Column(
        column, title, 75, (prop("links", [link]), prop("mappings", [mapping]), prop("noValue", ""))
    )


def carried(column: str) -> Column:
    """Not shown, only for links to name.

    Two spellings: Grafana 12.2 took the second one for the first.
    """
    return Column(
        column,
        column,
        0,
        (
            prop("custom.hidden", True),
            prop("custom.hideFrom", {"viz": True, "legend": True, "tooltip": True}),
        ),
    )


def verdict() -> Column:
    return Column("verdict", "Answer", 100, (words(VERDICTS), COLORED_TEXT))


def count(column: str, title: str, color: str = "") -> Column:
    """How many, coloured from one on."""
    marked = (colored(QUIET, (1, color)), COLORED_TEXT) if color else ()
    return Column(column, title, 80, (prop("decimals", 0), *marked))


def number(column: str, title: str) -> Column:
    """In the unit of its field: an override would have the last word over the unit that comes with
    the data."""
    return Column(column, title, 95)


def score(column: str = "score", title: str = "Score") -> Column:
    """Red above 1, where the value is outside its band."""
    return Column(
        column,
        title,
        75,
        (prop("decimals", 2), COLORED_CELL, colored("transparent", (ABOVE_ONE, ANOMALY))),
    )


def seconds(column: str, title: str) -> Column:
    """A time span, in the unit that suits it."""
    return Column(column, title, 90, (prop("unit", "s"), prop("decimals", 1)))


def duration() -> Column:
    """Of an incident, to the second."""
    return Column("duration_seconds", "Duration", 85, (prop("unit", CLOCK),))


def state(column: str = "state", title: str = "State", width: int = 100) -> Column:
    return Column(column, title, width, (words(STATES), COLORED_TEXT))


def direction() -> Column:
    return Column("direction", "Side", 80, (words(DIRECTIONS), COLORED_TEXT))


def moment(column: str, title: str) -> Column:
    return Column(column, title, 160)


def share(column: str, title: str) -> Column:
    """A part of a whole as a bar: full at 1, orange from 0.8, red above 1."""
    return Column(
        column,
        title,
        140,
        (
            prop("unit", "percentunit"),
            prop("decimals", 0),
            prop("min", 0),
            prop("max", 1),
            prop(
                "custom.cellOptions", {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
            ),
            colored(GOOD, *SPENT),
        ),
    )


def ordered(names: Sequence[str]) -> DataTransformerConfig:
    """Puts fields in this order; as they come, they are sorted by name."""
    return DataTransformerConfig(
        id_val="organize",
        options={
            "excludeByName": {},
            "includeByName": {},
            "renameByName": {},
            "indexByName": {name: index for index, name in enumerate(names)},
        },
    )


def unit_of(frame: str, fields: dict[str, str]) -> DataTransformerConfig:
    """Takes the unit of the matching fields from the column `unit` of the answer with refId
    `frame`.

    Where that is a frame of its own, match by type: a match by name would give every field the
    prefix of its frame.
    """
    return DataTransformerConfig(
        id_val="configFromData",
        options={
            "configRefId": frame,
            "applyTo": fields,
            "mappings": [{"fieldName": "unit", "handlerKey": "unit", "reducerId": "lastNotNull"}],
        },
    )
