"""The page at /try: settings to try, and what they would have done. It works without a script."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from plugin.config import Watch, format_duration
from plugin.config.watch_text import watch_yaml
from plugin.domain.alarms import Alarm
from plugin.domain.preview import Preview, SeriesBand, span_text
from plugin.domain.times import WEEK, instant
from plugin.errors import RequestError
from plugin.web.context import WebContext
from plugin.web.pages.band_chart import Chart, chart
from plugin.web.pages.page_html import page, redirection
from plugin.web.preview_orders import PreviewStage, PreviewState
from plugin.web.preview_types import TryQuery
from plugin.web.previews import PreviewViews
from plugin.web.queries import NoQuery
from plugin.web.responses import View

REFRESH_SECONDS = 2
MAX_INCIDENTS = 50  # that the page lists


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
    FormField("since", "Over", "how much of the past, up to 30d", "14d"),
    FormField("step", "Step", "distance of the samples", "1m"),
    FormField("alert_budget", "Alert budget", "false alarms of each series, such as 1/w", "1/w"),
    FormField("direction", "Direction", "what matters", "both", ("both", "above", "below")),
    FormField("persistence", "Persistence", "samples outside, such as 2 of 3", "1 of 1"),
    FormField("min_deviation", "Least deviation", "in the unit of the query", "0"),
    FormField("min_relative_deviation", "Least share", "of what is expected, such as 10%", "0%"),
    FormField("timezone", "Time zone", "of days and weeks, such as Europe/Vienna", "UTC"),
    FormField("group_by", "Group by", "labels whose series share incidents, with commas"),
)


@dataclass(frozen=True)
class DrawnSeries:
    """One series in its band."""

    name: str
    chart: Chart


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
        """What the form sends. A setting that is refused is told beside the form."""
        form = {name: text.strip() for name, text in request.form.items()}
        if form.get("cancel"):
            return _to(self._previews.end(form["cancel"]))
        try:
            return _to(self._previews.begin(_settings(form)))
        except RequestError as error:
            return _page(form, error=str(error), status=error.status)

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
    error: str = "",
    status: int = 200,
) -> Response:
    preview = state.preview if state is not None else None
    running = state is not None and state.stage is PreviewStage.RUNNING
    return page(
        "page_try.html",
        title="Try a watch · Bandwatch",
        status=status,
        fields=FIELDS,
        texts=texts,
        state=state,
        percent=f"{state.share:.0%}" if state is not None else "",
        refresh=REFRESH_SECONDS if running else 0,
        error=error or (state.error if state is not None else ""),
        yaml=watch_yaml(state.order.watch) if state is not None else "",
        preview=preview,
        headline=_headline(preview) if preview is not None else "",
        span=span_text(preview) if preview is not None else "",
        series=list(_drawn(preview)) if preview is not None else [],
        incidents=preview.incidents[-MAX_INCIDENTS:][::-1] if preview is not None else [],
        instant=instant,
    )


def _to(state: PreviewState) -> Response:
    return redirection(f"try?id={state.id}")


def _settings(form: Mapping[str, str]) -> dict[str, Any]:
    """The settings that are filled in."""
    settings: dict[str, Any] = {
        field.name: form[field.name] for field in FIELDS if form.get(field.name)
    }
    if "group_by" in settings:
        settings["group_by"] = [
            name.strip() for name in settings["group_by"].split(",") if name.strip()
        ]
    return settings


def _watch_texts(watch: Watch, seconds: int) -> dict[str, str]:
    """The settings of a watch as the fields show them."""
    values = watch.model_dump(mode="json")
    texts = {
        field.name: str(values.get(field.name, field.default))
        for field in FIELDS
        if field.name not in ("since", "group_by")
    }
    return texts | {"since": format_duration(seconds), "group_by": ", ".join(watch.group_by)}


def _headline(preview: Preview) -> str:
    number = len(preview.incidents)
    times = "once" if number == 1 else f"{number} times" if number else "never"
    return f"It would have alerted {times}"


def _drawn(preview: Preview) -> Iterator[DrawnSeries]:
    for series in preview.bands:
        picture = _chart(preview, series)
        if picture is not None:
            yield DrawnSeries(str(series.labels), picture)


def _chart(preview: Preview, series: SeriesBand) -> Chart | None:
    alarms: list[Alarm] = [line.alarm for line in preview.alarms if line.labels == series.labels]
    words = f"{series.labels} in its band, {span_text(preview)}"
    return chart(series.samples, (preview.start, preview.end), series.unit, alarms, words)
