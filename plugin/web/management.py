"""What every component of a Prometheus stack offers: health, readiness, reload, metrics."""

import logging
from collections.abc import Mapping

from flask import Response, request

from plugin.board import Board
from plugin.errors import BandwatchError, RequestError
from plugin.exposition import CONTENT_TYPE, exposition
from plugin.web.callers import Callers
from plugin.web.context import WebContext
from plugin.web.queries import NoQuery
from plugin.web.responses import View
from plugin.web.route import JSON
from plugin.web.server.starting import HEALTHY

log = logging.getLogger(__name__)


class ManagementViews:
    """The views under /-/ and /metrics."""

    def __init__(self, context: WebContext, callers: Callers) -> None:
        self._context = context
        self._callers = callers

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "healthy": self.healthy,
            "ready": self.ready,
            "reload": self.reload,
            "metrics": self.metrics,
        }

    def healthy(self, _: NoQuery) -> Response:
        return _text(HEALTHY)

    def ready(self, _: NoQuery) -> Response:
        reason = self._context.readiness()
        if reason is not None:
            if not self._callers.may_read():
                reason = "not every watch has been scored yet; with a token the answer names them"
            raise RequestError(reason, status=503, code="not_ready")
        return _text("Bandwatch is ready.\n")

    def reload(self, _: NoQuery) -> Response:
        if request.content_length and request.mimetype != JSON:  # as a form of another site sends
            raise RequestError(
                "a reload takes no body, or JSON: leave the form out", status=415, code="not_json"
            )
        try:
            self._context.reload()
        except BandwatchError as error:
            log.error("reload refused", extra={"err": str(error)})
            raise RequestError(str(error), code="config") from error
        return _text("Bandwatch has reloaded its configuration.\n")

    def metrics(self, _: NoQuery) -> Response:
        board = self._context.board if self._context.shows_board else Board()
        text = exposition(
            self._context.registry,
            board.snapshots(),
            scores=not self._context.sends_scores(),
            incidents=board.incidents(),
            clock=self._context.clock,
        )
        return Response(text, content_type=CONTENT_TYPE)


def _text(text: str) -> Response:
    return Response(text, mimetype="text/plain")
