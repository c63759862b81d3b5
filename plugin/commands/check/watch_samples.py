"""The samples that a check reads of one watch: an overview of its fit window, and a part at each
step."""

from dataclasses import dataclass

import numpy as np

from plugin.config.durations import format_duration
from plugin.config.model import Watch
from plugin.domain.times import DAY
from plugin.errors import BandwatchError
from plugin.prometheus import PrometheusReader, QueryGap
from plugin.series import Labels, Series

OVERVIEW_INSTANTS = 200  # of the fit window, at which series are counted
MAX_SAMPLES = 2_000_000  # up to here the whole fit window is read, else its last day


class NoSeries(BandwatchError):
    """The query has answered nothing in the whole window."""


@dataclass(frozen=True)
class WatchSamples:
    """What a query answered: `overview` at instants of the fit window, `series` at each step of a
    part. Times are unix seconds."""

    watch: Watch
    overview: list[Series]
    series: list[Series]
    start: int  # of the part
    end: int  # of the part and of the fit window
    window_start: int
    warnings: tuple[str, ...]
    infos: tuple[str, ...]
    gaps: tuple[QueryGap, ...] = ()  # of the overview and of the part, see `failed_instants`

    @property
    def present(self) -> list[Series]:
        """The series that have samples in the part."""
        return [series for series in self.series if len(series.times)]

    @property
    def current(self) -> int:
        """Series that have a sample at the end."""
        return sum(int(series.times[-1]) == self.end for series in self.present)

    @property
    def all_labels(self) -> set[Labels]:
        """Of all series that were seen anywhere."""
        return {series.labels for series in [*self.overview, *self.series]}

    @property
    def most_at_once(self) -> int:
        """Series of the part that have a sample at the same time, at most."""
        times = np.concatenate([[0], *(series.times for series in self.series)])[1:]
        return int(np.unique(times, return_counts=True)[1].max(initial=0))

    @property
    def failed_instants(self) -> int:
        """Instants that were asked for and at which the query cannot be evaluated."""
        return len(
            {
                time
                for gap in self.gaps
                for time in range(gap.start, gap.end + self.watch.step, self.watch.step)
            }
        )

    @property
    def whole(self) -> bool:
        """Whether the part is the whole fit window."""
        return self.start == self.window_start

    @property
    def points(self) -> int:
        """Steps of the part."""
        return (self.end - self.start) // self.watch.step + 1

    @property
    def window_points(self) -> int:
        """Steps of the fit window."""
        return (self.end - self.window_start) // self.watch.step + 1

    @property
    def newest(self) -> int:
        """Time of the newest sample seen."""
        return max(
            int(series.times[-1]) for series in [*self.overview, *self.series] if len(series.times)
        )

    @property
    def oldest(self) -> int:
        """Time of the oldest sample seen; as coarse as the overview where not all was read."""
        return min(
            int(series.times[0]) for series in [*self.overview, *self.series] if len(series.times)
        )


def read_samples(watch: Watch, reader: PrometheusReader, now: int) -> WatchSamples:
    """Reads an overview of the fit window, then all of it or its last day.

    Raises NoSeries, or another BandwatchError where the query fails.
    """
    step = watch.step
    end = (now - watch.offset) // step * step
    window_start = end - watch.fit_seconds // step * step
    window_points = (end - window_start) // step + 1
    coarse_step = step * -(-window_points // OVERVIEW_INSTANTS)
    overview = reader.range(
        watch.query,
        -(-window_start // coarse_step) * coarse_step,
        end // coarse_step * coarse_step,
        coarse_step,
        max_series=watch.max_series,
        probe_time=end,
    )
    if not overview.observed:  # a young Prometheus: all of it may lie between two instants
        overview = reader.range(
            watch.query, end - coarse_step, end, step, max_series=watch.max_series
        )
    if not overview.observed:
        raise NoSeries(
            f"no series in the last {format_duration(watch.fit_seconds)}: check the names "
            "and the label matchers, and try the query in Prometheus itself"
        )
    start = window_start
    if len(overview.series) * window_points > MAX_SAMPLES:
        start = max(window_start, end - DAY // step * step)
    detail = reader.range(watch.query, start, end, step, max_series=watch.max_series)
    return WatchSamples(
        watch=watch,
        overview=overview.series,
        series=detail.series,
        start=start,
        end=end,
        window_start=window_start,
        warnings=tuple(dict.fromkeys(overview.warnings + detail.warnings)),
        infos=tuple(dict.fromkeys(overview.infos + detail.infos)),
        gaps=tuple(gap for gap in overview.gaps if gap.end < start) + detail.gaps,
    )
