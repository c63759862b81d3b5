"""What Prometheus tells about a metric and a query: scrape interval, labels, and a trial of the
last day."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np

from plugin.domain.times import DAY, HOUR, MINUTE
from plugin.jobs.source_holes import search_holes
from plugin.prometheus import PrometheusReader, QueryResult
from plugin.range_vectors import longest_range_vector
from plugin.series import Series

MAX_SERIES = 10_000  # of a query that is tried
MIN_SAMPLES = 10  # with fewer, a value may rest by chance
# Ranges over which the distance of the samples is measured, with the resolution; the second one is
# for what is scraped seldom.
INTERVAL_RANGES = ("[2m:1s]", "[30m:30s]")
# A measured interval that is near one of these is meant to be that: seconds.
USUAL_INTERVALS = (1, 2, 5, 10, 15, 20, 30, 60, 90, 120, 180, 300)
NEARNESS = 0.15  # relative


@dataclass(frozen=True)
class QueryTrial:
    """What a query has answered over the last day, and at its end."""

    day: QueryResult
    present: QueryResult  # at `end`, also where Prometheus is younger than a step
    step: int  # seconds
    end: int  # unix seconds

    @property
    def series(self) -> int:
        """Series with a sample in the day or now."""
        return max(len(self.day.observed), self.series_now)

    @property
    def series_now(self) -> int:
        """Series with a sample at the end."""
        return len(self.present.observed)

    @cached_property
    def missing_share(self) -> float:
        """The share of the steps without a sample, counted from the first sample of each series
        on."""
        last = self.end // self.step * self.step
        due = sum((last - int(series.times[0])) // self.step + 1 for series in self.day.observed)
        there = sum(len(series.times) for series in self.day.observed)
        return 1 - there / due if due else 0.0

    @property
    def history(self) -> int:
        """Seconds from the first sample to the end."""
        firsts = [int(series.times[0]) for series in self.day.observed]
        return self.end - min(firsts, default=self.end)

    @property
    def is_constant(self) -> bool:
        """Whether no series has ever changed, as far as there are samples to tell."""
        observed = self.day.observed
        enough = any(len(series.times) >= MIN_SAMPLES for series in observed)
        return enough and all(np.ptp(series.values) == 0 for series in observed)


class MetricSurvey:
    """Asks a Prometheus; remembers the scrape interval of each metric."""

    def __init__(self, reader: PrometheusReader, now: int) -> None:
        self._reader = reader
        self._now = now
        self._intervals: dict[str, int] = {}

    def scrape_interval(self, metric: str) -> int:
        """Seconds between two samples of a metric: that of the slowest job. A minute where there
        are too few samples to tell. Raises a PrometheusError."""
        if metric not in self._intervals:
            self._intervals[metric] = self.measured_interval(metric) or MINUTE
        return self._intervals[metric]

    def measured_interval(self, selector: str) -> int | None:
        """The same of any selector; None where there are too few samples to tell."""
        measured = map(self._distance, repeat(selector), INTERVAL_RANGES)
        seconds = next((value for value in measured if value), None)
        return None if seconds is None else usual_interval(seconds)

    def labels(self, metric: str, names: Collection[str]) -> set[str]:
        """Which of these labels its series have now. Raises a PrometheusError."""
        result = self._instant(f"count by ({', '.join(names)}) ({metric})")
        return {name for series in result.observed for name in series.labels}

    def trial(self, query: str, step: int) -> QueryTrial:
        """The query over the last day. Raises a PrometheusError."""
        end = self._now // step * step
        start = end - DAY // step * step
        day = self._reader.range(query, start, end, step, max_series=MAX_SERIES)
        return QueryTrial(day, self._instant(query), step, self._now)

    def last_days(self, query: str, step: int, seconds: int) -> list[Series]:
        """The series of the query over so many seconds up to now. Raises a PrometheusError."""
        end = self._now // step * step
        start = end - seconds // step * step
        return self._reader.range(query, start, end, step, max_series=MAX_SERIES).observed

    def hole_spans(self, query: str, step: int, seconds: int) -> list[tuple[int, int]]:
        """When the query looks back over a hole of its source: unix seconds, both ends included.
        Raises a PrometheusError."""
        end = self._now // step * step
        start = end - seconds // step * step
        vector = longest_range_vector(query)
        return search_holes(self._reader, vector, start, end, step).spans

    def _distance(self, metric: str, span: str) -> float:
        """Seconds between two samples, of the slowest job; 0 = none has two in this range.

        The buckets of a histogram are many; its count is scraped with them.
        """
        light = re.sub("_bucket$", "_count", metric)
        times = f"timestamp({light}){span}"
        length = f"(max_over_time({times}) - min_over_time({times}))"
        result = self._instant(f"max(quantile by (job) (0.5, {length} / changes({times}) > 0))")
        return max((float(series.values[-1]) for series in result.observed), default=0.0)

    def _instant(self, query: str) -> QueryResult:
        return self._reader.range(query, self._now, self._now, 1, max_series=MAX_SERIES)


def usual_interval(seconds: float) -> int:
    """The interval that was meant where about so many seconds were measured; at most an hour."""
    nearest = min(USUAL_INTERVALS, key=lambda usual: abs(usual - seconds))
    if abs(nearest - seconds) <= NEARNESS * seconds:
        return nearest
    return min(HOUR, max(1, round(seconds)))
