"""Maintenance windows over the API: listed, added, ended; and drawn as annotations."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Response
from msgspec import structs

from plugin.config import parse_duration
from plugin.domain.recurrence import describe_clock_change
from plugin.domain.times import DAY
from plugin.domain.windows import Window, WindowRequest, one_line
from plugin.errors import RequestError, WindowRefused
from plugin.maintenance import MaintenanceCalendar, WindowMatching
from plugin.series import SeriesRecord
from plugin.web import audit
from plugin.web.answer_types import AddedWindow
from plugin.web.context import WebContext
from plugin.web.feedback import by_whom
from plugin.web.incidents import IncidentViews
from plugin.web.nearest_name import nearest
from plugin.web.queries import AnnotationsQuery, NoQuery, RangeQuery, RemovalQuery, time_range
from plugin.web.regimes import RegimeViews
from plugin.web.request_bodies import MaintenanceBody, read_json_body
from plugin.web.responses import View, json_response
from plugin.web.row_types import AnnotationRow, WindowRow
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.shortened_range import warning_rows

ORDER = ("active", "pending", "ended")
TAG = "maintenance"
MAX_SPANS = 10_000  # that one answer may hold
AHEAD_SECONDS = 2 * 366 * DAY  # shown at most: every hour of a century is too much


class MaintenanceViews:
    """The views under /api/v1/maintenance, and /api/v1/annotations, which shows windows, too."""

    def __init__(
        self, context: WebContext, catalog: SeriesCatalog, incidents: IncidentViews
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._incidents = incidents

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "maintenance": self.list,
            "maintenance_add": self.add,
            "maintenance_end": self.end,
            "annotations": self.annotations,
        }

    def list(self, _: NoQuery) -> Response:
        """Windows that are active first, then those to come, then those that are over."""
        windows = self._windows()
        now = int(self._context.clock())
        sizes = self._sizes(windows)
        rows = [_row(window, now, sizes[window.id]) for window in windows]
        return json_response(
            sorted(rows, key=lambda row: (ORDER.index(row.state), row.time or 0, row.id))
        )

    def add(self, _: NoQuery) -> Response:
        """The window as it is stored. One that exists already stays as it is."""
        body = read_json_body(MaintenanceBody, "a window")
        try:
            stored, new = self._maintenance.add(self._read(body))
        except WindowRefused as refused:
            raise RequestError(
                str(refused), field=refused.field, status=409, code="conflict"
            ) from refused
        audit.note(by=stored.by, window=stored.id, series_match=stored.match, added=new)
        row = _row(stored, int(self._context.clock()), self._sizes([stored])[stored.id])
        effect = _effect(row, body, stored.timezone, new=new)
        return json_response(AddedWindow(**structs.asdict(row), new=new, effect=effect))

    def end(self, query: RemovalQuery) -> Response:
        author = by_whom(query.who)
        try:
            ended_window = self._maintenance.end(query.id, author)
        except WindowRefused as refused:
            raise RequestError(
                str(refused), field=refused.field, status=409, code="conflict"
            ) from refused
        if ended_window is None:
            names = [window.id for window in self._windows()]
            name = one_line(query.id)[:80]
            raise RequestError(
                f"there is no window `{name}`{nearest(name, names)}; `bandwatch maintenance list`"
                " shows them",
                field="id",
                status=404,
                code="not_found",
            )
        audit.note(by=author, window=query.id)
        return json_response(
            _row(
                ended_window,
                int(self._context.clock()),
                self._sizes([ended_window])[ended_window.id],
            )
        )

    def annotations(self, query: AnnotationsQuery) -> Response:
        return json_response(self.annotation_rows(query))

    def annotation_rows(
        self, query: AnnotationsQuery, ids: Sequence[int] | None = None
    ) -> Sequence[AnnotationRow]:
        """Incidents, windows and new levels, by time. ids: only those of these series."""
        rows = self._incidents.annotations(query, ids)
        if query.incident is None:
            rows += self._occurrences(query, ids)
            rows += RegimeViews(self._context, self._catalog).annotations(query, ids)
        rows += warning_rows()
        return sorted(rows, key=lambda row: row.time)

    def _occurrences(self, query: RangeQuery, ids: Sequence[int] | None) -> Sequence[AnnotationRow]:
        """Occurrences in the range, cut off at its end, of windows that are about at least one of
        the chosen series."""
        now = self._context.clock()
        start, end = time_range(query, now, self._context.settings)
        end = min(end, int(now) + AHEAD_SECONDS)
        windows = self._windows() if start <= end else ()
        chosen_ids = None if ids is None else set(ids)
        records = (
            [
                record
                for record in self._catalog.find(query.watch, query.match, query.series)
                if chosen_ids is None or record.id in chosen_ids
            ]
            if windows
            else []
        )
        sizes = self._matched(windows, records)
        spans = [
            (window, span)
            for window in windows
            if sizes[window.id]
            for span in window.spans(start, end)
        ]
        return [
            AnnotationRow(
                time=first * 1000,
                time_end=min(last, max(end, first)) * 1000,
                title=window.name,
                text=_text(window, sizes[window.id]),
                tags=TAG,
            )
            for window, (first, last) in spans[:MAX_SPANS]
        ]

    @property
    def _maintenance(self) -> MaintenanceCalendar:
        if self._context.maintenance is None:
            raise RequestError("maintenance cannot be planned here", status=503, code="unavailable")
        return self._context.maintenance

    def _windows(self) -> tuple[Window, ...]:
        return self._context.maintenance.windows() if self._context.maintenance is not None else ()

    def _read(self, body: MaintenanceBody) -> Window:
        """Raises RequestError naming the field."""
        now = int(self._context.clock())
        watches = self._context.watches()
        watch_names = [body.watch] if isinstance(body.watch, str) else body.watch or []
        for name in watch_names:
            if name not in watches:
                raise RequestError(
                    f"there is no watch `{name}`{nearest(name, watches)}; valid: "
                    f"{', '.join(sorted(watches))}",
                    field="watch",
                    status=404,
                    code="unknown_watch",
                )
        try:
            return WindowRequest(
                id=body.id or "",
                name=body.name or body.comment or "maintenance",
                match=body.match or "",
                watch=tuple(watch_names),
                start=body.start or datetime.fromtimestamp(now, UTC).isoformat(),
                end=body.end or "",
                duration=_seconds("duration", body.duration),
                rule=body.rule or "",
                timezone=body.timezone or "UTC",
                before=_seconds("before", body.before) or 0,
                after=_seconds("after", body.after) or 0,
                comment=body.comment or "",
                by=by_whom(body.by),
                created=now,
            ).window(now)
        except WindowRefused as refused:
            raise RequestError(str(refused), field=refused.field) from refused

    def _sizes(self, windows: Sequence[Window]) -> Counter[str]:
        """Of how many series that are on the board each window is about, by its id."""
        return self._matched(
            windows,
            [
                record
                for snapshot in self._context.board.snapshots().values()
                for record in snapshot.series
            ],
        )

    def _matched(self, windows: Sequence[Window], records: Sequence[SeriesRecord]) -> Counter[str]:
        by_watch: dict[str, list[SeriesRecord]] = {}
        for record in records:
            by_watch.setdefault(record.watch, []).append(record)
        sizes = Counter[str]()
        for name, watch in self._context.watches().items():
            for window, ids in WindowMatching().of(tuple(windows), watch, by_watch.get(name, [])):
                sizes[window.id] += len(ids)
        return sizes


def _row(window: Window, now: int, size: int) -> WindowRow:
    start, end = window.nearest(now) or (None, None)
    return WindowRow(
        time=None if start is None else start * 1000,
        time_end=None if end is None else end * 1000,
        id=window.id,
        name=window.name,
        state=window.state(now),
        size=size,
        match=window.match,
        watch=",".join(window.watch),
        start=window.start,
        duration_seconds=window.seconds,
        rule=window.rule,
        timezone=window.timezone,
        before_seconds=window.before,
        after_seconds=window.after,
        comment=window.comment,
        by=window.by,
        created=window.created * 1000 or None,
        source=window.source,
        ended=None if window.ended is None else window.ended * 1000,
        ended_by=window.ended_by,
    )


def _effect(row: WindowRow, body: MaintenanceBody, timezone: str, *, new: bool) -> str:
    """What follows from a window, in words, for its sender."""
    effects = [] if new else ["was there already, nothing was added"]
    if row.state == "ended":
        effects.append("is over")
    if row.size:
        effects.append(
            f"about {row.size} series; those that learnt from such a time are fitted anew"
        )
    else:
        effects.append("about no series that is known now: check `match` and `watch`")
    clock_changes = [
        describe_clock_change(datetime.fromisoformat(time), ZoneInfo(timezone))
        for time in (body.start, body.end)
        if time
    ]
    return "; ".join([*effects, *filter(None, clock_changes)])


def _text(window: Window, size: int) -> str:
    comment = window.comment if window.comment != window.name else ""
    return "; ".join(
        filter(None, (comment, f"{size} series", f"by {window.by}" if window.by else ""))
    )


def _seconds(field: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise RequestError(f"`{field}`: {error}", field=field) from error
