"""One series in its band as a small SVG: shapes for a template, in the pixels of a fixed frame. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from plugin.series import FloatArray, Samples
from plugin.web.thinning import thin

WIDTH, HEIGHT = 720, 240  # of the drawing, pixels
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 10, 24  # around the frame
POINTS = 300
HEADROOM = 0.08  # of the range of values, above and below
FARTHEST = 3.0  # ranges of the values beyond which a bound is not followed


@dataclass(frozen=True)
class Drawing:
    """What to draw; each path is the `d` of an SVG path."""

    band: str
    expected: str
    value: str
    outside: tuple[tuple[float, float], ...]  # centres of the samples outside
    marked: tuple[float, float]  # left edge and width of the range that it is about
    levels: tuple[tuple[float, str], ...]  # y and text
    moments: tuple[tuple[float, str], ...]  # x and text


def draw(samples: Samples, start: int, end: int, begin: int, until: int) -> Drawing | None:
    """start, end: of the range that is marked; begin, until: of the frame; unix seconds. None = no sample."""
    shown = thin(samples, 0, POINTS)
    known = shown.value[np.isfinite(shown.value)]
    if not len(known):
        return None
    low, high = _range(shown, known)

    def across(times: FloatArray) -> FloatArray:
        return np.asarray(LEFT + (times - begin) / max(1, until - begin) * (WIDTH - LEFT - RIGHT))

    def down(values: FloatArray) -> FloatArray:
        return np.asarray(HEIGHT - BOTTOM - (np.clip(values, low, high) - low) / (high - low) * (HEIGHT - TOP - BOTTOM))

    x = across(shown.times.astype(np.float64))
    left, right = across(np.array([max(begin, start), min(until, end)], float)).tolist()
    outside = shown.score > 1
    return Drawing(
        "".join(_area(x, down(shown.lower), down(shown.upper))), "".join(_line(x, down(shown.expected))),
        "".join(_line(x, down(shown.value))), tuple(zip(x[outside].tolist(), down(shown.value)[outside].tolist(),
                                                        strict=True)),
        (left, max(2.0, right - left)),
        tuple((float(down(np.array(level))), f"{level:.3g}") for level in (low, (low + high) / 2, high)),
        tuple((float(across(np.array(float(at)))), clock(int(at))) for at in np.linspace(begin, until, 4)))


def clock(time: int) -> str:
    """Hour and minute in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%H:%M")


def _range(shown: Samples, known: FloatArray) -> tuple[float, float]:
    """Of the vertical axis: all values, and bounds as far as they are not far away."""
    low, high = float(known.min()), float(known.max())
    span = (high - low) or abs(high) or 1.0
    bounds = np.concatenate([shown.lower, shown.upper])
    near = bounds[np.isfinite(bounds) & (bounds > low - FARTHEST * span) & (bounds < high + FARTHEST * span)]
    if len(near):
        low, high = min(low, float(near.min())), max(high, float(near.max()))
    room = HEADROOM * ((high - low) or 1.0)
    return low - room, high + room


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
