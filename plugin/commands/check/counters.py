"""Whether a query looks like a raw counter, whose ever rising level teaches a model nothing."""

import re
from collections.abc import Sequence

import numpy as np

from plugin.commands.check.quantities import part_of, verb
from plugin.series import FloatArray, Series

MIN_SAMPLES = 10  # with fewer, a rise may be chance
MAX_RESTART_SHARE = 0.01  # of the steps

STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')
COUNTER_NAME = re.compile(r"\w_total\b")
SELECTOR = re.compile(r"[\w:]*\s*(\{.*\})?", re.DOTALL)
# What turns a counter into something that has a level.
RATE_FUNCTION = re.compile(
    r"\b(rate|irate|increase|delta|idelta|deriv|resets|changes|histogram_quantile)\s*\("
)


def counter_finding(query: str, present_series: Sequence[Series]) -> str:
    """Says whether the series of a query look like raw counters, and what to ask instead."""
    bare_query = STRINGS.sub("", query)
    if RATE_FUNCTION.search(bare_query):
        return "no: the query takes a rate"
    moving = [
        series for series in present_series if len(series.values) > 1 and np.ptp(series.values) > 0
    ]
    rising = [series for series in moving if only_rises(series.values)]
    if moving and len(rising) * 2 >= len(moving):
        return _advice(
            query,
            f"{len(rising)} of {len(moving)} series only rise, apart from restarts, as"
            f" {rising[0].labels}",
        )
    if COUNTER_NAME.search(bare_query) and all(
        (np.diff(series.values) >= 0).all() for series in present_series
    ):
        return _advice(query, f"by its name; no series has {'fallen' if moving else 'changed'}")
    if rising:
        return (
            f"perhaps in part: {part_of(rising, moving)} that change only {verb(rising, 'rise')},"
            f" as {rising[0].labels}: counters are better asked for their rate(...[5m]), in a"
            " watch of their own"
        )
    return "no"


def _advice(query: str, reason: str) -> str:
    selector = query.strip()
    rate = (
        f"rate({selector}[5m])"
        if SELECTOR.fullmatch(selector)
        else "rate(...[5m]) of it in the query"
    )
    return (
        f"LOOKS LIKE A RAW COUNTER ({reason}). Its level tells when it last restarted, not what"
        f" happens now: use {rate}"
    )


def only_rises(values: FloatArray) -> bool:
    """Whether [T] values are those of a counter: enough samples, none negative, and no fall but
    rare restarts, to less than half."""
    steps = np.diff(values)
    falls = steps < 0
    restarts = values[1:][falls] < values[:-1][falls] / 2
    rare = falls.sum() <= len(steps) * MAX_RESTART_SHARE
    return len(values) >= MIN_SAMPLES and bool(values.min() >= 0 and restarts.all() and rare)
