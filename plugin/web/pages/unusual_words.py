"""What the page of a series says first of what is unusual. Pure."""

from plugin.board import late_after
from plugin.config import Watch
from plugin.domain.explanation import Explanation
from plugin.domain.times import clock_time
from plugin.web.pages.elapsed_time import elapsed


def unusual_lines(
    explanation: Explanation | None, watch: Watch | None, end: int, *, is_latest: bool
) -> list[str]:
    """One line for a series that is as usual, else a line for each part of the explanation.

    end: unix seconds of the moment that is told of; is_latest: it is the present.
    """
    if explanation is None:
        return ["There is no recent sample." if is_latest else "There is no sample shortly before."]
    verdict = _verdict(explanation, watch, end, is_latest=is_latest)
    return [f"{verdict}: {explanation.text}"] if verdict else explanation.parts


def _verdict(explanation: Explanation, watch: Watch | None, end: int, *, is_latest: bool) -> str:
    age = end - explanation.time
    if explanation.alarm is None and watch is not None and age > late_after(watch) + watch.offset:
        ago = f", {elapsed(explanation.time, end)} {'ago' if is_latest else 'earlier'}"
        return f"No sample since {clock_time(explanation.time, end)}{ago}. The latest one"
    if explanation.alarm is None and explanation.score <= 1:
        return "Nothing unusual now" if is_latest else "Nothing unusual at this time"
    return ""
