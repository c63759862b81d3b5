"""What the pages are asked."""

from dataclasses import dataclass
from typing import Annotated

from plugin.series import SeriesState
from plugin.web import parameters as table
from plugin.web.queries import NoQuery, WatchesQuery


@dataclass(frozen=True, kw_only=True)
class SeriesListQuery(WatchesQuery):
    text: Annotated[str, table.SEARCH_TEXT] = ""
    state: Annotated[frozenset[SeriesState], table.STATE] = frozenset()


@dataclass(frozen=True, kw_only=True)
class SeriesPageQuery(NoQuery):
    id: str  # of the series, in the store
    length: Annotated[int, table.CHART_LENGTH] = table.CHART_LENGTHS[table.DEFAULT_CHART_LENGTH]
    end: Annotated[int | None, table.RANGE_END] = None  # milliseconds
