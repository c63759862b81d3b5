"""What a query answered over a range, and where it did not answer."""

from dataclasses import dataclass
from functools import cached_property

from plugin.errors import PrometheusError
from plugin.series import Series


@dataclass(frozen=True)
class QueryGap:
    """Grid times at which a query cannot be evaluated: unix seconds, both included."""

    start: int
    end: int
    error: PrometheusError


@dataclass(frozen=True)
class QueryResult:
    """The result of a query over a range."""

    series: list[Series]
    warnings: tuple[str, ...]  # for example that the answer may be partial
    requests: int  # HTTP requests made, retries included
    seconds: float
    infos: tuple[str, ...] = ()  # advice on the query; since Prometheus 3
    gaps: tuple[QueryGap, ...] = ()  # where the query cannot be evaluated, in order of time
    # Where series or samples may be missing: unix seconds, both ends included, in order of time.
    partial: tuple[tuple[int, int], ...] = ()
    unreadable: int = 0  # series that are left out, because a label of theirs is not text

    @cached_property
    def observed(self) -> list[Series]:
        """The series that have a sample; the others had only NaN."""
        return [series for series in self.series if len(series.times)]
