"""One HTTP request to Prometheus: deadline, size limit, and each failure as one of our errors.

prometheus-api-client builds the requests, and this session sends them. Without it the library would
wait without end, read without a limit, and drop `warnings` and `resultType`.
"""

import json
import re
import socket
import time
import zlib
from collections.abc import Mapping
from typing import Any

import requests
import urllib3

from plugin.config.model import PrometheusSettings
from plugin.errors import AnswerInvalid, PrometheusError, PrometheusUnavailable, QueryRejected
from plugin.prometheus import range_answer
from plugin.prometheus.credentials import configure_session, public_url

MAX_BYTES = 64 << 20  # of one answer, uncompressed; the reader asks for about half of it
PIECE_BYTES = 1 << 16
SECTION = "prometheus"  # of the settings
CANNOT_BE_SENT = (
    "the url, a header or a secret in `{}` cannot be sent: has it a line break, a leading space, or"
    " a letter outside Latin-1?"
)
RETRYABLE_STATUSES = (408, 429)  # besides 5xx
RANGE_STATUSES = (413, 422)  # 422 is Prometheus' word for an expression that fails at an instant
RANGE_LIMIT = re.compile(r"exceed|limit|maximum|too (many|long|large|big)", re.IGNORECASE)
TIMED_OUT = re.compile(r"^504|timeout|timed out", re.IGNORECASE)
READ_TIMEOUTS = (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)


class AnswerTooLarge(AnswerInvalid):
    """The answer exceeded the size limit; a request for fewer points may help."""


class RangeRefused(QueryRejected):
    """Perhaps only this range: an instant in it cannot be evaluated, or it is too long."""


class RequestTooSlow(PrometheusUnavailable):
    """The time is used up: another request now would only add load."""


