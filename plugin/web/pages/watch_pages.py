"""The pages of the watches: the list, and one watch with its settings, what it has learnt, and what
it made of its alert budget."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import Response, current_app

from plugin.config import Watch, watch_settings
from plugin.domain.learnt_shape import LearntShape
from plugin.domain.number_text import digits
from plugin.domain.times import DAY, WEEK, duration, time_of_day
from plugin.errors import RequestError
from plugin.nearest_name import nearest
from plugin.series import SeriesRecord
from plugin.web.budget_spending import noise_order, spendings, spendings_by_watch
from plugin.web.context import WebContext
from plugin.web.pages.learnt_pictures import LearntPicture, learnt_pictures
from plugin.web.pages.page_html import page
from plugin.web.pages.page_queries import WatchPageQuery
from plugin.web.pages.watch_lines import WatchSummary, watch_lines
from plugin.web.pinned_snapshots import PinnedSnapshot
from plugin.web.queries import NoQuery
from plugin.web.responses import View
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.watches import DAYS, watch_rows

LEARNT_SECONDS = 4 * WEEK  # of bands, from which the shapes are drawn
MAX_NOISY_SERIES = 10
MAX_CHOICES = 200  # series that can be chosen
HEAD = ("name", "query")  # settings at the head of the page
TRIAL_VIEW = "try_page"  # the name of the route at /try


@dataclass(frozen=True)
class NoiseLine:
    """What one series used of the alert budget."""

    record: SeriesRecord
    alarms: int
    promised: str
    minutes_outside: str
    suggestion: str  # "" = none


class WatchPageViews:
    """The views at /watches and /watches/<watch>."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    @property
    def views(self) -> Mapping[str, View]:
        return {"watches_page": self.show_all, "watch_page": self.show}

    def show_all(self, _: NoQuery) -> Response:
        """A line for each watch, with its query."""
        queries = {name: watch.query for name, watch in self._context.watches().items()}
        return page(
            "page_watches.html",
            title="Watches · Bandwatch",
            watches=list(self._lines()),
            queries=queries,
            made_at=time_of_day(int(self._context.clock())),
        )

    def show(self, query: WatchPageQuery) -> Response:
        """Raises RequestError when no such watch is configured, or it has no such series."""
        watch = self._watch(query.watch)
        records = sorted(self._catalog.find((watch.name,)), key=lambda record: str(record.labels))
        records = [record for record in records if record.watch == watch.name]
        selection = self._selection(watch, records, query.series)
        [line] = [line for line in self._lines() if line.name == watch.name]
        return page(
            "page_watch.html",
            title=f"{watch.name} · Bandwatch",
            watch=watch,
            line=line,
            promise=f"{digits(watch.alert_budget * WEEK, 2)} a week and series",
            settings=[setting for setting in watch_settings(watch) if setting[0] not in HEAD],
            choices=records[:MAX_CHOICES],
            selection=selection,
            pictures=self._pictures(watch, selection),
            learnt_for=duration(LEARNT_SECONDS),
            noise=list(self._noise(records)),
            days=DAYS,
            has_trial=TRIAL_VIEW in current_app.view_functions,
        )

    def _watch(self, name: str) -> Watch:
        watches = self._context.watches()
        if name not in watches:
            raise RequestError(
                f"there is no watch `{name}`{nearest(name, watches)}; the others are at /watches",
                field="watch",
                status=404,
                code="unknown_watch",
            )
        return watches[name]

    def _lines(self) -> Iterator[WatchSummary]:
        moment = PinnedSnapshot.of(self._context)
        records = self._catalog.by_id_on_board(moment.board)
        start = int(moment.now) - DAYS * DAY
        spent = spendings_by_watch(self._context, records, DAYS, start)
        known_since = max(self._context.started, self._context.reloaded())
        return watch_lines(watch_rows(moment, spent, known_since))

    def _selection(
        self, watch: Watch, records: Sequence[SeriesRecord], text: str
    ) -> SeriesRecord | None:
        """The series that is asked for, else the one with the highest score, else the first; None
        if the watch has none. Raises RequestError."""
        by_id = {str(record.id): record for record in records}
        if text and text not in by_id:
            raise RequestError(
                f"{watch.name} has no series {text}: choose one of the list",
                field="id",
                status=404,
                code="unknown_series",
            )
        if text:
            return by_id[text]
        snapshot = self._context.board.snapshots().get(watch.name)
        if snapshot is None or not len(snapshot.series):
            return records[0] if records else None
        scores = [-1.0 if score != score else score for score in snapshot.score.tolist()]
        return snapshot.series[max(range(len(scores)), key=scores.__getitem__)]

    def _pictures(self, watch: Watch, record: SeriesRecord | None) -> list[LearntPicture]:
        if record is None:
            return []
        now = int(self._context.clock())
        samples = self._context.store.samples.of(record.id, now - LEARNT_SECONDS, now)
        shape = LearntShape.of(samples, ZoneInfo(watch.timezone))
        return list(learnt_pictures(shape, watch.unit))

    def _noise(self, records: Sequence[SeriesRecord]) -> Iterator[NoiseLine]:
        """The noisiest series of the last days, the noisiest first."""
        start = int(self._context.clock()) - DAYS * DAY
        noise = self._context.board.noise()
        suggestions = noise.suggestions if noise is not None else {}
        noisy = sorted(
            (
                pair
                for pair in spendings(self._context, records, DAYS, start)
                if pair[1].totals.alarms
            ),
            key=noise_order,
        )
        for record, spending in noisy[:MAX_NOISY_SERIES]:
            yield NoiseLine(
                record=record,
                alarms=spending.totals.alarms,
                promised=digits(spending.promised, 2) or "0",
                minutes_outside=duration(int(spending.seconds_outside)),
                suggestion=str(suggestions.get(record.id, "")),
            )
