"""Small drawings as inline SVG: alarms per day, and a series in its band.

Colours are those of the page's style.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from plugin.commands.report.gather import Point

# of the bars, in pixels
BAR = 12
GAP = 3
TALL = 34
# of a drawn series
WIDE = 720.0
HIGH = 130.0
EDGE = 6.0


def bars(numbers: Sequence[int], most: int, label: str) -> str:
    """A bar for each day, the latest on the right; most: of a whole bar; label: what a screen
    reader says."""
    width = len(numbers) * (BAR + GAP)
    parts = []
    for place, number in enumerate(numbers):
        tall = TALL * number / most if number else 1.0
        kind = "bar" if number else "none"
        parts.append(
            f'<rect class="{kind}" x="{place * (BAR + GAP)}" y="{TALL - tall:.1f}" width="{BAR}" '
            f'height="{tall:.1f}" rx="1.5"><title>{number}</title></rect>'
        )
    return (
        f'<svg class="bars" role="img" aria-label="{label}" viewBox="0 0 {width} {TALL}"'
        f' width="{width}" height="{TALL}">{"".join(parts)}</svg>'
    )


def band(points: Sequence[Point], begin: int, end: int, label: str) -> str:
    """A series in its band from `begin` to `end` (ms): the samples outside are marked."""
    low, high = _limits(points)

    def x(time: int) -> float:
        return EDGE + (WIDE - 2 * EDGE) * (time - begin) / max(1, end - begin)

    def y(number: float) -> float:
        share = (min(max(number, low), high) - low) / (high - low)
        return EDGE + (HIGH - 2 * EDGE) * (1 - share)

    parts = []
    for run in _runs(points, lambda point: point.lower is not None or point.upper is not None):
        top = [f"{x(p.time):.1f},{y(high if p.upper is None else p.upper):.1f}" for p in run]
        bottom = [
            f"{x(p.time):.1f},{y(low if p.lower is None else p.lower):.1f}" for p in reversed(run)
        ]
        parts.append(f'<polygon class="band" points="{" ".join(top + bottom)}"/>')
    for run in _runs(points, lambda point: point.value is not None):
        line = " ".join(f"{x(p.time):.1f},{y(p.value):.1f}" for p in run if p.value is not None)
        parts.append(f'<polyline class="value" points="{line}"/>')
    dots = "".join(
        f"M{x(p.time):.1f} {y(p.value):.1f}h0" for p in points if p.outside and p.value is not None
    )
    parts.append(f'<path class="outside" d="{dots}"/>')
    return (
        f'<svg class="series" role="img" aria-label="{label}" viewBox="0 0 {WIDE:.0f} {HIGH:.0f}" '
        f'preserveAspectRatio="none">{"".join(parts)}</svg>'
    )


def _limits(points: Sequence[Point]) -> tuple[float, float]:
    """What the drawing shows from bottom to top: all values, and the bounds as far as they are
    near."""
    values = [point.value for point in points if point.value is not None]
    bounds = sorted(
        bound for point in points for bound in (point.lower, point.upper) if bound is not None
    )
    near = bounds[len(bounds) // 50 : len(bounds) - len(bounds) // 50]
    shown = [*values, *near] or [0.0, 1.0]
    low = min(shown)
    high = max(shown)
    if not math.isfinite(high - low) or high <= low:
        return low - 1, low + 1
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def _runs(points: Sequence[Point], there: Callable[[Point], bool]) -> Iterator[list[Point]]:
    """Stretches of points without a gap."""
    run: list[Point] = []
    for point in points:
        if there(point):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run
