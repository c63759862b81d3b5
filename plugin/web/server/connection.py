"""One connection to a client, from accept to close.

It never waits: whatever cannot go on is taken up again when the socket is ready. It runs in the
thread of the event loop alone.
"""

import contextlib
import logging
import math
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from plugin.config import WebSettings
from plugin.errors import RequestError
from plugin.web.server.answer_bodies import PIECE_BYTES
from plugin.web.server.answer_stream import AnswerStream
from plugin.web.server.http_exchange import HttpExchange
from plugin.web.server.messages import IncomingRequest, OutgoingAnswer, error_answer

log = logging.getLogger(__name__)

MAX_PIECES = 16  # that are sent or thrown away before other connections have their turn
LINGER_SECONDS = 2.0  # for the client to close first, after the last answer
PLAIN_ON_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"an HTTP request to an HTTPS server: use https://\n"
)
CUT_REASONS = {"body_too_large": "large_body"}  # by the code of an error; others are bad requests


class Phase(Enum):
    """What a connection is at."""

    HANDSHAKE = auto()
    IDLE = auto()  # no byte of a request has come
    RECEIVING = auto()  # a part of a request has come
    ANSWERING = auto()  # the application has the request
    SENDING = auto()
    LINGERING = auto()  # all is sent; the client is to close
    CLOSED = auto()


@dataclass(frozen=True)
class Surroundings:
    """What the connections of one server share."""

    settings: WebSettings
    selector: selectors.BaseSelector
    submit: Callable[["Connection", IncomingRequest], None]
    count_cut: Callable[[str], None]  # why the server ended a connection
    forget: Callable[["Connection"], None]  # it is closed
    renew: Callable[["Connection"], None]  # it has been answered, and waits from now on
    stopping: Callable[[], bool]


