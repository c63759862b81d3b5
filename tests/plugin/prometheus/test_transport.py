"""The reader when Prometheus is down, slow, cut off, wrong or too much: a fault proxy before a real
one."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from plugin.config.model import PrometheusSettings
from plugin.errors import AnswerInvalid, PrometheusError, PrometheusUnavailable
from plugin.prometheus import PrometheusReader
from tests import faults as fault
from tests.faults import FaultProxy
from tests.history import END, START, STEP, TIMES

BAD_QUERY = b'{"status":"error","errorType":"bad_data","error":"unknown function"}'
TOO_MANY = b'{"status":"error","errorType":"execution","error":"query would load too many samples"}'
TIMEOUT = b'{"status":"error","errorType":"timeout","error":"query timed out in query execution"}'


class Recorder(PrometheusReader):
    """A reader that remembers the outcome of each request, and gives up after 2 s."""

    def __init__(self, url: str, retries: int = 1) -> None:
        self.outcomes: list[str] = []
        settings = PrometheusSettings(url=url, connect_timeout=1, read_timeout=1, retries=retries)
        super().__init__(
            settings,
            max_bytes=4 << 20,
            on_request=lambda outcome, seconds: self.outcomes.append(outcome),
        )

    def ask(self) -> int:
        """How many samples of shop_flat came."""
        (one,) = self.range("shop_flat", START, END, STEP, max_series=1).series
        np.testing.assert_array_equal(one.times, TIMES)
        return len(one.times)


@pytest.fixture
def read(faults: FaultProxy) -> Iterator[Recorder]:
    reader = Recorder(faults.url)
    yield reader
    reader.close()


FAULTS = {
    "hang": (
        fault.hang,
        "unavailable",
        "did not answer within 1 s: raise `prometheus.read_timeout`",
    ),
    "hang in body": (fault.hang_in_body, "unavailable", "did not answer within 1 s"),
    "drip": (fault.drip, "unavailable", r"answers too slowly, \d+ bytes in the time allowed"),
    "cut": (fault.cut, "unavailable", "broke the connection .*IncompleteRead"),
    "cut without length": (
        fault.cut_without_length,
        "invalid",
        'did not answer JSON but .*"success"',
    ),
    "cut gzip": (
        fault.status(200, b"\x1f\x8b\x08\0\0\0\0\0\0\3", Content_Encoding="gzip"),
        "unavailable",
        "stopped in the middle of its answer",
    ),
    "bad gzip": (
        fault.status(200, b"no gzip", Content_Encoding="gzip"),
        "unavailable",
        "incorrect header",
    ),
    "reset": (fault.reset, "unavailable", "broke the connection .*reset by peer"),
    "302": (
        fault.status(302, Location="https://u:p@login.example/?x"),
        "invalid",
        r"answered 302 and points to https://login.example: set `prometheus.url`",
    ),
    "400": (
        fault.status(400, BAD_QUERY),
        "rejected",
        r"400 \(bad_data: unknown function\): correct the",
    ),
    "401": (
        fault.status(401, b"Unauthorized\n"),
        "rejected",
        "401 'Unauthorized': check the credentials",
    ),
    "403": (fault.status(403), "rejected", "refused with 403 an empty body: check the credentials"),
    "404": (
        fault.status(404, b"404 page not found"),
        "rejected",
        "page not found': check `prometheus.url`",
    ),
    "414": (fault.status(414), "rejected", "refused with 414 .*use a recording rule"),
    "422": (
        fault.status(422, TOO_MANY),
        "rejected",
        "too many samples.*or aggregate to fewer samples",
    ),
    "429": (fault.status(429, b"slow down"), "unavailable", "answered 429 'slow down'"),
    "500": (
        fault.status(500, b"<html>" + b"x" * 500),
        "unavailable",
        r"answered 500 '<html>x+\.\.\.'",
    ),
    "503": (fault.status(503, TIMEOUT), "unavailable", r"answered 503 \(timeout: query timed out"),
    "garbage": (
        fault.garbage,
        "invalid",
        "did not answer JSON but '<html><body>Please log in .*API",
    ),
    "empty": (fault.status(200), "invalid", "did not answer JSON but an empty body"),
    "json of another": (
        fault.says({"detail": "no"}),
        "invalid",
        "JSON that is not an answer of its API",
    ),
    "json list": (fault.says([1, 2]), "invalid", "JSON that is not an answer of its API"),
    "deep json": (fault.status(200, b"[" * 100_000), "invalid", "did not answer JSON but"),
    "an error with 200": (
        fault.status(200, BAD_QUERY),
        "invalid",
        "JSON that is not an answer of its API",
    ),
    "endless": (fault.endless, "invalid", "answered more than 4 MiB: aggregate the query"),
}
NOT_REPEATED = ("rejected", "invalid")  # asking again would bring the same
PROBED = ("422",)  # whether it is the range is tried once, at its end
SLOW = ("hang", "hang in body", "drip")  # asking again at once would only add to the load


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_one_of_our_errors_within_its_time_and_passes(
    read: Recorder, faults: FaultProxy, name: str
) -> None:
    faults.fault, reason, message = FAULTS[name]
    began = time.monotonic()
    with pytest.raises(PrometheusError, match=message) as caught:
        read.ask()
    assert time.monotonic() - began < 4
    assert caught.value.reason == reason
    assert str(caught.value).startswith(f"Prometheus at {faults.url} ") and "`shop_flat`" in str(
        caught.value
    )
    if name != "endless":  # asked again in smaller pieces
        once = (reason in NOT_REPEATED or name in SLOW) and name not in PROBED
        assert read.outcomes == [reason] * (1 if once else 2)
    faults.fault = fault.pass_on
    assert read.ask() == len(TIMES)  # the same reader, as soon as the fault is gone


def test_a_closed_port_is_named_and_tried_again(read: Recorder, faults: FaultProxy) -> None:
    faults.refuse()
    with pytest.raises(PrometheusUnavailable, match="refused the connection: is it running"):
        read.ask()
    assert read.outcomes == ["unavailable"] * 2
    faults.listen()
    assert read.ask() == len(TIMES)


def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(
        PrometheusUnavailable, match="its name does not resolve: is `prometheus.url` right"
    ):
        Recorder("http://nowhere.invalid:9090", retries=0).ask()


@pytest.mark.parametrize("broken", [fault.cut, fault.reset, fault.status(503), fault.status(429)])
def test_a_short_fault_is_bridged_by_a_retry(
    read: Recorder, faults: FaultProxy, broken: fault.Fault
) -> None:
    faults.fault = fault.then(broken, fault.pass_on)
    assert read.ask() == len(TIMES)
    assert read.outcomes == ["unavailable", "success"]


def test_a_retry_is_counted_in_the_answer(read: Recorder, faults: FaultProxy) -> None:
    faults.fault = fault.then(fault.status(502), fault.pass_on)
    assert read.range("shop_flat", START, END, STEP, max_series=1).requests == 2


def test_no_retry_when_none_is_allowed(faults: FaultProxy) -> None:
    read = Recorder(faults.url, retries=0)
    faults.fault = fault.status(503)
    with pytest.raises(PrometheusUnavailable):
        read.ask()
    assert len(faults.requests) == 1


def test_retry_after_is_kept_unless_the_time_is_over_before(
    read: Recorder, faults: FaultProxy
) -> None:
    faults.fault = fault.then(fault.status(429, Retry_After="1"), fault.pass_on)
    began = time.monotonic()
    assert read.ask() == len(TIMES)
    assert time.monotonic() - began >= 1
    faults.fault = fault.status(429, Retry_After="3600")
    began = time.monotonic()
    with pytest.raises(PrometheusUnavailable, match="answered 429"):
        read.ask()
    assert time.monotonic() - began < 1


def test_a_fault_in_a_later_piece_fails_the_whole_range(read: Recorder, faults: FaultProxy) -> None:
    faults.fault = fault.then(fault.pass_on, fault.garbage)
    with pytest.raises(AnswerInvalid):
        read.range("shop_flat", START, END, 10, max_series=1)
    assert read.outcomes == ["success", "invalid"]


def test_prometheus_is_told_when_we_stop_waiting(read: Recorder, faults: FaultProxy) -> None:
    read.ask()
    assert "timeout=1.000" in faults.requests[0]


def test_a_slow_answer_in_time_is_an_answer(read: Recorder, faults: FaultProxy) -> None:
    faults.fault = fault.delays(0.5)
    assert read.ask() == len(TIMES)
