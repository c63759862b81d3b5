"""Range queries against Prometheus. A range of any length is answered completely, or an error.

The retries are our own, because they must be counted and must end at a deadline.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prometheus_api_client import PrometheusConnect
from urllib3.util.retry import Retry

from plugin.config.model import PrometheusSettings
from plugin.errors import AnswerInvalid, PrometheusError, PrometheusUnavailable, Stopped
from plugin.prometheus.credentials import public_url
from plugin.prometheus.matrix import Matrix, merge
from plugin.prometheus.query_result import QueryResult
from plugin.prometheus.range_walk import Piece, PieceLimits, RangeWalk, chunk_points
from plugin.prometheus.series_limits import refuse_too_many, refuse_turnover, shorten
from plugin.prometheus.transport import MAX_BYTES, RequestTooSlow, Transport, TryLater
from plugin.series import Labels

ADVICE = "PromQL "  # begins a warning about the expression: the answer is complete
# VictoriaMetrics leaves out what is younger than 30 s, or answers the value before it, in steps of
# less than a minute; others do not know the parameter.
WITH_THE_NEWEST = {"latency_offset": "1ms"}
UNREADABLE = "series with a label that is not text, left out: {} (correct what exports them)"
Timeout = tuple[float, float]  # seconds to connect, seconds to read
BACKOFF_SECONDS = 0.25  # seconds before the second attempt; doubles
NO_HIDDEN_RETRIES = Retry(0, read=False, raise_on_status=False)


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
        self._limits: dict[tuple[str, int], PieceLimits] = {}  # by query and step
        self.url = public_url(settings.url)

    def range(
        self,
        query: str,
        start: int,
        end: int,
        step: int,
        *,
        max_series: int,
        probe_time: int | None = None,
    ) -> QueryResult:
        """The series of a query at start, start + step, ..., end: unix seconds, multiples of the
        step.

        A long range becomes several requests of at most 10,000 points per series and about a
        million samples. What the server refuses, and times with more than `max_series` series, are
        gaps, if the query works at `probe_time` (a multiple of the step; None = at `end`). Raises a
        PrometheusError, also where it does not.
        """
        if start % step or end % step or end < start:
            raise ValueError(
                f"start {start} and end {end} must be multiples of step {step}, in this order"
            )
        start_time = time.monotonic()
        walk = RangeWalk(
            lambda first, last: self._piece(query, first, last, step, max_series),
            step,
            end if probe_time is None else probe_time,
            chunk_points(max_series),
            self._limits.setdefault((query, step), PieceLimits()),
        )
        pieces: list[Piece] = []
        labels: set[Labels] = set()
        for piece in walk.pieces(start, end):
            labels.update(piece.matrix.labels)
            refuse_turnover(query, len(labels), max_series)
            pieces.append(piece)
        unreadable = max((piece.matrix.unreadable for piece in pieces), default=0)
        return QueryResult(
            merge([piece.matrix for piece in pieces]),
            _warnings(pieces, unreadable),
            walk.requests,
            time.monotonic() - start_time,
            tuple(dict.fromkeys(text for piece in pieces for text in piece.infos)),
            tuple(walk.gaps),
            tuple((piece.start, piece.end) for piece in pieces if piece.partial),
            unreadable,
        )

    def product(self) -> str:
        """What it says that it is, such as `Prometheus 3.5.0` or `Grafana Mimir 2.17.1`. Raises a
        PrometheusError."""
        reply = self._ask(
            lambda client, timeout: client.transport.get(
                f"{self.url}/api/v1/status/buildinfo",
                headers=client.connect.headers,
                timeout=timeout,
            )
        )
        try:
            said = reply.envelope["data"]
            name = said.get("application") or "Prometheus"
            return f"{name} {said.get('version') or '(version not known)'}"
        except AttributeError as error:
            raise AnswerInvalid(f"Prometheus at {self.url} did not say its version") from error

    def server_time(self) -> float:
        """Unix seconds by the clock of the server. Raises a PrometheusError."""
        reply = self._ask(
            lambda client, timeout: client.transport.get(
                f"{self.url}/api/v1/query",
                params={"query": "time()"},
                headers=client.connect.headers,
                timeout=timeout,
            )
        )
        try:
            return evaluation_time(reply.envelope["data"]["result"])
        except (LookupError, TypeError, ValueError) as error:
            raise AnswerInvalid(f"Prometheus at {self.url} did not say its time") from error

    def close(self) -> None:
        """Closes the connections that no thread uses. A later query raises Stopped."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop().transport.close()

    def _piece(self, query: str, start: int, end: int, step: int, max_series: int) -> Piece:
        reply = self._range_query(query, start, end, step)
        matrix = self._parse(query, reply.envelope["data"], start, end, step)
        refuse_too_many(query, matrix.living, max_series)
        envelope = reply.envelope
        warnings = tuple(map(str, envelope.get("warnings") or ()))
        if envelope.get("isPartial"):  # as VictoriaMetrics says it
            warnings += ("the answer is partial",)
        return Piece(
            start,
            end,
            matrix,
            warnings,
            tuple(map(str, envelope.get("infos") or ())),
            any(not text.startswith(ADVICE) for text in warnings),
            reply.attempts,
        )

    def _range_query(self, query: str, start: int, end: int, step: int) -> ReceivedEnvelope:
        def call(client: Client, timeout: Timeout) -> None:
            parameters = {
                # Otherwise Prometheus would go on for two minutes after we have given up.
                "timeout": f"{timeout[1]:.3f}",
                **WITH_THE_NEWEST,
            }
            client.connect.custom_query_range(
                query,
                datetime.fromtimestamp(start, UTC),
                datetime.fromtimestamp(end, UTC),
                str(step),
                params=parameters,
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


def evaluation_time(result: Any) -> float:
    """At which an instant query was evaluated: of a scalar, or of a vector as VictoriaMetrics makes
    one of it."""
    pair = result[0]["value"] if isinstance(result[0], dict) else result
    return float(pair[0])


def _warnings(pieces: Sequence[Piece], unreadable: int) -> tuple[str, ...]:
    """Each once, in order. unreadable: series that are left out."""
    texts = [text for piece in pieces for text in piece.warnings]
    return tuple(dict.fromkeys([*texts, *([UNREADABLE.format(unreadable)] if unreadable else [])]))
