"""How far a PromQL expression looks back: its selectors, each with the range it is asked for; and
which metrics it reads.

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

    @property
    def names_metric(self) -> bool:
        """Whether all its series are of one metric, so that no two differ by the name alone."""
        return not self.selector.startswith("{") or bool(_ONE_NAME.search(self.selector))


NO_VECTOR = RangeVector("", 0)
# Functions that need two samples in their range.
RATE_FUNCTIONS = frozenset("rate irate increase delta idelta deriv predict_linear".split())
# Before parentheses that hold names of labels.
GROUPINGS = frozenset("by without on ignoring group_left group_right".split())
KEYWORDS = GROUPINGS | frozenset("and or unless bool offset atan2 inf nan".split())
# After which a series may lack labels of the one that it is made of, or have others.
TAKE_LABELS_OFF = GROUPINGS | frozenset(
    "sum avg min max count group stddev stdvar quantile count_values absent absent_over_time scalar"
    " vector label_replace label_join".split()
)
_NAME_MATCHER = re.compile(r"__name__\s*=\s*([\"'`])(.+?)\1")
_ONE_NAME = re.compile(rf"{_NAME_MATCHER.pattern}|^\{{\s*({_STRING})\s*[,}}]")


def longest_range_vector(query: str) -> RangeVector:
    """The selector that is read over the longest time, ranges and subqueries around it added up:
    300 s for `rate(x[5m])`, an hour and five minutes for `max_over_time(rate(x[5m])[1h:1m])`.

    0 seconds where the query has no range.
    """
    longest = [NO_VECTOR]  # of each open parenthesis
    operand = NO_VECTOR  # what a bracket would belong to
    for token in _TOKEN.finditer(query):
        kind = token.lastgroup
        text = token.group()
        if kind == "name":
            operand = RangeVector(text, 0)
        elif kind == "braces":
            operand = RangeVector(operand.selector + text, 0)
        elif kind == "open":
            longest.append(NO_VECTOR)
            operand = NO_VECTOR
        elif kind == "close":
            operand = longest.pop() if len(longest) > 1 else operand
            longest[-1] = _longer(longest[-1], operand)
        elif kind == "range":
            operand = RangeVector(operand.selector, operand.seconds + _seconds(text))
            longest[-1] = _longer(longest[-1], operand)
        elif kind == "other":
            operand = NO_VECTOR
    return max(longest, key=lambda vector: vector.seconds)


def rate_vectors(query: str) -> list[tuple[str, RangeVector]]:
    """The functions of RATE_FUNCTIONS that read a selector, each with its selector and range."""
    tokens = _tokens(query)
    vectors = []
    for position, token in enumerate(tokens):
        if token.group() in RATE_FUNCTIONS and _kind(tokens, position + 1) == "open":
            end = position + 2
            while _kind(tokens, end) in ("name", "braces"):
                end += 1
            if _kind(tokens, end) == "range":
                selector = "".join(part.group() for part in tokens[position + 2 : end])
                vector = RangeVector(selector, _seconds(tokens[end].group()))
                vectors.append((token.group(), vector))
    return vectors


def metric_names(query: str) -> list[str]:
    """The names of the metrics that a query reads, each once."""
    tokens = _tokens(query)
    names = []
    labels_end = 0  # position after parentheses that hold names of labels
    for position, token in enumerate(tokens):
        text = token.group()
        if token.lastgroup == "braces":
            names += [match[2] for match in _NAME_MATCHER.finditer(text)]
        if token.lastgroup != "name" or position < labels_end:
            continue
        if _kind(tokens, position + 1) == "open":
            if text.lower() in GROUPINGS:
                closes = (end for end in range(position, len(tokens)) if tokens[end][0] == ")")
                labels_end = next(closes, len(tokens))
        elif not (
            text.lower() in KEYWORDS
            or _is_aggregator(tokens, position)
            or _is_part_of_number(query, token.start())
        ):
            names.append(text)
    return list(dict.fromkeys(names))


def keeps_labels(query: str) -> bool:
    """Whether each series of the answer has all labels of the one that it is made of. False where
    an aggregation, a join or a function may have taken one off."""
    names = (token.group().lower() for token in _tokens(query) if token.lastgroup == "name")
    return TAKE_LABELS_OFF.isdisjoint(names)


def _tokens(query: str) -> list[re.Match[str]]:
    return [token for token in _TOKEN.finditer(query) if token.lastgroup != "skip"]


def _kind(tokens: list[re.Match[str]], position: int) -> str | None:
    return tokens[position].lastgroup if position < len(tokens) else None


def _is_aggregator(tokens: list[re.Match[str]], position: int) -> bool:
    """Whether it is the `sum` of `sum by (job) (x)`."""
    return any(
        token.group().lower() in ("by", "without") and _kind(tokens, position + 2) == "open"
        for token in tokens[position + 1 : position + 2]
    )


def _is_part_of_number(query: str, start: int) -> bool:
    """Whether it is the end of `5m` or `1e9`."""
    return query[:start][-1:].isdigit()


def _longer(first: RangeVector, second: RangeVector) -> RangeVector:
    return second if second.seconds > first.seconds else first


def _seconds(brackets: str) -> int:
    """Of `[1h30m]` or `[1h:5m]`; 0 for what is no duration."""
    length = brackets[1:-1].partition(":")[0].strip()
    return int(sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(length)))
