"""Counts, shares and times as the lines of a check write them."""

from collections.abc import Sequence

from plugin.config.durations import format_duration
from plugin.domain.times import DAY, HOUR, MINUTE
from plugin.series import Series

MIN_SHARE = 0.0001  # of those that are written as a number


def part_of(part: Sequence[Series], series: Sequence[Series]) -> str:
    """`2 of 40 series`."""
    return f"{len(part):,} of {len(series):,} series"


def verb(series: Sequence[Series], word: str) -> str:
    """The verb that goes with so many series: `changes` with one, `change` with several."""
    return word + "s" if len(series) == 1 else word


def share(part: int, whole: int) -> str:
    """`1.25%`."""
    return f"{part / whole:.2%}" if part / whole >= MIN_SHARE else "less than 0.01%"


def rounded_duration(seconds: float) -> str:
    """To two units at most: `3d4h`, `2h10m`, `45s`."""
    unit = HOUR if seconds >= DAY else MINUTE if seconds >= HOUR else 1
    return format_duration(round(seconds / unit) * unit)
