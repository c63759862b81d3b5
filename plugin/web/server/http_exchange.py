"""The requests and the answers of one connection as HTTP/1.1, without its socket."""

from email.utils import formatdate

import h11

from plugin.errors import RequestError
from plugin.web.server.messages import IncomingRequest, OutgoingAnswer

MAX_HEADER_BYTES = 1 << 16
MAX_BODY_BYTES = 1 << 16  # of a request


class HttpExchange:
    """Bytes become requests, answers become bytes; one after the other."""

    def __init__(self, peer: tuple[str, int]) -> None:
        """peer: address and port of the client."""
        self._peer = peer
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)
        self._request: h11.Request | None = None
        self._content = bytearray()

    def receive(self, received: bytes) -> None:
        """What the client has sent; b"" = it has closed its side."""
        self._protocol.receive_data(received)

    def take_request(self) -> IncomingRequest | None:
        """The next request when all of it is there, else None.

        Raises RequestError for what is no request that can be answered, ConnectionError when the
        client has closed.
        """
        try:
            while True:
                event = self._protocol.next_event()
                if event is h11.NEED_DATA:
                    return None
                if isinstance(event, h11.EndOfMessage):
                    return self._whole_request()
                self._take(event)
        except h11.RemoteProtocolError as error:
            raise RequestError(
                f"this is no valid HTTP request: {error}",
                status=error.error_status_hint,
                code="bad_request",
            ) from None

    def invitation(self) -> bytes:
        """What a client waits for before it sends a body; b"" = it does not wait."""
        if not self._protocol.they_are_waiting_for_100_continue:
            return b""
        go_on = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
        return self._protocol.send(go_on) or b""

    def head(self, answer: OutgoingAnswer, last: bool) -> bytes:
        """The bytes before the body. last: the connection ends with this answer."""
        fields = [*answer.fields, (b"Date", formatdate(usegmt=True).encode())]
        if last:
            fields.append((b"Connection", b"close"))
        response = h11.Response(status_code=answer.status, headers=fields, reason=answer.reason)
        head = self._protocol.send(response) or b""
        if self.sends_body(answer):
            # The protocol only counts; the bytes go from the body to the socket.
            body = h11.Data(data=answer.body)  # type: ignore[arg-type]
            self._protocol.send_with_data_passthrough(body)
        self._protocol.send(h11.EndOfMessage())
        return head

    def sends_body(self, answer: OutgoingAnswer) -> bool:
        """Whether the body follows the head: not for a HEAD."""
        return len(answer.body) > 0 and not (self._request and self._request.method == b"HEAD")

    def begin_next(self) -> bool:
        """The answer is sent: whether another request may follow."""
        self._request = None
        if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
            return False
        self._protocol.start_next_cycle()
        return True

    @property
    def begun(self) -> bool:
        """Whether a part of the next request is there already."""
        return bool(self._protocol.trailing_data[0])

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Request):
            self._request = event
            self._content.clear()
            self._check_length(int(dict(event.headers).get(b"content-length", b"0")))
        elif isinstance(event, h11.Data):
            self._content += event.data
            self._check_length(len(self._content))
        else:
            raise ConnectionError("the client has closed")

    def _check_length(self, length: int) -> None:
        if length > MAX_BODY_BYTES:
            raise RequestError(
                f"a body of {length} bytes or more; {MAX_BODY_BYTES} are the most",
                status=413,
                code="body_too_large",
            )

    def _whole_request(self) -> IncomingRequest:
        assert self._request is not None
        content = bytes(self._content)
        self._content.clear()
        return IncomingRequest(
            self._request.method.decode("ascii"),
            self._request.target,
            f"HTTP/{self._request.http_version.decode('ascii')}",
            list(self._request.headers),
            content,
            self._peer,
        )
