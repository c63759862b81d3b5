"""Maintenance windows: listed, planned and ended by people.

The API and the page both use these actions.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec import structs

from plugin.config import parse_duration
from plugin.domain.recurrence import describe_clock_change
from plugin.domain.windows import Window, WindowRequest, one_line
from plugin.errors import RequestError, WindowRefused
from plugin.maintenance import MaintenanceCalendar, WindowMatching
from plugin.nearest_name import nearest
from plugin.series import SeriesRecord
from plugin.web import audit
from plugin.web.answer_types import AddedWindow
from plugin.web.context import WebContext
from plugin.web.feedback import by_whom
from plugin.web.request_bodies import MaintenanceBody
from plugin.web.row_types import WindowRow

ORDER = ("active", "pending", "ended")


class MaintenanceActions:
    """Reads what people ask for, does it, and says what follows."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def windows(self) -> tuple[Window, ...]:
        return self._context.maintenance.windows() if self._context.maintenance is not None else ()

    def rows(self) -> list[WindowRow]:
        """Windows that are active first, then those to come, then those that are over."""
        windows = self.windows()
        now = int(self._context.clock())
        sizes = self.board_sizes(windows)
        rows = [_row(window, now, sizes[window.id]) for window in windows]
        return sorted(rows, key=lambda row: (ORDER.index(row.state), row.time or 0, row.id))

    def add(self, body: MaintenanceBody) -> AddedWindow:
        """The window as it is stored. One that exists already stays as it is.

        Raises RequestError naming the field.
        """
        try:
            stored, new = self._maintenance.add(self._read(body))
        except WindowRefused as refused:
            raise RequestError(
                str(refused), field=refused.field, status=409, code="conflict"
            ) from refused
        audit.note(by=stored.by, window=stored.id, series_match=stored.match, added=new)
        row = _row(stored, int(self._context.clock()), self.board_sizes([stored])[stored.id])
        effect = _effect(row, body, stored.timezone, new=new)
        return AddedWindow(**structs.asdict(row), new=new, effect=effect)

    def end(self, window_id: str, author: str) -> WindowRow:
        """Ends a window that runs; removes one that has not started. Raises RequestError."""
        try:
            ended_window = self._maintenance.end(window_id, author)
        except WindowRefused as refused:
            raise RequestError(
                str(refused), field=refused.field, status=409, code="conflict"
            ) from refused
        if ended_window is None:
            names = [window.id for window in self.windows()]
            name = one_line(window_id)[:80]
            raise RequestError(
                f"there is no window `{name}`{nearest(name, names)}; `bandwatch maintenance list`"
                " shows them",
                field="id",
                status=404,
                code="not_found",
            )
        audit.note(by=author, window=window_id)
        return _row(
            ended_window,
            int(self._context.clock()),
            self.board_sizes([ended_window])[ended_window.id],
        )

    @property
    def _maintenance(self) -> MaintenanceCalendar:
        if self._context.maintenance is None:
            raise RequestError("maintenance cannot be planned here", status=503, code="unavailable")
        return self._context.maintenance

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
            ).window()
        except WindowRefused as refused:
            raise RequestError(str(refused), field=refused.field) from refused

    def board_sizes(self, windows: Sequence[Window]) -> Counter[str]:
        """Of how many series that are on the board each window is about, by its id."""
        return self.sizes(
            windows,
            [
                record
                for snapshot in self._context.board.snapshots().values()
                for record in snapshot.series
            ],
        )

    def sizes(self, windows: Sequence[Window], records: Sequence[SeriesRecord]) -> Counter[str]:
        """Of how many of these series each window is about, by its id."""
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


def _seconds(field: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise RequestError(f"`{field}`: {error}", field=field) from error
