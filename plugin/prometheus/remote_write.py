"""Sends samples by remote write 1.0: again where that may help, in halves where a sample is at
fault."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import requests
import urllib3

from plugin.config.model import RemoteWriteSettings
from plugin.errors import (
    PrometheusError,
    ReceiverRefuses,
    ReceiverUnavailable,
    RemoteWriteError,
    SamplesRejected,
    Stopped,
)
from plugin.prometheus.credentials import introduce, public_url, without_user
from plugin.prometheus.transport import (
    CANNOT_BE_SENT,
    READ_TIMEOUTS,
    describe,
    excerpt,
    retry_after,
)
from plugin.prometheus.wire import write_request
from plugin.version import VERSION

SECTION = "remote_write"  # of the settings
HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
ATTEMPTS = 3
BACKOFF = 0.5  # seconds before the second attempt; doubles
LONGEST_WAIT = 5.0  # seconds between two attempts; a longer wait is left to whoever calls
# of one batch: enough for some series at fault; when all are, halving on would only be a load
MOST_SPLITS = 100
SAID = 2000  # bytes of an answer that are read

ABOUT_SAMPLES = (
    400,
    409,
    413,
    422,
)  # Prometheus, Mimir: 400; Thanos: 409; a proxy before them: 413
# What Prometheus says of samples that it will never take; before 2.50 "too old sample" came with
# 500.
FOR_EVER = ("too old", "out of order", "out of bounds", "duplicate")


class RemoteSample(NamedTuple):
    """A value of one series; NaN ends the series."""

    labels: bytes  # as wire.encoded_labels makes them
    value: float


@dataclass(frozen=True)
class SendOutcome:
    """What became of some samples."""

    sent: int
    rejected: int
    said: str = ""  # by the receiver, of the first that it rejected


class SendTooSlow(ReceiverUnavailable):
    """The time was used up: asking again at once would only add to the load."""


class RemoteWriter:
    """Sends to one receiver, from one thread at a time; `close` may come from another."""

    def __init__(
        self, settings: RemoteWriteSettings, *, on_failure: Callable[[str], None] = lambda _: None
    ) -> None:
        """on_failure: told the reason of each request that failed."""
        self._timeout = settings.timeout
        self._on_failure = on_failure
        self._url = without_user(settings.url)
        self.url = public_url(settings.url)
        self._stopping = threading.Event()
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"bandwatch/{VERSION}"
        introduce(self._session, settings, SECTION)

    def close(self) -> None:
        """Whoever sends from now on is told that it has Stopped."""
        self._stopping.set()
        self._session.close()

    def send(self, milliseconds: int, samples: Sequence[RemoteSample]) -> SendOutcome:
        """Sends samples of one time. Those that the receiver rejects are left out, the others
        arrive.

        Raises ReceiverUnavailable or ReceiverRefuses when nobody can say what became of them:
        sending the very same again is safe.
        """
        return self._send(milliseconds, samples, MOST_SPLITS)[0]

    def _send(
        self, milliseconds: int, samples: Sequence[RemoteSample], splits: int
    ) -> tuple[SendOutcome, int]:
        """The first half may use half of the splits, the second one what is left.

        Returns those left after it.
        """
        try:
            self._post(write_request(milliseconds, samples))
            return SendOutcome(len(samples), 0), splits
        except SamplesRejected as error:
            if len(samples) == 1 or splits == 0:
                return SendOutcome(0, len(samples), str(error)), splits
        middle = len(samples) // 2
        splits = splits - 1
        one, unused = self._send(milliseconds, samples[:middle], splits // 2)
        two, left = self._send(milliseconds, samples[middle:], splits - splits // 2 + unused)
        return SendOutcome(
            one.sent + two.sent, one.rejected + two.rejected, one.said or two.said
        ), left

    def _post(self, body: bytes) -> None:
        """One request with its further attempts."""
        attempt = 0
        while True:
            if self._stopping.is_set():
                raise Stopped("the service is stopping, or has been reloaded")
            attempt += 1
            try:
                return self._once(body)
            except RemoteWriteError as error:
                self._on_failure(error.reason)
                if not isinstance(error, ReceiverUnavailable) or isinstance(error, SendTooSlow):
                    raise
                wait = max(error.seconds, BACKOFF * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
                if attempt == ATTEMPTS or wait > LONGEST_WAIT:
                    raise
            self._stopping.wait(wait)

    def _once(self, body: bytes) -> None:
        """One HTTP request; raises unless the receiver has taken it."""
        deadline = time.monotonic() + self._timeout
        try:
            with self._session.post(
                self._url,
                data=body,
                headers=HEADERS,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,  # a redirect would take our headers elsewhere
                verify=self._session.verify,
            ) as response:  # else the environment goes first
                said = _beginning(response, deadline)
        except PrometheusError as error:  # a secret that cannot be read
            raise ReceiverRefuses(str(error)) from error
        except ValueError:  # its text repeats the header, which may be a secret
            raise ReceiverRefuses(CANNOT_BE_SENT.format(SECTION)) from None
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests raises OSErrors
            kind = SendTooSlow if isinstance(error, READ_TIMEOUTS) else ReceiverUnavailable
            raise kind(
                f"{self._name} {describe(error, self._timeout, SECTION, 'timeout')}"
            ) from error
        if not 200 <= response.status_code < 300:
            raise self._refusal(response, said)

    @property
    def _name(self) -> str:
        return f"the receiver at {self.url}"

    def _refusal(self, response: requests.Response, said: bytes) -> RemoteWriteError:
        status = response.status_code
        text = said.decode("utf-8", "replace").lower()
        told = f"{self._name} answered {status} {excerpt(said)}"
        for_ever = status >= 400 and any(words in text for words in FOR_EVER)
        if status in ABOUT_SAMPLES or for_ever and status != 429:
            return SamplesRejected(told)
        if status >= 500 or status in (408, 429):
            return ReceiverUnavailable(told, retry_after(response))
        if status < 400:
            return ReceiverRefuses(
                f"{told} and points to {public_url(response.headers.get('Location', '?'))}: set "
                f"`{SECTION}.url` to the final address"
            )
        remedy = {
            401: f"check the credentials in `{SECTION}`",
            403: f"check the credentials in `{SECTION}`",
            404: f"check `{SECTION}.url`; a Prometheus needs --web.enable-remote-write-receiver",
        }.get(status, f"is `{SECTION}.url` the address of a remote write 1.0 receiver?")
        return ReceiverRefuses(f"{told}: {remedy}")


def _beginning(response: requests.Response, deadline: float) -> bytes:
    """The first bytes of an answer; all of a short one, so that the connection can be used
    again."""
    said = bytearray()
    while len(said) < SAID and time.monotonic() < deadline:
        piece = response.raw.read1(SAID, decode_content=True)
        if not piece:
            break
        said += piece
    return bytes(said)
