"""Stands between a client and PostgreSQL and carries all but notifications, as a pooler does that
lends a connection for a transaction."""

import socket
import struct
import threading
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

NOTIFICATION = b"A"
HEADER = struct.Struct(">ci")  # type of a message and its length, without the type
BYTES = 65_536


class DeafPooler:
    """Use as a context manager. Clients must ask for no encryption: `sslmode=disable` and
    `gssencmode=disable`."""

    def __init__(self, port: int) -> None:
        """port: of the server, on loopback."""
        self._server_port = port
        self._open = ExitStack()
        self.dropped = 0  # notifications

    def __enter__(self) -> Self:
        self._socket = self._open.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client = self._open.enter_context(self._socket.accept()[0])
                address = ("127.0.0.1", self._server_port)
                server = self._open.enter_context(socket.create_connection(address))
                for work in (self._ask, self._answer):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while part := client.recv(BYTES):
                server.sendall(part)
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), server.makefile("rb") as stream:
            while header := stream.read(HEADER.size):
                kind, length = HEADER.unpack(header)
                body = stream.read(length - HEADER.size + 1)
                if kind == NOTIFICATION:
                    self.dropped += 1
                else:
                    client.sendall(header + body)
            client.shutdown(socket.SHUT_WR)
