"""How far a PromQL expression looks back: its selectors, each with the range it is asked for.

Reads brackets and names only. What Prometheus would refuse is read as well as it can be.
"""

import re
from dataclasses import dataclass

_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`"
_TOKEN = re.compile(
    rf"""
    (?P<skip>\s+|\#[^\n]*)
  | (?P<string>{_STRING})
  | (?P<braces>\{{(?:[^{{}}"'`]|{_STRING})*\}})
  | (?P<range>\[[^\]]*\])
  | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
  | (?P<open>\()
  | (?P<close>\))
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(r"([0-9.]+)(ms|s|m|h|d|w|y|$)")
_UNIT_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 604_800.0,
    "y": 31_536_000.0,
}


@dataclass(frozen=True)
class RangeVector:
    """A selector, and over how many seconds it is read."""

    selector: str
    seconds: int


NOTHING = RangeVector("", 0)


def longest_range_vector(query: str) -> RangeVector:
    """The selector that is read over the longest time, ranges and subqueries around it added up:
    300 s for `rate(x[5m])`, an hour and five minutes for `max_over_time(rate(x[5m])[1h:1m])`.

    0 seconds where the query has no range.
    """
    longest = [NOTHING]  # of each open parenthesis
    operand = NOTHING  # what a bracket would belong to
    for token in _TOKEN.finditer(query):
        kind = token.lastgroup
        text = token.group()
        if kind == "name":
            operand = RangeVector(text, 0)
        elif kind == "braces":
            operand = RangeVector(operand.selector + text, 0)
        elif kind == "open":
            longest.append(NOTHING)
            operand = NOTHING
        elif kind == "close":
            operand = longest.pop() if len(longest) > 1 else operand
            longest[-1] = _longer(longest[-1], operand)
        elif kind == "range":
            operand = RangeVector(operand.selector, operand.seconds + _seconds(text))
            longest[-1] = _longer(longest[-1], operand)
        elif kind == "other":
            operand = NOTHING
    return max(longest, key=lambda vector: vector.seconds)


def _longer(first: RangeVector, second: RangeVector) -> RangeVector:
    return second if second.seconds > first.seconds else first


def _seconds(brackets: str) -> int:
    """Of `[1h30m]` or `[1h:5m]`; 0 for what is no duration."""
    length = brackets[1:-1].partition(":")[0].strip()
    return int(sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(length)))