class Connection:
    """A client: a state machine on a socket."""

    def __init__(
        self, sock: socket.socket, peer: tuple[str, int], surroundings: Surroundings
    ) -> None:
        """sock: does not block; for TLS it is wrapped and has not shaken hands."""
        self._sock = sock
        self._peer = peer
        self._surroundings = surroundings
        self._exchange: HttpExchange | None = None  # made with the first byte
        self._stream: AnswerStream | None = None
        self._due = 0  # bytes of the stream that must be sent before the deadline moves
        self._events = 0  # that the selector waits for
        self._steps = {
            Phase.HANDSHAKE: self._shake_hands,
            Phase.IDLE: self._receive,
            Phase.RECEIVING: self._receive,
            Phase.SENDING: self._send,
            Phase.LINGERING: self._discard,
        }
        self.deadline = math.inf  # monotonic
        self.phase = Phase.HANDSHAKE if isinstance(sock, ssl.SSLSocket) else Phase.IDLE

    def start(self) -> None:
        """Goes as far as it can."""
        settings = self._surroundings.settings
        shakes_hands = self.phase is Phase.HANDSHAKE
        self._set_deadline(settings.request_timeout if shakes_hands else settings.idle_timeout)
        self.proceed()

    def proceed(self) -> None:
        """The socket may be ready: goes on until it waits for the socket or for the application,
        or is closed. Raises nothing that the client can cause."""
        try:
            while (step := self._steps.get(self.phase)) is not None:
                step()
        except ssl.SSLWantWriteError:
            self._wait_for(selectors.EVENT_WRITE)
        except ssl.SSLWantReadError:
            self._wait_for(selectors.EVENT_READ)
        except BlockingIOError:
            sends = self.phase is Phase.SENDING
            self._wait_for(selectors.EVENT_WRITE if sends else selectors.EVENT_READ)
        except OSError as error:
            self._fail(error)

    def deliver(self, answer: OutgoingAnswer) -> None:
        """The answer of the application."""
        if self.phase is Phase.CLOSED:
            answer.body.release()
            return
        self._begin_answer(answer, last=self._surroundings.stopping())
        self.proceed()

    def expire(self) -> None:
        """The deadline is over."""
        if self.phase is Phase.RECEIVING:
            self._surroundings.count_cut("slow_request")
            seconds = self._surroundings.settings.request_timeout
            text = f"the request has not come within {seconds} s"
            self._begin_answer(error_answer(408, "request_timeout", text), last=True)
            self.proceed()
            return
        reasons = {Phase.HANDSHAKE: "slow_handshake", Phase.SENDING: "slow_reader"}
        if self.phase in reasons:
            self._surroundings.count_cut(reasons[self.phase])
        self.close()

    def close(self) -> None:
        """Closes the socket, whatever is still to be sent; a second call does nothing."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self._wait_for(0)
        if self._stream is not None:
            self._stream.release()
        self._sock.close()
        self._steps.clear()
        self._surroundings.forget(self)

    @property
    def waits(self) -> bool:
        """Whether it has nothing of a request, or not all of it: it can be closed without loss."""
        return self.phase in (Phase.HANDSHAKE, Phase.IDLE, Phase.RECEIVING, Phase.LINGERING)

    def _shake_hands(self) -> None:
        assert isinstance(self._sock, ssl.SSLSocket)
        self._sock.do_handshake()
        self._await_request()

    def _await_request(self) -> None:
        self.phase = Phase.IDLE
        self._set_deadline(self._surroundings.settings.idle_timeout)
        if self._exchange is not None and self._exchange.begun:
            self._begin_request()

    def _begin_request(self) -> None:
        self.phase = Phase.RECEIVING
        self._set_deadline(self._surroundings.settings.request_timeout)

    def _receive(self) -> None:
        try:
            request = self._exchange.take_request() if self._exchange is not None else None
            if request is None:
                self._read()
                return
        except RequestError as error:
            self._surroundings.count_cut(CUT_REASONS.get(error.code, "bad_request"))
            answer = error_answer(error.status, error.code, str(error))
            self._begin_answer(answer, last=True)
            return
        self.phase = Phase.ANSWERING
        self.deadline = math.inf
        self._wait_for(0)  # what follows stays with the system until this is answered
        self._surroundings.submit(self, request)

    def _read(self) -> None:
        if self._exchange is not None and (invitation := self._exchange.invitation()):
            self._sock.send(invitation)
        received = self._sock.recv(PIECE_BYTES)
        if self._exchange is None:
            self._exchange = HttpExchange(self._peer)
        if received and self.phase is Phase.IDLE:
            self._begin_request()
        self._exchange.receive(received)

    def _begin_answer(self, answer: OutgoingAnswer, last: bool) -> None:
        """last: the connection ends with it."""
        if self._exchange is None:
            self._exchange = HttpExchange(self._peer)
        with_body = self._exchange.sends_body(answer)
        self._stream = AnswerStream(self._exchange.head(answer, last), answer.body, with_body)
        self._due = 0
        self.phase = Phase.SENDING

    def _send(self) -> None:
        assert self._stream is not None
        for _ in range(MAX_PIECES):
            if self._stream.position >= self._due:
                self._due = self._stream.position + PIECE_BYTES
                self._set_deadline(self._surroundings.settings.send_timeout)
            if self._stream.ended:
                self._end_answer(self._stream)
                return
            self._stream.advance(self._sock.send(self._stream.piece()))
        raise BlockingIOError  # others have their turn

    def _end_answer(self, stream: AnswerStream) -> None:
        stream.release()
        self._stream = None
        if self._exchange is not None and self._exchange.begin_next():
            self._surroundings.renew(self)
            self._await_request()
        else:
            self._linger()

    def _linger(self) -> None:
        """Ends our side, and reads on for a moment: a socket that is closed while bytes arrive
        takes the answer away from the client."""
        self.phase = Phase.LINGERING
        self._set_deadline(LINGER_SECONDS)
        if isinstance(self._sock, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):
                self._sock.unwrap()  # tells the client; its own word is not waited for
        self._sock.shutdown(socket.SHUT_WR)

    def _discard(self) -> None:
        for _ in range(MAX_PIECES):
            if not self._sock.recv(PIECE_BYTES):
                self.close()
                return
        raise BlockingIOError

    def _fail(self, error: OSError) -> None:
        if self.phase is Phase.HANDSHAKE:
            self._surroundings.count_cut("handshake")
            log.debug("TLS handshake", extra={"client": self._peer[0], "err": str(error)})
            if getattr(error, "reason", "") == "HTTP_REQUEST":
                with contextlib.suppress(OSError):
                    socket.socket.send(self._sock, PLAIN_ON_TLS)
        self.close()

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds

    def _wait_for(self, events: int) -> None:
        if events == self._events:
            return
        selector = self._surroundings.selector
        if not events:
            selector.unregister(self._sock)
        elif self._events:
            selector.modify(self._sock, events, self.proceed)
        else:
            selector.register(self._sock, events, self.proceed)
        self._events = events
