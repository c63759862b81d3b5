"""Previews over the API: begun, followed, cancelled."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response
from msgspec import structs

from plugin.config import Watch, format_duration, parse_duration
from plugin.config.watch_text import read_watch, watch_yaml
from plugin.domain.times import DAY, HOUR
from plugin.errors import ConfigError, PreviewRefused, RequestError
from plugin.web import audit
from plugin.web.context import WebContext
from plugin.web.preview_json import finite_json, preview_json
from plugin.web.preview_orders import PreviewDesk, PreviewOrder, PreviewState
from plugin.web.preview_types import PreviewAnswer, PreviewBody, PreviewQuery
from plugin.web.queries import NoQuery
from plugin.web.request_bodies import read_json_body
from plugin.web.responses import View, json_response

ERROR_PREFIX = "preview"
NAME = "preview"  # of a watch without one
DEFAULT_SECONDS = 14 * DAY
MIN_SECONDS = HOUR
MAX_SECONDS = 30 * DAY
RETRY_SECONDS = 30


class WrongSettings(RequestError):
    """Settings that no watch can have."""

    def __init__(self, lines: Sequence[str]) -> None:
        """lines: `step: found "often"; valid is ...`, one for each mistake."""
        places = [line.partition(":")[0] for line in lines]
        super().__init__("; ".join(lines), field=places[0])
        self.faults = {
            place.partition("[")[0]: line for place, line in zip(places, lines, strict=True)
        }


class PreviewViews:
    """The views under /api/v1/preview."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    @property
    def views(self) -> Mapping[str, View]:
        return {"preview_start": self.start, "preview": self.show, "preview_cancel": self.cancel}

    def start(self, _: NoQuery) -> Response:
        body = read_json_body(PreviewBody, "a preview")
        settings = {
            name: value for name, value in structs.asdict(body).items() if value is not None
        }
        state = self.begin(settings)
        return json_response(_answer(state))

    def show(self, query: PreviewQuery) -> Response:
        return json_response(_answer(self.state(query.id)))

    def cancel(self, query: PreviewQuery) -> Response:
        return json_response(_answer(self.end(query.id)))

    def begin(self, settings: Mapping[str, Any]) -> PreviewState:
        """Orders a preview. settings: those of a watch as a file spells them, and `since`.

        Raises RequestError.
        """
        order = read_order(settings)
        try:
            state = self._desk().start(order)
        except PreviewRefused as error:
            raise RequestError(
                str(error), status=429, code="busy", retry_after=RETRY_SECONDS
            ) from error
        audit.note(entry=state.id)
        return state

    def state(self, preview_id: str) -> PreviewState:
        """Raises RequestError 404."""
        return _known(self._desk().state(preview_id))

    def end(self, preview_id: str) -> PreviewState:
        """Cancels one. Raises RequestError 404."""
        audit.note(entry=preview_id)
        return _known(self._desk().cancel(preview_id))

    def _desk(self) -> PreviewDesk:
        if self._context.previews is None:
            raise RequestError("this service makes no previews", status=404, code="not_found")
        return self._context.previews


def read_order(settings: Mapping[str, Any]) -> PreviewOrder:
    """settings: those of a watch as a file spells them, and `since`. Raises RequestError."""
    watch_settings = {"name": NAME, **settings}
    since = watch_settings.pop("since", None)
    try:
        seconds = DEFAULT_SECONDS if since is None else parse_duration(since)
    except ValueError as error:
        raise RequestError(f"`since`: {error}", field="since") from error
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise RequestError(
            f'`since`: found "{since}"; valid is {format_duration(MIN_SECONDS)} to'
            f" {format_duration(MAX_SECONDS)}",
            field="since",
        )
    return PreviewOrder(_watch(watch_settings), seconds)


def _watch(settings: Mapping[str, Any]) -> Watch:
    try:
        return read_watch(settings, ERROR_PREFIX)
    except ConfigError as error:
        lines = [line.partition("watches[0].")[2] or line for line in str(error).splitlines()]
        raise WrongSettings(lines) from error


def _known(state: PreviewState | None) -> PreviewState:
    if state is None:
        raise RequestError(
            "there is no such preview: the last few are remembered until the service stops; order"
            " it again",
            field="id",
            status=404,
            code="unknown_preview",
        )
    return state


def _answer(state: PreviewState) -> PreviewAnswer:
    return PreviewAnswer(
        id=state.id,
        state=state.stage,
        done=round(state.share, 4),
        error=state.error,
        yaml=watch_yaml(state.order.watch),
        preview=None if state.preview is None else finite_json(preview_json(state.preview)),
    )
