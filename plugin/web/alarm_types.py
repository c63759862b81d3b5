"""The rows of open alarms, and of how many were open."""

from typing import Literal

from msgspec import UNSET

from plugin.web.row_types import Count, Direction, LabelledRow, Text, Time


class OpenAlarmRow(LabelledRow):
    time: Time | None
    alarm_start: Time | None
    watch: str
    series: str
    short_name: str
    alarm_state: Literal["outside", "recovering", "missing"]
    score: float
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    direction: Direction
    age_seconds: float | None
    unit: str
    alarm_text: str
    promql: str
    prometheus_url: Text = UNSET
    feedback_url: Text = UNSET


class AlarmCountRow(LabelledRow):
    time: Time
    watch: str
    alarms: Count
