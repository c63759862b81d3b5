"""The report as one HTML file that needs nothing else: no script, no font, no picture from
elsewhere. Pure."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from plugin.commands.report.svg import band, bars
from plugin.domain import report as words
from plugin.domain.report import NoisySeries, Report
from plugin.version import VERSION


def page(report: Report) -> str:
    """All of it; whatever comes from the service is escaped."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            summary=words.summary(report),
            notes=words.unscored_notes(report),
            drawn=[series for series in report.noisy if series.points],
            listed=[series for series in report.noisy if not series.points],
            most_per_day=max([1, *(number for line in report.watches for number in line.per_day)]),
            budget=words.WHOLE_BUDGET,
            version=VERSION,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("plugin.commands.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(
        breakable=_breakable,
        coded=_coded,
        counted=words.counted,
        duration=words.duration_text,
        moment=words.moment,
        percent="{:.0%}".format,
        promised=words.promised,
        share=words.share,
        thousands="{:,}".format,
        values_text=words.values_text,
    )
    environment.globals.update(bars=_bars, band=_band)
    return environment


def _bars(numbers: tuple[int, ...], max_count: int, label: str) -> Markup:
    return Markup(bars(numbers, max_count, escape(label)))


def _band(series: NoisySeries, end: int) -> Markup:
    label = escape(f"{series.series} in its band")
    return Markup(band(series.points, series.points[0].time, end, label))


def _breakable(name: str) -> Markup:
    """A name of a series, whose line may break between labels."""
    return escape(name).replace(",", Markup(",<wbr>"))


def _coded(text: str) -> Markup:
    """A text, with what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))
