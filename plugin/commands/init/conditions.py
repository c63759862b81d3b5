"""The condition of an alerting rule: the level, and the number that it is held against. Pure.

Reads brackets, strings and operators of PromQL only. What Prometheus would refuse is read as well
as it can be.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`"
_TOKEN = re.compile(
    rf"""
    (?P<skip>\s+|\#[^\n]*)
  | (?P<string>{_STRING})
  | (?P<selection>\{{(?:[^{{}}"'`]|{_STRING})*\}}|\[[^\]]*\])
  | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w:]))
  | (?P<word>[A-Za-z_:][\w:]*)
  | (?P<comparison>==|!=|>=|<=|>|<)
  | (?P<open>\()
  | (?P<close>\))
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_GROUPING = re.compile(
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", re.IGNORECASE
)
_NAMED_BY_LABEL = re.compile(rf"\{{\s*__name__\s*=\s*({_STRING})")
_CONDITION_WORDS = ("and", "unless", "or")
_KEYWORDS = (
    *_CONDITION_WORDS,
    *("atan2", "bool", "by", "without", "on", "ignoring", "group_left", "group_right"),
    *("offset", "inf", "nan", "start", "end"),
)
# They say what will be or what is not there: nothing whose usual level could be learnt.
_WITHOUT_LEVEL = re.compile(r"\b(absent|absent_over_time|predict_linear|ALERTS\w*)\b\s*[({]")


class NoThreshold(Exception):
    """Why an expression holds no level against a number."""


@dataclass(frozen=True)
class Threshold:
    """A level that alerts beyond a number."""

    level: str  # PromQL
    direction: Literal["above", "below"]
    limit: str  # the number as it is written
    remainder: str  # conditions that stand beside it; "" = none


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int
    depth: int  # of the parentheses around it


def threshold(expression: str) -> Threshold:
    """The first operand of `and` and `unless` that compares a query with a number.

    Raises NoThreshold.
    """
    text = _bare(expression)
    operands = _operands(text)
    reasons = []
    for operand in operands:
        try:
            comparison = _comparison(_bare(operand))
        except NoThreshold as reason:
            reasons.append(reason)
            continue
        remainder = (" ".join(part.split()) for part in operands if part is not operand)
        return Threshold(*comparison, remainder="; ".join(remainder))
    raise reasons[0]


def first_metric(expression: str) -> str:
    """The name of the first metric in an expression; "" = it has none."""
    text = _GROUPING.sub(" ", expression)
    tokens = [token for token in _tokens(text) if token.kind != "skip"]
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        is_call = following is not None and following.kind == "open"
        if token.kind == "word" and not is_call and token.text.lower() not in _KEYWORDS:
            return token.text
        if match := _NAMED_BY_LABEL.match(token.text):
            return match[1][1:-1]
    return ""


def _tokens(text: str) -> Iterator[_Token]:
    depth = 0
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        depth -= kind == "close"
        yield _Token(kind, match.group(), match.start(), match.end(), depth)
        depth += kind == "open"


def _bare(text: str) -> str:
    """Without parentheses around the whole, and without comments at its ends."""
    tokens = [token for token in _tokens(text) if token.kind != "skip"]
    while len(tokens) > 2 and tokens[0].kind == "open":
        closing = next(
            (token for token in tokens if token.kind == "close" and token.depth == tokens[0].depth),
            None,
        )
        if closing is not tokens[-1]:
            break
        tokens = tokens[1:-1]
    return text[tokens[0].start : tokens[-1].end] if tokens else ""


def _operands(text: str) -> list[str]:
    """The parts between `and` and `unless`. Raises NoThreshold where `or` joins them."""
    ends = []
    starts = [0]
    for token in _tokens(text):
        word = token.text.lower()
        if token.kind != "word" or token.depth or word not in _CONDITION_WORDS:
            continue
        if word == "or":
            raise NoThreshold("`or` joins several conditions: write a rule for each")
        ends.append(token.start)
        starts.append(token.end)
    return [text[start:end] for start, end in zip(starts, [*ends, len(text)], strict=True)]


def _comparison(text: str) -> tuple[str, Literal["above", "below"], str]:
    """The level, the side that alerts and the limit."""
    operators = [token for token in _tokens(text) if token.kind == "comparison" and not token.depth]
    if not operators:
        raise NoThreshold("it compares nothing with a number")
    operator = operators[-1]
    left = _bare(text[: operator.start])
    right = _bare(re.sub(r"^\s*bool\b", "", text[operator.end :], flags=re.IGNORECASE))
    if operator.text in ("==", "!="):
        raise NoThreshold(f"`{operator.text}` asks for a state, not for a level")
    if _is_number(right) == _is_number(left):
        raise NoThreshold("a query stands on both sides of the comparison")
    level, limit = (left, right) if _is_number(right) else (right, left)
    if match := _WITHOUT_LEVEL.search(level):
        raise NoThreshold(f"`{match[1]}` has no level that could be learnt")
    return level, "above" if (operator.text[0] == ">") == (level is left) else "below", limit


def _is_number(text: str) -> bool:
    """Whether a text has numbers and arithmetic only."""
    tokens = [token for token in _tokens(text) if token.kind != "skip"]
    numbers = [token for token in tokens if token.kind == "number" or _is_word_number(token)]
    signs = [token for token in tokens if token.kind in ("open", "close")]
    signs += [token for token in tokens if token.kind == "other" and token.text in "+-*/%^"]
    return bool(numbers) and len(numbers) + len(signs) == len(tokens)


def _is_word_number(token: _Token) -> bool:
    return token.kind == "word" and token.text.lower() in ("inf", "nan")
