"""One shape for every error: {"error": {"code", "message", "field"}}; on a page for people a page.

Stack traces go to the log alone.
"""

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from plugin.errors import BandwatchError, RequestError
from plugin.web.error_answer import ErrorAnswer, ErrorDetail
from plugin.web.feedback_html import Content, html, sentence
from plugin.web.pages.page_html import error_page, is_for_people
from plugin.web.responses import json_response
from plugin.web.route import HTML
from plugin.web.routes import ROUTES

log = logging.getLogger(__name__)

PAGES = frozenset(route.path for route in ROUTES if route.media == HTML)
FEEDBACK = "/feedback"  # its page has a style of its own
HEADINGS = {401: "Who are you?", 404: "There is nothing here"}
SIGN_IN = (
    "Reload this page, and the browser asks for a name and a password.",
    "The name is a user of web.basic_auth, with the password of that user. Or the name is the word"
    " token, and the password is web.read_token or web.write_token of the configuration file.",
)
CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


def register(app: Flask) -> None:
    """Registers a handler for each way in which a request can fail."""
    app.register_error_handler(RequestError, refused)
    app.register_error_handler(HTTPException, _by_flask)
    app.register_error_handler(BandwatchError, _unavailable)
    app.register_error_handler(Exception, _broken)


def refused(error: RequestError) -> Response:
    answer = _answer(error.status, error.code, str(error), error.field)
    if error.retry_after:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _by_flask(error: HTTPException) -> Response:
    status = error.code or 500
    message = error.description or error.name
    if status == 413:
        message = "the body is too long: no honest request is longer than 64 KiB"
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
    if request.path.rstrip("/") == FEEDBACK:
        return html(Content("This cannot be answered", [sentence(message)]), status)
    if is_for_people(PAGES):
        heading = HEADINGS.get(status, "This cannot be answered")
        advice = SIGN_IN if status == 401 else ()
        return error_page(heading, [sentence(message), *advice], status)
    return json_response(ErrorAnswer(ErrorDetail(code, message, field)), status)
