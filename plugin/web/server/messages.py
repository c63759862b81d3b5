"""What comes in and what goes out: requests, answers, and the errors that the server itself
answers."""

import http
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from plugin.web.error_answer import ErrorAnswer, ErrorDetail
from plugin.web.security_headers import SECURITY_HEADERS
from plugin.web.server.answer_bodies import AnswerBody, MemoryBody

HeaderFields = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class IncomingRequest:
    """A request whose body has arrived."""

    method: str
    target: bytes  # as it was sent
    version: str  # HTTP/1.1
    fields: HeaderFields  # names in lower case
    body: bytes
    peer: tuple[str, int]  # address and port of the sender


@dataclass(frozen=True)
class OutgoingAnswer:
    """Status, header and body; the server adds what the connection needs."""

    status: int
    reason: bytes
    fields: HeaderFields
    body: AnswerBody


def error_answer(status: int, code: str, message: str) -> OutgoingAnswer:
    """An error of the one shape that the API has."""
    content = msgspec.json.encode(ErrorAnswer(ErrorDetail(code, message, "")))
    fields = header_fields(b"application/json", len(content))
    reason = http.HTTPStatus(status).phrase.encode()
    return OutgoingAnswer(status, reason, fields, MemoryBody(content, lambda _: None))


def header_fields(media: bytes, size: int) -> HeaderFields:
    """Of an answer that the server itself makes; size: bytes of its body."""
    return [
        (b"Content-Type", media),
        (b"Content-Length", str(size).encode()),
        (b"Cache-Control", b"no-store"),
        *((name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()),
    ]
