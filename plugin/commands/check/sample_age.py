"""Whether the samples of a watch arrive late: how old the newest one is, beside how often one
comes."""

import math
from collections.abc import Iterator

import numpy as np

from plugin.commands.check.watch_samples import WatchSamples
from plugin.config.durations import format_duration
from plugin.errors import PrometheusError, SelectorError
from plugin.prometheus import PrometheusReader
from plugin.range_vectors import longest_range_vector
from plugin.selectors import parse

LOOKED_AT_SECONDS = 900  # before the end
RESOLUTION_SECONDS = 15  # at which samples are looked at, where the step allows it
MAX_DISTANCES = 2  # usual times between two samples, from which on the newest one is late


def age_findings(samples: WatchSamples, reader: PrometheusReader) -> Iterator[tuple[str, str]]:
    """A warning with the `offset` to set, where values of the last steps will still change."""
    watch = samples.watch
    selector = _selector(watch.query)
    step = RESOLUTION_SECONDS if watch.step % RESOLUTION_SECONDS == 0 else watch.step
    start = samples.end - max(LOOKED_AT_SECONDS, 20 * step) // step * step
    if not selector:
        return
    try:
        answer = reader.range(f"max(timestamp({selector}))", start, samples.end, step, max_series=1)
    except PrometheusError:  # another server may not know `timestamp`: the query itself works
        return
    times = np.unique(answer.observed[0].values) if answer.observed else np.empty(0)
    if len(times) < 3 or answer.observed[0].times[-1] != samples.end:
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


def _selector(query: str) -> str:
    """What tells when samples came: what the query reads over a range, or the query itself where
    it is a selector; "" = not known."""
    vector = longest_range_vector(query)
    if vector.selector:
        return vector.selector
    try:
        parse(query)
    except SelectorError:
        return ""
    return query
