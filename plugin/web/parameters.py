"""Query parameters: the one table of what each means, and the reading of them into a typed Query.

The OpenAPI description is made from the same table. An empty parameter counts as not given, because
Grafana sends variables that have no value as `name=`.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from werkzeug.datastructures import MultiDict

from plugin import selectors
from plugin.config import WebSettings, parse_duration
from plugin.domain.budget import DAYS as DAYS_OVER
from plugin.domain.wording import instant
from plugin.errors import RequestError, SelectorError
from plugin.selectors import Matcher
from plugin.series import SeriesState
from plugin.web.alert import FIELDS
from plugin.web.request_bodies import Who

DEFAULT_RANGE = 6 * 3600  # seconds
DEFAULT_POINTS = 1500  # about the width of a panel in pixels
LEAST_POINTS = 10
EARLIEST_MS = (
    100_000_000_000  # 1973 in milliseconds, 5138 in seconds: less than this was meant as seconds
)
STATES = tuple(state for state in SeriesState if state is not SeriesState.GONE)
LATEST_MS = 253_402_300_799_000  # the end of the year 9999


@dataclass(frozen=True)
class QueryParameters:
    """What a request asks for."""

    watch: tuple[str, ...] = ()  # none = all
    match: tuple[Matcher, ...] = ()
    series: str | None = None
    begin: int | None = None  # ms
    end: int | None = None  # ms
    at: int | None = None  # ms
    max_points: int = DEFAULT_POINTS
    labels: str = "all"
    forecast: bool = False
    horizon: int | None = None  # seconds; None = as far as it is known
    by: str = "series"
    field: str | None = None  # None = the first of FIELDS[by]
    state: frozenset[SeriesState] = frozenset()  # none = all
    limit: int | None = None
    days: int = DAYS_OVER[0]
    incident: str | None = None
    members: bool = False
    name: str = ""
    id: str = ""
    who: str | None = None


@dataclass(frozen=True)
class Parameter:
    """One query parameter: how it is written, and how it is read."""

    name: str
    attribute: str  # of Query
    description: str
    read: Callable[[str, WebSettings], object]  # raises ValueError saying what is wrong
    schema: Callable[[WebSettings], Mapping[str, object]]  # JSON Schema
    example: str


def read_query(
    given: MultiDict[str, str],
    parameters: Iterable[Parameter],
    path: Mapping[str, str],
    settings: WebSettings,
) -> QueryParameters:
    """The query of one request. Raises RequestError naming the parameter."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, object] = dict(path)
    for name, texts in given.lists():
        if name not in known:
            raise RequestError(_unknown(name, list(known)), field=name, code="unknown_parameter")
        if len(texts) > 1:
            raise RequestError(f"`{name}` is given {len(texts)} times: give it once", field=name)
        if texts[0] == "":
            continue
        try:
            values[known[name].attribute] = known[name].read(texts[0], settings)
        except (ValueError, SelectorError) as error:
            raise RequestError(f"`{name}`: {error}", field=name) from error
    begin = values.get("begin")
    end = values.get("end")
    if isinstance(begin, int) and isinstance(end, int) and begin > end:
        raise RequestError(f"`from` is after `to`: {_said(begin)} > {_said(end)}", field="from")
    return QueryParameters(**values)  # type: ignore[arg-type]  # the table says which attribute has which type


def time_range(query: QueryParameters, now: float, settings: WebSettings) -> tuple[int, int]:
    """Unix seconds, both ends included. Raises RequestError when it is reversed or too long."""
    end = query.end if query.end is not None else int(now * 1000)
    begin = query.begin if query.begin is not None else end - DEFAULT_RANGE * 1000
    if begin > end:
        raise RequestError(f"`from` is after `to`: {_said(begin)} > {_said(end)}", field="from")
    if end - begin > settings.max_range * 1000:
        raise RequestError(
            f"the range is {(end - begin) / 86_400_000:.1f} days long and web.max_range "
            f"allows {settings.max_range / 86_400:.1f}: move `from` and `to` closer together",
            field="from",
            code="too_much",
        )
    return -(-begin // 1000), end // 1000


def _said(milliseconds: int) -> str:
    return instant(milliseconds // 1000)


def nearest(name: str, valid: Iterable[str]) -> str:
    """ "; the nearest is `x`" or nothing."""
    close = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.5)
    return f"; the nearest is `{close[0]}`" if close else ""


def _unknown(name: str, valid: list[str]) -> str:
    names = f"valid here: {', '.join(valid)}" if valid else "this address takes none"
    return f"there is no parameter `{name}`{nearest(name, valid)}; {names}"


def _text(text: str, _: WebSettings) -> str:
    return text


def _names(text: str, _: WebSettings) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in text.split(",") if name))


