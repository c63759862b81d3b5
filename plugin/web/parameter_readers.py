"""Reads the text of a query parameter.

Each reader returns the typed value. It raises ValueError, whose text says what is wrong with the
value.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime

import msgspec

from plugin import selectors
from plugin.config import WebSettings, parse_duration
from plugin.domain.budget import PERIOD_DAYS
from plugin.errors import SelectorError
from plugin.nearest_name import nearest
from plugin.selectors import Matcher
from plugin.series import SeriesState
from plugin.web.request_bodies import Who

MIN_POINTS = 10
# 1973 in milliseconds, 5138 in seconds: a smaller number was meant as seconds.
MIN_MILLISECONDS = 100_000_000_000
MAX_MILLISECONDS = 253_402_300_799_000  # the end of the year 9999
STATES = tuple(state for state in SeriesState if state is not SeriesState.GONE)
# what follows an operator: a string in quotes, or all up to the next comma
_BARE_VALUE = re.compile(r"(=~|!~|!=|=)\s*(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^,]*)")
_SELECTOR = re.compile(r"\s*[\w:]*\s*\{")
_QUOTES = ('"', "'", "`")

Reader = Callable[[str, WebSettings], object]


def read_text(text: str, _: WebSettings) -> str:
    return text


def read_names(text: str, _: WebSettings) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in text.split(",") if name))


def read_matchers(text: str, _: WebSettings) -> tuple[Matcher, ...]:
    try:
        return selectors.parse(text)
    except SelectorError as error:
        raise ValueError(str(error)) from error


def read_label_filter(text: str, settings: WebSettings) -> tuple[Matcher, ...]:
    """Matchers as people write them, `job=api, code=~5..`; or a selector."""
    if _SELECTOR.match(text):
        return read_matchers(text, settings)
    return read_matchers("{" + _BARE_VALUE.sub(_quoted, text) + "}", settings)


def _quoted(match: re.Match[str]) -> str:
    operator, value = match.groups()
    return operator + (value if value[:1] in _QUOTES else json.dumps(value.strip()))


def read_time(text: str, _: WebSettings) -> int:
    """Milliseconds since 1970, from milliseconds as Grafana sends them or from RFC 3339."""
    if re.fullmatch(r"-?\d{1,19}", text):
        milliseconds = int(text)
        if 0 < milliseconds < MIN_MILLISECONDS:
            raise ValueError(
                f"{text} looks like seconds; give milliseconds ({text}000) or RFC 3339"
            )
    else:
        milliseconds = _rfc3339(text)
    if not 0 <= milliseconds <= MAX_MILLISECONDS:
        raise ValueError(f"{text} is outside the years 1970 to 9999")
    return milliseconds


def _rfc3339(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"`{text}` is neither milliseconds since 1970 nor a time as 2026-11-21T03:05:00Z"
        ) from error
    if time.tzinfo is None:
        raise ValueError(
            f"`{text}` has no time zone: end it with Z or an offset such as +01:00 (%2B01:00 "
            "in an address)"
        )
    return round(time.timestamp() * 1000)


def read_points(text: str, settings: WebSettings) -> int:
    points = int(text) if re.fullmatch(r"\d{1,9}", text) else 0
    if not MIN_POINTS <= points <= settings.max_points:
        raise ValueError(
            f"`{text}` is not a whole number from {MIN_POINTS} to {settings.max_points} "
            "(web.max_points)"
        )
    return points


def read_limit(text: str, _: WebSettings) -> int:
    if not re.fullmatch(r"\d{1,7}", text) or int(text) == 0:
        raise ValueError(f"`{text}` is not a whole number of at least 1")
    return int(text)


def read_flag(text: str, settings: WebSettings) -> bool:
    return one_of("true", "false")(text, settings) == "true"


def read_duration(text: str, _: WebSettings) -> int:
    """Seconds."""
    return parse_duration(text)


def read_days(text: str, settings: WebSettings) -> int:
    return int(one_of(*map(str, PERIOD_DAYS))(text, settings))


def read_states(text: str, settings: WebSettings) -> frozenset[SeriesState]:
    read_state = one_of(*(state.value for state in STATES))
    return frozenset(SeriesState(read_state(state, settings)) for state in text.split(",") if state)


def read_who(text: str, _: WebSettings) -> str:
    try:
        return msgspec.convert(text, Who)
    except msgspec.ValidationError as error:
        raise ValueError(f"is no name: {error}") from error


def one_of(*choices: str) -> Callable[[str, WebSettings], str]:
    """A reader that accepts these words only."""

    def read(text: str, _: WebSettings) -> str:
        if text not in choices:
            raise ValueError(
                f"`{text}` is not one of: {', '.join(choices)}{nearest(text, choices)}"
            )
        return text

    return read
