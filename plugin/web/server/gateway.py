"""Between the server and the application: a request becomes a WSGI environment, what the
application returns becomes an answer."""

import io
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from plugin.web.server.answer_bodies import AnswerMemory
from plugin.web.server.messages import HeaderFields, IncomingRequest, OutgoingAnswer, error_answer
from plugin.web.server.starting import starting_answer

log = logging.getLogger(__name__)

# What a proxy says of the sender: anyone can send it, so that nobody is believed.
UNTRUSTED = (b"forwarded", b"x-forwarded-")


class Gateway:
    """Calls a WSGI application, in any thread."""

    def __init__(
        self,
        application: WSGIApplication | None,
        address: tuple[str, int],
        scheme: str,
        memory: AnswerMemory,
    ) -> None:
        """application: None = it is still to come. address: host and port of the server; scheme:
        http or https."""
        self.application = application
        self._memory = memory
        self._environment: WSGIEnvironment = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": address[0] or "localhost",
            "SERVER_PORT": str(address[1]),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scheme,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def answer(self, request: IncomingRequest) -> OutgoingAnswer:
        """What the application answers, or a 500 or 503 of ours; never raises."""
        if self.application is None:
            return starting_answer(request)
        try:
            return self._call(self.application, request)
        except OSError as error:
            log.error("no room for an answer", extra={"err": str(error)})
            return error_answer(
                503, "unavailable", "there is no room for the answer: the log says why"
            )
        except Exception as error:
            log.error("request failed", exc_info=error)
            return error_answer(500, "internal", "an error of ours: the log has its trace")

    def _call(self, application: WSGIApplication, request: IncomingRequest) -> OutgoingAnswer:
        head: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], error: Any = None
        ) -> Callable[[bytes], object]:
            head[:] = [(status, headers)]
            return lambda _: None

        parts: Iterable[bytes] = application(self.environment(request), start_response)
        try:
            content = b"".join(parts)
        finally:
            getattr(parts, "close", lambda: None)()
        status, headers = head[0]
        code, _, reason = status.partition(" ")
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if not any(name.lower() == b"content-length" for name, _ in fields):
            fields.append((b"Content-Length", str(len(content)).encode()))
        return OutgoingAnswer(
            int(code), reason.encode("latin-1"), fields, self._memory.hold(content)
        )

    def environment(self, request: IncomingRequest) -> WSGIEnvironment:
        """The WSGI environment of a request."""
        path, _, query = _origin_form(request.target).partition(b"?")
        return {
            **self._environment,
            "REQUEST_METHOD": request.method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
            "SERVER_PROTOCOL": request.version,
            "REMOTE_ADDR": request.peer[0],
            "REMOTE_PORT": str(request.peer[1]),
            "CONTENT_LENGTH": str(len(request.body)),
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.input_terminated": True,
            **_header_variables(request.fields),
        }


def _origin_form(target: bytes) -> bytes:
    """The path and the query of a target that may name the server, too."""
    if target.startswith((b"http://", b"https://")):
        _, slash, rest = target.partition(b"://")[2].partition(b"/")
        return slash + rest or b"/"
    return target.partition(b"#")[0]


def _header_variables(fields: HeaderFields) -> dict[str, str]:
    variables: dict[str, str] = {}
    for name, value in fields:
        if (
            name in (b"content-length", b"transfer-encoding")
            or name.startswith(UNTRUSTED)
            or b"_" in name  # would look like another header
        ):
            continue
        text = value.decode("latin-1")
        key = name.decode("ascii").upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ", "
        variables[key] = f"{variables[key]}{separator}{text}" if key in variables else text
    return variables
