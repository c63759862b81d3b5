"""What the commands hear from a service, and from whatever else may answer there."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask, Response, request

from plugin.commands.client import ServiceClient, act_on_all, expect_object, expect_rows
from plugin.config import WebSettings
from plugin.errors import BandwatchError
from plugin.web.server import serve
from tests.plugin.web.conftest import Service, service  # noqa: F401
from tests.servers import free_port


@contextmanager
def listening(app: Flask) -> Iterator[str]:
    server = serve(app, WebSettings(listen_address="127.0.0.1:0"))
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.close()


def test_the_services_own_words_come_through(service: Service) -> None:  # noqa: F811
    with listening(service.app()) as url:
        assert ServiceClient(url).get("/api/v1/label/watch/values") == ["node", "web"]
        assert ServiceClient(url).get("/api/v1/labels", {"watch": "node"}) == [
            "__name__",
            "instance",
            "watch",
        ]
        with pytest.raises(BandwatchError, match="there is no watch `wep`; the nearest is `web`"):
            ServiceClient(url).get("/api/v1/labels", {"watch": "wep"})


def test_a_token_is_sent_and_asked_for(service: Service) -> None:  # noqa: F811
    from pydantic import SecretStr

    with listening(service.app(read_token=SecretStr("reading"))) as url:
        assert ServiceClient(url, "reading").get("/api/v1/label/watch/values") == ["node", "web"]
        with pytest.raises(BandwatchError, match="bearer token.*; give a token by --token"):
            ServiceClient(url).get("/api/v1/labels")


def test_bodies_and_methods() -> None:
    app = Flask("echo")

    @app.route("/it", methods=["POST", "DELETE"])
    def echo() -> Response:
        return Response(
            f'{{"method": "{request.method}", "body": {request.get_data(as_text=True) or "null"}}}'
        )

    with listening(app) as url:
        assert ServiceClient(url).post("/it", {"a": 1}) == {"method": "POST", "body": {"a": 1}}
        assert ServiceClient(url).delete("/it") == {"method": "DELETE", "body": None}
        with pytest.raises(BandwatchError, match="(?s)404 .*: is this a Bandwatch"):
            ServiceClient(url).get("/elsewhere")


def test_nobody_answers() -> None:
    with pytest.raises(BandwatchError, match="does not answer .*does `bandwatch run` run there"):
        ServiceClient(f"http://127.0.0.1:{free_port()}").get("/")


@pytest.mark.parametrize("answer", [None, [], "text", 3])
def test_an_answer_that_is_no_object_is_refused(answer: object) -> None:
    with pytest.raises(BandwatchError, match="is this a Bandwatch"):
        expect_object(answer)
    assert expect_object({"id": 1}) == {"id": 1}


@pytest.mark.parametrize("answer", [None, {}, "text", [1]])
def test_an_answer_that_is_no_list_of_rows_is_refused(answer: object) -> None:
    with pytest.raises(BandwatchError, match="is this a Bandwatch"):
        expect_rows(answer)
    assert expect_rows([{"id": 1}]) == [{"id": 1}]


def test_a_refusal_does_not_stop_the_others() -> None:
    done = []

    def act(number: int) -> None:
        if number % 2:
            raise BandwatchError(f"no {number}")
        done.append(number)

    with pytest.raises(BandwatchError, match="^no 1\nno 3$"):
        act_on_all([0, 1, 2, 3, 4], act)
    assert done == [0, 2, 4]
