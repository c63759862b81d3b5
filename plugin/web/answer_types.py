"""The answers that are not a list of rows: one Struct for each, see plugin.web.row_types."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from plugin.domain.tolerances import Verdict
from plugin.web.row_types import Time, WindowRow

JsonObject = dict[str, Any]


class FeedbackReceipt(Struct, rename={"start": "from", "end": "to"}):
    """What came of feedback, for its sender."""

    id: int
    verdict: Verdict
    incident: str
    series: list[str]
    start: Time
    end: Time
    comment: str
    by: str
    at: Time
    again: bool
    replaced: list[int]
    effect: str


class FeedbackWithdrawal(Struct):
    id: int
    withdrawn: bool
    again: bool
    effect: str


class AddedWindow(WindowRow):
    new: bool
    effect: str


class Line(Struct):
    """One line of a panel, in the older JSON protocol."""

    target: str
    datapoints: Annotated[
        list[tuple[float | None, int]],
        Meta(description="value (null = gap), milliseconds since 1970"),
    ]


class TableColumn(Struct):
    text: str
    type: Literal["string", "number", "time"]


class Table(Struct, tag_field="type", tag="table"):
    """One table of a panel, in the older JSON protocol."""

    columns: list[TableColumn]
    rows: list[list[str | float | None]]


class ConfigText(Struct):
    yaml: str


class BuildInfo(Struct):
    version: str
    python: str


class Identity(Struct):
    service: Literal["bandwatch"]
    version: str
