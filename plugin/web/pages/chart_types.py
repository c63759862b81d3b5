"""What the chart of a series is answered."""

from enum import StrEnum

from msgspec import Struct

from plugin.web.row_types import Time

Numbers = list[float | None]


class MarkKind(StrEnum):
    """What a mark stands for."""

    ALARM = "alarm"
    INCIDENT = "incident"
    MAINTENANCE = "maintenance"
    LEVEL = "level"  # from the first sample there to the one with which it was accepted
    FEEDBACK = "feedback"
    CHANGE = "change"  # that people or pipelines have reported


class ChartMark(Struct, frozen=True):
    """A range of time that a chart marks."""

    kind: MarkKind
    time: Time
    time_end: Time
    text: str


class SeriesChart(Struct):
    """Entry i of each column belongs to `time[i]`. A time without `value` and `expected` marks a
    gap; one without `value` alone lies ahead of the samples.

    A bound is null where there is no band, and where the band has no bound on that side: then
    `expected` is set.
    """

    start: Time
    end: Time
    step: int  # seconds
    unit: str  # after a number of the axis, with the space before it
    scale: float  # one unit of the axis in units of the series
    low: float | None  # the values that the axis has to show; null = there are none
    high: float | None
    time: list[Time]
    value: Numbers
    expected: Numbers
    lower: Numbers
    upper: Numbers
    score: Numbers
    marks: list[ChartMark]
