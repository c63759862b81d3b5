"""What a row of the API says, in words: `rose to 812 ms (expected 240 to 310 ms)`."""

import math
from collections.abc import Mapping

from plugin.domain.number_text import expected_range

Row = Mapping[str, object]  # of /api/v1/scores or /api/v1/alert


def number(row: Row, name: str) -> float:
    """A number of a row; NaN when it is null or absent."""
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else math.nan


def described(row: Row, unit: str) -> str:
    """`812 ms (expected 240 to 310 ms)` from value, lower and upper; an absent bound is left out.

    unit: a unit id of Grafana.
    """
    value, lower, upper = (number(row, name) for name in ("value", "lower", "upper"))
    value_words, band_words = expected_range(value, math.nan, lower, upper, unit)
    return f"{value_words} ({band_words})" if band_words else value_words


def scored(score: float) -> str:
    """`score 4.2`; with two decimals where one would hide on which side of 1 it is."""
    return f"score {score:.2f}" if f"{score:.1f}" == "1.0" else f"score {score:.1f}"


def movement(row: Row, unit: str) -> str:
    """What the series did: rose, fell or vanished."""
    if row.get("state") == "missing":
        return f"vanished: its last value was {described(row, unit)}"
    if number(row, "value") > number(row, "upper"):
        return f"rose to {described(row, unit)}"
    if number(row, "value") < number(row, "lower"):
        return f"fell to {described(row, unit)}"
    return f"is at {described(row, unit)}"
