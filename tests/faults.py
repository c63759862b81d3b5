"""A proxy that stands in front of a real server and breaks its answers in one chosen way at a
time."""

import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """What the real server answered, uncompressed."""

    status: int
    content_type: str
    body: bytes


Fault = Callable[["Connection", Reply], None]  # sends something, or nothing, in place of the reply


class FaultProxy:
    """Passes requests on to `port` and answers as `fault` says. Use as a context manager."""

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.fault: Fault = pass_on
        self.requests: list[str] = []  # paths with their query
        self.upstream_path: Callable[[str], str] = str  # of a path that was asked for
        self.released = threading.Event()  # set at the end, so that hanging answers let go
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Accepts connections, after `refuse` on the same port as before."""
        proxy = self

        class Bound(Connection):
            faults = proxy

        self._server = Listener(("127.0.0.1", self.port), Bound)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def refuse(self) -> None:
        """Closes the port: whoever comes now is refused by the operating system."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.released.set()
        self.refuse()


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


class Connection(BaseHTTPRequestHandler):
    """One request; the connection is closed after it, so that the next one meets the next fault."""

    faults: FaultProxy

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, body: bytes) -> None:
        self.faults.requests.append(self.path)
        self.close_connection = True
        with contextlib.suppress(OSError):  # whoever asked may have given up
            self.faults.fault(self, self._ask(body))

    def _ask(self, body: bytes) -> Reply:
        upstream = http.client.HTTPConnection("127.0.0.1", self.faults.upstream, timeout=60)
        try:
            headers = {
                name: value for name, value in self.headers.items() if name != "Accept-Encoding"
            }
            path = self.faults.upstream_path(self.path)
            upstream.request(self.command, path, body or None, headers)
            response = upstream.getresponse()
            return Reply(response.status, response.getheader("Content-Type", ""), response.read())
        except OSError as error:
            return Reply(502, "text/plain", f"the proxy cannot reach its server: {error}".encode())
        finally:
            upstream.close()

    def head(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.head(status, len(body), **headers)
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def pass_on(connection: Connection, reply: Reply) -> None:
    connection.send(reply.status, reply.body, Content_Type=reply.content_type)


def hang(connection: Connection, _: Reply) -> None:
    """Accepts the request and never answers."""
    connection.faults.released.wait()


def hang_in_body(connection: Connection, reply: Reply) -> None:
    connection.head(200, len(reply.body))
    connection.wfile.write(reply.body[: len(reply.body) // 2])
    connection.faults.released.wait()


def drip(connection: Connection, reply: Reply) -> None:
    """One byte at a time: no single read takes long, the whole takes for ever."""
    connection.head(200, len(reply.body))
    for byte in reply.body:
        connection.wfile.write(bytes([byte]))
        if connection.faults.released.wait(0.05):
            return


def cut(connection: Connection, reply: Reply) -> None:
    """Closes the connection in the middle of the body."""
    connection.head(200, len(reply.body))
    connection.wfile.write(reply.body[: len(reply.body) // 2])


def cut_without_length(connection: Connection, reply: Reply) -> None:
    """As `cut`, but nothing tells how long the body should have been."""
    connection.head(200, None)
    connection.wfile.write(reply.body[: len(reply.body) // 2])


def reset(connection: Connection, _: Reply) -> None:
    """Answers with a TCP reset."""
    connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.connection.close()


def garbage(connection: Connection, _: Reply) -> None:
    connection.send(
        200, b"<html><body>Please log in \xff\xfe</body></html>", Content_Type="text/html"
    )


def endless(connection: Connection, _: Reply) -> None:
    """A body without end, as fast as it is taken."""
    connection.head(200, None)
    connection.wfile.write(b'{"status":"success","data":{"resultType":"matrix","result":[')
    while not connection.faults.released.is_set():
        connection.wfile.write(b'{"metric":{},"values":[[0,"0"]]},' * 10_000)


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    return lambda connection, _: connection.send(code, body, **headers)


def says(envelope: object) -> Fault:
    """Valid JSON of any shape."""
    return lambda connection, _: connection.send(200, json.dumps(envelope).encode())


def warns(*warnings: str) -> Fault:
    """The real answer, with warnings as of a partial result."""
    return lambda connection, reply: connection.send(
        reply.status, json.dumps({**json.loads(reply.body), "warnings": warnings}).encode()
    )


def delays(seconds: float) -> Fault:
    def fault(connection: Connection, reply: Reply) -> None:
        time.sleep(seconds)
        pass_on(connection, reply)

    return fault


def then(*faults: Fault) -> Fault:
    """One fault per request, in order; the last one stays."""
    left = list(faults)
    return lambda connection, reply: (left.pop(0) if len(left) > 1 else left[0])(connection, reply)


def limits_range(seconds: int, status_code: int = 422) -> Fault:
    """The real answer, but a range that is longer is refused, as Mimir and Thanos refuse it."""
    body = (
        b'{"status":"error","errorType":"execution","error":"the query time range exceeds the limit'
        b' (query length: 33d, limit: 32d)"}'
    )

    def fault(connection: Connection, reply: Reply) -> None:
        asked = parse_qs(urlsplit(connection.path).query)
        length = float(asked["end"][0]) - float(asked["start"][0]) if "end" in asked else 0.0
        if length > seconds:
            connection.send(status_code, body)
        else:
            pass_on(connection, reply)

    return fault