def _states(text: str, _: WebSettings) -> frozenset[SeriesState]:
    read = _one_of(*(state.value for state in STATES))
    valid = text.split(",")
    return frozenset(SeriesState(read(state, _)) for state in valid if state)


def _who(text: str, _: WebSettings) -> str:
    try:
        return msgspec.convert(text, Who)
    except msgspec.ValidationError as error:
        raise ValueError(f"is no name: {error}") from error


def _limit(text: str, _: WebSettings) -> int:
    if not re.fullmatch(r"\d{1,7}", text) or int(text) == 0:
        raise ValueError(f"`{text}` is not a whole number of at least 1")
    return int(text)


def _matchers(text: str, _: WebSettings) -> tuple[Matcher, ...]:
    return selectors.parse(text)


def _time(text: str, _: WebSettings) -> int:
    """Milliseconds as Grafana sends them, or RFC 3339."""
    if re.fullmatch(r"-?\d{1,19}", text):
        milliseconds = int(text)
        if 0 < milliseconds < EARLIEST_MS:
            raise ValueError(
                f"{text} looks like seconds; give milliseconds ({text}000) or RFC 3339"
            )
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(
                f"`{text}` is neither milliseconds since 1970 nor a time as 2026-11-21T03:05:00Z"
            ) from error
        if moment.tzinfo is None:
            raise ValueError(
                f"`{text}` has no time zone: end it with Z or an offset such as +01:00 (%2B01:00 "
                "in an address)"
            )
        milliseconds = round(moment.timestamp() * 1000)
    if not 0 <= milliseconds <= LATEST_MS:
        raise ValueError(f"{text} is outside the years 1970 to 9999")
    return milliseconds


def _points(text: str, settings: WebSettings) -> int:
    points = int(text) if re.fullmatch(r"\d{1,9}", text) else 0
    if not LEAST_POINTS <= points <= settings.max_points:
        raise ValueError(
            f"`{text}` is not a whole number from {LEAST_POINTS} to {settings.max_points} "
            "(web.max_points)"
        )
    return points


def _flag(text: str, settings: WebSettings) -> bool:
    return _one_of("true", "false")(text, settings) == "true"


def _duration(text: str, _: WebSettings) -> int:
    return parse_duration(text)


def _days(text: str, settings: WebSettings) -> int:
    return int(_one_of(*map(str, DAYS_OVER))(text, settings))


def _one_of(*choices: str) -> Callable[[str, WebSettings], str]:
    def read(text: str, _: WebSettings) -> str:
        if text not in choices:
            raise ValueError(
                f"`{text}` is not one of: {', '.join(choices)}{nearest(text, choices)}"
            )
        return text

    return read


def _schema(**schema: object) -> Callable[[WebSettings], Mapping[str, object]]:
    return lambda _: schema


