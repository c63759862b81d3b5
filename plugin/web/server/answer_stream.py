"""The bytes of one answer on their way to the client."""

from plugin.web.server.answer_bodies import AnswerBody


class AnswerStream:
    """The head, then the body; a piece stays the same until some of it is sent."""

    def __init__(self, head: bytes, body: AnswerBody, with_body: bool) -> None:
        """with_body: else only the head is sent."""
        self._head = head
        self._body = body
        self._size = len(head) + (len(body) if with_body else 0)
        self.position = 0  # of the next byte to send, from the start of the head

    def piece(self) -> bytes | memoryview:
        """The next bytes; none when all are sent."""
        rest = self.position - len(self._head)
        if rest >= 0:
            return self._body.piece(rest) if self.position < self._size else b""
        head = self._head[rest:]
        return head if self._size == len(self._head) else b"".join((head, self._body.piece(0)))

    def advance(self, count: int) -> None:
        """So many bytes are sent."""
        self.position += count

    @property
    def ended(self) -> bool:
        return self.position >= self._size

    def release(self) -> None:
        self._body.release()
