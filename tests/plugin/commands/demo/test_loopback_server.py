"""The small HTTP server of the demo and the tests."""

import socket
import struct
import threading
import urllib.request

import pytest

from plugin.commands.demo.loopback_server import HttpReply, HttpServer


def test_a_client_that_gives_up_leaves_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    asked = threading.Event()
    gone = threading.Event()

    def reply(path: str, _: object) -> HttpReply:
        if path == "/large":
            asked.set()
            gone.wait(10)
        return HttpReply("x" * 1_000_000)

    server = HttpServer(reply)
    client = socket.create_connection(("127.0.0.1", server.port))
    client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    assert asked.wait(10)
    # Closes by a reset, so that the first write of the answer fails.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    gone.set()
    with urllib.request.urlopen(f"{server.url}/other") as answer:
        assert len(answer.read()) == 1_000_000
    server.close()
    assert "Traceback" not in capfd.readouterr().err
