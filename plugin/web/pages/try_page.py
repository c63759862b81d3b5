"""The page at /try: settings to try, and what they would have done. It works without a script."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from plugin.config import Watch, format_duration
from plugin.config.watch_text import watch_yaml
from plugin.domain.times import WEEK
from plugin.errors import RequestError
from plugin.web.context import WebContext
from plugin.web.pages.page_html import page, redirection
from plugin.web.pages.try_outcome import TriedSettings
from plugin.web.preview_orders import PreviewStage, PreviewState
from plugin.web.preview_types import TryQuery
from plugin.web.previews import PreviewViews, WrongSettings
from plugin.web.queries import NoQuery
from plugin.web.responses import View

REFRESH_SECONDS = 2


@dataclass(frozen=True)
class FormField:
    """One setting of the form."""

    name: str
    label: str
    hint: str
    default: str = ""
    choices: tuple[str, ...] = ()  # () = free text


FIELDS = (
    FormField("query", "Query", "PromQL, such as sum by (job) (rate(http_requests_total[5m]))"),
    FormField("since", "Over the last", "1h to 30d", "14d"),
    FormField("step", "Step", "from one sample to the next, such as 1m", "1m"),
    FormField("alert_budget", "Alert budget", "false alarms of each series, such as 1/w", "1/w"),
    FormField("direction", "Direction", "which side alarms", "both", ("both", "above", "below")),
    FormField("persistence", "Persistence", "samples outside, such as 2 of 3", "1 of 1"),
    FormField("min_deviation", "Smallest deviation", "that alarms, in the unit of the query", "0"),
    FormField(
        "min_relative_deviation",
        "Smallest relative deviation",
        "that alarms, such as 0.2 for 20 % of what is expected",
        "0",
    ),
    FormField("timezone", "Time zone", "of days and weeks, such as Europe/Vienna", "UTC"),
    FormField("group_by", "Group by", "labels whose series share an incident: service, zone"),
)


class TryPageViews:
    """The views at /try."""

    def __init__(self, context: WebContext, previews: PreviewViews) -> None:
        self._context = context
        self._previews = previews

    @property
    def views(self) -> Mapping[str, View]:
        return {"try_page": self.show, "try_start": self.take}

    def show(self, query: TryQuery) -> Response:
        """The form; with the id of a preview also how far it is, or what it tells."""
        if query.id is None:
            return _page(self._start_texts(query.watch))
        state = self._previews.state(query.id)
        return _page(_watch_texts(state.order.watch, state.order.seconds), state)

    def take(self, _: NoQuery) -> Response:
        """What the form sends. A setting that is refused is told at its field."""
        form = {name: text.strip() for name, text in request.form.items()}
        if form.get("cancel"):
            return _to(self._previews.end(form["cancel"]))
        try:
            return _to(self._previews.begin(_settings(form)))
        except RequestError as error:
            return _page(form, fault=error)

    def _start_texts(self, name: str | None) -> Mapping[str, str]:
        """What the fields show at first: the settings of a watch, or those by default."""
        watch = self._context.watches().get(name) if name is not None else None
        if watch is None:
            return {field.name: field.default for field in FIELDS}
        return _watch_texts(watch, 2 * WEEK)


def _page(
    texts: Mapping[str, str],
    state: PreviewState | None = None,
    *,
    fault: RequestError | None = None,
) -> Response:
    """texts: of the fields. fault: why the order was not taken."""
    preview = state.preview if state is not None else None
    is_running = state is not None and state.stage is PreviewStage.RUNNING
    percent = f"{state.share:.0%}" if state is not None else ""
    return page(
        "page_try.html",
        title=f"{percent} · Try a watch" if is_running else "Try a watch · Bandwatch",
        status=fault.status if fault is not None else 200,
        fields=FIELDS,
        texts=texts,
        state=state,
        percent=percent,
        refresh=REFRESH_SECONDS if is_running else 0,
        fault=str(fault) if fault is not None else "",
        faults=_faults(fault),
        yaml=watch_yaml(state.order.watch) if state is not None else "",
        outcome=TriedSettings.of(preview) if preview is not None else None,
    )


def _faults(fault: RequestError | None) -> Mapping[str, str]:
    """What is wrong, by field; empty where it is about none of them."""
    if isinstance(fault, WrongSettings):
        by_field = fault.faults
    else:
        by_field = {fault.field: str(fault)} if fault is not None else {}
    names = [field.name for field in FIELDS if field.name in by_field]
    return {name: by_field[name] for name in names}


def _to(state: PreviewState) -> Response:
    return redirection(f"try?id={state.id}")


def _settings(form: Mapping[str, str]) -> dict[str, Any]:
    """The settings that are filled in."""
    settings: dict[str, Any] = dict(_filled(form))
    if "group_by" in settings:
        names = settings["group_by"].split(",")
        settings["group_by"] = [name.strip() for name in names if name.strip()]
    return settings


def _filled(form: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for field in FIELDS:
        if form.get(field.name):
            yield field.name, form[field.name]


def _watch_texts(watch: Watch, seconds: int) -> dict[str, str]:
    """The settings of a watch as the fields show them."""
    values = watch.model_dump(mode="json")
    texts = {
        field.name: _text(values.get(field.name, field.default))
        for field in FIELDS
        if field.name not in ("since", "group_by")
    }
    return texts | {"since": format_duration(seconds), "group_by": ", ".join(watch.group_by)}


def _text(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
