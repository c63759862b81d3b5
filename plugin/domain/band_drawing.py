"""One series in its band as shapes of an SVG, in a frame that may be stretched. Pure.

The labels of the axes are texts beside the frame, so that they stay readable when it is stretched.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from plugin.domain.number_text import expected_range
from plugin.domain.times import DAY
from plugin.series import FloatArray, IntArray, Samples

# of the frame of `draw`
WIDTH = 720
HEIGHT = 200
VALUE_STEPS = 4  # of the vertical axis, about
TIME_LABELS = 4  # of the horizontal axis
MAX_BOUND_RANGES = 3.0  # ranges of the values beyond which a bound is not followed

Outline = Sequence[tuple[float, float]]  # (x, y) in pixels


@dataclass(frozen=True)
class Frame:
    """A rectangle in pixels, and the times and values that it shows."""

    width: float
    height: float
    times: tuple[int, int]  # at the left and the right edge
    values: tuple[float, float]  # at the bottom and the top edge
    margin: float = 0.0  # pixels that stay free at each edge

    def across(self, times: IntArray | FloatArray) -> FloatArray:
        """x of each time."""
        start, end = self.times
        scale = (self.width - 2 * self.margin) / max(1, end - start)
        return np.asarray(self.margin + (times - start) * scale)

    def down(self, values: FloatArray) -> FloatArray:
        """y of each value; what is not shown lies on the edge."""
        low, high = self.values
        share = (np.clip(values, low, high) - low) / (high - low)
        return np.asarray(self.margin + (self.height - 2 * self.margin) * (1 - share))

    def lines(self, times: IntArray, values: FloatArray) -> Iterator[Outline]:
        """A line of values. NaN interrupts it."""
        x = self.across(times)
        y = self.down(values)
        for run in _runs(y):
            yield [(x[i], y[i]) for i in run]

    def areas(self, times: IntArray, lower: FloatArray, upper: FloatArray) -> Iterator[Outline]:
        """The area between two bounds, clockwise. NaN interrupts it; an infinite bound is the
        edge."""
        x = self.across(times)
        bottom = self.down(lower)
        top = self.down(upper)
        for run in _runs(bottom + top):
            yield [(x[i], top[i]) for i in run] + [(x[i], bottom[i]) for i in reversed(run)]

    def points(self, times: IntArray, values: FloatArray, decimals: int = 1) -> str:
        """One path of dots."""
        positions = zip(self.across(times), self.down(values), strict=True)
        return "".join(f"M{x:.{decimals}f} {y:.{decimals}f}h0" for x, y in positions)


def value_range(values: FloatArray, bounds: FloatArray) -> tuple[float, float]:
    """What the vertical axis has to hold: all values, and the bounds that are not far from them.

    values: at least one that is finite; what is not finite is left out.
    """
    values = values[np.isfinite(values)]
    low = float(values.min())
    high = float(values.max())
    reach = MAX_BOUND_RANGES * ((high - low) or abs(high) or 1.0)
    near_bounds = bounds[np.isfinite(bounds) & (bounds > low - reach) & (bounds < high + reach)]
    if len(near_bounds):
        low = min(low, float(near_bounds.min()))
        high = max(high, float(near_bounds.max()))
    return low, high


@dataclass(frozen=True)
class Drawing:
    """What to draw; each path is the `d` of an SVG path."""

    band: str
    expected: str
    value: str
    outside: str  # a point for each sample outside
    marked: tuple[float, float]  # left edge and width of the marked range
    levels: tuple[str, ...]  # labels from the bottom to the top, evenly spaced
    moments: tuple[str, ...]  # labels from left to right, evenly spaced


def draw(
    samples: Samples,
    highlight: tuple[int, int],
    time_range: tuple[int, int],
    unit: str,
    decimals: int = 1,
) -> Drawing | None:
    """The drawing with the labels of its axes; None without a finite value.

    highlight: the range that is highlighted; time_range: the range of the frame; unix seconds.
    decimals: of each position; none is enough for a drawing that is shown small.
    """
    if not np.isfinite(samples.value).any():
        return None
    levels = _levels(*value_range(samples.value, np.concatenate([samples.lower, samples.upper])))
    frame = Frame(WIDTH, HEIGHT, time_range, (levels[0], levels[-1]))
    start, end = time_range
    left, right = frame.across(
        np.array([max(start, highlight[0]), min(end, highlight[1])])
    ).tolist()
    times = samples.times
    is_outside = samples.score > 1
    return Drawing(
        band="".join(
            _path(area, decimals) + "Z" for area in frame.areas(times, samples.lower, samples.upper)
        ),
        expected=_paths(frame.lines(times, samples.expected), decimals),
        value=_paths(frame.lines(times, samples.value), decimals),
        outside=frame.points(times[is_outside], samples.value[is_outside], decimals),
        marked=(left, max(2.0, right - left)),
        levels=tuple(_level_text(level, levels[1] - levels[0], unit) for level in levels),
        moments=tuple(
            _clock(int(time), end - start) for time in np.linspace(start, end, TIME_LABELS)
        ),
    )


def _paths(outlines: Iterable[Outline], decimals: int) -> str:
    return "".join(_path(outline, decimals) for outline in outlines)


def _path(outline: Outline, decimals: int) -> str:
    return "M" + "L".join(f"{x:.{decimals}f} {y:.{decimals}f}" for x, y in outline)


def _level_text(level: float, step: float, unit: str) -> str:
    """With as few digits as distinguish it from values that are a tenth of a step away."""
    margin = step / 10 if level else step
    return expected_range(level, math.nan, level - margin, level + margin, unit)[0]


def _clock(time: int, shown_seconds: int) -> str:
    """Hour and minute in UTC, with the day where more than one is shown."""
    pattern = "%m-%d %H:%M" if shown_seconds > DAY else "%H:%M"
    return datetime.fromtimestamp(time, UTC).strftime(pattern)


def _levels(low: float, high: float) -> list[float]:
    """Round numbers, evenly spaced, from `low` or below to `high` or above."""
    if not high > low:
        low = low - (abs(low) or 1.0)
        high = high + (abs(high) or 1.0)
    min_step = (high - low) / VALUE_STEPS
    power = 10.0 ** math.floor(math.log10(min_step))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= min_step * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [step * number for number in range(first, last + 1)]


def _runs(y: FloatArray) -> Iterator[Sequence[int]]:
    """Stretches of indices without a gap."""
    run: list[int] = []
    for i, number in enumerate(y.tolist()):
        if math.isfinite(number):
            run.append(i)
        elif run:
            yield run
            run = []
    if run:
        yield run
