"""The first day: a series that has just appeared is learnt from before it may alert. Pure.

A sample is provisional until `learn_for` of its watch has passed since the first sample of its
series, whether that one was scored or read from Prometheus as history. A series is learning while
its latest sample is provisional: one that stops in its first day is still learning when it comes
back. A series that was known before is not new, however long it was away.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from plugin.domain.intervals import Interval
from plugin.series import BoolArray, IntArray, SeriesRecord, Tick


def learning_end(first_seen: int, learn_for: int) -> int:
    """Unix seconds from which no sample of a series is provisional.

    first_seen: unix seconds of its first sample. learn_for: seconds; 0 = no sample ever is.
    """
    return first_seen + learn_for


def is_learning(first_seen: int, last_seen: int, learn_for: int) -> bool:
    """Whether the latest sample of a series is provisional; the times of its first and its latest
    sample are in unix seconds."""
    return last_seen < learning_end(first_seen, learn_for)


def learning_rows(first_seen: IntArray, last_seen: IntArray, learn_for: int) -> BoolArray:
    """[S] the same of many series; times [S]."""
    learning: BoolArray = last_seen < first_seen + learn_for
    return learning


def learning_intervals(
    records: Iterable[SeriesRecord], learn_for: int, start: int
) -> Iterator[Interval]:
    """The provisional time of each series, where it ends after `start`, unix seconds."""
    for record in records:
        end = learning_end(record.first_seen, learn_for)
        if end > start:
            yield Interval(record.id, record.first_seen, end - 1)


def without_provisional_alarms(tick: Tick, first_seen: Mapping[int, int], learn_for: int) -> Tick:
    """The tick with its provisional samples muted: no alarm comes of them.

    first_seen: series id -> unix seconds of its first sample; a series that is not in it is not
    new.
    """
    starts = [first_seen.get(series_id, -learn_for) for series_id in tick.ids.tolist()]
    ends = np.array(starts, np.int64) + learn_for
    provisional = tick.times[None, :] < ends[:, None]
    if not provisional.any():
        return tick
    return replace(tick, muted=provisional if tick.muted is None else tick.muted | provisional)
