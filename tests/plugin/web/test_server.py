"""The application on the real server, over real sockets."""

import gzip
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError

import pytest
from flask import Flask
from pydantic import SecretStr

from plugin.config import WebSettings
from plugin.errors import ConfigError
from plugin.web.server import Server, serve
from tests.plugin.web.conftest import Service

ANYWHERE = WebSettings(listen_address="127.0.0.1:0", threads=4)


def fetch(
    server: Server, path: str, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


@pytest.fixture
def server(service: Service) -> Iterator[Server]:
    server = serve(service.app(read_token=SecretStr("t")), ANYWHERE)
    yield server
    server.close()


def test_it_answers_with_gzip_and_without_naming_itself(server: Server) -> None:
    status, body, headers = fetch(
        server, "/api/v1/openapi.json", {"Authorization": "Bearer t", "Accept-Encoding": "gzip"}
    )
    assert status == 200 and json.loads(gzip.decompress(body))["openapi"] == "3.1.0"
    assert "Server" not in headers and headers["Content-Encoding"] == "gzip"
    status, body, headers = fetch(server, "/api/v1/scores")
    assert (
        status == 401
        and json.loads(body)["error"]["code"] == "unauthorized"
        and "WWW-Authenticate" in headers
    )


def test_many_at_once(server: Server) -> None:
    paths = [
        "/api/v1/alert",
        "/api/v1/scores",
        "/api/v1/bands?watch=web&from=1795219200000&to=1795219740000",
        "/metrics",
        "/api/v1/label/job/values",
    ] * 12
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda path: fetch(server, path, {"Authorization": "Bearer t"}), paths)
        )
    assert {status for status, _, _ in answers} == {200}
    assert (
        len({body for path, (_, body, _) in zip(paths, answers, strict=True) if "bands" in path})
        == 1
    )


def test_a_taken_port_is_named(server: Server, service: Service) -> None:
    with pytest.raises(
        ConfigError, match=rf"cannot listen on 127.0.0.1:{server.port}: .*--web.listen-address"
    ):
        serve(service.app(), WebSettings(listen_address=f"127.0.0.1:{server.port}"))


def test_closing_lets_running_requests_end_and_frees_the_port() -> None:
    app = Flask("slow")
    started = threading.Event()

    @app.get("/slow")
    def slow() -> str:
        started.set()
        time.sleep(0.3)
        return "done" * 500_000

    server = serve(app, ANYWHERE)
    idle = socket.create_connection(("127.0.0.1", server.port))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(fetch, server, "/slow")
        assert started.wait(5)
        server.close()
        assert answer.result()[0] == 200 and len(answer.result()[1]) == 2_000_000
    assert idle.recv(1) == b""
    idle.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)
    serve(app, WebSettings(listen_address=f"127.0.0.1:{server.port}")).close()


def test_it_listens_on_ipv6() -> None:
    app = Flask("six")
    app.add_url_rule("/", view_func=lambda: "6")
    server = serve(app, WebSettings(listen_address="[::1]:0"))
    with urllib.request.urlopen(f"http://[::1]:{server.port}/", timeout=5) as answer:
        assert answer.read() == b"6"
    server.close()
