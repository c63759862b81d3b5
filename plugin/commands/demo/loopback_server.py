"""A small HTTP server on loopback: a function from path and parameters to a reply."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

Parameters = Mapping[str, str]


@dataclass(frozen=True)
class HttpReply:
    """What is sent back; text goes as UTF-8."""

    text: str
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200


ReplyTo = Callable[[str, Parameters], HttpReply]


class HttpServer:
    """Serves `reply_to(path, parameters)` in threads until closed."""

    def __init__(self, reply_to: ReplyTo, port: int = 0) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(reply_to))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(reply_to: ReplyTo) -> type[BaseHTTPRequestHandler]:
    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60  # an idle connection must not outlive the demo

        def do_GET(self) -> None:
            self._answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._answer(f"{urlsplit(self.path).query}&{body}")

        def _answer(self, query: str) -> None:
            reply = reply_to(urlsplit(self.path).path, dict(parse_qsl(query)))
            body = reply.text.encode()
            try:
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:  # whoever asked has not waited
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Prints nothing: the demo prints events, not requests."""

    return Request
