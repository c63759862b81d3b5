"""The little PromQL that the stand-in speaks: a selector, `rate` of one, `sum by (...)` of either,
and `max(timestamp(...))` of a selector.

Samples are on a regular grid, so that `rate` is arithmetic on whole columns. The numbers are those
of Prometheus 2.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from plugin import selectors
from plugin.errors import SelectorError
from plugin.selectors import Matcher
from plugin.series import FloatArray, IntArray, Labels

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
SELECTOR = re.compile(r"[\w:]*\s*(?:\{.*\})?")
RATE = re.compile(r"rate\s*\(\s*(.+?)\s*\[(\d+)([smhdw])\]\s*\)")
NEWEST = re.compile(r"max\s*\(\s*timestamp\s*\(\s*(.+?)\s*\)\s*\)")
SUM = re.compile(r"sum\s+by\s*\(([^)]*)\)\s*\(\s*(.+)\s*\)")


class NotUnderstood(ValueError):
    """The expression is beyond the stand-in."""


@dataclass(frozen=True)
class Expression:
    """`sum by (by) (rate(selector[window]))`; window 0 = no rate, by None = no sum."""

    matchers: tuple[Matcher, ...]
    window: int = 0  # seconds
    by: tuple[str, ...] | None = None
    newest: bool = False  # the time of the newest sample of all, in the place of values


def parse(text: str) -> Expression:
    """Reads an expression. Raises NotUnderstood."""
    text = text.strip()
    if match := SUM.fullmatch(text):
        inner = parse(match[2])
        group_labels = tuple(name.strip() for name in match[1].split(",") if name.strip())
        return Expression(inner.matchers, inner.window, group_labels)
    if match := RATE.fullmatch(text):
        return Expression(_matchers(match[1]), int(match[2]) * UNIT_SECONDS[match[3]])
    if match := NEWEST.fullmatch(text):
        return Expression(_matchers(match[1]), newest=True)
    return Expression(_matchers(text))


def _matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers of a selector, the metric name among them. Raises NotUnderstood."""
    if not text or not SELECTOR.fullmatch(text):
        raise NotUnderstood(
            "the stand-in speaks selectors, rate, sum by and max(timestamp()), and does not"
            f" understand {text!r}"
        )
    try:
        return selectors.parse(text)
    except SelectorError as error:
        raise NotUnderstood(str(error)) from error


def rate(times: IntArray, values: FloatArray, instants: IntArray, window: int) -> FloatArray:
    """[N] the rate of a counter at each time of `instants`; NaN with fewer than two samples in the
    window.

    times, values: [T] the counter's samples, ascending. The window, in seconds, includes both ends.
    What the samples lack at its ends is extrapolated, as Prometheus 2 does (promql/functions.go,
    extrapolatedRate).
    """
    if len(times) < 2:
        return np.full(len(instants), np.nan)
    first = np.searchsorted(times, instants - window, "left")
    last = np.searchsorted(times, instants, "right") - 1
    is_enough = last > first
    first = np.where(is_enough, first, 0)
    last = np.where(is_enough, last, 1)
    # where the counter was reset: what it had counted before
    drops = np.where(values[1:] < values[:-1], values[:-1], 0.0)
    resets = np.concatenate([[0.0], np.cumsum(drops)])
    increase = values[last] - values[first] + resets[last] - resets[first]
    sampled = (times[last] - times[first]).astype(np.float64)
    spacing = sampled / (last - first)
    to_start = (times[first] - (instants - window)).astype(np.float64)
    to_end = (instants - times[last]).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_zero = np.where(increase > 0, sampled * (values[first] / increase), np.inf)
    to_start = np.minimum(to_start, to_zero)  # a counter cannot have started below zero
    extended = sampled + extrapolated(to_start, spacing) + extrapolated(to_end, spacing)
    return np.asarray(np.where(is_enough, increase * (extended / sampled / window), np.nan))


def extrapolated(distance: FloatArray, spacing: FloatArray) -> FloatArray:
    """How far to go beyond the outermost sample: to the end of the window, or half a spacing if
    that is far."""
    return np.where(distance < spacing * 1.1, distance, spacing / 2)


def sum_by(
    group_labels: tuple[str, ...], rows: Mapping[Labels, FloatArray]
) -> dict[Labels, FloatArray]:
    """Sums rows that agree in the labels `group_labels`; NaN = absent, and absent only if all
    are."""
    groups: dict[Labels, list[FloatArray]] = {}
    for labels, values in rows.items():
        groups.setdefault(
            Labels.of({name: labels.get(name, "") for name in group_labels}), []
        ).append(values)
    return {
        labels: np.where(np.isnan(group).all(axis=0), np.nan, np.nansum(group, axis=0))
        for labels, group in groups.items()
    }


def newest(rows: Iterable[FloatArray]) -> dict[Labels, FloatArray]:
    """The largest value of all rows at each time; nothing where there is no row."""
    found = list(rows)
    return {Labels(()): np.fmax.reduce(found)} if found else {}


def without_name(labels: Labels) -> Labels:
    """What a function leaves of the labels."""
    return Labels.of({name: value for name, value in labels.items() if name != "__name__"})
