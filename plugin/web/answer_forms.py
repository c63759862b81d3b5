"""Answers as forms send them and as pages tell them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from plugin.domain.tolerances import FeedbackEntry, Verdict
from plugin.domain.windows import one_line
from plugin.errors import RequestError

MAX_COMMENT = 1000  # characters
MAX_NAME = 100
WORDS = {Verdict.FALSE_ALARM: "False alarm", Verdict.REAL: "Real", Verdict.NEW_NORMAL: "New normal"}


@dataclass(frozen=True)
class SentAnswer:
    """What a person has filled in."""

    verdict: Verdict
    comment: str
    name: str  # of the person; "" = none is given


def read_answer(form: Mapping[str, str]) -> SentAnswer:
    """Raises RequestError naming the field."""
    try:
        verdict = Verdict(form.get("verdict", ""))
    except ValueError:
        raise RequestError("choose one of the three answers", field="verdict") from None
    comment = one_line(form.get("comment", ""))
    if len(comment) > MAX_COMMENT:
        raise RequestError(
            f"a comment of {len(comment)} characters; {MAX_COMMENT} are the most", field="comment"
        )
    return SentAnswer(verdict, comment, one_line(form.get("by", ""))[:MAX_NAME])


def described(entry: FeedbackEntry) -> str:
    """`Real, by anna, 2026-11-21 03:05 UTC: a bad release`"""
    comment = f": {entry.comment}" if entry.comment else ""
    return f"{WORDS[entry.verdict]}, by {entry.by}, {moment(entry.at)} UTC{comment}"


def moment(time: int) -> str:
    """Unix seconds as `2026-11-21 03:05`."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")
