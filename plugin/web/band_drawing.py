"""One series in its band as a small SVG: shapes for a template, in a frame that is stretched to the
page. Pure.

The labels of the axes are no part of it, so that they stay readable on a phone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from plugin.domain import wording
from plugin.series import FloatArray, Samples
from plugin.web.thinning import thin

# of the frame
WIDTH = 720
HEIGHT = 200
POINTS = 300
# steps of one axis, about, and labels of the other
LEVELS = 4
MOMENTS = 4
DAY = 86_400
FARTHEST = 3.0  # ranges of the values beyond which a bound is not followed


@dataclass(frozen=True)
class Drawing:
    """What to draw; each path is the `d` of an SVG path."""

    band: str
    expected: str
    value: str
    outside: str  # a point for each sample outside
    marked: tuple[float, float]  # left edge and width of the range that it is about
    levels: tuple[str, ...]  # from the bottom to the top, evenly spaced
    moments: tuple[str, ...]  # from left to right, evenly spaced


def draw(
    samples: Samples, start: int, end: int, begin: int, until: int, unit: str
) -> Drawing | None:
    """start, end: of the range that is marked; begin, until: of the frame; unix seconds.

    None = no sample.
    """
    shown = thin(samples, 0, POINTS)
    known = shown.value[np.isfinite(shown.value)]
    if not len(known):
        return None
    levels = _levels(*_range(shown, known))
    low = levels[0]
    high = levels[-1]

    def across(times: FloatArray) -> FloatArray:
        return np.asarray((times - begin) / max(1, until - begin) * WIDTH)

    def down(values: FloatArray) -> FloatArray:
        return np.asarray(HEIGHT * (1 - (np.clip(values, low, high) - low) / (high - low)))

    x = across(shown.times.astype(np.float64))
    left, right = across(np.array([max(begin, start), min(until, end)], float)).tolist()
    outside = shown.score > 1
    return Drawing(
        "".join(_area(x, down(shown.lower), down(shown.upper))),
        "".join(_line(x, down(shown.expected))),
        "".join(_line(x, down(shown.value))),
        "".join(
            f"M{at:.1f} {y:.1f}h0"
            for at, y in zip(x[outside], down(shown.value)[outside], strict=True)
        ),
        (left, max(2.0, right - left)),
        tuple(_text(level, levels[1] - levels[0], unit) for level in levels),
        tuple(clock(int(at), until - begin) for at in np.linspace(begin, until, MOMENTS)),
    )


def _text(level: float, step: float, unit: str) -> str:
    """In as few digits as tell it from what lies a tenth of a step beside it."""
    near = step / 10 if level else step
    return wording.expected_range(level, math.nan, level - near, level + near, unit)[0]


def clock(time: int, span: int) -> str:
    """Hour and minute in UTC, with the day where more than one is shown. span: seconds that are
    shown."""
    return datetime.fromtimestamp(time, UTC).strftime("%m-%d %H:%M" if span > DAY else "%H:%M")


def _range(shown: Samples, known: FloatArray) -> tuple[float, float]:
    """What the vertical axis has to hold: all values, and bounds as far as they are not far
    away."""
    low = float(known.min())
    high = float(known.max())
    span = (high - low) or abs(high) or 1.0
    bounds = np.concatenate([shown.lower, shown.upper])
    near = bounds[
        np.isfinite(bounds) & (bounds > low - FARTHEST * span) & (bounds < high + FARTHEST * span)
    ]
    if len(near):
        low = min(low, float(near.min()))
        high = max(high, float(near.max()))
    return low, high


def _levels(low: float, high: float) -> list[float]:
    """Round numbers, evenly spaced, from `low` or below to `high` or above."""
    if not high > low:
        low = low - (abs(low) or 1.0)
        high = high + (abs(high) or 1.0)
    rough = (high - low) / LEVELS
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(worth for worth in (1, 2, 5, 10) if worth * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [step * at for at in range(first, last + 1)]


def _line(x: FloatArray, y: FloatArray) -> Iterator[str]:
    for run in _runs(y):
        yield "M" + "L".join(f"{x[at]:.1f} {y[at]:.1f}" for at in run)


def _area(x: FloatArray, low: FloatArray, high: FloatArray) -> Iterator[str]:
    for run in _runs(low + high):
        there = [f"{x[at]:.1f} {high[at]:.1f}" for at in run]
        back = [f"{x[at]:.1f} {low[at]:.1f}" for at in reversed(run)]
        yield "M" + "L".join(there + back) + "Z"


def _runs(y: FloatArray) -> Iterator[Sequence[int]]:
    """Indices that are drawn without a break."""
    run: list[int] = []
    for at, number in enumerate(y.tolist()):
        if math.isfinite(number):
            run.append(at)
        elif run:
            yield run
            run = []
    if run:
        yield run
