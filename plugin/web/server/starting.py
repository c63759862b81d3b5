"""What is answered while the application is loaded and the store opened."""

from dataclasses import replace

from plugin.web.server.answer_bodies import MemoryBody
from plugin.web.server.messages import IncomingRequest, OutgoingAnswer, error_answer, header_fields

HEALTH = b"/-/healthy"
HEALTHY = "Bandwatch is healthy.\n"  # while the process answers
RETRY_AFTER = (b"Retry-After", b"1")


def starting_answer(request: IncomingRequest) -> OutgoingAnswer:
    """To /-/healthy that the process answers; to all else that it is not ready."""
    path = request.target.partition(b"?")[0]
    if path == HEALTH and request.method in ("GET", "HEAD"):
        content = HEALTHY.encode()
        fields = header_fields(b"text/plain; charset=utf-8", len(content))
        return OutgoingAnswer(200, b"OK", fields, MemoryBody(content, lambda _: None))
    refusal = error_answer(503, "not_ready", "the service is starting: ask again in a second")
    return replace(refusal, fields=[*refusal.fields, RETRY_AFTER])
