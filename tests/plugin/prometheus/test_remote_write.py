"""The writer before a real Prometheus that takes remote write, and behind a proxy that breaks its
answers."""

import json
import math
import socket
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from plugin.config import RemoteWriteSettings
from plugin.config.model import BasicAuth
from plugin.errors import ReceiverRefuses, ReceiverUnavailable, RemoteWriteError, Stopped
from plugin.prometheus import remote_write
from plugin.prometheus.remote_write import RemoteSample, RemoteWriter, SendOutcome
from plugin.prometheus.wire import encoded_labels
from plugin.version import VERSION
from tests import faults as fault
from tests.faults import FaultProxy
from tests.servers import PrometheusServer

RECEIVER = "--web.enable-remote-write-receiver"
TLS = Path(__file__).parent / "testdata" / "tls"
START = 1_795_000_000_000  # milliseconds
OUT_OF_ORDER = b"out of order sample"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with PrometheusServer(tmp_path_factory.mktemp("receiver"), flags=[RECEIVER]) as server:
        yield server


@pytest.fixture
def proxy(receiver: PrometheusServer) -> Iterator[FaultProxy]:
    with FaultProxy(receiver.port) as made:
        yield made


class Recorder(RemoteWriter):
    """A writer that remembers why its requests failed."""

    def __init__(self, url: str, path: str = "/api/v1/write", **settings: object) -> None:
        self.failures: list[str] = []
        super().__init__(
            RemoteWriteSettings.model_validate({"url": url + path, "timeout": 1, **settings}),
            on_failure=self.failures.append,
        )


