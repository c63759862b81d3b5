"""The application on waitress: a WSGI server of threads in this process."""

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import waitress
from flask import Flask
from waitress import wasyncore
from waitress.server import BaseWSGIServer, MultiSocketServer

from plugin.config import WebSettings, split_address
from plugin.errors import ConfigError

MAX_BODY = 1 << 20  # bytes; what is larger is cut off before the application sees it
OUTPUT_IN_MEMORY = 64 << 20  # bytes of an answer that wait for a slow reader; more go to a file
CLOSING_SECONDS = 5.0


@dataclass(frozen=True)
class Server:
    """A server that listens until it is closed."""

    port: int
    _waitress: BaseWSGIServer | MultiSocketServer
    _listeners: tuple[BaseWSGIServer, ...]
    _thread: threading.Thread

    def close(self) -> None:
        """Takes no more connections, lets the running requests end (5 s at most), then closes all
        sockets."""
        trigger = self._listeners[0].trigger
        sockets = self._listeners[0]._map
        trigger.pull_trigger(
            lambda: [wasyncore.dispatcher.close(listener) for listener in self._listeners]
        )
        end = time.monotonic() + CLOSING_SECONDS
        while self._busy() and time.monotonic() < end:
            time.sleep(0.01)
        self._waitress.task_dispatcher.shutdown(timeout=max(0.1, end - time.monotonic()))
        with suppress(OSError):  # the loop has ended by itself and closed its trigger
            trigger.pull_trigger(lambda: wasyncore.close_all(sockets))
        self._thread.join(CLOSING_SECONDS)

    def _busy(self) -> bool:
        return any(
            channel.requests or channel.total_outbufs_len
            for listener in self._listeners
            for channel in list(listener.active_channels.values())
        )


def serve(app: Flask, settings: WebSettings) -> Server:
    """Listens at web.listen_address (port 0 = any free one).

    Raises ConfigError when that is impossible.
    """
    host, port = split_address(settings.listen_address)
    sockets: dict[int, object] = {}
    try:
        server = waitress.create_server(
            app,
            map=sockets,
            listen=f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}",
            threads=settings.threads,
            ident=None,
            max_request_body_size=MAX_BODY,
            max_request_header_size=1 << 16,
            outbuf_overflow=OUTPUT_IN_MEMORY,
            clear_untrusted_proxy_headers=True,
            asyncore_use_poll=True,
        )
    except (OSError, ValueError) as error:
        wasyncore.close_all(sockets)
        raise ConfigError(
            f"cannot listen on {settings.listen_address}: {error}; choose another address with "
            "web.listen_address or --web.listen-address"
        ) from error
    logging.getLogger("waitress.queue").setLevel(
        logging.ERROR
    )  # a busy dashboard is no reason for warnings
    listeners = tuple(
        listener for listener in sockets.values() if isinstance(listener, BaseWSGIServer)
    )
    thread = threading.Thread(target=server.run, name="web", daemon=True)
    thread.start()
    return Server(int(listeners[0].effective_port), server, listeners, thread)
