"""What remote write sends of the stored rows: values, and where each column of a series ends."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from plugin.series import BoolArray, FloatArray, IntArray, Samples
from plugin.store.sample_columns import complete

COLUMNS = ("score", "value", "expected", "lower", "upper")
NO_TIME = np.iinfo(np.int64).max


@dataclass(frozen=True)
class SamplesAtTime:
    """All samples of one time; entry i is of series `ids[i]` and column
    `COLUMNS[column[i]]`."""

    time: int  # unix seconds
    ids: IntArray  # [N] ascending
    column: IntArray  # [N]
    value: FloatArray  # [N] NaN = the column of this series ends here


def samples_by_time(
    rows: Mapping[int, Samples], start: int, end: int, stale_seconds: int
) -> Iterator[SamplesAtTime]:
    """The samples of each time in (start, end], in order of time.

    rows: by series, all of (start - stale_seconds, end]. A column ends with the next row of its
    series that lacks it; where there is no row for `stale_seconds`, it ends then. So the end
    follows from the rows alone, and a later run finds the same one. Rows not yet judged have no
    columns: they may still change.
    """
    if not rows:
        return
    parts = list(rows.values())
    ids = np.repeat(np.fromiter(rows, np.int64), [len(part) for part in parts])
    times = np.concatenate([part.times for part in parts])
    table = np.stack(
        [np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS], axis=1
    )
    table[~np.concatenate([complete(part) for part in parts])] = np.nan
    filled = ~np.isnan(table)  # [N, 5]
    end_times, ends = _ends(ids, times, filled, stale_seconds)
    row, column = np.nonzero(filled)
    end_row, end_column = np.nonzero(ends)
    yield from _by_time(
        np.concatenate([times[row], end_times[end_row]]),
        np.concatenate([ids[row], ids[end_row]]),
        np.concatenate([column, end_column]),
        np.concatenate([table[row, column], np.full(len(end_row), np.nan)]),
        start,
        end,
    )


def _ends(
    ids: IntArray, times: IntArray, filled: BoolArray, stale_seconds: int
) -> tuple[IntArray, BoolArray]:
    """[N] the time at which the columns of a row end, if they do, and [N, 5] whether they do: the
    next row may go on with them."""
    next_times = np.append(times[1:], NO_TIME)
    next_times[:-1][ids[1:] != ids[:-1]] = NO_TIME
    goes_on = np.zeros_like(filled)
    goes_on[:-1] = filled[1:]
    goes_on[next_times - times > stale_seconds] = False
    return np.minimum(next_times, times + stale_seconds), filled & ~goes_on


def _by_time(
    times: IntArray, ids: IntArray, column: IntArray, value: FloatArray, start: int, end: int
) -> Iterator[SamplesAtTime]:
    rows = np.flatnonzero((times > start) & (times <= end))
    order = rows[np.lexsort((column[rows], ids[rows], times[rows]))]
    if not len(order):
        return
    unique_times, first = np.unique(times[order], return_index=True)
    for time, part in zip(unique_times.tolist(), np.split(order, first[1:]), strict=True):
        yield SamplesAtTime(time, ids[part], column[part], value[part])
