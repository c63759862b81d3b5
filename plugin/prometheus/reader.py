"""Range queries against Prometheus. A range of any length is answered completely, or an error.

The retries are our own, because they must be counted and must end at a deadline.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prometheus_api_client import PrometheusConnect
from urllib3.util.retry import Retry

from plugin.config.model import PrometheusSettings
from plugin.errors import (
    AnswerInvalid,
    PrometheusError,
    PrometheusUnavailable,
    Stopped,
    TooManySeries,
)
from plugin.prometheus.credentials import public_url
from plugin.prometheus.matrix import Matrix, merge
from plugin.prometheus.transport import (
    MAX_BYTES,
    AnswerTooLarge,
    RequestTooSlow,
    Transport,
    TryLater,
)
from plugin.series import Labels, Series

MAX_POINTS = 10_000  # per series and request; Prometheus refuses above 11,000
MAX_SAMPLES = 1_000_000  # per request: about 30 MB of JSON and 200 MB while it is parsed
Timeout = tuple[float, float]  # seconds to connect, seconds to read
BACKOFF_SECONDS = 0.25  # seconds before the second attempt; doubles
NO_HIDDEN_RETRIES = Retry(0, read=False, raise_on_status=False)


@dataclass(frozen=True)
class QueryResult:
    """The result of a query over a range."""

    series: list[Series]
    warnings: tuple[str, ...]  # for example that the answer may be partial
    requests: int  # HTTP requests made, retries included
    seconds: float
    infos: tuple[str, ...] = ()  # advice on the query; since Prometheus 3

    @property
    def observed(self) -> list[Series]:
        """The series that have a sample; the others had only NaN."""
        return [series for series in self.series if len(series.times)]


@dataclass(frozen=True)
class Client:
    """prometheus-api-client on our session.

    Used by one thread at a time: a session is not safe in two.
    """

    connect: Any  # PrometheusConnect, which is not typed
    transport: Transport


@dataclass(frozen=True)
class ReceivedEnvelope:
    """The envelope of one successful answer and how many attempts it took."""

    envelope: Any
    attempts: int


class PrometheusReader:
    """Asks Prometheus; safe in any number of threads."""

    def __init__(
        self,
        settings: PrometheusSettings,
        *,
        max_bytes: int = MAX_BYTES,
        on_request: Callable[[str, float], None] = lambda *_: None,
    ) -> None:
        """on_request: called after each HTTP request with "success" or the reason of the error,
        and with its seconds."""
        self._settings = settings
        self._on_request = on_request
        self._max_bytes = max_bytes
        self._idle: deque[Client] = deque()
        self._closed = False
        self.url = public_url(settings.url)

    def range(self, query: str, start: int, end: int, step: int, *, max_series: int) -> QueryResult:
        """The series of a query at start, start + step, ..., end: unix seconds, multiples of the
        step.

        A long range becomes several requests of at most 10,000 points per series and about a
        million samples. Raises a PrometheusError; TooManySeries as soon as there are more than
        `max_series`.
        """
        if start % step or end % step or end < start:
            raise ValueError(
                f"start {start} and end {end} must be multiples of step {step}, in this order"
            )
        start_time = time.monotonic()
        requests = 0
        chunks: list[Matrix] = []
        labels: set[Labels] = set()
        warnings: dict[str, None] = {}  # in order, once each
        infos: dict[str, None] = {}
        for chunk, reply in self._chunks(query, start, end, step, chunk_points(max_series)):
            labels.update(chunk.labels)
            refuse_too_many(query, len(labels), max_series)
            chunks.append(chunk)
            requests += reply.attempts
            warnings |= dict.fromkeys(map(str, reply.envelope.get("warnings") or ()))
            infos |= dict.fromkeys(map(str, reply.envelope.get("infos") or ()))
        return QueryResult(
            merge(chunks), tuple(warnings), requests, time.monotonic() - start_time, tuple(infos)
        )

    def buildinfo(self) -> str:
        """The version of Prometheus."""
        reply = self._ask(
            lambda client, timeout: client.transport.get(
                f"{self.url}/api/v1/status/buildinfo",
                headers=client.connect.headers,
                timeout=timeout,
            )
        )
        try:
            return str(reply.envelope["data"]["version"])
        except (KeyError, TypeError) as error:
            raise AnswerInvalid(f"Prometheus at {self.url} did not say its version") from error

    def close(self) -> None:
        """Closes the connections that no thread uses. A later query raises Stopped."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop().transport.close()

    def _chunks(
        self, query: str, start: int, end: int, step: int, points: int
    ) -> Iterator[tuple[Matrix, ReceivedEnvelope]]:
        """The parts of a range in time order. The number of series in a part sets the size of the
        next one."""
        while start <= end:
            chunk_end = min(start + (points - 1) * step, end)
            try:
                reply = self._range_query(query, start, chunk_end, step)
            except AnswerTooLarge:
                if chunk_end == start:
                    raise
                points = max(1, (chunk_end - start) // step // 4)
                continue
            chunk = self._parse(query, reply.envelope["data"], start, chunk_end, step)
            yield chunk, reply
            points = chunk_points(len(chunk.labels))
            start = chunk_end + step

    def _range_query(self, query: str, start: int, end: int, step: int) -> ReceivedEnvelope:
        def call(client: Client, timeout: Timeout) -> None:
            # Otherwise Prometheus would go on for two minutes after we have given up.
            server_timeout = {"timeout": f"{timeout[1]:.3f}"}
            client.connect.custom_query_range(
                query,
                datetime.fromtimestamp(start, UTC),
                datetime.fromtimestamp(end, UTC),
                str(step),
                params=server_timeout,
                timeout=timeout,
            )

        try:
            return self._ask(call)
        except PrometheusError as error:
            error.args = (f"{error} (query {shorten(query)})",)
            raise
        except (KeyError, TypeError) as error:  # the library reads `data.result` without a check
            raise AnswerInvalid(
                f"Prometheus at {self.url} answered without a matrix ({error!r})"
            ) from error

    def _parse(self, query: str, data: Any, start: int, end: int, step: int) -> Matrix:
        try:
            return Matrix.parse(data, start, end, step)
        except AnswerInvalid as error:
            raise AnswerInvalid(
                f"{error} (Prometheus at {self.url}, query {shorten(query)})"
            ) from error

    def _ask(self, call: Callable[[Client, Timeout], object]) -> ReceivedEnvelope:
        """One query with its retries, all within connect_timeout + read_timeout seconds."""
        settings = self._settings
        deadline = time.monotonic() + settings.connect_timeout + settings.read_timeout
        attempt = 0
        while True:
            if self._closed:
                raise Stopped("the service is stopping, or has been reloaded")
            attempt += 1
            remaining = max(0.05, deadline - time.monotonic())
            timeout = (
                min(settings.connect_timeout, remaining),
                min(settings.read_timeout, remaining),
            )
            try:
                return ReceivedEnvelope(self._once(call, timeout), attempt)
            except RequestTooSlow:
                raise
            except PrometheusUnavailable as error:
                retry_after = error.seconds if isinstance(error, TryLater) else 0.0
                pause = max(
                    retry_after, BACKOFF_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
                )
                if attempt > settings.retries or time.monotonic() + pause >= deadline:
                    raise
                time.sleep(pause)

    def _once(self, call: Callable[[Client, Timeout], object], timeout: tuple[float, float]) -> Any:
        """One HTTP request on an idle client or a new one. A client that failed is closed."""
        start_time = time.monotonic()
        outcome = "error"
        client = self._borrow()
        try:
            call(client, timeout)
            outcome = "success"
            envelope = client.transport.envelope
            self._idle.append(client)
            return envelope
        except PrometheusError as error:
            outcome = error.reason
            client.transport.close()
            raise
        finally:
            self._on_request(outcome, time.monotonic() - start_time)

    def _borrow(self) -> Client:
        with suppress(IndexError):  # another thread may have taken the last one
            return self._idle.pop()
        transport = Transport(self._settings, self._max_bytes)
        # The library replaces the adapter of the session for its URL; with this Retry it does not
        # retry on its own.
        return Client(
            PrometheusConnect(self.url, session=transport, retry=NO_HIDDEN_RETRIES), transport
        )


def chunk_points(series: int) -> int:
    """Points per series in a request that returns so many series."""
    return max(1, min(MAX_POINTS, MAX_SAMPLES // max(1, series)))


def refuse_too_many(query: str, count: int, max_series: int) -> None:
    """Raises TooManySeries."""
    if count > max_series:
        raise TooManySeries(
            f"the query {shorten(query)} returns {count:,} series or more, and `max_series` "
            f"is {max_series:,}: aggregate it, as in sum by (...), or raise the limit"
        )


def shorten(query: str) -> str:
    """A query on one line of at most 120 characters, for messages."""
    text = " ".join(query.split())
    return f"`{text if len(text) <= 120 else text[:117] + '...'}`"
