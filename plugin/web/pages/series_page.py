"""The page of one series: its chart, what is unusual, its alarms and its model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response

from plugin.config import Watch
from plugin.domain.alarms import Alarm
from plugin.domain.number_text import digits
from plugin.domain.times import WEEK, clock_time, duration, instant, time_of_day
from plugin.domain.wording import alarm_text
from plugin.series import MAX_TIME, SeriesRecord
from plugin.store import ModelRecord
from plugin.web.context import WebContext
from plugin.web.explanations import ExplanationViews
from plugin.web.forecast import Future
from plugin.web.links import SignedLinks
from plugin.web.pages.band_chart import CHART_POINTS, Chart, condensed, condensed_chart
from plugin.web.pages.chart_assets import asset_addresses
from plugin.web.pages.chart_marks import ChartMarks, mark_lines
from plugin.web.pages.chart_types import ChartMark, MarkKind
from plugin.web.pages.elapsed_time import elapsed
from plugin.web.pages.outside_links import outside_links
from plugin.web.pages.page_html import page
from plugin.web.pages.page_queries import SeriesPageQuery
from plugin.web.pages.series_lookup import series_record
from plugin.web.pages.unusual_words import unusual_lines
from plugin.web.parameters import CHART_LENGTHS
from plugin.web.present_states import AlarmState, PresentStates
from plugin.web.responses import View
from plugin.web.series_catalog import SeriesCatalog

MAX_DECISIONS = 5
AHEAD_PARTS = 6  # of the length of a chart, one of which may be forecast

Fact = tuple[str, str]  # name, value in words


@dataclass(frozen=True)
class AlarmLine:
    """One alarm of the series."""

    since: str
    text: str
    state: AlarmState
    answer_url: str


@dataclass(frozen=True)
class ChartRange:
    """A link to another length of the chart."""

    name: str
    query: str
    current: bool


class SeriesPageViews:
    """The view at /series/<id>."""

    def __init__(
        self,
        context: WebContext,
        catalog: SeriesCatalog,
        links: SignedLinks,
        explanations: ExplanationViews,
        marks: ChartMarks,
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._links = links
        self._explanations = explanations
        self._marks = marks

    @property
    def views(self) -> Mapping[str, View]:
        return {"series_page": self.show}

    def show(self, query: SeriesPageQuery) -> Response:
        """Raises RequestError when there is no such series."""
        record = series_record(self._catalog, self._context, query.id)
        watch = self._context.watches().get(record.watch)
        now = int(self._context.clock())
        end = now if query.end is None else min(now, query.end // 1000)
        start = end - query.length
        last = self._last_time(record, end, query.length) if query.end is None else end
        alarms = self._context.store.alarms.between(start, end, [record.id])
        marks = self._marks.of(record, start, last)
        explanation = self._explanations.at(record, end)
        return page(
            "page_series.html",
            title=f"{record.labels} · Bandwatch",
            record=record,
            is_watched=watch is not None,
            state=record.state.value.replace("_", " "),
            chart=self._chart(record, (start, last), alarms, marks),
            chart_range=(start * 1000, last * 1000),
            assets=asset_addresses(),
            unusual=unusual_lines(explanation, watch, end, is_latest=query.end is None),
            ranges=list(_ranges(query)),
            earlier=_moved(query, start),
            later=_moved(query, end + query.length) if end + query.length <= now else "",
            is_latest=query.end is None,
            alarms=[self._alarm_line(alarm, record, watch, now) for alarm in alarms[::-1]],
            marks=mark_lines(marks, now),
            mark_kinds={mark.kind.value for mark in marks},
            facts=list(self._facts(record, watch, now)),
            decisions=self._decisions(record, now),
            links=list(outside_links(self._context.settings, watch, record, (start, end))),
            made_at=time_of_day(now),
        )

    def _last_time(self, record: SeriesRecord, now: int, length: int) -> int:
        """The end of a chart with as much of the forecast as fits into it."""
        future = Future.of(self._context.board)
        ahead = future.ahead(record, start=now, end=now + length // AHEAD_PARTS)
        return int(ahead.times[-1]) if len(ahead) else now

    def _chart(
        self,
        record: SeriesRecord,
        time_range: tuple[int, int],
        alarms: Sequence[Alarm],
        marks: Sequence[ChartMark],
    ) -> Chart | None:
        """The chart without JavaScript."""
        start, end = time_range
        watch = self._context.watches().get(record.watch)
        stored = self._context.store.samples.of(record.id, start, end)
        condensed_samples = condensed(stored, CHART_POINTS)
        future = Future.of(self._context.board)
        samples = future.continued(record, condensed_samples, start, end)
        words = f"{record.labels} in its band from {instant(start)} to {instant(end)}"
        maintenance = [
            (mark.time // 1000, mark.time_end // 1000)
            for mark in marks
            if mark.kind is MarkKind.MAINTENANCE
        ]
        unit = watch.unit if watch is not None else ""
        return condensed_chart(samples, time_range, unit, alarms, words, maintenance)

    def _alarm_line(
        self, alarm: Alarm, record: SeriesRecord, watch: Watch | None, now: int
    ) -> AlarmLine:
        peak = alarm.peak(watch.unit if watch else "")
        state: AlarmState = "over"
        if alarm.open and watch is not None:
            state = PresentStates(self._context.board.snapshots()).of_alarm(record, alarm.end)
        words = alarm_text(
            peak,
            seconds=alarm.end - alarm.start,
            is_open=state != "over",
            last=None if state == "outside" else alarm.end,
        )
        link = {
            "watch": record.watch,
            "series": str(record.labels),
            "at": str(alarm.peak_time * 1000),
        }
        return AlarmLine(
            since=clock_time(alarm.start, now),
            text=f"{'above' if alarm.direction > 0 else 'below'}; {words}",
            state=state,
            answer_url=self._links.url(link, now) or f"../feedback?{urlencode(link)}",
        )

    def _facts(self, record: SeriesRecord, watch: Watch | None, now: int) -> Iterator[Fact]:
        """About the series and its active model."""
        yield "First sample", _ago(record.first_seen, now)
        yield "Latest sample", _ago(self._latest_time(record), now)
        if watch is not None:
            yield "Step", duration(watch.step)
            yield "Alarms promised", f"{digits(watch.alert_budget * WEEK, 2)} a week at most"
        versions = self._context.store.models.versions([record.id])
        active = [model for model, is_active in versions if is_active]
        yield from _model_facts(active[0], now) if active else [("Model", "none yet")]
        yield "Versions kept", str(len(versions))

    def _latest_time(self, record: SeriesRecord) -> int:
        """Unix seconds of its latest sample."""
        shown = self._context.board.snapshots().get(record.watch)
        times = zip(shown.series, shown.times.tolist(), strict=True) if shown is not None else ()
        return next(
            (time for other, time in times if other.id == record.id and time), record.last_seen
        )

    def _decisions(self, record: SeriesRecord, now: int) -> list[Fact]:
        """The latest decisions about its model, the latest first."""
        decisions = self._context.store.decisions.between(
            0, MAX_TIME, [record.id], limit=MAX_DECISIONS
        )
        return [
            (
                clock_time(decision.time, now),
                f"{decision.what.value}: {decision.why}".replace("`", ""),
            )
            for decision in decisions[::-1]
        ]


def _model_facts(model: ModelRecord, now: int) -> Iterator[Fact]:
    pinned = ", pinned" if model.pinned else ""
    yield "Model", f"{model.detector}, version {model.version}{pinned}"
    yield "Fitted", _ago(model.fitted_at, now)
    learnt = duration(model.window_end - model.window_start)
    yield "Learnt from", f"{learnt}, up to {_ago(model.window_end, now)}"
    yield "Held-out loss", digits(model.loss, 3) or "not known"


def _ago(time: int, now: int) -> str:
    """When, and how long ago."""
    return f"{clock_time(time, now)} ({elapsed(time, now)} ago)"


def _ranges(query: SeriesPageQuery) -> Iterator[ChartRange]:
    end = {} if query.end is None else {"to": query.end}
    for name, seconds in CHART_LENGTHS.items():
        yield ChartRange(name, urlencode({"range": name, **end}), seconds == query.length)


def _moved(query: SeriesPageQuery, end: int) -> str:
    """The query of the same page with another end, unix seconds."""
    name = next(name for name, seconds in CHART_LENGTHS.items() if seconds == query.length)
    return urlencode({"range": name, "to": end * 1000})
