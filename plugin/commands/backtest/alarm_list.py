"""The alarms of a backtest one by one: what was outside, when, how far and for how long."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from detectors.api import Band
from plugin.commands.backtest.source import ALARMS_FILE, ALARMS_HEADER
from plugin.config import Watch
from plugin.domain.alarms import Alarm
from plugin.domain.number_text import digits, expected_range
from plugin.domain.times import duration, instant
from plugin.domain.wording import alarm_text
from plugin.jobs.suggestions import episodes

PEAK_DIGITS = 3


@dataclass(frozen=True)
class ListedAlarm:
    """One alarm of one series, in words."""

    series: str
    alarm: Alarm
    unit: str  # a unit id of Grafana

    @property
    def start(self) -> str:
        """Of its first sample outside: `2026-11-21T02:00:00Z`."""
        return instant(self.alarm.start)

    @property
    def seconds(self) -> int:
        """From its first to its last sample outside."""
        return self.alarm.end - self.alarm.start

    @property
    def length(self) -> str:
        """`1 h 5 min`, or `one sample`."""
        return duration(self.seconds) if self.seconds else "one sample"

    @property
    def peak(self) -> str:
        """The highest score."""
        return digits(self.alarm.peak_score, PEAK_DIGITS)

    @property
    def words(self) -> str:
        """`24 at 03:05 UTC; expected -1 to 9; outside for 12 min`."""
        return alarm_text(self.alarm.peak(self.unit), seconds=self.seconds, is_open=False)

    @property
    def row(self) -> tuple[str, ...]:
        """The cells under ALARMS_HEADER."""
        alarm = self.alarm
        value, expected = expected_range(
            alarm.peak_value, alarm.peak_expected, alarm.peak_lower, alarm.peak_upper, self.unit
        )
        return (
            self.series,
            self.start,
            instant(alarm.end),
            str(self.seconds),
            self.peak,
            value,
            expected,
            self.words,
        )


def listed_alarms(
    series: str, table: pd.DataFrame, score: np.ndarray, watch: Watch
) -> Iterator[ListedAlarm]:
    """The alarms of a table with time,value,expected,lower,upper, in order of time.

    score: [T] that may alarm, NaN = none. watch: with the step of the series.
    """
    lower, expected, upper = (table[name].to_numpy() for name in ("lower", "expected", "upper"))
    alarms = episodes(
        watch,
        table["time"].to_numpy(np.int64),
        table["value"].to_numpy(),
        Band(lower, expected, upper),
        score,
    )
    yield from (
        ListedAlarm(series, alarm, watch.unit)
        for alarm in sorted(alarms, key=lambda alarm: alarm.start)
    )


def write_alarms(folder: Path, alarms: Sequence[ListedAlarm]) -> None:
    """The list of all alarms, by series and time, beside the files of the series."""
    with (folder / ALARMS_FILE).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(ALARMS_HEADER)
        rows.writerows(alarm.row for alarm in alarms)
