"""How long a fit of a whole watch will take on this machine."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from detectors.api import DetectorError, SeriesBatch
from plugin import grid
from plugin.commands.check.quantities import rounded_duration
from plugin.commands.check.watch_samples import WatchSamples
from plugin.config.durations import format_duration
from plugin.config.model import Watch, WorkerSettings

SecondsPerSeries = Callable[[Watch, SeriesBatch], float]

TIMED_SERIES = 8  # of the larger one of the two fits that are timed


def fit_findings(
    samples: WatchSamples, workers: WorkerSettings, seconds_per_series: SecondsPerSeries
) -> Iterator[tuple[str, str]]:
    """Headings and texts, from real fits of one and of a few of the fullest series."""
    watch = samples.watch
    fullest = sorted(samples.series, key=lambda series: -len(series.times))[:TIMED_SERIES]
    if not fullest:
        yield "fit", "nothing to time: no series has samples in what was read"
        return
    window = grid.Grid.between(samples.start, samples.end, watch.step)
    batch = grid.series_batch(grid.align(fullest, window), window, watch.timezone, watch.calendar)
    try:
        seconds_by_size = {
            size: size * seconds_per_series(watch, batch.rows(np.arange(size)))
            for size in sorted({1, len(fullest)})
        }
    except DetectorError as error:
        yield "fit", f"not yet possible: {error}"
        return
    count = len(samples.all_labels)
    seconds = stacked_seconds(seconds_by_size, count, workers)
    seconds *= samples.window_points / samples.points
    every = format_duration(watch.fit_every)
    fit_duration = rounded_duration(max(1.0, seconds))
    yield "fit", f"about {fit_duration} for {count:,} series, every {every}"
    if seconds > watch.fit_every:
        yield "warning", f"a fit takes longer than fit_every: {every}: raise it, or `workers.fits`"


def stacked_seconds(
    seconds_by_size: Mapping[int, float], count: int, workers: WorkerSettings
) -> float:
    """Seconds for `count` series, from those for stacks of one or two sizes.

    A stack costs a start and its rows; stacks run side by side in `workers.fits` processes.
    """
    smallest = min(seconds_by_size)
    largest = max(seconds_by_size)
    row_seconds = seconds_by_size[smallest]
    if largest > smallest:
        extra_seconds = seconds_by_size[largest] - seconds_by_size[smallest]
        row_seconds = max(0.0, extra_seconds) / (largest - smallest)
    start_seconds = max(0.0, seconds_by_size[smallest] - smallest * row_seconds)
    stacks = -(-count // workers.stack)
    return (stacks * start_seconds + count * row_seconds) / min(workers.fits, stacks)