class TryLater(PrometheusUnavailable):
    """Prometheus, or a proxy in front of it, asks us to wait `seconds`."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class ServerTooSlow(TryLater):
    """Prometheus, or a proxy in front of it, gave the query up."""


class AnswerReader(requests.Response):
    """An answer that was read completely and parsed once, in the form that prometheus-api-client
    expects."""

    def __init__(self, envelope: Mapping[str, Any]) -> None:
        super().__init__()
        self.status_code = 200
        self.envelope = envelope

    def json(self, **_: Any) -> Any:
        return self.envelope


class Transport(requests.Session):
    """A session for one thread at a time. `envelope` is the whole JSON of the last answer."""

    envelope: Mapping[str, Any]

    def __init__(self, settings: PrometheusSettings, max_bytes: int) -> None:
        super().__init__()
        self._url = public_url(settings.url)
        self._max_bytes = max_bytes
        self.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip"})
        configure_session(self, settings, SECTION)

    def request(
        self, method: str | bytes, url: str | bytes, *_: Any, **options: Any
    ) -> requests.Response:
        """Sends a request and returns a complete and successful answer of the Prometheus API.

        `timeout` is (connect, read): the header, and then each piece of the body, must arrive
        within `read` seconds. The body must be complete `connect + read` seconds after the start.
        """
        connect, read = options["timeout"]
        deadline = time.monotonic() + connect + read
        options |= {
            "stream": True,
            "allow_redirects": False,  # a redirect would take our headers elsewhere
            # Otherwise REQUESTS_CA_BUNDLE of the environment would decide.
            "verify": self.verify,
        }
        try:
            with super().request(method, url, **options) as response:
                body = self._read(response, deadline)
        except PrometheusError:
            raise
        except ValueError:  # its text repeats the header, which may be a secret
            raise QueryRejected(CANNOT_BE_SENT.format(SECTION)) from None
        except (
            OSError,
            urllib3.exceptions.HTTPError,
            zlib.error,
        ) as error:  # requests raises OSErrors
            kind = RequestTooSlow if isinstance(error, READ_TIMEOUTS) else PrometheusUnavailable
            raise kind(
                f"Prometheus at {self._url} {describe(error, read, SECTION, 'read_timeout')}"
            ) from error
        self.envelope = self._success(response, body)
        return AnswerReader(self.envelope)

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        """The body. It is uncompressed here, because the HTTP library would limit neither time nor
        size."""
        gunzip = (
            zlib.decompressobj(wbits=31)
            if response.headers.get("Content-Encoding") == "gzip"
            else None
        )
        body = bytearray()
        while piece := response.raw.read1(PIECE_BYTES, decode_content=False):
            body += gunzip.decompress(piece, self._max_bytes + 1) if gunzip else piece
            if len(body) > self._max_bytes:
                raise AnswerTooLarge(
                    f"Prometheus at {self._url} answered more than {self._max_bytes >> 20} MiB: "
                    "aggregate the query or use a larger step"
                )
            if time.monotonic() > deadline:
                raise RequestTooSlow(
                    f"Prometheus at {self._url} answers too slowly, {len(body):,} bytes in the time"
                    " allowed: raise `prometheus.read_timeout` or make the query cheaper"
                )
        if gunzip and not gunzip.eof:
            raise PrometheusUnavailable(
                f"Prometheus at {self._url} stopped in the middle of its answer"
            )
        return bytes(body)

    def _success(self, response: requests.Response, body: bytes) -> Mapping[str, Any]:
        """The envelope of a 2xx answer. Raises for every other status, and for a body that is not
        JSON of the API."""
        if response.status_code >= 300:
            raise self._refusal(response, body)
        try:
            envelope = range_answer.decode(body)
        except (ValueError, RecursionError) as error:
            raise AnswerInvalid(
                f"Prometheus at {self._url} did not answer JSON but {excerpt(body)}: "
                "is `prometheus.url` the address of a Prometheus API?"
            ) from error
        if (
            not isinstance(envelope, dict)
            or envelope.get("status") != "success"
            or "data" not in envelope
        ):
            raise AnswerInvalid(
                f"Prometheus at {self._url} answered JSON that is not an answer of its API: "
                f"{excerpt(body)}"
            )
        return envelope

    def _refusal(self, response: requests.Response, body: bytes) -> PrometheusError:
        status = response.status_code
        reason = f"{status} {complaint(body)}"
        if status >= 500 or status in RETRYABLE_STATUSES:
            kind = ServerTooSlow if TIMED_OUT.search(reason) else TryLater
            return kind(f"Prometheus at {self._url} answered {reason}", retry_after(response))
        if status < 400:
            return AnswerInvalid(
                f"Prometheus at {self._url} answered {status} and points to "
                f"{public_url(response.headers.get('Location', '?'))}: "
                "set `prometheus.url` to the final address"
            )
        remedy = {
            401: "check the credentials in `prometheus`",
            403: "check the credentials in `prometheus`",
            404: "check `prometheus.url`",
            414: "the query is too long for a URL: use a recording rule",
            422: "the query cannot be evaluated: correct it, or aggregate to fewer samples",
        }.get(status, "correct the query")
        message = f"Prometheus at {self._url} refused with {reason}: {remedy}"
        depends_on_range = status in RANGE_STATUSES or status == 400 and RANGE_LIMIT.search(reason)
        return RangeRefused(message) if depends_on_range else QueryRejected(message)


def complaint(body: bytes) -> str:
    """The reason in an error answer: `bad_data: ...` from Prometheus, otherwise the start of the
    body."""
    try:
        answer = json.loads(body)
        return f"({answer['errorType']}: {answer['error']})"
    except (ValueError, KeyError, TypeError, RecursionError):
        return excerpt(body)


def excerpt(body: bytes) -> str:
    """The start of a body in quotes, for messages."""
    text = " ".join(body[:400].decode("utf-8", "replace").split())
    return repr(text[:120] + "..." if len(text) > 120 else text) if text else "an empty body"


def retry_after(response: requests.Response) -> float:
    """Seconds of a `Retry-After` header; 0 if there is none or if it is a date."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


def describe(error: BaseException, read: float, section: str, timeout: str) -> str:
    """What went wrong, from the innermost cause: the outer ones print objects with their address in
    memory.

    read: seconds. section, timeout: the settings that the remedy names.
    """
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return (
            "did not accept the connection in time: is the address right, does a firewall drop it?"
        )
    if isinstance(error, READ_TIMEOUTS):
        return f"did not answer within {read:.3g} s: raise `{section}.{timeout}` or ask for less"
    causes = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"refused the connection: is it running, is `{section}.url` right?"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"cannot be found, its name does not resolve: is `{section}.url` right?"
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return (
            f"failed the TLS handshake ({causes[-1]}): check `{section}.ca_file`, `cert_file`,"
            " `key_file`"
        )
    if isinstance(error, requests.exceptions.ConnectionError | urllib3.exceptions.HTTPError):
        return f"broke the connection ({causes[-1]})"
    return f"could not be asked ({error})"
