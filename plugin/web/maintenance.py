"""Maintenance windows over the API: listed, added, ended; and drawn as annotations."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Response, request

from plugin.config import parse_duration
from plugin.domain.recurrence import in_doubt
from plugin.domain.windows import Window, plain, window
from plugin.errors import RequestError, WindowRefused
from plugin.maintenance import MaintenanceCalendar, WindowMatching
from plugin.series import SeriesRecord
from plugin.web.context import WebContext
from plugin.web.data_source import View, json
from plugin.web.feedback import by_whom
from plugin.web.incidents import IncidentViews
from plugin.web.parameters import QueryParameters, nearest, time_range
from plugin.web.regimes import RegimeViews
from plugin.web.request_bodies import MaintenanceBody, read_body
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog

ORDER = ("active", "pending", "ended")
TAG = "maintenance"
MOST_SPANS = 10_000  # of one answer


class MaintenanceViews:
    """The views under /api/v1/maintenance, and the annotations, of which it is a part."""

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

    def list(self, _: QueryParameters) -> Response:
        """What runs first, then what comes, then what is over."""
        windows = self._windows()
        now = int(self._context.clock())
        sizes = self._sizes(windows)
        rows = [_row(each, now, sizes[each.id]) for each in windows]
        return json(
            sorted(
                rows, key=lambda row: (ORDER.index(str(row["state"])), row["time"] or 0, row["id"])
            )
        )

    def add(self, _: QueryParameters) -> Response:
        """The window as it is kept; one that is there already stays as it is."""
        if request.mimetype != "application/json":  # what a form of another site could send is none
            raise RequestError(
                "a window is sent as JSON: Content-Type: application/json",
                status=415,
                code="not_json",
            )
        body = read_body(request.get_data(), MaintenanceBody)
        given = self._read(body)
        try:
            kept, new = self._maintenance.add(given)
        except WindowRefused as refused:
            raise RequestError(
                str(refused), field=refused.field, status=409, code="conflict"
            ) from refused
        row = _row(kept, int(self._context.clock()), self._sizes([kept])[kept.id])
        return json({**row, "new": new, "effect": _effect(row, body, kept.timezone, new=new)})

    def end(self, query: QueryParameters) -> Response:
        try:
            ended = self._maintenance.end(query.id, by_whom(query.who))
        except WindowRefused as refused:
            raise RequestError(
                str(refused), field=refused.field, status=409, code="conflict"
            ) from refused
        if ended is None:
            known = [each.id for each in self._windows()]
            given = plain(query.id)[:80]
            raise RequestError(
                f"there is no window `{given}`{nearest(given, known)}; `bandwatch maintenance list`"
                " shows them",
                field="id",
                status=404,
                code="not_found",
            )
        return json(_row(ended, int(self._context.clock()), self._sizes([ended])[ended.id]))

    def annotations(self, query: QueryParameters) -> Response:
        return json(self.annotated(query))

    def annotated(self, query: QueryParameters, ids: Sequence[int] | None = None) -> Sequence[Row]:
        """Incidents, windows and new levels, by time. ids: only those of these series."""
        beside = (
            []
            if query.incident is not None
            else [
                *self._annotated(query, ids),
                *RegimeViews(self._context, self._catalog).annotated(query, ids),
            ]
        )
        return sorted(
            [*self._incidents.annotated(query, ids), *beside], key=lambda row: row["time"] or 0
        )

    def _annotated(self, query: QueryParameters, ids: Sequence[int] | None) -> Sequence[Row]:
        """Occurrences in the range that are about at least one of the chosen series, cut off at its
        end."""
        begin, end = time_range(query, self._context.clock(), self._context.settings)
        windows = self._windows()
        chosen = None if ids is None else set(ids)
        records = (
            [each for each in self._catalog.find(query) if chosen is None or each.id in chosen]
            if windows
            else []
        )
        sizes = self._matched(windows, records)
        spans = [
            (each, span) for each in windows if sizes[each.id] for span in each.spans(begin, end)
        ]
        return [
            {
                "time": first * 1000,
                "timeEnd": min(last, max(end, first)) * 1000,
                "title": each.name,
                "text": _text(each, sizes[each.id]),
                "tags": TAG,
            }
            for each, (first, last) in spans[:MOST_SPANS]
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
        named = [body.watch] if isinstance(body.watch, str) else body.watch or []
        for name in named:
            if name not in watches:
                raise RequestError(
                    f"there is no watch `{name}`{nearest(name, watches)}; valid: "
                    f"{', '.join(sorted(watches))}",
                    field="watch",
                    status=404,
                    code="unknown_watch",
                )
        try:
            return window(
                id=body.id or "",
                name=body.name or body.comment or "maintenance",
                match=body.match or "",
                watch=tuple(named),
                begin=body.begin or datetime.fromtimestamp(now, UTC).isoformat(),
                end=body.end or "",
                duration=_seconds("duration", body.duration),
                rule=body.rule or "",
                timezone=body.timezone or "UTC",
                before=_seconds("before", body.before) or 0,
                after=_seconds("after", body.after) or 0,
                comment=body.comment or "",
                by=by_whom(body.by),
                created=now,
                now=now,
            )
        except WindowRefused as refused:
            raise RequestError(str(refused), field=refused.field) from refused

    def _sizes(self, windows: Sequence[Window]) -> Counter[str]:
        """Of how many series that are on the board each window is about, by its id."""
        return self._matched(
            windows,
            [
                record
                for shown in self._context.board.snapshots().values()
                for record in shown.series
            ],
        )

    def _matched(self, windows: Sequence[Window], records: Sequence[SeriesRecord]) -> Counter[str]:
        by_watch: dict[str, list[SeriesRecord]] = {}
        for record in records:
            by_watch.setdefault(record.watch, []).append(record)
        found = Counter[str]()
        for name, watch in self._context.watches().items():
            for each, ids in WindowMatching().of(tuple(windows), watch, by_watch.get(name, [])):
                found[each.id] += len(ids)
        return found


def _row(window: Window, now: int, size: int) -> Row:
    nearest_span = window.nearest(now)
    begin, end = nearest_span if nearest_span is not None else (None, None)
    return {
        "time": None if begin is None else begin * 1000,
        "timeEnd": None if end is None else end * 1000,
        "id": window.id,
        "name": window.name,
        "state": window.state(now),
        "size": size,
        "match": window.match,
        "watch": ",".join(window.watch),
        "begin": window.begin,
        "duration_seconds": window.seconds,
        "rule": window.rule,
        "timezone": window.timezone,
        "before_seconds": window.before,
        "after_seconds": window.after,
        "comment": window.comment,
        "by": window.by,
        "created": window.created * 1000 or None,
        "source": window.source,
        "ended": None if window.ended is None else window.ended * 1000,
        "ended_by": window.ended_by,
    }


def _effect(row: Row, body: MaintenanceBody, timezone: str, *, new: bool) -> str:
    """What follows from a window, in words, for whoever has added it."""
    said = [] if new else ["was there already, nothing was added"]
    if row["state"] == "ended":
        said.append("is over")
    if row["size"]:
        said.append(
            f"about {row['size']} series; those that learnt from such a time are fitted anew"
        )
    else:
        said.append("about no series that is known now: check `match` and `watch`")
    doubts = [
        in_doubt(datetime.fromisoformat(time), ZoneInfo(timezone))
        for time in (body.begin, body.end)
        if time
    ]
    return "; ".join([*said, *filter(None, doubts)])


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
