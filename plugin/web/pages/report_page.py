"""The page at /report: how noisy the last days were, and what could not be scored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Response

from plugin.domain import report as words
from plugin.domain.budget import PERIOD_DAYS
from plugin.domain.report import NoisySeries, Report
from plugin.series import SeriesRecord
from plugin.web.context import WebContext
from plugin.web.noise_report import ReportFigures, ReportSource
from plugin.web.pages.band_chart import Chart, chart
from plugin.web.pages.page_html import page
from plugin.web.pages.page_queries import ReportPageQuery
from plugin.web.responses import View
from plugin.web.series_catalog import SeriesCatalog

MAX_CHARTS = 5  # of the noisiest series
POINTS = 300  # of one chart
# of the bars, in pixels
BAR_WIDTH = 12
BAR_GAP = 3
BARS_HEIGHT = 34
MIN_BAR = 1.0  # of a day without an alarm

Bar = tuple[float, float, float]  # left edge, top and height in pixels


@dataclass(frozen=True)
class DayBars:
    """Alarms per day as bars, the latest on the right."""

    bars: Sequence[Bar]
    words: str  # what a screen reader says
    width: int
    height: int = BARS_HEIGHT
    bar_width: int = BAR_WIDTH


@dataclass(frozen=True)
class NoisyCard:
    """One of the noisiest series."""

    series: NoisySeries
    id: int
    sentence: str
    chart: Chart | None  # only of the noisiest


class ReportPageViews:
    """The view at /report."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._source = ReportSource(context, catalog)

    @property
    def views(self) -> Mapping[str, View]:
        return {"report_page": self.show}

    def show(self, query: ReportPageQuery) -> Response:
        """What `bandwatch report` tells."""
        figures = self._source.figures(query.days)
        report = figures.report
        max_count = max([1, *(number for line in report.watches for number in line.per_day)])
        return page(
            "page_report.html",
            title="Report · Bandwatch",
            report=report,
            periods=PERIOD_DAYS,
            start=words.moment(report.start),
            end=words.moment(report.end),
            summary=words.summary(report),
            lines=[(line, _bars(line.watch, line.per_day, max_count)) for line in report.watches],
            cards=list(self._cards(figures)),
            notes=[*words.unscored_notes(report), *_absence_notes(report)],
            whole=words.WHOLE_BUDGET,
            promised=words.promised,
            share=words.share,
        )

    def _cards(self, figures: ReportFigures) -> Iterator[NoisyCard]:
        noisy = zip(figures.report.noisy, figures.noisy_records, strict=True)
        for number, (series, record) in enumerate(noisy):
            is_drawn = number < MAX_CHARTS
            picture = self._chart(figures.report, record, series.unit) if is_drawn else None
            yield NoisyCard(series, record.id, _sentence(series), picture)

    def _chart(self, report: Report, record: SeriesRecord, unit: str) -> Chart | None:
        start, end = report.start // 1000, report.end // 1000
        samples = self._context.store.samples.of(record.id, start, end)
        alarms = self._context.store.alarms.between(start, end, [record.id])
        label = f"{record.labels} in its band over {report.days} days"
        return chart(samples, (start, end), unit, alarms, label, POINTS)


def _sentence(series: NoisySeries) -> str:
    return (
        f"{words.counted(series.alarms, 'alarm')}, {words.promised(series.promised)} promised;"
        f" outside for {words.duration_text(60 * series.minutes_outside)}; highest score"
        f" {series.worst_score:.2g}; the latest at {words.moment(series.last)}"
    )


def _absence_notes(report: Report) -> Iterator[str]:
    for absent in report.absent:
        age = words.duration_text(absent.age_seconds)
        yield f"{absent.watch}: {absent.series} has no samples for {age}"


def _bars(watch: str, numbers: Sequence[int], max_count: int) -> DayBars:
    """max_count: alarms of a bar of full height."""
    bars = []
    for position, number in enumerate(numbers):
        height = BARS_HEIGHT * number / max_count if number else MIN_BAR
        bars.append((position * (BAR_WIDTH + BAR_GAP), round(BARS_HEIGHT - height, 1), height))
    spoken = f"alarms of {watch} per day: {', '.join(map(str, numbers))}"
    return DayBars(bars, spoken, max(1, len(numbers)) * (BAR_WIDTH + BAR_GAP))
