"""Changes over the API: reported by people, pipelines and Alertmanager; listed, removed, drawn."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from flask import Response
from msgspec import structs

from plugin.domain.changes import Change, change_id, changes_about
from plugin.domain.times import MINUTE, instant
from plugin.domain.windows import ID_PATTERN, one_line
from plugin.errors import RequestError
from plugin.selectors import select
from plugin.series import Labels
from plugin.web import audit
from plugin.web.change_types import (
    AddedChange,
    AddedChanges,
    AlertBody,
    AlertmanagerBody,
    ChangeBody,
    ChangeRow,
)
from plugin.web.context import WebContext
from plugin.web.feedback import by_whom
from plugin.web.parameter_readers import read_time
from plugin.web.queries import (
    ChangesQuery,
    NoQuery,
    RangeQuery,
    RemovalQuery,
    TimesQuery,
    time_range,
)
from plugin.web.request_bodies import read_json_body
from plugin.web.responses import View, json_response
from plugin.web.row_types import AnnotationRow
from plugin.web.series_catalog import SeriesCatalog

TAG = "change"
MAX_ROWS = 10_000  # that one answer may hold
MAX_AHEAD_SECONDS = 10 * MINUTE  # by which the clock of a sender may be ahead of ours
MAX_TITLE = 200  # characters
ALERT_LABELS = ("alertname", "severity")  # they say nothing about which series it is


class ChangeViews:
    """The views under /api/v1/changes, and the changes among the annotations."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "changes": self.list,
            "change_add": self.add,
            "change_alerts": self.add_alerts,
            "change_remove": self.remove,
        }

    def list(self, query: ChangesQuery) -> Response:
        """By time. Raises RequestError when they are too many."""
        limit = min(query.limit or MAX_ROWS + 1, MAX_ROWS + 1)
        changes = [change for change in self._between(query) if select(query.match, change.labels)][
            -limit:
        ]
        if len(changes) > MAX_ROWS:
            raise RequestError(
                f"more than {MAX_ROWS} changes in this range: narrow `match` or the range, or ask"
                " for the latest with `limit`",
                field="from",
                code="too_much",
            )
        return json_response([_row(change) for change in changes])

    def add(self, _: NoQuery) -> Response:
        """The change as it is stored. One that was reported before stays as it is."""
        body = read_json_body(ChangeBody, "a change")
        change = self._read(body)
        stored, new = self._context.store.changes.add(change)
        if not new and _content(stored) != _content(change):
            raise RequestError(
                f"`id`: `{change.id}` is another change, {stored.title!r} at"
                f" {instant(stored.time)}: give another id, or remove that one first",
                field="id",
                status=409,
                code="conflict",
            )
        audit.note(by=stored.by, entry=stored.id, added=new)
        return json_response(AddedChange(**structs.asdict(_row(stored)), new=new))

    def add_alerts(self, _: NoQuery) -> Response:
        """Each firing alert of a notification is a change at the time at which it began."""
        body = read_json_body(AlertmanagerBody, "a notification")
        changes = [
            self._of_alert(alert, f"alerts[{number}]")
            for number, alert in enumerate(body.alerts)
            if alert.status == "firing"
        ]
        added = sum(self._context.store.changes.add(change)[1] for change in changes)
        audit.note(by=by_whom("alertmanager"), added=added)
        return json_response(AddedChanges(added=added, known=len(changes) - added))

    def remove(self, query: RemovalQuery) -> Response:
        change = self._context.store.changes.remove(query.id)
        if change is None:
            raise RequestError(
                f"there is no change `{one_line(query.id)[:80]}`: `GET /api/v1/changes` lists those"
                " of a range",
                field="id",
                status=404,
                code="not_found",
            )
        audit.note(by=by_whom(query.who), entry=change.id)
        return json_response(_row(change))

    def annotations(
        self, query: RangeQuery, ids: Sequence[int] | None = None
    ) -> Iterator[AnnotationRow]:
        """Those that may be about at least one of the chosen series. ids: only of these series."""
        changes = self._between(query)[-MAX_ROWS:]
        if query.narrowed or ids is not None:
            chosen_ids = None if ids is None else set(ids)
            records = self._catalog.find(query.watch, query.match, query.series)
            label_sets = [
                record.labels for record in records if chosen_ids is None or record.id in chosen_ids
            ]
            changes = [*changes_about(changes, label_sets)] if label_sets else []
        for change in changes:
            yield AnnotationRow(
                time=change.time * 1000,
                time_end=change.time * 1000,
                title=change.title,
                text=_text(change),
                tags=TAG,
            )

    def _between(self, query: TimesQuery) -> Sequence[Change]:
        start, end = time_range(query, self._context.clock(), self._context.settings)
        return self._context.store.changes.between(start, end)

    def _read(self, body: ChangeBody) -> Change:
        """Raises RequestError naming the field."""
        time = self._time(body.time, "time")
        title = one_line(body.title)
        if not title:
            raise RequestError("`title`: found nothing; valid is a text for people", field="title")
        if body.id is not None and not ID_PATTERN.fullmatch(body.id):
            raise RequestError(
                f"`id`: found `{one_line(body.id)[:80]}`; valid are 1 to 64 letters, digits, _, ."
                " and -, beginning with a letter or digit",
                field="id",
            )
        labels = Labels.of(body.labels or {})
        link = body.link or ""
        if link and not _is_link(link):
            raise RequestError(
                "`link`: valid is an address such as https://ci.example.org/42, with http or https"
                " and without a user",
                field="link",
            )
        return Change(
            id=body.id or change_id(time, title, labels, link),
            time=time,
            title=title,
            labels=labels,
            link=link,
            by=by_whom(body.by),
            created=int(self._context.clock()),
        )

    def _of_alert(self, alert: AlertBody, field: str) -> Change:
        """Raises RequestError naming the field."""
        time = self._time(alert.start, f"{field}.startsAt")
        annotations = alert.annotations or {}
        name = alert.labels.get("alertname", "alert")
        title = one_line(annotations.get("summary", "")) or one_line(name) or "alert"
        labels = Labels.of(
            {key: value for key, value in alert.labels.items() if key not in ALERT_LABELS}
        )
        link = alert.link or ""
        return Change(
            # An alert that is sent again has the same start, and perhaps another summary.
            id=change_id(time, name, labels, "alertmanager"),
            time=time,
            title=title[:MAX_TITLE],
            labels=labels,
            link=link if _is_link(link) else "",
            by=by_whom("alertmanager"),
            created=int(self._context.clock()),
        )

    def _time(self, text: str | int | None, field: str) -> int:
        """Unix seconds; now where nothing is said. Raises RequestError."""
        now = int(self._context.clock())
        if text is None:
            return now
        try:
            time = read_time(str(text), self._context.settings) // 1000
        except ValueError as error:
            raise RequestError(f"`{field}`: {error}", field=field) from error
        if time > now + MAX_AHEAD_SECONDS:
            raise RequestError(
                f"`{field}`: {instant(time)} lies ahead: report a change when it is made; what is"
                " planned is a maintenance window",
                field=field,
            )
        return time


def _is_link(text: str) -> bool:
    """Whether a page may link to it: a browser would run `javascript:`."""
    if not text.isprintable() or " " in text:
        return False
    try:
        address = urlsplit(text)
        return (
            address.scheme in ("http", "https")
            and bool(address.hostname)
            and ("@" not in address.netloc)
        )
    except ValueError:
        return False


def _content(change: Change) -> tuple[object, ...]:
    return change.time, change.title, change.labels, change.link


def _row(change: Change) -> ChangeRow:
    return ChangeRow(
        time=change.time * 1000,
        id=change.id,
        title=change.title,
        labels=str(change.labels),
        link=change.link,
        by=change.by,
        created=change.created * 1000,
    )


def _text(change: Change) -> str:
    labels = str(change.labels) if change.labels else ""
    return "; ".join(filter(None, (labels, change.link, f"by {change.by}" if change.by else "")))
