"""TLS in: certificates of both sides, files that change, files that are wrong."""

import http.client
import logging
import shutil
import socket
import ssl
import time
from pathlib import Path

import pytest

from plugin.commands.client import ServiceClient
from plugin.config import TlsServerSettings, WebSettings
from plugin.errors import BandwatchError, ConfigError
from plugin.web.server import serve
from plugin.web.server.tls import read_context
from tests.plugin.web.server.conftest import Stage, soon

TLS = Path(__file__).parents[2] / "prometheus" / "testdata" / "tls"
CA = str(TLS / "ca.pem")
CLIENT = (str(TLS / "client.pem"), str(TLS / "client.key"))


def settings(folder: Path = TLS, **changes: str) -> TlsServerSettings:
    files = {"cert_file": str(folder / "server.pem"), "key_file": str(folder / "server.key")}
    return TlsServerSettings(**{**files, **changes})


def mutual(kind: str = "RequireAndVerifyClientCert") -> TlsServerSettings:
    return settings(client_ca_file=CA, client_auth_type=kind)


def trusting(certificate: tuple[str, str] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=CA)
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def ask(stage: Stage, context: ssl.SSLContext, path: str = "/a") -> tuple[int, str]:
    """The status, and the common name of the server's certificate."""
    assert stage.server is not None
    connection = http.client.HTTPSConnection(
        "127.0.0.1", stage.server.port, timeout=5, context=context
    )
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        subject = connection.sock.getpeercert()["subject"]
        return response.status, dict(field[0] for field in subject)["commonName"]
    finally:
        connection.close()


def test_it_speaks_tls_and_large_answers_are_whole(stage: Stage) -> None:
    server = stage.serve(tls_server_config=settings())
    assert ask(stage, trusting()) == (200, "server")
    assert ask(stage, trusting(), "/large") == (200, "server")
    seen = ServiceClient(f"https://127.0.0.1:{server.port}", ca_file=CA).get("/a")
    assert isinstance(seen, dict) and seen["wsgi.url_scheme"] == "https"


def test_many_requests_on_one_connection(stage: Stage) -> None:
    server = stage.serve(tls_server_config=settings())
    connection = http.client.HTTPSConnection(
        "127.0.0.1", server.port, timeout=5, context=trusting()
    )
    for number in range(20):
        connection.request("POST", "/a", body=b"x" * 3000 * number)
        response = connection.getresponse()
        assert response.status == 200 and len(response.read()) > 3000 * number
    connection.close()


@pytest.mark.parametrize(
    ("kind", "certificate", "let_in"),
    [
        ("RequireAndVerifyClientCert", CLIENT, True),
        ("RequireAndVerifyClientCert", None, False),
        ("VerifyClientCertIfGiven", CLIENT, True),
        ("VerifyClientCertIfGiven", None, True),
    ],
)
def test_clients_show_a_certificate(
    stage: Stage, kind: str, certificate: tuple[str, str] | None, let_in: bool
) -> None:
    server = stage.serve(tls_server_config=mutual(kind))
    client = ServiceClient(f"https://127.0.0.1:{server.port}", ca_file=CA, certificate=certificate)
    if let_in:
        assert client.get("/a")
    else:
        with pytest.raises(BandwatchError, match="--cert-file and --key-file"):
            client.get("/a")
        assert soon(lambda: stage.cut("handshake") == 1)


def test_a_client_that_does_not_trust_it_is_told_how(stage: Stage) -> None:
    server = stage.serve(tls_server_config=settings())
    with pytest.raises(BandwatchError, match="no TLS .*certificate.*--ca-file"):
        ServiceClient(f"https://127.0.0.1:{server.port}").get("/a")
    with pytest.raises(BandwatchError):
        ServiceClient(f"http://127.0.0.1:{server.port}").get("/a")


def test_plain_http_is_answered_with_a_word(stage: Stage) -> None:
    stage.serve(tls_server_config=settings())
    client = stage.client()
    client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert b"use https://" in client.socket.recv(4096)
    assert client.closed(1)


def test_silent_and_slow_handshakes_hold_nobody_up_and_are_cut(stage: Stage) -> None:
    stage.serve(tls_server_config=settings(), request_timeout=1)
    silent = [stage.client() for _ in range(200)]
    for client in silent[::2]:
        client.send(b"\x16\x03\x01")
    start = time.monotonic()
    assert ask(stage, trusting(), "/-/healthy") == (200, "server")
    assert time.monotonic() - start < 1
    assert soon(lambda: stage.cut("slow_handshake") == 200)


def test_old_versions_are_refused(stage: Stage) -> None:
    stage.serve(tls_server_config=settings(min_version="TLS13"))
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        ask(stage, context)
    assert ask(stage, trusting()) == (200, "server")


def test_files_are_read_anew_when_they_change(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("server.pem", "server.key"):
        shutil.copy(TLS / name, tmp_path)
    stage.serve(tls_server_config=settings(tmp_path))
    assert ask(stage, trusting()) == (200, "server")
    with caplog.at_level(logging.CRITICAL):
        shutil.copy(TLS / "client.pem", tmp_path / "server.pem")  # the key is still the old one
        assert ask(stage, trusting()) == (200, "server")
        assert stage.registry.get_sample_value("bandwatch_tls_last_reload_successful") == 0
    shutil.copy(TLS / "client.key", tmp_path / "server.key")
    assert ask(stage, trusting()) == (200, "client")
    assert stage.registry.get_sample_value("bandwatch_tls_last_reload_successful") == 1
    (tmp_path / "server.pem").unlink()
    with caplog.at_level(logging.CRITICAL):
        assert ask(stage, trusting()) == (200, "client")


def test_who_may_sign_clients_is_read_anew(stage: Stage, tmp_path: Path) -> None:
    authority = shutil.copy(CA, tmp_path / "ca.pem")
    stage.serve(tls_server_config=mutual().model_copy(update={"client_ca_file": str(authority)}))
    assert ask(stage, trusting(CLIENT)) == (200, "server")
    shutil.copy(TLS / "server.pem", authority)  # that of nobody who signs
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(stage, trusting(CLIENT))


LOCKED = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nabc\n-----END ENCRYPTED PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cert_file", None, "no such file or directory; valid is a file that this process"),
        ("cert_file", "text", "no certificate in it; valid is one in PEM"),
        ("key_file", "text", "no private key in it; valid is one in PEM"),
        ("key_file", LOCKED, "a key with a password; valid is one without"),
        ("key_file", (TLS / "client.key").read_text(), "valid is the key of the certificate in"),
        ("client_ca_file", "text", "valid is certificates in PEM"),
    ],
)
def test_a_wrong_file_is_named(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=rf"^web.tls_server_config.{name}: {path}: .*{message}"):
        serve(
            lambda environment, start_response: [],
            WebSettings(
                listen_address="127.0.0.1:0",
                tls_server_config=mutual().model_copy(update={name: str(path)}),
            ),
        )


def test_a_connection_that_breaks_in_the_handshake(stage: Stage) -> None:
    server = stage.serve(tls_server_config=settings())
    with socket.create_connection(("127.0.0.1", server.port)) as broken:
        broken.sendall(b"\x16\x03\x01\x00\xff" + b"x" * 255)
    assert soon(lambda: stage.cut("handshake") == 1)
    assert ask(stage, trusting()) == (200, "server")


def test_the_context_takes_nothing_old() -> None:
    assert read_context(settings()).minimum_version is ssl.TLSVersion.TLSv1_2
