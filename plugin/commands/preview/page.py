"""A preview as one HTML file that needs nothing else: no script, no font, no picture from
elsewhere. Its style is that of the report."""

import math
from collections.abc import Sequence

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from plugin.commands.preview.sides import PreviewSide, figure, suggestion_texts, summary, watch_rows
from plugin.commands.report.svg import band
from plugin.domain.number_text import digits
from plugin.domain.preview import SeriesBand, differences, span_text
from plugin.domain.report import Point
from plugin.domain.times import instant
from plugin.version import VERSION
from plugin.web.thinning import thin

MAX_POINTS = 500  # of a drawn series; samples outside the band come on top
PEAK_DIGITS = 3


def page(sides: Sequence[PreviewSide]) -> str:
    """All of it, of one configuration or of two; every value is escaped."""
    only = differences(sides[0].preview, sides[1].preview) if len(sides) > 1 else ([], [])
    return (
        _environment()
        .get_template("preview.html")
        .render(
            sides=list(zip(sides, only, strict=False)),
            compared=len(sides) > 1,
            span=span_text(sides[0].preview),
            figures=[(lines[0][0], [value for _, value in lines]) for lines in _figures(sides)],
            version=VERSION,
        )
    )


def _figures(sides: Sequence[PreviewSide]) -> list[tuple[tuple[str, str], ...]]:
    """By figure: its name and value on each side."""
    return list(zip(*(side.figures for side in sides), strict=True))


def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("plugin.commands.preview"), PackageLoader("plugin.commands.report")]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(
        figure=figure,
        instant=instant,
        peak=lambda score: digits(score, PEAK_DIGITS),
        suggestions=suggestion_texts,
        summary=summary,
        watch_rows=watch_rows,
    )
    environment.globals.update(drawing=_drawing)
    return environment


def _drawing(series: SeriesBand) -> Markup:
    samples = thin(series.samples, 0, MAX_POINTS)
    points = [
        Point(time, _number(value), _number(lower), _number(upper), outside=score > 1)
        for time, value, lower, upper, score in zip(
            samples.times.tolist(),
            samples.value.tolist(),
            samples.lower.tolist(),
            samples.upper.tolist(),
            samples.score.tolist(),
            strict=True,
        )
    ]
    label = escape(f"{series.labels} in its band")
    return Markup(band(points, points[0].time, points[-1].time, label))


def _number(number: float) -> float | None:
    return number if math.isfinite(number) else None
