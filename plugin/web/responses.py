"""What a view is, and the JSON responses that views return."""

from collections.abc import Callable
from typing import Any

from flask import Response

from plugin.web import rows

View = Callable[[Any], Response]  # takes the query of its route, see plugin.web.queries


def json_response(answer: object, status: int = 200) -> Response:
    return encoded_response(rows.encode(answer), status)


def encoded_response(body: bytes, status: int = 200) -> Response:
    """body: JSON."""
    return Response(body, status, mimetype="application/json")
