"""What happened to one series in a time, as marks of its chart: alarms, incidents, maintenance,
levels that were accepted, feedback, and changes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from plugin.domain.times import clock_time
from plugin.domain.tolerances import FeedbackEntry, Verdict
from plugin.domain.wording import alarm_text
from plugin.series import SeriesRecord
from plugin.web.changes import ChangeViews
from plugin.web.context import WebContext
from plugin.web.incidents import IncidentViews
from plugin.web.maintenance import MaintenanceViews
from plugin.web.pages.chart_types import ChartMark, MarkKind
from plugin.web.queries import AnnotationsQuery
from plugin.web.regimes import RegimeViews
from plugin.web.row_types import AnnotationRow
from plugin.web.series_catalog import SeriesCatalog

MAX_ALARMS = 500  # of one chart: the latest
ANSWERS: Mapping[Verdict, str] = {
    Verdict.FALSE_ALARM: "false alarm",
    Verdict.REAL: "real",
    Verdict.NEW_NORMAL: "new normal",
}


class ChartMarks:
    """Finds the marks of one series."""

    def __init__(
        self,
        context: WebContext,
        catalog: SeriesCatalog,
        incidents: IncidentViews,
        maintenance: MaintenanceViews,
    ) -> None:
        self._context = context
        self._incidents = incidents
        self._maintenance = maintenance
        self._regimes = RegimeViews(context, catalog, incidents.words.series)
        self._changes = ChangeViews(context, catalog)

    def of(self, record: SeriesRecord, start: int, end: int) -> list[ChartMark]:
        """Those that overlap a time range, unix seconds, sorted by their start."""
        ids = [record.id]
        query = AnnotationsQuery(start=start * 1000, end=end * 1000)
        marks = [
            *self._alarms(record, start, end),
            *_marks(MarkKind.INCIDENT, self._incidents.annotations(query, ids)),
            *_marks(MarkKind.MAINTENANCE, self._maintenance.occurrences(query, ids)),
            *_marks(MarkKind.LEVEL, self._regimes.annotations(query, ids)),
            *_marks(MarkKind.CHANGE, self._changes.annotations(query, ids)),
            *_feedback(self._context.store.feedback.between(start, end, ids), record),
        ]
        return sorted(marks, key=lambda mark: mark.time)

    def _alarms(self, record: SeriesRecord, start: int, end: int) -> Iterator[ChartMark]:
        watch = self._context.watches().get(record.watch)
        for alarm in self._context.store.alarms.between(start, end, [record.id], MAX_ALARMS):
            peak = alarm.peak(watch.unit if watch is not None else "")
            words = alarm_text(peak, seconds=alarm.end - alarm.start, is_open=alarm.open)
            side = "above" if alarm.direction > 0 else "below"
            yield ChartMark(
                MarkKind.ALARM, alarm.start * 1000, alarm.end * 1000, f"{side} its band; {words}"
            )


def mark_lines(marks: Sequence[ChartMark], now: int) -> list[tuple[str, str, str]]:
    """Since when, kind and words of the marks that are no alarms: a page lists those itself.

    now: unix seconds.
    """
    return [
        (clock_time(mark.time // 1000, now), mark.kind.value, mark.text)
        for mark in marks
        if mark.kind is not MarkKind.ALARM
    ]


def _marks(kind: MarkKind, rows: Iterable[AnnotationRow]) -> Iterator[ChartMark]:
    for row in rows:
        text = f"{row.title}; {row.text}" if row.text else row.title
        yield ChartMark(kind, row.time, row.time_end, text)


def _feedback(entries: Sequence[FeedbackEntry], record: SeriesRecord) -> Iterator[ChartMark]:
    """Of the entries in force."""
    for entry in entries:
        for part in entry.parts:
            if part.series_id == record.id and part.ended_at is None:
                comment = f": {entry.comment}" if entry.comment else ""
                yield ChartMark(
                    MarkKind.FEEDBACK,
                    part.start * 1000,
                    part.end * 1000,
                    f"answered as {ANSWERS[entry.verdict]} by {entry.by}{comment}",
                )
