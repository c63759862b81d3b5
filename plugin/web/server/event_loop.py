"""One thread that holds all connections: it accepts, reads and sends, and never waits for one."""

import errno
import logging
import os
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from plugin.config import WebSettings
from plugin.metrics import Metrics
from plugin.web.server.answer_threads import AnswerThreads
from plugin.web.server.connection import Connection, Surroundings
from plugin.web.server.gateway import Gateway
from plugin.web.server.messages import IncomingRequest, OutgoingAnswer
from plugin.web.server.starting import HEALTH

log = logging.getLogger(__name__)

SWEEP_SECONDS = 0.5  # between two looks at the deadlines
MAX_ACCEPTED = 64  # connections before the others have their turn
REST_SECONDS = 1.0  # without accepting, when there are no descriptors
LOG_SECONDS = 60.0  # between two lines about one trouble
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# Threads of their own, so that neither health nor alerts wait for panels.
ALERTING = (b"/api/v1/alert", b"/metrics", b"/-/ready")
ALERTING_THREADS = 2


class EventLoop:
    """Connections of one server, from `run` until `stop`."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        gateway: Gateway,
        settings: WebSettings,
        metrics: Metrics,
        tls_context: Callable[[], ssl.SSLContext] | None,
    ) -> None:
        """tls_context: of the next connection; None = without TLS."""
        self._listeners = listeners
        self._gateway = gateway
        self._metrics = metrics
        self._tls_context = tls_context
        self._limit = settings.max_connections
        self._selector = selectors.DefaultSelector()
        self._connections: dict[Connection, None] = {}  # who has waited longest first
        self._calls: deque[Callable[[], None]] = deque()
        self._woken, self._alarm_bell = socket.socketpair()
        self._stop_at: float | None = None  # monotonic
        self._ended = False
        self._listening = False
        self._accepts_at = 0.0  # monotonic; until then no connection is accepted
        self._logged_at = -LOG_SECONDS
        self._threads = AnswerThreads(settings.threads, "web")
        alerting = AnswerThreads(ALERTING_THREADS, "web-alerting")
        self._lanes = {HEALTH: AnswerThreads(1, "web-health"), **dict.fromkeys(ALERTING, alerting)}
        self._surroundings = Surroundings(
            settings=settings,
            selector=self._selector,
            submit=self._submit,
            count_cut=lambda reason: metrics.http_cut_connections.labels(reason).inc(),
            forget=self._forget,
            renew=self._renew,
            stopping=lambda: self._stop_at is not None,
        )

    def run(self) -> None:
        """Until `stop`, and until what is running then is answered."""
        for listener in self._listeners:
            listener.setblocking(False)
        self._woken.setblocking(False)
        self._alarm_bell.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._take_calls)
        self._listen()
        next_sweep = 0.0
        while not self._done():
            for key, _ in self._selector.select(SWEEP_SECONDS):
                self._guarded(key.data)
            if (now := time.monotonic()) >= next_sweep:
                next_sweep = now + SWEEP_SECONDS
                self._sweep(now)
        self._close()

    def stop(self, seconds: float) -> None:
        """From any thread: no new connections; what runs has that long to end."""

        def stop() -> None:
            self._stop_at = time.monotonic() + seconds
            self._rest(0)
            for listener in self._listeners:
                listener.close()
            for connection in [each for each in self._connections if each.waits]:
                connection.close()

        self._call(stop)

    def _done(self) -> bool:
        if self._stop_at is None:
            return False
        return not self._connections or time.monotonic() >= self._stop_at

    def _close(self) -> None:
        for connection in list(self._connections):
            connection.close()
        self._ended = True  # answers that come now find closed connections
        self._run_calls()
        for threads in {self._threads, *self._lanes.values()}:
            threads.close()
        for sock in (*self._listeners, self._woken, self._alarm_bell):
            sock.close()
        self._selector.close()

    # Between the threads.

    def _call(self, call: Callable[[], None]) -> None:
        self._calls.append(call)
        with suppress(OSError):  # full = it wakes anyway; closed = the loop has ended
            self._alarm_bell.send(b"!")
        if self._ended:
            self._run_calls()

    def _take_calls(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        self._run_calls()

    def _run_calls(self) -> None:
        with suppress(IndexError):  # there are no more
            while True:
                self._guarded(self._calls.popleft())

    def _submit(self, connection: Connection, request: IncomingRequest) -> None:
        def deliver(answer: OutgoingAnswer) -> None:
            try:
                connection.deliver(answer)
            except Exception:
                connection.close()
                raise

        def task() -> None:
            answer = self._gateway.answer(request)
            self._call(lambda: deliver(answer))

        path = request.target.partition(b"?")[0]
        self._lanes.get(path, self._threads).submit(task)

    def _guarded(self, call: Callable[[], None]) -> None:
        """An error of ours costs one connection, never the loop."""
        try:
            call()
        except Exception as error:
            self._metrics.http_cut_connections.labels("internal").inc()
            log.error("connection failed", exc_info=error)
            owner = getattr(call, "__self__", None)
            if isinstance(owner, Connection):
                owner.close()

    # Connections come and go.

    def _listen(self) -> None:
        self._listening = True
        for listener in self._listeners:
            self._selector.register(
                listener, selectors.EVENT_READ, lambda listener=listener: self._accept(listener)
            )

    def _rest(self, seconds: float) -> None:
        """No connection is accepted for that long."""
        self._accepts_at = time.monotonic() + seconds
        if self._listening:
            self._listening = False
            for listener in self._listeners:
                self._selector.unregister(listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(MAX_ACCEPTED):
            try:
                sock, peer = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in NO_DESCRIPTORS:
                    self._relieve(error)
                    return
                continue  # the client has gone before it was accepted
            if len(self._connections) >= self._limit and not self._make_room():
                self._metrics.http_cut_connections.labels("too_many").inc()
                sock.close()
                continue
            self._open(sock, (peer[0], peer[1]))

    def _open(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls_context is not None:
                sock = self._tls_context().wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
        except OSError:  # the client has gone
            sock.close()
            return
        connection = Connection(sock, peer, self._surroundings)
        self._connections[connection] = None
        self._metrics.http_connections.set(len(self._connections))
        self._guarded(connection.start)

    def _make_room(self) -> bool:
        """Closes the connection that has waited longest; False when each has a whole request."""
        for connection in self._connections:
            if connection.waits:
                self._metrics.http_cut_connections.labels("too_many").inc()
                connection.close()
                return True
        return False

    def _relieve(self, error: OSError) -> None:
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            log.error(
                "no connection can be accepted: allow the process more open files",
                extra={"err": os.strerror(error.errno or 0), "connections": len(self._connections)},
            )
        if not self._make_room():
            self._rest(REST_SECONDS)

    def _renew(self, connection: Connection) -> None:
        del self._connections[connection]
        self._connections[connection] = None

    def _forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        self._metrics.http_connections.set(len(self._connections))

    def _sweep(self, now: float) -> None:
        if self._stop_at is None and not self._listening and self._accepts_at <= now:
            self._listen()
        for connection in [each for each in self._connections if each.deadline <= now]:
            self._guarded(connection.expire)
