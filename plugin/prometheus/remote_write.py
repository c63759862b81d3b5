"""Sends samples by remote write 1.0: again if that may help, in halves if a sample is rejected.

The retries are our own, because they must be counted and must stop with the service.
"""

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
from plugin.prometheus.credentials import configure_session, public_url, without_user
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
MAX_ATTEMPTS = 3
BACKOFF_SECONDS = 0.5  # seconds before the second attempt; doubles
MAX_WAIT_SECONDS = 5.0  # between two attempts; a longer wait is left to the caller
# Of one batch: enough to find a few rejected series. If all are rejected, more requests would not
# help.
MAX_SPLITS = 100
MAX_REASON_BYTES = 2000  # of an answer that are read

# The samples are rejected. Prometheus, Mimir: 400; Thanos: 409; a proxy in front of them: 413.
SAMPLE_STATUSES = (400, 409, 413, 422)
# Words for samples that Prometheus will never accept; before 2.50 "too old sample" had status 500.
PERMANENT_REASONS = ("too old", "out of order", "out of bounds", "duplicate")


class RemoteSample(NamedTuple):
    """A value of one series; NaN ends the series."""

    labels: bytes  # as wire.encoded_labels makes them
    value: float


@dataclass(frozen=True)
class SendOutcome:
    """How many samples were sent, and how many were rejected."""

    sent: int
    rejected: int
    reason: str = ""  # of the receiver, for the first sample that it rejected


class SendTooSlow(ReceiverUnavailable):
    """The time is used up: another request now would only add load."""


class RemoteWriter:
    """Sends to one receiver, from one thread at a time; `close` may come from another."""

    def __init__(
        self, settings: RemoteWriteSettings, *, on_failure: Callable[[str], None] = lambda _: None
    ) -> None:
        """on_failure: called with the reason of each request that failed."""
        self._timeout = settings.timeout
        self._on_failure = on_failure
        self._url = without_user(settings.url)
        self.url = public_url(settings.url)
        self._stopping = threading.Event()
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"bandwatch/{VERSION}"
        configure_session(self._session, settings, SECTION)

    def close(self) -> None:
        """Closes the connection. A later `send` raises Stopped."""
        self._stopping.set()
        self._session.close()

    def send(self, milliseconds: int, samples: Sequence[RemoteSample]) -> SendOutcome:
        """Sends samples of one time. Rejected samples are left out; the others arrive.

        Raises ReceiverUnavailable or ReceiverRefuses if it is not known which samples arrived.
        Sending the same samples again is safe.
        """
        return self._send(milliseconds, samples, MAX_SPLITS)[0]

    def _send(
        self, milliseconds: int, samples: Sequence[RemoteSample], splits: int
    ) -> tuple[SendOutcome, int]:
        """The first half may use half of the splits, the second half the rest.

        Returns the outcome and the splits that were not used.
        """
        try:
            self._post(write_request(milliseconds, samples))
            return SendOutcome(len(samples), 0), splits
        except SamplesRejected as error:
            if len(samples) == 1 or splits == 0:
                return SendOutcome(0, len(samples), str(error)), splits
        middle = len(samples) // 2
        splits -= 1
        first, unused = self._send(milliseconds, samples[:middle], splits // 2)
        second, unused = self._send(milliseconds, samples[middle:], splits - splits // 2 + unused)
        return SendOutcome(
            first.sent + second.sent,
            first.rejected + second.rejected,
            first.reason or second.reason,
        ), unused

    def _post(self, body: bytes) -> None:
        """One request with its retries."""
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
                wait = max(
                    error.seconds, BACKOFF_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
                )
                if attempt == MAX_ATTEMPTS or wait > MAX_WAIT_SECONDS:
                    raise
            self._stopping.wait(wait)

    def _once(self, request: bytes) -> None:
        """One HTTP request; raises unless the receiver has accepted it."""
        deadline = time.monotonic() + self._timeout
        try:
            with self._session.post(
                self._url,
                data=request,
                headers=HEADERS,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,  # a redirect would take our headers elsewhere
                verify=self._session.verify,
            ) as response:  # otherwise the environment decides
                body = _first_bytes(response, deadline)
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
            raise self._refusal(response, body)

    @property
    def _name(self) -> str:
        return f"the receiver at {self.url}"

    def _refusal(self, response: requests.Response, body: bytes) -> RemoteWriteError:
        status = response.status_code
        text = body.decode("utf-8", "replace").lower()
        message = f"{self._name} answered {status} {excerpt(body)}"
        permanent = status >= 400 and any(words in text for words in PERMANENT_REASONS)
        if status in SAMPLE_STATUSES or permanent and status != 429:
            return SamplesRejected(message)
        if status >= 500 or status in (408, 429):
            return ReceiverUnavailable(message, retry_after(response))
        if status < 400:
            return ReceiverRefuses(
                f"{message} and points to {public_url(response.headers.get('Location', '?'))}: set "
                f"`{SECTION}.url` to the final address"
            )
        remedy = {
            401: f"check the credentials in `{SECTION}`",
            403: f"check the credentials in `{SECTION}`",
            404: f"check `{SECTION}.url`; a Prometheus needs --web.enable-remote-write-receiver",
        }.get(status, f"is `{SECTION}.url` the address of a remote write 1.0 receiver?")
        return ReceiverRefuses(f"{message}: {remedy}")


def _first_bytes(response: requests.Response, deadline: float) -> bytes:
    """The first bytes of an answer; all of a short one, so that the connection can be used
    again."""
    body = bytearray()
    while len(body) < MAX_REASON_BYTES and time.monotonic() < deadline:
        piece = response.raw.read1(MAX_REASON_BYTES, decode_content=True)
        if not piece:
            break
        body += piece
    return bytes(body)
