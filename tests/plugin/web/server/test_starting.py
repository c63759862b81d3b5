"""A server that listens before its application is there."""

import json

import pytest

from tests.plugin.web.server.conftest import Stage


def test_until_the_application_comes_only_health_is_told(stage: Stage) -> None:
    server = stage.serve_nothing()
    client = stage.client()
    assert client.get("/-/healthy") == (200, b"Bandwatch is healthy.\n")
    assert client.fields["Content-Type"] == "text/plain; charset=utf-8"
    for path in ("/", "/-/ready", "/api/v1/scores?watch=web", "/metrics"):
        status, content = client.get(path)
        assert (status, json.loads(content)["error"]["code"]) == (503, "not_ready")
        assert client.fields["Retry-After"] == "1"
    server.use(stage.application)
    assert client.get("/a")[0] == 200  # on the same connection


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_nothing_is_changed_before_it_is_there(stage: Stage, method: str) -> None:
    stage.serve_nothing()
    client = stage.client()
    client.send(f"{method} /-/healthy HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
    assert client.answer()[0] == 503
