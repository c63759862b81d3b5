"""Requests of all shapes, right and wrong."""

import json
import logging
import re
import socket
from random import Random

import pytest

from tests.plugin.web.server.conftest import Stage, soon


def test_what_the_application_sees(stage: Stage) -> None:
    server = stage.serve()
    client = stage.client()
    client.send(
        b"POST /a%2Fb/%c3%a4?x=1&y=%20 HTTP/1.1\r\nHost: here:1\r\nContent-Type: text/plain\r\n"
        b"X-One: 1\r\nx-one: 2\r\nCookie: a=1\r\nCookie: b=2\r\nX_One: forged\r\n"
        b"X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\nContent-Length: 3\r\n\r\nabc"
    )
    status, body = client.answer()
    seen = json.loads(body)
    assert status == 200
    assert {name: seen[name] for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING")} == {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/a/b/Ã¤",
        "QUERY_STRING": "x=1&y=%20",
    }
    assert seen["HTTP_X_ONE"] == "1, 2" and seen["HTTP_COOKIE"] == "a=1; b=2"
    assert seen["CONTENT_TYPE"] == "text/plain" and seen["CONTENT_LENGTH"] == "3"
    assert seen["content"] == "abc" and seen["HTTP_HOST"] == "here:1"
    assert seen["SERVER_PORT"] == str(server.port) and seen["REMOTE_ADDR"] == "127.0.0.1"
    assert seen["wsgi.url_scheme"] == "http"
    assert not {name for name in seen if "FORWARDED" in name}
    assert "Date" in client.fields and "Server" not in client.fields


def test_requests_follow_each_other_on_one_connection(stage: Stage) -> None:
    stage.serve()
    client = stage.client()
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % i for i in range(20)))
    assert [json.loads(client.answer()[1])["PATH_INFO"] for _ in range(20)] == [
        f"/{i}" for i in range(20)
    ]
    client.send(b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n")
    assert client.answer(head_only=True) == (200, b"")
    assert json.loads(client.answer()[1])["PATH_INFO"] == "/b"


@pytest.mark.parametrize(
    "request_head",
    [b"GET /a HTTP/1.0\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"],
)
def test_it_closes_where_the_client_asks_for_that(stage: Stage, request_head: bytes) -> None:
    stage.serve()
    client = stage.client()
    client.send(request_head)
    assert client.answer()[0] == 200 and client.closed(1)


def test_a_body_in_chunks_and_one_that_waits_to_be_asked_for(stage: Stage) -> None:
    stage.serve()
    client = stage.client()
    client.send(
        b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    seen = json.loads(client.answer()[1])
    assert seen["content"] == "abcde" and seen["CONTENT_LENGTH"] == "5"
    client.send(b"POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.answer() == (100, b"")
    client.send(b"abc")
    assert json.loads(client.answer()[1])["content"] == "abc"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"http://elsewhere/a?b=1", "/a", "b=1"),
        (b"https://elsewhere", "/", ""),
        (b"http://[::1/a", "/a", ""),
        (b"/a#b", "/a", ""),
        (b"*", "*", ""),
    ],
)
def test_targets_of_all_forms(stage: Stage, target: bytes, path: str, query: str) -> None:
    stage.serve()
    client = stage.client()
    client.send(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % target)
    seen = json.loads(client.answer()[1])
    assert (seen["PATH_INFO"], seen["QUERY_STRING"]) == (path, query)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET /a HTTP/1.1\r\n\r\n", 400, "bad_request"),  # without Host
        (b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request"),
        (b"GET /a HTTP/1.1\r\nHost: h\r\nX: " + b"x" * (1 << 17), 431, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_request"),
        (
            b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
            "bad_request",
        ),
        (
            b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n" + b"x" * (1 << 20),
            413,
            "body_too_large",
        ),
        (
            b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n"
            + b"x" * (1 << 17),
            413,
            "body_too_large",
        ),
    ],
)
def test_what_is_wrong_is_answered_and_ended(
    stage: Stage, sent: bytes, status: int, code: str
) -> None:
    stage.serve()
    client = stage.client()
    client.send(sent)
    found, body = client.answer()
    assert (found, json.loads(body)["error"]["code"]) == (status, code)
    assert client.fields["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in client.fields["Content-Security-Policy"]
    assert client.closed(1)


def test_an_error_of_the_application_costs_one_answer(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.serve()
    with caplog.at_level(logging.CRITICAL):
        client = stage.client()
        status, body = client.get("/broken")
        assert status == 500 and json.loads(body)["error"]["code"] == "internal"
        assert client.get("/a")[0] == 200
        client.send(b"GET /split HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.closed(1)
        assert soon(lambda: stage.cut("internal") == 1)
    assert stage.client().get("/a")[0] == 200


SOUND = (
    b"POST /a?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
    b"POST http://h/b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n"
    b"GET /c HTTP/1.0\r\nCookie: a=b\r\n\r\n"
)
STRANGE = (b"\x00", b"\xff", b"\r\n", b" ", b":", b"%", b"[", b"-1", b"9" * 30, b"HTTP/2.0", b"")


def test_no_mutated_request_is_an_error_of_ours(stage: Stage) -> None:
    stage.serve(threads=4)
    random = Random(14)
    for _ in range(150):
        sent = bytearray(SOUND)
        for _ in range(random.randint(1, 5)):
            at = random.randrange(len(sent))
            sent[at : at + random.choice((0, 1, 9))] = random.choice(STRANGE)
        client = stage.client()
        client.send(bytes(sent))
        client.socket.shutdown(socket.SHUT_WR)
        received = b""
        while part := client.socket.recv(1 << 16):
            received += part
        client.socket.close()
        statuses = set(re.findall(rb"HTTP/1\.1 (\d+) ", received))
        assert statuses and not any(each.startswith(b"5") and each != b"501" for each in statuses)
    assert stage.cut("internal") == 0
    assert stage.client().get("/a")[0] == 200