_TIME = _schema(
    oneOf=[
        {"type": "integer", "description": "milliseconds since 1970"},
        {"type": "string", "format": "date-time"},
    ]
)
WATCH = Parameter(
    "watch",
    "watch",
    "The name of a watch, or several separated by commas; all watches when left out.",
    _names,
    _schema(type="string"),
    "node",
)
MATCH = Parameter(
    "match",
    "match",
    "A Prometheus selector over the labels of the series, with their own "
    "names. Regular expressions are RE2 and match the whole value.",
    _matchers,
    _schema(type="string", maxLength=selectors.MAX_LENGTH),
    '{job="api",code=~"5.."}',
)
SERIES = Parameter(
    "series",
    "series",
    "The name of exactly one series, as `/api/v1/series` lists it.",
    _text,
    _schema(type="string"),
    'up{job="api"}',
)
FROM = Parameter(
    "from",
    "begin",
    f"Begin of the range, included: milliseconds or RFC 3339. Default: "
    f"{DEFAULT_RANGE // 3600} hours before `to`.",
    _time,
    _TIME,
    "1795219200000",
)
TO = Parameter(
    "to",
    "end",
    "End of the range, included: milliseconds or RFC 3339. Default: now.",
    _time,
    _TIME,
    "2026-11-21T03:05:00Z",
)
AT = Parameter(
    "at",
    "at",
    "The moment to explain: milliseconds or RFC 3339. Default: now.",
    _time,
    _TIME,
    "2026-11-21T03:05:00Z",
)
TICK = Parameter(
    "to",
    "end",
    "The tick of the rule: requests with the same `to` within 30 s are answered "
    "from the same scores. Default: the latest scores.",
    _time,
    _TIME,
    "1795219200000",
)
MAX_POINTS = Parameter(
    "max_points",
    "max_points",
    "Samples per series; more are thinned, but none whose "
    "score exceeds 1. Marks of gaps come on top.",
    _points,
    lambda settings: {
        "type": "integer",
        "minimum": LEAST_POINTS,
        "maximum": settings.max_points,
        "default": min(DEFAULT_POINTS, settings.max_points),
    },
    "500",
)
FORECAST = Parameter(
    "forecast",
    "forecast",
    "`true` adds the band ahead of the samples, as far as `to` and the "
    "watch's `forecast` reach; its rows have no value and no score.",
    _flag,
    _schema(type="boolean", default=False),
    "true",
)
HORIZON = Parameter(
    "horizon",
    "horizon",
    "How far ahead, as a duration; as far as the watch's `forecast` reaches when left out.",
    _duration,
    _schema(type="string"),
    "30m",
)
LABELS = Parameter(
    "labels",
    "labels",
    "`none` leaves out `series`, `watch` and the label columns, as a band "
    "panel needs it; allowed where one series is chosen.",
    _one_of("all", "none"),
    _schema(type="string", enum=["all", "none"], default="all"),
    "all",
)
INCIDENT = Parameter(
    "incident",
    "incident",
    "The name of one incident, whenever it was; of one that was merged into another, that one.",
    _text,
    _schema(type="string"),
    "web-1795229580",
)
MEMBERS = Parameter(
    "members",
    "members",
    "`true` gives a row for each alarm of each incident, with its `rank`; "
    "`watch`, `match`, `series` and the range narrow these, too.",
    _flag,
    _schema(type="boolean", default=False),
    "true",
)
BY = Parameter(
    "by",
    "by",
    "What a row stands for: a series, a watch, an incident, or the whole service.",
    _one_of(*FIELDS),
    _schema(type="string", enum=list(FIELDS), default="series"),
    "watch",
)
WHO = Parameter(
    "by",
    "who",
    "Who does it, up to 100 characters; the user of basic auth goes before it.",
    _who,
    _schema(type="string", maxLength=100),
    "anna",
)
ALL_FIELDS = tuple(dict.fromkeys(field for fields in FIELDS.values() for field in fields))
FIELD = Parameter(
    "field",
    "field",
    "Which number the rows carry; by default "
    + ", ".join(f"`{fields[0]}` by {by}" for by, fields in FIELDS.items())
    + ".",
    _one_of(*ALL_FIELDS),
    _schema(type="string", enum=list(ALL_FIELDS)),
    "value",
)
STATE = Parameter(
    "state",
    "state",
    "Only series in these states, separated by commas.",
    _states,
    _schema(type="string"),
    "missing,stale",
)
LATEST = Parameter(
    "limit",
    "limit",
    "At most so many rows: the latest.",
    _limit,
    _schema(type="integer", minimum=1),
    "50",
)
NOISIEST = Parameter(
    "limit",
    "limit",
    "By series: at most so many rows, the noisiest; none without an alarm.",
    _limit,
    _schema(type="integer", minimum=1),
    "10",
)
DAYS = Parameter(
    "days",
    "days",
    "Over how many days: " + " or ".join(map(str, DAYS_OVER)) + ".",
    _days,
    _schema(type="integer", enum=list(DAYS_OVER), default=DAYS_OVER[0]),
    "30",
)
BUDGET_BY = Parameter(
    "by",
    "by",
    "What a row stands for: a series, a watch, or a watch on a day.",
    _one_of("series", "watch", "day"),
    _schema(type="string", enum=["series", "watch", "day"], default="series"),
    "watch",
)
LIMIT = Parameter(
    "limit",
    "limit",
    "At most so many rows: those with the highest score, highest first.",
    _limit,
    _schema(type="integer", minimum=1),
    "50",
)
