"""What each route is asked: one class per route.

A field that carries a parameter of the table is read from the query string. A field without one is
a part of the path. Times are milliseconds since 1970, and both ends of a range are included. `()`
and None stand for a parameter that is left out: it narrows nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, TypeVar, get_type_hints

from plugin.config import WebSettings
from plugin.domain.budget import PERIOD_DAYS
from plugin.domain.times import instant
from plugin.errors import RequestError
from plugin.nearest_name import nearest
from plugin.selectors import Matcher
from plugin.series import MAX_TIME, SeriesState
from plugin.web import parameters as table
from plugin.web.parameters import Parameter
from plugin.web.shortened_range import shortened


@dataclass(frozen=True, kw_only=True)
class NoQuery:
    """Of a route that takes no parameter."""


Query = TypeVar("Query", bound=NoQuery)


@dataclass(frozen=True, kw_only=True)
class WatchesQuery(NoQuery):
    watch: Annotated[tuple[str, ...], table.WATCH] = ()


@dataclass(frozen=True, kw_only=True)
class NamesQuery(WatchesQuery):
    """Of /series and /labels."""

    match: Annotated[tuple[Matcher, ...], table.MATCH] = ()


@dataclass(frozen=True, kw_only=True)
class WatchListQuery(WatchesQuery):
    """Of /watches."""

    match: Annotated[tuple[Matcher, ...], table.WATCH_MATCH] = ()


@dataclass(frozen=True, kw_only=True)
class OpenAlarmsQuery(NamesQuery):
    limit: Annotated[int | None, table.LIMIT] = None


@dataclass(frozen=True, kw_only=True)
class LabelValuesQuery(NamesQuery):
    name: str  # of the label column


@dataclass(frozen=True, kw_only=True)
class SeriesQuery(NamesQuery):
    """Of /models, and the start of all that choose series."""

    series: Annotated[str | None, table.SERIES] = None

    @property
    def narrowed(self) -> bool:
        """Whether it leaves out some series."""
        return bool(self.watch or self.match) or self.series is not None


@dataclass(frozen=True, kw_only=True)
class TimesQuery(NoQuery):
    """A range of time. Raises RequestError when it is reversed."""

    start: Annotated[int | None, table.RANGE_START] = None
    end: Annotated[int | None, table.RANGE_END] = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None:
            _check_order(self.start, self.end)

    @property
    def open_range(self) -> tuple[int, int]:
        """Unix seconds. A range without `from` or `to` has no limit on that side."""
        start = 0 if self.start is None else _seconds_after(self.start)
        return start, MAX_TIME if self.end is None else self.end // 1000


@dataclass(frozen=True, kw_only=True)
class RangeQuery(TimesQuery, SeriesQuery):
    """Of /feedback, and the start of all that choose series and a range of time."""


@dataclass(frozen=True, kw_only=True)
class AlarmHistoryQuery(TimesQuery, NamesQuery):
    """Of /alarms/history."""


@dataclass(frozen=True, kw_only=True)
class ChangesQuery(TimesQuery):
    match: Annotated[tuple[Matcher, ...], table.CHANGE_MATCH] = ()
    limit: Annotated[int | None, table.LATEST_LIMIT] = None


@dataclass(frozen=True, kw_only=True)
class BandsQuery(RangeQuery):
    max_points: Annotated[int, table.MAX_POINTS] = table.DEFAULT_POINTS
    labels: Annotated[str, table.LABELS] = "all"
    forecast: Annotated[bool, table.FORECAST] = False


@dataclass(frozen=True, kw_only=True)
class ForecastQuery(SeriesQuery):
    horizon: Annotated[int | None, table.HORIZON] = None  # seconds
    labels: Annotated[str, table.LABELS] = "all"


@dataclass(frozen=True, kw_only=True)
class ScoresQuery(SeriesQuery):
    state: Annotated[frozenset[SeriesState], table.STATE] = frozenset()
    limit: Annotated[int | None, table.LIMIT] = None


@dataclass(frozen=True, kw_only=True)
class ExplainQuery(SeriesQuery):
    incident: Annotated[str | None, table.INCIDENT] = None
    at: Annotated[int | None, table.MOMENT] = None


@dataclass(frozen=True, kw_only=True)
class LatestQuery(RangeQuery):
    """Of /regimes and /decisions."""

    limit: Annotated[int | None, table.LATEST_LIMIT] = None


@dataclass(frozen=True, kw_only=True)
class AlertQuery(NamesQuery):
    by: Annotated[str, table.ROW_KIND] = "series"
    field: Annotated[str | None, table.FIELD] = None  # None = the first that the rows can carry
    tick: Annotated[int | None, table.TICK] = None


@dataclass(frozen=True, kw_only=True)
class AnnotationsQuery(RangeQuery):
    incident: Annotated[str | None, table.INCIDENT] = None
    members: Annotated[bool, table.MEMBERS] = False


@dataclass(frozen=True, kw_only=True)
class IncidentsQuery(AnnotationsQuery):
    limit: Annotated[int | None, table.LATEST_LIMIT] = None


@dataclass(frozen=True, kw_only=True)
class BudgetQuery(NamesQuery):
    by: Annotated[str, table.BUDGET_BY] = "series"
    days: Annotated[int, table.DAYS] = PERIOD_DAYS[0]
    limit: Annotated[int | None, table.NOISIEST_LIMIT] = None


@dataclass(frozen=True, kw_only=True)
class RemovalQuery(NoQuery):
    """Of the routes that take feedback back, end a maintenance window or remove a change."""

    id: str
    who: Annotated[str | None, table.AUTHOR] = None


def parameters_of(query: type) -> Mapping[str, Parameter]:
    """Field of the query -> its parameter, in the order of the description."""
    return _parameters_of(query)


@cache
def _parameters_of(query: type) -> Mapping[str, Parameter]:
    hints = get_type_hints(query, include_extras=True)
    return {
        name: extra
        for name, hint in hints.items()
        for extra in getattr(hint, "__metadata__", ())
        if isinstance(extra, Parameter)
    }


def read_query(
    query: type[Query],
    texts_by_name: Mapping[str, Sequence[str]],
    path: Mapping[str, str],
    settings: WebSettings,
) -> Query:
    """The query of one request. Raises RequestError naming the parameter.

    An empty parameter counts as left out, because Grafana sends `name=` for a variable that has no
    value.
    """
    fields = {parameter.name: field for field, parameter in parameters_of(query).items()}
    values: dict[str, object] = dict(path)
    for name, texts in texts_by_name.items():
        if name not in fields:
            raise RequestError(_unknown(name, list(fields)), field=name, code="unknown_parameter")
        if len(texts) > 1:
            raise RequestError(f"`{name}` is given {len(texts)} times: give it once", field=name)
        if texts[0] == "":
            continue
        try:
            values[fields[name]] = parameters_of(query)[fields[name]].read(texts[0], settings)
        except ValueError as error:
            raise RequestError(f"`{name}`: {error}", field=name) from error
    return query(**values)


def time_range(query: TimesQuery, now: float, settings: WebSettings) -> tuple[int, int]:
    """Unix seconds, by default the last hours. Of a range that is too long, its end."""
    end = query.end if query.end is not None else int(now * 1000)
    start = query.start if query.start is not None else end - table.DEFAULT_RANGE * 1000
    _check_order(start, end)
    return _seconds_after(shortened(start, end, now, settings)), end // 1000


def _seconds_after(milliseconds: int) -> int:
    """The first whole second that is not before."""
    return -(-milliseconds // 1000)


def _check_order(start: int, end: int) -> None:
    if start > end:
        raise RequestError(
            f"`from` is after `to`: {instant(start // 1000)} > {instant(end // 1000)}", field="from"
        )


def _unknown(name: str, valid: list[str]) -> str:
    names = f"valid here: {', '.join(valid)}" if valid else "this address takes none"
    return f"there is no parameter `{name}`{nearest(name, valid)}; {names}"
