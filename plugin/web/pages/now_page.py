"""The page at /: what is going on now."""

from collections.abc import Iterator, Mapping

from flask import Response, abort, request

from plugin.domain.times import DAY, time_of_day
from plugin.series import SeriesRecord
from plugin.web.budget_spending import spendings_by_watch
from plugin.web.context import WebContext
from plugin.web.incidents import IncidentViews
from plugin.web.links import SignedLinks
from plugin.web.pages.incident_cards import MAX_CARDS, IncidentCards
from plugin.web.pages.page_html import page
from plugin.web.pages.state_lists import state_lists
from plugin.web.pages.watch_lines import watch_lines
from plugin.web.pinned_snapshots import PinnedSnapshot
from plugin.web.queries import NoQuery
from plugin.web.responses import View
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.watches import DAYS, watch_rows


class NowPageViews:
    """The view at /."""

    def __init__(
        self,
        context: WebContext,
        catalog: SeriesCatalog,
        incidents: IncidentViews,
        links: SignedLinks,
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._incidents = incidents
        self._cards = IncidentCards(context, links, incidents.words)

    @property
    def views(self) -> Mapping[str, View]:
        return {"now_page": self.show}

    def show(self, _: NoQuery) -> Response:
        """Open incidents, series that are neither well nor outside, and every watch."""
        accepted = request.accept_mimetypes
        if accepted.provided and not accepted.accept_html:
            abort(404)  # a program that asks for JSON reads /api/v1
        now = int(self._context.clock())
        board = self._context.board.snapshots()
        records = self._catalog.by_id_on_board(board)
        incidents = self._incidents.open_incidents(now, records)
        return page(
            "page_now.html",
            title=f"{len(incidents)} open · Bandwatch" if incidents else "Bandwatch",
            headline=_headline(len(incidents)),
            made_at=time_of_day(now),
            cards=self._cards.cards(incidents[:MAX_CARDS], records, now),
            remainder=max(0, len(incidents) - MAX_CARDS),
            states=list(state_lists([board[name] for name in sorted(board)], now)),
            name_of=self._incidents.words.series,
            watches=list(watch_lines(self._watch_rows(records))),
        )

    def _watch_rows(self, records: Mapping[int, SeriesRecord]) -> Iterator[Row]:
        """The rows of /api/v1/watches."""
        moment = PinnedSnapshot.of(self._context)
        start = int(moment.now) - DAYS * DAY
        spent = spendings_by_watch(self._context, records, DAYS, start)
        known_since = max(self._context.started, self._context.reloaded())
        return watch_rows(moment, spent, known_since)


def _headline(count: int) -> str:
    if count == 0:
        return "No incident is open"
    return "1 incident is open" if count == 1 else f"{count} incidents are open"
