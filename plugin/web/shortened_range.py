"""A range that is longer than `web.max_range`: its end is answered, and its sender is told."""

from flask import Response, g, has_app_context

from plugin.config import WebSettings, format_duration
from plugin.domain.times import instant
from plugin.web.row_types import AnnotationRow

HEADER = "Bandwatch-Warning"
TAG = "range"


def shortened(start: int, end: int, now: float, settings: WebSettings) -> int:
    """The start of what is answered, remembered for this request: the past that is nearest to the
    end. All in milliseconds, now in unix seconds."""
    last = min(end, max(int(now * 1000), start))
    first = max(start, last - settings.max_range * 1000)
    if first > start and has_app_context():
        g.shortened = (
            start,
            first,
            f"the range is {(end - start) / 86_400_000:.1f} days long and web.max_range allows "
            f"{format_duration(settings.max_range)}: nothing before {instant(first // 1000)} is"
            " answered",
        )
    return first


def add_warning(response: Response) -> None:
    """Tells it in a header."""
    if response.status_code < 400 and "shortened" in g:
        response.headers[HEADER] = g.shortened[2]


def warning_rows() -> list[AnnotationRow]:
    """Tells it where it is drawn: over the time that is left out. No row for a range that is
    answered whole."""
    if "shortened" not in g:
        return []
    start, first, text = g.shortened
    return [
        AnnotationRow(
            time=start,
            time_end=first,
            title="Not shown: the range is too long",
            text=text[:1].upper() + text[1:],
            tags=TAG,
        )
    ]
