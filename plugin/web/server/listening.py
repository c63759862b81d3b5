"""Starts and ends the server: its sockets, its thread, its limits."""

import errno
import resource
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

from plugin.config import Config, WebSettings, split_address
from plugin.errors import ConfigError
from plugin.metrics import CollectorRegistry, Metrics
from plugin.web.server.answer_bodies import AnswerMemory
from plugin.web.server.event_loop import EventLoop
from plugin.web.server.gateway import Gateway
from plugin.web.server.tls import ServerTls

BACKLOG = 1024  # connections that the system holds until they are accepted
CLOSING_SECONDS = 5.0
OTHER_DESCRIPTORS = 128  # that the rest of the process may have open
SEND_BUFFER = 1 << 18  # bytes that the system holds for a slow reader
MIB = 1 << 20


@dataclass(frozen=True)
class Server:
    """A server that listens until it is closed."""

    port: int
    metrics: Metrics  # in which it counts
    _gateway: Gateway
    _loop: EventLoop
    _thread: threading.Thread

    def use(self, application: WSGIApplication) -> None:
        """From now on requests are answered by this application."""
        self._gateway.application = application

    def close(self) -> None:
        """Takes no more connections, lets the running requests end (5 s at most), then closes all
        sockets."""
        self._loop.stop(CLOSING_SECONDS)
        self._thread.join(CLOSING_SECONDS + 1)


def listen(config: Config, metrics: Metrics | None = None) -> Server:
    """The server of a service, whose application is still to come. Raises ConfigError."""
    return serve(None, config.web, metrics, Path(config.store.path))


def serve(
    app: WSGIApplication | None,
    settings: WebSettings,
    metrics: Metrics | None = None,
    folder: Path | None = None,
) -> Server:
    """Listens at web.listen_address (port 0 = any free one).

    app: None = `Server.use` brings it later; until then the answer is that the service starts.
    folder: for answers that wait for slow clients; None = that for temporary files.
    Raises ConfigError when that is impossible, or when a file for TLS is wrong.
    """
    metrics = metrics or Metrics(CollectorRegistry())
    metrics.tls_reload_successful.set(1)
    tls = settings.tls_server_config and ServerTls(
        settings.tls_server_config, lambda good: metrics.tls_reload_successful.set(good)
    )
    host, port = split_address(settings.listen_address)
    try:
        listeners = _listeners(host, port)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {settings.listen_address}: {error.strerror or error}; choose "
            "another address with web.listen_address or --web.listen-address"
        ) from error
    port = listeners[0].getsockname()[1]
    memory = AnswerMemory(settings.answer_memory * MIB, folder)
    gateway = Gateway(app, (host, port), "https" if tls else "http", memory)
    limit = _possible_connections(settings.max_connections)
    settings = settings.model_copy(update={"max_connections": limit})
    loop = EventLoop(listeners, gateway, settings, metrics, tls.context if tls else None)
    thread = threading.Thread(target=loop.run, name="web", daemon=True)
    thread.start()
    return Server(port, metrics, gateway, loop, thread)


def _listeners(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host; "" or * = all addresses. Raises OSError."""
    found = socket.getaddrinfo(
        None if host in ("", "*") else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    listeners: list[socket.socket] = []
    failure = OSError(f"{host} has no address")
    for family, *_, address in dict.fromkeys(found):
        try:
            listeners.append(_listener(family, address, port))
            port = listeners[0].getsockname()[1]  # all on one port
        except OSError as error:  # such as IPv6 where there is none
            failure = error
            if error.errno == errno.EADDRINUSE:
                break
    if not listeners or failure.errno == errno.EADDRINUSE:
        for listener in listeners:
            listener.close()
        raise failure
    return listeners


def _listener(family: int, address: tuple[Any, ...], port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # of each connection
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address[0], port, *address[2:]))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _possible_connections(wanted: int) -> int:
    """Raises the limit of open files of this process as far as allowed; the connections for which
    it is enough, at most as many as wanted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + OTHER_DESCRIPTORS  # a connection may have an answer in a file
    enough = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < enough:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
            soft = enough
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (soft - OTHER_DESCRIPTORS) // 2))
