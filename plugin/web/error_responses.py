"""One shape for every error: {"error": {"code", "message", "field"}}.

Stack traces go to the log alone.
"""

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from plugin.errors import BandwatchError, RequestError
from plugin.web.answer_types import ErrorAnswer, ErrorDetail
from plugin.web.responses import json_response

log = logging.getLogger(__name__)

CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


def register(app: Flask) -> None:
    """Registers a handler for each way in which a request can fail."""
    app.register_error_handler(RequestError, refused)
    app.register_error_handler(HTTPException, _by_flask)
    app.register_error_handler(BandwatchError, _unavailable)
    app.register_error_handler(Exception, _broken)


def refused(error: RequestError) -> Response:
    return _answer(error.status, error.code, str(error), error.field)


def _by_flask(error: HTTPException) -> Response:
    status = error.code or 500
    message = error.description or error.name
    if status == 404:
        message = f"there is nothing at {request.path}: /api/v1/openapi.json lists the addresses"
    if status == 405:
        allowed = ", ".join(
            sorted(set(getattr(error, "valid_methods", None) or ()) - {"HEAD", "OPTIONS"})
        )
        message = f"{request.path} does not answer {request.method}: use {allowed}"
    answer = _answer(status, CODES.get(status, "http_error"), message)
    answer.headers.extend({name: value for name, value in error.get_headers() if name == "Allow"})
    return answer


def _unavailable(error: BandwatchError) -> Response:
    log.error("request failed", extra={"path": request.path, "err": str(error)})
    return _answer(503, "unavailable", "the store cannot be read at the moment: the log says why")


def _broken(error: Exception) -> Response:
    log.error("request failed", exc_info=error, extra={"path": request.path})
    return _answer(500, "internal", "an error of ours: the log has its trace")


def _answer(status: int, code: str, message: str, field: str = "") -> Response:
    return json_response(ErrorAnswer(ErrorDetail(code, message, field)), status)
