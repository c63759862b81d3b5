"""Small drawings as inline SVG: alarms per day, and a series in its band.

Colours are those of the page's style.
"""

import math
from collections.abc import Sequence

import numpy as np

from plugin.domain.band_drawing import Frame, Outline, value_range
from plugin.domain.report import Point
from plugin.series import FloatArray

# of the bars, in pixels
BAR_WIDTH = 12
BAR_GAP = 3
BARS_HEIGHT = 34
# of a drawn series
WIDTH = 720.0
HEIGHT = 130.0
MARGIN = 6.0


def bars(numbers: Sequence[int], max_count: int, label: str) -> str:
    """A bar for each day, the latest on the right, as HTML.

    max_count: number of a bar of full height; label: what a screen reader says, escaped.
    """
    distance = BAR_WIDTH + BAR_GAP
    width = len(numbers) * distance
    rectangles = []
    for position, number in enumerate(numbers):
        height = BARS_HEIGHT * number / max_count if number else 1.0
        kind = "bar" if number else "none"
        rectangles.append(
            f'<rect class="{kind}" x="{position * distance}" y="{BARS_HEIGHT - height:.1f}"'
            f' width="{BAR_WIDTH}" height="{height:.1f}" rx="1.5"><title>{number}</title></rect>'
        )
    return (
        f'<svg class="bars" role="img" aria-label="{label}" viewBox="0 0 {width} {BARS_HEIGHT}"'
        f' width="{width}" height="{BARS_HEIGHT}">{"".join(rectangles)}</svg>'
    )


def band(points: Sequence[Point], start: int, end: int, label: str) -> str:
    """A series in its band from `start` to `end` (ms): the samples outside are marked."""
    times = np.array([point.time for point in points], np.int64)
    value = np.array([math.nan if point.value is None else point.value for point in points], float)
    lower = np.array([_bound(point, point.lower, -math.inf) for point in points], float)
    upper = np.array([_bound(point, point.upper, math.inf) for point in points], float)
    is_outside = np.array([point.outside and point.value is not None for point in points], bool)
    frame = Frame(WIDTH, HEIGHT, (start, end), _shown_values(value, lower, upper), MARGIN)
    shapes = [
        *(
            f'<polygon class="band" points="{_coordinates(area)}"/>'
            for area in frame.areas(times, lower, upper)
        ),
        *(
            f'<polyline class="value" points="{_coordinates(line)}"/>'
            for line in frame.lines(times, value)
        ),
        f'<path class="outside" d="{frame.points(times[is_outside], value[is_outside])}"/>',
    ]
    return (
        f'<svg class="series" role="img" aria-label="{label}" viewBox="0 0 {WIDTH:.0f} '
        f'{HEIGHT:.0f}" preserveAspectRatio="none">{"".join(shapes)}</svg>'
    )


def _bound(point: Point, bound: float | None, unbounded: float) -> float:
    """A bound as a number; NaN where the point has no band."""
    if bound is not None:
        return bound
    return math.nan if point.lower is None and point.upper is None else unbounded


def _shown_values(value: FloatArray, lower: FloatArray, upper: FloatArray) -> tuple[float, float]:
    """From the bottom to the top of the frame."""
    if not np.isfinite(value).any():
        return 0.0, 1.0
    low, high = value_range(value, np.concatenate([lower, upper]))
    return (low, high) if high > low else (low - 1, low + 1)


def _coordinates(outline: Outline) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in outline)
