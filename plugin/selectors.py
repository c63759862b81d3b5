"""Prometheus selectors: `name{job="api",code=~"5.."}` -> matchers.

Regular expressions are RE2, whose syntax Prometheus uses. They match the whole value, a dot matches
a newline too, and none takes more than linear time. The parser is our own, because its messages
must name the character that is wrong.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import re2

from plugin.errors import SelectorError

MAX_CHARACTERS = 4096  # of one selector
MAX_REGEX_MEMORY = 1 << 18  # bytes that one expression may take once compiled

_SPACE = re.compile(r"\s*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[^\s={}!~,\"'`]+")  # wider than Prometheus: Labels print any name bare
_OPERATOR = re.compile(r"=~|!~|!=|=")
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))")
_ESCAPED_CHARACTERS = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
    "/": "/",
}


@dataclass(frozen=True)
class Matcher:
    """One condition on one label; an absent label counts as the empty string, as in Prometheus."""

    name: str
    operator: str  # = != =~ !~
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        return self._accepts(labels.get(self.name, "")) != self.operator.startswith("!")

    @cached_property
    def _accepts(self) -> Callable[[str], bool]:
        if not self.operator.endswith("~"):
            return self.value.__eq__
        expression = _compiled(self.value)
        results: dict[str, bool] = {}  # label values repeat, and a look-up is faster than a match

        def accepts(text: str) -> bool:
            match = results.get(text)
            if match is None:
                match = results[text] = expression(text) is not None
            return match

        return accepts


def parse(text: str) -> tuple[Matcher, ...]:
    """The matchers of a selector; `{}` has none and matches everything. Raises SelectorError."""
    if len(text) > MAX_CHARACTERS:
        raise SelectorError(f"a selector of {len(text)} characters; {MAX_CHARACTERS} are the most")
    scanner = _Scanner(text)
    matchers = []
    if (name := scanner.take(_METRIC)) is not None:
        matchers.append(Matcher("__name__", "=", name))
    elif scanner.ahead() != "{":
        raise scanner.error("expected a metric name or `{`")
    if scanner.ahead() == "{":
        matchers += scanner.braces()
    if scanner.ahead():
        raise scanner.error(
            "expected the end of the selector; operators and functions have no place here"
        )
    return tuple(matchers)


def select(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> bool:
    """Whether every matcher accepts the label set."""
    return all(matcher.matches(labels) for matcher in matchers)


class _Scanner:
    """Reads a selector from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def error(self, message: str) -> SelectorError:
        character = (
            f"`{self._text[self._position]}`" if self._position < len(self._text) else "the end"
        )
        return SelectorError(
            f"{message} at character {self._position + 1} of `{self._text}`: found {character}"
        )

    def ahead(self) -> str:
        """The next character that is not a space, without reading it; "" at the end."""
        self._position = _end_of_match(_SPACE, self._text, self._position)
        return self._text[self._position : self._position + 1]

    def take(self, token: re.Pattern[str]) -> str | None:
        """Reads a token; None if the next characters are not one."""
        self.ahead()
        start = self._position
        self._position = _end_of_match(token, self._text, start)
        return self._text[start : self._position] or None

    def braces(self) -> list[Matcher]:
        """Reads `{...}`."""
        self._position += 1
        matchers = []
        while self.ahead() != "}":
            matchers.append(self._matcher())
            if self.ahead() == ",":
                self._position += 1
            elif self.ahead() != "}":
                raise self.error("expected `,` or `}`")
        self._position += 1
        return matchers

    def _matcher(self) -> Matcher:
        quoted = self.ahead() in ('"', "'", "`")
        name = self._string() if quoted else self.take(_LABEL)
        if name is None:
            raise self.error("expected a label name")
        if quoted and self.ahead() in (",", "}"):
            return Matcher("__name__", "=", name)  # {"a.metric"}, as Prometheus 3 writes it
        operator = self.take(_OPERATOR)
        if operator is None:
            raise self.error("expected `=`, `!=`, `=~` or `!~`")
        self.ahead()
        start = self._position
        value = self._string()
        if operator.endswith("~"):
            self._check_expression(value, start)
        return Matcher(name, operator, value)

    def _check_expression(self, expression: str, start: int) -> None:
        """Raises SelectorError. start: its position."""
        try:
            _compiled(expression)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            raise SelectorError(
                f"the regular expression at character {start + 1} of `{self._text}` is "
                f"not RE2: {reason}"
            ) from error

    def _string(self) -> str:
        self.ahead()
        start = self._position
        token = self.take(_STRING)
        if token is None:
            raise self.error("expected a label value in quotes")
        if token[0] == "`":
            return token[1:-1]
        try:
            return _ESCAPE.sub(_unescaped, token[1:-1])
        except (KeyError, ValueError) as error:
            self._position = start
            raise self.error("an escape that Prometheus does not know in the string") from error


def _end_of_match(token: re.Pattern[str], text: str, position: int) -> int:
    match = token.match(text, position)
    return match.end() if match else position


def _unescaped(escape: re.Match[str]) -> str:
    hexadecimal = escape[1] or escape[2] or escape[3]
    octal = escape[4]
    if not (hexadecimal or octal):
        return _ESCAPED_CHARACTERS[escape[5]]
    character = chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8))
    # Half of a surrogate pair is not a character: this raises UnicodeEncodeError, a ValueError.
    character.encode()
    return character


def _compiled(expression: str) -> Callable[[str], object]:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.dot_nl = True
    options.max_mem = MAX_REGEX_MEMORY
    match: Callable[[str], object] = re2.compile(expression, options).fullmatch
    return match
