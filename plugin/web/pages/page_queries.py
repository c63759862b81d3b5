"""What the pages are asked."""

from dataclasses import dataclass
from typing import Annotated

from plugin.domain.budget import PERIOD_DAYS
from plugin.selectors import Matcher
from plugin.series import SeriesState
from plugin.web import parameters as table
from plugin.web.pages import page_parameters
from plugin.web.queries import NoQuery, WatchesQuery


@dataclass(frozen=True, kw_only=True)
class SeriesListQuery(WatchesQuery):
    text: Annotated[str, table.SEARCH_TEXT] = ""
    state: Annotated[frozenset[SeriesState], table.STATE] = frozenset()
    match: Annotated[tuple[Matcher, ...], table.LABEL_FILTER] = ()
    sort: Annotated[str, table.SORT] = table.SORT_ORDERS[0]


@dataclass(frozen=True, kw_only=True)
class SeriesPageQuery(NoQuery):
    id: str  # of the series, in the store
    length: Annotated[int, table.CHART_LENGTH] = table.CHART_LENGTHS[table.DEFAULT_CHART_LENGTH]
    end: Annotated[int | None, table.RANGE_END] = None  # milliseconds


@dataclass(frozen=True, kw_only=True)
class SeriesChartQuery(NoQuery):
    id: str  # of the series, in the store
    start: Annotated[int | None, table.RANGE_START] = None  # milliseconds
    end: Annotated[int | None, table.RANGE_END] = None
    max_points: Annotated[int, table.MAX_POINTS] = table.DEFAULT_POINTS


@dataclass(frozen=True, kw_only=True)
class SignInQuery(NoQuery):
    next: Annotated[str, page_parameters.NEXT] = ""


@dataclass(frozen=True, kw_only=True)
class IncidentListQuery(WatchesQuery):
    state: Annotated[str, page_parameters.INCIDENT_STATE] = ""
    length: Annotated[int, page_parameters.INCIDENT_LENGTH] = page_parameters.INCIDENT_LENGTHS[
        page_parameters.DEFAULT_INCIDENT_LENGTH
    ]


@dataclass(frozen=True, kw_only=True)
class IncidentPageQuery(NoQuery):
    id: str
    noted: Annotated[int | None, page_parameters.NOTED] = None


@dataclass(frozen=True, kw_only=True)
class WatchPageQuery(NoQuery):
    watch: str  # its name
    series: Annotated[str, table.SERIES_ID] = ""  # whose shape is shown; "" = that of the worst


@dataclass(frozen=True, kw_only=True)
class ReportPageQuery(NoQuery):
    days: Annotated[int, table.DAYS] = PERIOD_DAYS[0]


@dataclass(frozen=True, kw_only=True)
class MaintenancePageQuery(NoQuery):
    added: Annotated[str, page_parameters.ADDED] = ""


@dataclass(frozen=True, kw_only=True)
class DocumentQuery(NoQuery):
    name: str  # of a file
