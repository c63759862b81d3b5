"""Numbers and their bands in words: `rose to 812 ms (expected 240 to 310)`."""

import math
from collections.abc import Mapping, Sequence

Row = Mapping[str, object]  # of /api/v1/scores or /api/v1/alert

# Unit of a series -> what it is shown in: (worth in the unit, suffix), largest first.
UNITS: Mapping[str, Sequence[tuple[float, str]]] = {
    "seconds": ((1, " s"), (1e-3, " ms")),
    "per second": ((1, " per second"),),
    "bytes": ((2.0**30, " GiB"), (2.0**20, " MiB"), (2.0**10, " KiB"), (1, " B")),
    "ratio": ((0.01, " %"),),
    "count": ((1, ""),),
    "celsius": ((1, " °C"),),
    "plain": ((1, ""),),
}
DIGITS = range(3, 9)  # significant digits: as few as keep the value and its bounds apart


def number(row: Row, name: str) -> float:
    """A number of a row; NaN when it is null or absent."""
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else math.nan


def described(row: Row, unit: str) -> str:
    """`812 ms (expected 240 to 310)` from value, lower and upper; a bound that is absent is left
    out."""
    value, lower, upper = (number(row, name) for name in ("value", "lower", "upper"))
    worth, suffix = scale(
        unit, [bound for bound in (lower, upper) if math.isfinite(bound)] or [value]
    )
    for significant in DIGITS:
        shown, low, high = texts = [
            digits(one / worth, significant) for one in (value, lower, upper)
        ]
        if len(set(texts)) == len({value, lower, upper}):
            break
    return f"{shown}{suffix}{expected(low, high)}"


def expected(low: str, high: str) -> str:
    """The band in brackets; an empty string stands for an open end."""
    if low and high:
        return f" (expected {low} to {high})" if low != high else f" (expected {low})"
    if low or high:
        return f" (expected at least {low})" if low else f" (expected at most {high})"
    return ""


def scale(unit: str, values: Sequence[float]) -> tuple[float, str]:
    """The largest unit in which the largest of the values is 1 or more."""
    largest = max(map(abs, values))
    return next((one for one in UNITS[unit] if largest >= one[0]), UNITS[unit][-1])


def digits(value: float, significant: int) -> str:
    """A number with so many significant digits, at most 6 decimals; empty when it is not finite."""
    if not math.isfinite(value):
        return ""
    before = math.floor(math.log10(abs(value))) + 1 if value else 1
    text = f"{value:,.{min(6, max(0, significant - before))}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


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
