"""The little PromQL that the stand-in speaks: a selector, `rate` of one, and `sum by (...)` of
either.

Samples are on a regular grid, so that `rate` is arithmetic on whole columns. The numbers are those
of Prometheus 2.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from plugin.commands.demo.randomness import FloatArray, IntArray
from plugin.series import Labels

DURATION = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MATCHER = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)?\s*(?:\{(.*)\})?")
RATE = re.compile(r"rate\s*\(\s*(.+?)\s*\[(\d+)([smhdw])\]\s*\)")
SUM = re.compile(r"sum\s+by\s*\(([^)]*)\)\s*\(\s*(.+)\s*\)")
COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda found, wanted: found == wanted,
    "!=": lambda found, wanted: found != wanted,
    "=~": lambda found, wanted: re.fullmatch(wanted, found) is not None,
    "!~": lambda found, wanted: re.fullmatch(wanted, found) is None,
}


class NotUnderstood(ValueError):
    """The expression is beyond the stand-in."""


@dataclass(frozen=True)
class LabelMatcher:
    label: str
    operator: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        return COMPARE[self.operator](labels.get(self.label, ""), self.value)


@dataclass(frozen=True)
class Expression:
    """`sum by (by) (rate(selector[window]))`; window 0 = no rate, by None = no sum."""

    matchers: tuple[LabelMatcher, ...]
    window: int = 0  # seconds
    by: tuple[str, ...] | None = None


def parse(text: str) -> Expression:
    """Reads an expression. Raises NotUnderstood."""
    text = text.strip()
    if found := SUM.fullmatch(text):
        inner = parse(found[2])
        by = tuple(name.strip() for name in found[1].split(",") if name.strip())
        return Expression(inner.matchers, inner.window, by)
    if found := RATE.fullmatch(text):
        return Expression(matchers(found[1]), int(found[2]) * DURATION[found[3]])
    return Expression(matchers(text))


def matchers(text: str) -> tuple[LabelMatcher, ...]:
    """The matchers of a selector, the metric name among them."""
    found = SELECTOR.fullmatch(text.strip())
    if found is None or not text.strip():
        raise NotUnderstood(
            f"the stand-in speaks selectors, rate and sum by, and does not understand {text!r}"
        )
    named = (LabelMatcher("__name__", "=", found[1]),) if found[1] else ()
    inside = (found[2] or "").strip()
    read = []
    while inside:
        part = MATCHER.match(inside)
        if part is None:
            raise NotUnderstood(f"not a label matcher: {inside!r}")
        read.append(LabelMatcher(part[1], part[2], re.sub(r"\\(.)", r"\1", part[3])))
        inside = inside[part.end() :].strip()
    return (*named, *read)


def rate(times: IntArray, values: FloatArray, at: IntArray, window: int) -> FloatArray:
    """[N] the rate of a counter at each time of `at`; NaN with fewer than two samples in the
    window.

    times, values: [T] the counter's samples, ascending. The window includes both ends, and what it
    lacks at its ends is extrapolated, as Prometheus 2 does (promql/functions.go, extrapolatedRate).
    """
    if len(times) < 2:
        return np.full(len(at), np.nan)
    first = np.searchsorted(times, at - window, "left")
    last = np.searchsorted(times, at, "right") - 1
    enough = last > first
    first = np.where(enough, first, 0)
    last = np.where(enough, last, 1)
    drops = np.where(
        values[1:] < values[:-1], values[:-1], 0.0
    )  # a reset: what was counted before it
    resets = np.concatenate([[0.0], np.cumsum(drops)])
    increase = values[last] - values[first] + resets[last] - resets[first]
    sampled = (times[last] - times[first]).astype(np.float64)
    spacing = sampled / (last - first)
    before = (times[first] - (at - window)).astype(np.float64)
    after = (at - times[last]).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_zero = np.where(increase > 0, sampled * (values[first] / increase), np.inf)
    before = np.minimum(before, to_zero)  # a counter cannot have started below zero
    extended = sampled + extrapolated(before, spacing) + extrapolated(after, spacing)
    return np.asarray(np.where(enough, increase * (extended / sampled / window), np.nan))


def extrapolated(distance: FloatArray, spacing: FloatArray) -> FloatArray:
    """How far to go beyond the outermost sample: to the end of the window, or half a spacing if
    that is far."""
    return np.where(distance < spacing * 1.1, distance, spacing / 2)


def sum_by(by: tuple[str, ...], rows: Mapping[Labels, FloatArray]) -> dict[Labels, FloatArray]:
    """Sums rows that agree in the labels `by`; NaN = absent, and absent only if all are."""
    groups: dict[Labels, list[FloatArray]] = {}
    for labels, values in rows.items():
        groups.setdefault(Labels.of({name: labels.get(name, "") for name in by}), []).append(values)
    return {
        labels: np.where(np.isnan(group).all(axis=0), np.nan, np.nansum(group, axis=0))
        for labels, group in groups.items()
    }


def without_name(labels: Labels) -> Labels:
    """What a function leaves of the labels."""
    return Labels.of({name: value for name, value in labels.items() if name != "__name__"})
