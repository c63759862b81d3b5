"""What the bands of a series have shown in the last weeks, as pictures: the shape of a day and of a
week, and how wide the band is at each hour. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plugin.domain.band_drawing import draw
from plugin.domain.learnt_shape import LearntShape, ShapePart
from plugin.domain.number_text import expected_range
from plugin.domain.times import DAY, HOUR, MINUTE, WEEK
from plugin.series import FloatArray, Samples
from plugin.web.pages.band_chart import Chart

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class LearntPicture:
    """One picture; None = the bands do not show it yet."""

    title: str
    chart: Chart | None
    caption: str


def learnt_pictures(shape: LearntShape, unit: str) -> Iterator[LearntPicture]:
    """unit: of the values, a unit id of Grafana."""
    for title, part, length, pending in (
        ("A day", shape.day, DAY, "It takes most hours of a day with a band."),
        ("A week", shape.week, WEEK, "It takes five days with a band."),
    ):
        if part is None:
            yield LearntPicture(title, None, f"Not known yet. {pending}")
        else:
            bounds = (part.expected, part.lower, part.upper)
            yield _picture(title, part, bounds, length, unit)
    if shape.day is not None and np.isfinite(shape.day.width).any():
        width = shape.day.width
        yield _picture(
            "Width of the band over a day", shape.day, (width, 0 * width, width), DAY, unit
        )


def _picture(
    title: str, part: ShapePart, bounds: Sequence[FloatArray], length: int, unit: str
) -> LearntPicture:
    """bounds: line, lower and upper, [B] each; length: seconds."""
    line, lower, upper = bounds
    count = len(part.times)
    versions = np.ones(count, np.int64)
    samples = Samples(part.times, line, line, lower, upper, np.zeros(count), versions)
    caption = _caption(part, line, length, unit)
    drawing = draw(samples, (0, 0), (0, length), unit)
    if drawing is None:
        return LearntPicture(title, None, caption)
    if length == WEEK:
        drawing = replace(drawing, moments=WEEKDAYS)
    return LearntPicture(title, Chart(drawing, (), f"{title}: {caption}"), caption)


def _caption(part: ShapePart, line: FloatArray, length: int, unit: str) -> str:
    """Where the lowest and the highest number lie."""
    words = []
    for name, position in (("lowest", np.nanargmin(line)), ("highest", np.nanargmax(line))):
        number = float(line[position])
        text = expected_range(number, np.nan, np.nan, np.nan, unit)[0]
        words.append(f"{name} {text} at {_moment(int(part.times[position]), length)}")
    return ", ".join(words)


def _moment(seconds: int, length: int) -> str:
    """`Tue 14:00`; a day has no weekday. seconds: from its start."""
    weekday = f"{WEEKDAYS[seconds // DAY]} " if length == WEEK else ""
    hour, rest = divmod(seconds % DAY, HOUR)
    return f"{weekday}{hour:02d}:{rest // MINUTE:02d}"
