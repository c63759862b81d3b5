"""A small application on the real server, and clients that behave badly."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from plugin.config import WebSettings
from plugin.metrics import CollectorRegistry, Metrics
from plugin.web.server import Server, serve

LARGE = b"0123456789abcdef" * (1 << 18)  # 4 MiB
GET = b"GET %s HTTP/1.1\r\nHost: here\r\n\r\n"


class SmallApplication:
    """Tells what it was asked; `/large` is 4 MiB; `/wait` waits for `go_on`."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, environment: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        path = environment["PATH_INFO"]
        content = environment["wsgi.input"].read()
        fields = {name: text for name, text in environment.items() if isinstance(text, str)}
        body = json.dumps({**fields, "content": content.decode()}).encode()
        headers = [("Content-Type", "application/json")]
        if path == "/large":
            body = LARGE
        if path == "/wait":
            self.go_on.wait(10)
        if path == "/broken":
            raise RuntimeError("it broke")
        if path == "/split":
            headers.append(("X-Split", "a\r\nb"))
        start_response("200 OK", headers)
        return [] if environment["REQUEST_METHOD"] == "HEAD" else [body]


class Client:
    """A socket to the server."""

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def get(self, path: str) -> tuple[int, bytes]:
        """Asks, and waits for the answer."""
        self.send(GET % path.encode())
        return self.answer()

    def answer(self, head_only: bool = False) -> tuple[int, bytes]:
        """Status and body of the next answer, without what follows it."""
        head, _, rest = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.fields = dict(line.split(": ", 1) for line in lines[1:])
        length = 0 if head_only else int(self.fields.get("Content-Length", 0))
        while len(rest) < length:
            received = self.socket.recv(1 << 16)
            assert received, "the answer was cut"
            rest += received
        self._kept = rest[length:]
        return int(lines[0].split()[1]), rest[:length]

    _kept = b""
    fields: dict[str, str] = {}

    def _until(self, mark: bytes) -> bytes:
        received = self._kept
        while mark not in received:
            more = self.socket.recv(1 << 16)
            assert more, f"closed after {received!r}"
            received += more
        return received

    def closed(self, seconds: float = 5) -> bool:
        """Whether the server closes within that time; what it sends until then is thrown away."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if not self.socket.recv(1 << 16):
                    return True
            except ConnectionError:
                return True
            except TimeoutError:
                return False
        return False


class Stage:
    """Starts servers and clients, and ends them all."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.application = SmallApplication()
        self.registry = CollectorRegistry()
        self.server: Server | None = None

    def serve(self, **settings: Any) -> Server:
        return self._serve(self.application, **settings)

    def serve_nothing(self) -> Server:
        """Its application is still to come."""
        return self._serve(None)

    def _serve(self, application: SmallApplication | None, **settings: Any) -> Server:
        web = WebSettings(**{"listen_address": "127.0.0.1:0", "threads": 2, **settings})
        self.server = serve(application, web, Metrics(self.registry))
        self._stack.callback(self.server.close)
        return self.server

    def client(self, receive_buffer: int = 0) -> Client:
        assert self.server is not None
        client = Client(self.server.port, receive_buffer)
        self._stack.callback(client.socket.close)
        return client

    def cut(self, reason: str) -> float:
        """Connections that the server has ended for that reason."""
        name = "bandwatch_http_cut_connections_total"
        return self.registry.get_sample_value(name, {"reason": reason}) or 0.0


@pytest.fixture
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack)


def soon(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether it comes true within that time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
