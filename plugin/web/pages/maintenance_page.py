"""The page at /maintenance: windows, a form that plans one, and a button that ends each.

The forms take what the API takes, by the same rules.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flask import Response, request

from plugin.domain.times import clock_time, duration, time_of_day
from plugin.errors import RequestError
from plugin.web.context import WebContext
from plugin.web.feedback import by_whom
from plugin.web.feedback_html import sentence
from plugin.web.maintenance_actions import MaintenanceActions
from plugin.web.pages.page_html import page, redirection
from plugin.web.pages.page_queries import MaintenancePageQuery
from plugin.web.queries import NoQuery
from plugin.web.request_bodies import MaintenanceBody, read_form
from plugin.web.responses import View
from plugin.web.row_types import WindowRow

FIELDS = (
    "name",
    "watch",
    "match",
    "begin",
    "end",
    "duration",
    "rule",
    "timezone",
    "before",
    "after",
    "comment",
    "by",
)
RARE_FIELDS = ("end", "rule", "timezone", "before", "after")  # they stand under "More"
MAX_ENDED = 50  # windows that are over, and are listed


@dataclass(frozen=True)
class WindowLine:
    """One window."""

    row: WindowRow
    span: str  # of its nearest occurrence
    length: str
    about: str
    remark: str

    @property
    def may_end(self) -> bool:
        return self.row.source == "api" and self.row.state != "ended"


class MaintenancePageViews:
    """The views at /maintenance."""

    def __init__(self, context: WebContext, actions: MaintenanceActions) -> None:
        self._context = context
        self._actions = actions

    @property
    def views(self) -> Mapping[str, View]:
        return {"maintenance_page": self.show, "maintenance_change": self.change}

    def show(self, query: MaintenancePageQuery) -> Response:
        return self._page(added=query.added)

    def change(self, _: NoQuery) -> Response:
        """Adds a window or ends one; or the form again, with what is wrong."""
        form = request.form.to_dict()
        try:
            if form.get("end_window"):
                self._actions.end(form["end_window"], by_whom(None))
                return redirection("maintenance")
            fields = {name: form.get(name, "") for name in FIELDS}
            added = self._actions.add(read_form(MaintenanceBody, fields))
        except RequestError as error:
            return self._page(form=form, fault=error)
        return redirection(f"maintenance?added={added.id}#window-{added.id}")

    def _page(
        self,
        *,
        added: str = "",
        form: Mapping[str, str] | None = None,
        fault: RequestError | None = None,
    ) -> Response:
        """added: the id of a window that has just been added. form: what was filled in."""
        now = int(self._context.clock())
        rows = self._actions.rows()
        fields = form or {}
        return page(
            "page_maintenance.html",
            title="Maintenance · Bandwatch",
            status=fault.status if fault is not None else 200,
            lines=list(_lines(rows, now)),
            added=next((row for row in rows if row.id == added), None),
            form=fields,
            fault=sentence(str(fault)) if fault is not None else "",
            wrong=fault.field if fault is not None else "",
            more=any(fields.get(name) for name in RARE_FIELDS),
            nameless=by_whom(None) in ("anyone", "token"),
            watches=sorted(self._context.watches()),
            made_at=time_of_day(now),
        )


def _lines(rows: list[WindowRow], now: int) -> Iterator[WindowLine]:
    """All that run or come, and the latest that are over."""
    ended = [row for row in rows if row.state == "ended"]
    ended.sort(key=lambda row: -(row.time_end or 0))
    for row in [*(row for row in rows if row.state != "ended"), *ended[:MAX_ENDED]]:
        remarks = (row.comment if row.comment != row.name else "", row.by and f"by {row.by}")
        ended_by = f"ended by {row.ended_by}" if row.ended_by else ""
        source = f"from {row.source}" if row.source != "api" else ""
        yield WindowLine(
            row,
            span=_span(row, now),
            length=duration(row.duration_seconds),
            about="; ".join(filter(None, (row.watch and f"watch {row.watch}", row.match))),
            remark="; ".join(filter(None, (*remarks, ended_by, source))),
        )


def _span(row: WindowRow, now: int) -> str:
    if row.time is None or row.time_end is None:
        return "never"
    start, end = row.time // 1000, (row.ended or row.time_end) // 1000
    return f"{clock_time(start, now)} to {clock_time(max(start, end), now)}"