@pytest.fixture
def write(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setattr(remote_write, "BACKOFF_SECONDS", 0.01)
    made = Recorder(proxy.url)
    yield made
    made.close()


def samples(name: str, *values: float) -> list[RemoteSample]:
    """A sample of a series each."""
    return [
        RemoteSample(encoded_labels([("__name__", name), ("i", f"{i:03}")]), value)
        for i, value in enumerate(values)
    ]


def stored(server: PrometheusServer, name: str, milliseconds: int = START) -> dict[str, float]:
    query = urllib.parse.urlencode({"query": name, "time": milliseconds / 1000})
    with urllib.request.urlopen(f"{server.url}/api/v1/query?{query}", timeout=10) as response:
        found = json.load(response)["data"]["result"]
    return {each["metric"]["i"]: float(each["value"][1]) for each in found}


def test_values_arrive(write: Recorder, receiver: PrometheusServer) -> None:
    assert write.send(START, samples("arrives", 1 / 3, math.inf, -math.inf, 5e-324)) == SendOutcome(
        4, 0
    )
    assert stored(receiver, "arrives") == {
        "000": 1 / 3,
        "001": math.inf,
        "002": -math.inf,
        "003": 5e-324,
    }
    assert write.failures == []


def test_the_same_again_changes_nothing(write: Recorder, receiver: PrometheusServer) -> None:
    for _ in range(2):
        assert write.send(START, samples("again", 1.0, math.nan)) == SendOutcome(2, 0)
    assert stored(receiver, "again") == {"000": 1.0}


def test_the_stale_marker_ends_a_series_at_once(
    write: Recorder, receiver: PrometheusServer
) -> None:
    write.send(START, samples("ends", 1.0, 2.0))
    write.send(START + 1000, samples("ends", math.nan))
    assert stored(receiver, "ends", START + 999) == {"000": 1.0, "001": 2.0}
    assert stored(receiver, "ends", START + 1000) == {"001": 2.0}


def test_a_rejected_sample_does_not_stop_the_others(
    write: Recorder, receiver: PrometheusServer
) -> None:
    bad = (3, 4, 97)
    before = samples("isolated", *range(100))
    write.send(START, [before[i] for i in bad])
    outcome = write.send(START, samples("isolated", *(i + 1000.0 for i in range(100))))
    assert (outcome.sent, outcome.rejected) == (97, 3)
    assert (
        f"the receiver at {write.url} answered 400" in outcome.reason
        and "duplicate" in outcome.reason
    )
    assert stored(receiver, "isolated") == {
        f"{i:03}": float(i if i in bad else i + 1000) for i in range(100)
    }
    assert set(write.failures) == {"rejected"} and len(write.failures) < 20


def test_halving_ends_when_all_are_at_fault(write: Recorder, proxy: FaultProxy) -> None:
    proxy.fault = fault.status(400, OUT_OF_ORDER)
    outcome = write.send(START, samples("hopeless", *range(1000)))
    assert (outcome.sent, outcome.rejected) == (0, 1000)
    assert len(proxy.requests) == 2 * remote_write.MAX_SPLITS + 1


def test_too_old_is_for_ever_though_the_status_says_try_again(
    write: Recorder, proxy: FaultProxy
) -> None:
    proxy.fault = fault.status(500, b"too old sample")
    assert write.send(START, samples("old", 1.0)).rejected == 1 and len(proxy.requests) == 1


REJECTED = [400, 409, 413, 422]


@pytest.mark.parametrize("status", REJECTED)
def test_a_status_about_samples_is_never_tried_again(
    write: Recorder, proxy: FaultProxy, status: int
) -> None:
    proxy.fault = fault.then(fault.status(status, b"label value too long"), fault.pass_on)
    assert (
        write.send(START, samples(f"status_{status}", 1.0)).rejected == 1
        and len(proxy.requests) == 1
    )


REFUSED = {
    "401": (
        fault.status(401, b"Unauthorized\n"),
        "answered 401 'Unauthorized': check the credentials in `remote_write`",
    ),
    "403": (fault.status(403), "answered 403 an empty body: check the credentials"),
    "404": (
        fault.status(404, b"remote write receiver needs to be enabled"),
        "check `remote_write.url`; a Prometheus needs --web.enable-remote-write-receiver",
    ),
    "415": (fault.status(415), "is `remote_write.url` the address of a remote write 1.0 receiver?"),
    "302": (
        fault.status(302, Location="https://u:p@login.example/x"),
        "answered 302 an empty body and points to "
        "https://login.example/x: set `remote_write.url` to the final address",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_drops_nothing_and_is_not_tried_again(
    write: Recorder, proxy: FaultProxy, name: str
) -> None:
    proxy.fault, message = REFUSED[name]
    with pytest.raises(ReceiverRefuses) as caught:
        write.send(START, samples("refused", 1.0, 2.0))
    assert (
        message in str(caught.value) and write.failures == ["refused"] and len(proxy.requests) == 1
    )


UNAVAILABLE = {
    "500": (fault.status(500, b"disk full"), 3, "answered 500 'disk full'"),
    "503": (fault.status(503), 3, "answered 503 an empty body"),
    "429": (fault.status(429, b"slow down"), 3, "answered 429 'slow down'"),
    "reset": (fault.reset, 3, "broke the connection .*reset by peer"),
    "hang": (fault.hang, 1, "did not answer within 1 s: raise `remote_write.timeout`"),
}


@pytest.mark.parametrize("name", UNAVAILABLE)
def test_what_may_pass_is_tried_again_and_then_left(
    write: Recorder, proxy: FaultProxy, name: str
) -> None:
    proxy.fault, attempts, message = UNAVAILABLE[name]
    began = time.monotonic()
    with pytest.raises(ReceiverUnavailable, match=message):
        write.send(START, samples("later", 1.0))
    assert write.failures == ["unavailable"] * attempts and time.monotonic() - began < 3
    proxy.fault = fault.pass_on
    assert write.send(START, samples("later", 1.0)) == SendOutcome(1, 0)


def test_a_closed_port_is_named(write: Recorder, proxy: FaultProxy) -> None:
    proxy.refuse()
    with pytest.raises(
        ReceiverUnavailable,
        match="refused the connection: is it running, is `remote_write.url` right",
    ):
        write.send(START, samples("closed", 1.0))
    assert write.failures == ["unavailable"] * 3
    proxy.listen()


@pytest.mark.parametrize("broken", [fault.status(502), fault.status(429), fault.reset])
def test_a_short_fault_is_bridged(write: Recorder, proxy: FaultProxy, broken: fault.Fault) -> None:
    proxy.fault = fault.then(broken, fault.pass_on)
    assert write.send(START, samples("bridged", 1.0)) == SendOutcome(1, 0) and write.failures == [
        "unavailable"
    ]


def test_retry_after_is_kept_when_short_and_handed_on_when_long(
    write: Recorder, proxy: FaultProxy
) -> None:
    proxy.fault = fault.then(fault.status(429, Retry_After="1"), fault.pass_on)
    began = time.monotonic()
    write.send(START, samples("asked_to_wait", 1.0))
    assert time.monotonic() - began >= 1
    proxy.fault = fault.status(503, Retry_After="3600")
    with pytest.raises(ReceiverUnavailable) as caught:
        write.send(START, samples("asked_to_wait", 1.0))
    assert caught.value.seconds == 3600 and time.monotonic() - began < 3


def test_a_reply_that_never_ends_is_left_in_time(write: Recorder, proxy: FaultProxy) -> None:
    proxy.fault = fault.drip
    began = time.monotonic()
    write.send(START, samples("drips", 1.0))  # the status says that it has been taken
    assert time.monotonic() - began < 3
    proxy.fault = lambda connection, _: connection.send(400, b"x" * 1_000_000)
    assert write.send(START, samples("long", 1.0)).rejected == 1


def test_a_stop_ends_the_waiting(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        remote_write, "BACKOFF_SECONDS", 3
    )  # times 1.5 at most: less than the longest wait
    write = Recorder(proxy.url)
    proxy.fault = fault.status(503)
    threading.Timer(0.3, write.close).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        write.send(START, samples("stopped", 1.0))
    assert time.monotonic() - began < 2


def headers(**settings: object) -> dict[str, str]:
    """Those of a request, as a server sees them."""
    seen: dict[str, str] = {}

    def keep(connection: fault.Connection, reply: fault.Reply) -> None:
        seen.update(connection.headers.items())
        connection.send(204, b"")

    with FaultProxy(1) as server:
        server.fault = keep
        writer = Recorder(server.url, **settings)
        assert writer.send(START, samples("headers", 1.0)) == SendOutcome(1, 0)
        writer.close()
    return seen


def test_the_headers_of_the_protocol() -> None:
    seen = headers(
        headers={"X-Scope-OrgID": SecretStr("12"), "Content-Encoding": SecretStr("gzip")}
    )
    assert seen["Content-Encoding"] == "snappy" and seen["Content-Type"] == "application/x-protobuf"
    assert (
        seen["X-Prometheus-Remote-Write-Version"] == "0.1.0"
        and seen["User-Agent"] == f"bandwatch/{VERSION}"
    )
    assert seen["X-Scope-OrgID"] == "12" and "Authorization" not in seen


def test_who_we_are(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-a-file\n")
    assert headers(bearer_token=SecretStr("inline"))["Authorization"] == "Bearer inline"
    assert headers(bearer_token_file=str(tmp_path / "token"))["Authorization"] == "Bearer of-a-file"
    basic = BasicAuth(username="me", password=SecretStr("pass"))
    assert headers(basic_auth=basic)["Authorization"] == "Basic bWU6cGFzcw=="


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"bearer_token_file": "/nowhere/token"},
            "cannot read `remote_write.bearer_token_file` /nowhere/token",
        ),
        (
            {"headers": {"A": SecretStr("hunter2\n")}},
            "a header or a secret in `remote_write` cannot be sent",
        ),
    ],
)
def test_what_cannot_be_sent_is_named_without_secrets(
    receiver: PrometheusServer, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(RemoteWriteError, match=message) as caught:
        Recorder(receiver.url, **settings).send(START, samples("unsent", 1.0))
    assert isinstance(caught.value, ReceiverRefuses) and "hunter2" not in str(caught.value)


def test_tls_with_a_certificate_of_our_own(tmp_path: Path) -> None:
    web = (
        f"tls_server_config: {{cert_file: {TLS}/server.pem, key_file: {TLS}/server.key, "
        f"client_auth_type: RequireAndVerifyClientCert, client_ca_file: {TLS}/ca.pem}}"
    )
    with MutualTls(tmp_path, scheme="https", web_config=web, flags=[RECEIVER]) as server:
        ours = {
            "ca_file": f"{TLS}/ca.pem",
            "cert_file": f"{TLS}/client.pem",
            "key_file": f"{TLS}/client.key",
        }
        assert Recorder(server.url, timeout=5, **ours).send(
            START, samples("tls", 1.0)
        ) == SendOutcome(1, 0)
        with pytest.raises(
            ReceiverUnavailable, match="failed the TLS handshake .*check `remote_write.ca_file`"
        ):
            Recorder(server.url, timeout=5).send(START, samples("tls", 1.0))


class MutualTls(PrometheusServer):
    """Whether it is up cannot be asked without a certificate."""

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
