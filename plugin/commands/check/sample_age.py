"""Whether the samples of a watch arrive late: how old the newest one is, beside how often one
comes."""

import math
from collections.abc import Iterator

import numpy as np

from plugin.commands.check.watch_samples import WatchSamples
from plugin.config.durations import format_duration
from plugin.errors import PrometheusError, SelectorError
from plugin.jobs.source_holes import newest_samples
from plugin.prometheus import PrometheusReader
from plugin.range_vectors import NO_VECTOR, RangeVector, longest_range_vector
from plugin.selectors import parse

LOOKED_AT_SECONDS = 900  # before the end
RESOLUTION_SECONDS = 15  # at which samples are looked at, where the step allows it
LOOKBACK_SECONDS = 300  # of Prometheus: without a sample for longer, a series has stopped
MAX_DISTANCES = 2  # usual times between two samples, from which on the newest one is late


def age_findings(samples: WatchSamples, reader: PrometheusReader) -> Iterator[tuple[str, str]]:
    """A warning with the `offset` to set, where values of the last steps will still change."""
    watch = samples.watch
    vector = _vector(watch.query)
    step = RESOLUTION_SECONDS if watch.step % RESOLUTION_SECONDS == 0 else watch.step
    start = samples.end - max(LOOKED_AT_SECONDS, 20 * step) // step * step
    if not vector.selector:
        return
    try:
        times = np.unique(newest_samples(reader, vector, start, samples.end, step))
    except PrometheusError:  # another server may not know `timestamp`: the query itself works
        return
    if len(times) < 3 or samples.end - times[-1] > LOOKBACK_SECONDS:
        return  # they come too seldom, or have stopped
    distance = max(step, float(np.median(np.diff(times))))
    age = samples.end - float(times[-1])
    if age > MAX_DISTANCES * distance:
        offset = watch.offset + math.ceil(age / watch.step) * watch.step
        yield (
            "warning",
            f"samples arrive late: the newest one was {age:.0f} s old, and one comes every"
            f" {distance:.0f} s: values of the last {age:.0f} s still change: set offset to"
            f" {format_duration(offset)}",
        )


def _vector(query: str) -> RangeVector:
    """What tells when samples came: what the query reads over a range, or the query itself where
    it is a selector; one without a selector = not known."""
    vector = longest_range_vector(query)
    if vector.selector:
        return vector
    try:
        parse(query)
    except SelectorError:
        return NO_VECTOR
    return RangeVector(query, 0)
