"""The query parameters: what each one means, how it is read, how it is described.

The reading of a request, the OpenAPI description and the texts of errors all come from this table.
Which parameters a route takes stands in plugin.web.queries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plugin import selectors
from plugin.config import WebSettings
from plugin.domain.budget import PERIOD_DAYS
from plugin.domain.times import DAY, HOUR
from plugin.web import parameter_readers as readers
from plugin.web.alert import FIELDS
from plugin.web.parameter_readers import MIN_POINTS

DEFAULT_RANGE = 6 * 3600  # seconds
DEFAULT_POINTS = 1500  # about the width of a panel in pixels
DEFAULT_CHART_LENGTH = "6h"
# of the chart of a series: name -> seconds
CHART_LENGTHS = {"6h": 6 * HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}


@dataclass(frozen=True)
class Parameter:
    """One query parameter."""

    name: str
    description: str
    read: readers.Reader
    schema: Callable[[WebSettings], Mapping[str, object]]  # JSON Schema
    example: str


def _schema(**schema: object) -> Callable[[WebSettings], Mapping[str, object]]:
    return lambda _: schema


_TIME = _schema(
    oneOf=[
        {"type": "integer", "description": "milliseconds since 1970"},
        {"type": "string", "format": "date-time"},
    ]
)
WATCH = Parameter(
    name="watch",
    description="The name of a watch, or several separated by commas; all watches when left out.",
    read=readers.read_names,
    schema=_schema(type="string"),
    example="node",
)
MATCH = Parameter(
    name="match",
    description=(
        "A Prometheus selector over the labels of the series, with their own "
        "names. Regular expressions are RE2 and match the whole value."
    ),
    read=readers.read_matchers,
    schema=_schema(type="string", maxLength=selectors.MAX_CHARACTERS),
    example='{job="api",code=~"5.."}',
)
CHANGE_MATCH = Parameter(
    name="match",
    description="A Prometheus selector over the labels of the changes.",
    read=readers.read_matchers,
    schema=_schema(type="string", maxLength=selectors.MAX_CHARACTERS),
    example='{service="checkout"}',
)
WATCH_MATCH = Parameter(
    name="match",
    description=(
        "A Prometheus selector over the labels of the watches, with their own names; each has a"
        " `severity`."
    ),
    read=readers.read_matchers,
    schema=_schema(type="string", maxLength=selectors.MAX_CHARACTERS),
    example='{severity="page",team=~"web|db"}',
)
SERIES = Parameter(
    name="series",
    description="The name of exactly one series, as `/api/v1/series` lists it.",
    read=readers.read_text,
    schema=_schema(type="string"),
    example='up{job="api"}',
)
RANGE_START = Parameter(
    name="from",
    description=(
        f"Start of the range, included: milliseconds or RFC 3339. Default: "
        f"{DEFAULT_RANGE // 3600} hours before `to`."
    ),
    read=readers.read_time,
    schema=_TIME,
    example="1795219200000",
)
RANGE_END = Parameter(
    name="to",
    description="End of the range, included: milliseconds or RFC 3339. Default: now.",
    read=readers.read_time,
    schema=_TIME,
    example="2026-11-21T03:05:00Z",
)
MOMENT = Parameter(
    name="at",
    description="The moment to explain: milliseconds or RFC 3339. Default: now.",
    read=readers.read_time,
    schema=_TIME,
    example="2026-11-21T03:05:00Z",
)
TICK = Parameter(
    name="to",
    description=(
        "The tick of the rule: requests with the same `to` within 30 s are answered "
        "from the same scores. Default: the latest scores."
    ),
    read=readers.read_time,
    schema=_TIME,
    example="1795219200000",
)
MAX_POINTS = Parameter(
    name="max_points",
    description=(
        "Samples per series; more are thinned, but none whose "
        "score exceeds 1. Marks of gaps come on top."
    ),
    read=readers.read_points,
    schema=lambda settings: {
        "type": "integer",
        "minimum": MIN_POINTS,
        "maximum": settings.max_points,
        "default": min(DEFAULT_POINTS, settings.max_points),
    },
    example="500",
)
FORECAST = Parameter(
    name="forecast",
    description=(
        "`true` adds the band ahead of the samples, as far as `to` and the "
        "watch's `forecast` reach; its rows have no value and no score."
    ),
    read=readers.read_flag,
    schema=_schema(type="boolean", default=False),
    example="true",
)
HORIZON = Parameter(
    name="horizon",
    description="How far ahead, as a duration. Default: the `forecast` of the watch.",
    read=readers.read_duration,
    schema=_schema(type="string"),
    example="30m",
)
LABELS = Parameter(
    name="labels",
    description=(
        "`none` leaves out `series`, `watch` and the label columns, as a band "
        "panel needs it; allowed where one series is chosen."
    ),
    read=readers.one_of("all", "none"),
    schema=_schema(type="string", enum=["all", "none"], default="all"),
    example="all",
)
INCIDENT = Parameter(
    name="incident",
    description=(
        "The name of one incident, at any time. "
        "The old name of a merged incident finds the one that it was merged into."
    ),
    read=readers.read_text,
    schema=_schema(type="string"),
    example="web-1795229580",
)
MEMBERS = Parameter(
    name="members",
    description=(
        "`true` gives a row for each alarm of each incident, with its `rank`; "
        "`watch`, `match`, `series` and the range narrow these, too."
    ),
    read=readers.read_flag,
    schema=_schema(type="boolean", default=False),
    example="true",
)
ROW_KIND = Parameter(
    name="by",
    description="What a row stands for: a series, a watch, an incident, or the whole service.",
    read=readers.one_of(*FIELDS),
    schema=_schema(type="string", enum=list(FIELDS), default="series"),
    example="watch",
)
AUTHOR = Parameter(
    name="by",
    description="Who does it, up to 100 characters; the user of basic auth goes before it.",
    read=readers.read_who,
    schema=_schema(type="string", maxLength=100),
    example="anna",
)
ALL_FIELDS = tuple(dict.fromkeys(field for fields in FIELDS.values() for field in fields))
FIELD = Parameter(
    name="field",
    description=(
        "Which number the rows carry; by default "
        + ", ".join(f"`{fields[0]}` by {by}" for by, fields in FIELDS.items())
        + "."
    ),
    read=readers.one_of(*ALL_FIELDS),
    schema=_schema(type="string", enum=list(ALL_FIELDS)),
    example="value",
)
STATE = Parameter(
    name="state",
    description="Only series in these states, separated by commas.",
    read=readers.read_states,
    schema=_schema(type="string"),
    example="missing,stale",
)
SEARCH_TEXT = Parameter(
    name="text",
    description="Only series whose watch and name contain all of these words.",
    read=readers.read_text,
    schema=_schema(type="string"),
    example="api 500",
)
SERIES_ID = Parameter(
    name="id",
    description="The number of a series in the store, as in the address of its page.",
    read=readers.read_text,
    schema=_schema(type="string"),
    example="1",
)
LABEL_FILTER = Parameter(
    name="label",
    description=(
        "Only series with these labels, separated by commas: `job=api`, `code!=200`, "
        '`code=~"5.."`; quotes may be left out. A whole selector is fine, too.'
    ),
    read=readers.read_label_filter,
    schema=_schema(type="string", maxLength=selectors.MAX_CHARACTERS),
    example="job=api,code=~5..",
)
SORT_ORDERS = ("score", "name", "watch", "state")
SORT = Parameter(
    name="sort",
    description="By what the series are sorted; by score the highest are first.",
    read=readers.one_of(*SORT_ORDERS),
    schema=_schema(type="string", enum=list(SORT_ORDERS), default=SORT_ORDERS[0]),
    example="name",
)
CHART_LENGTH = Parameter(
    name="range",
    description="How long the chart is; it ends at `to`.",
    read=lambda text, settings: CHART_LENGTHS[readers.one_of(*CHART_LENGTHS)(text, settings)],
    schema=_schema(type="string", enum=list(CHART_LENGTHS), default=DEFAULT_CHART_LENGTH),
    example="1d",
)
LATEST_LIMIT = Parameter(
    name="limit",
    description="At most so many rows: the latest.",
    read=readers.read_limit,
    schema=_schema(type="integer", minimum=1),
    example="50",
)
NOISIEST_LIMIT = Parameter(
    name="limit",
    description="By series: at most so many rows, the noisiest; none without an alarm.",
    read=readers.read_limit,
    schema=_schema(type="integer", minimum=1),
    example="10",
)
DAYS = Parameter(
    name="days",
    description="Over how many days: " + " or ".join(map(str, PERIOD_DAYS)) + ".",
    read=readers.read_days,
    schema=_schema(type="integer", enum=list(PERIOD_DAYS), default=PERIOD_DAYS[0]),
    example="30",
)
BUDGET_BY = Parameter(
    name="by",
    description="What a row stands for: a series, a watch, or a watch on a day.",
    read=readers.one_of("series", "watch", "day"),
    schema=_schema(type="string", enum=["series", "watch", "day"], default="series"),
    example="watch",
)
LIMIT = Parameter(
    name="limit",
    description="At most so many rows: those with the highest score, highest first.",
    read=readers.read_limit,
    schema=_schema(type="integer", minimum=1),
    example="50",
)
