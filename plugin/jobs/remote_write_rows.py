"""What a receiver of remote write is told of the rows that the store holds: values, and where each
of them ends."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from plugin.series import BoolArray, FloatArray, IntArray, Samples
from plugin.store.sample_columns import complete

COLUMNS = ("score", "value", "expected", "lower", "upper")
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class SamplesAtTime:
    """All that is told of one time; entry i is of series `ids[i]` and column
    `COLUMNS[column[i]]`."""

    time: int  # unix seconds
    ids: IntArray  # [N] ascending
    column: IntArray  # [N]
    value: FloatArray  # [N] NaN = the column of this series ends here


def samples_by_time(
    rows: Mapping[int, Samples], after: int, until: int, patience: int
) -> Iterator[SamplesAtTime]:
    """The moments in (after, until], in order of time.

    rows: by series, all of (after - patience, until]. A column ends with the next row of its series
    that lacks it, and where there is no row for `patience` seconds it ends then: so its end follows
    from the rows alone, and is the same whoever asks, and when. Rows that have not been judged have
    no columns: they may still change.
    """
    if not rows:
        return
    ids = np.repeat(np.fromiter(rows, np.int64), [len(each) for each in rows.values()])
    times = np.concatenate([each.times for each in rows.values()])
    table = np.stack(
        [np.concatenate([getattr(each, name) for each in rows.values()]) for name in COLUMNS],
        axis=1,
    )
    table[~np.concatenate([complete(each) for each in rows.values()])] = np.nan
    present = ~np.isnan(table)  # [N, 5]
    ends, ending = _ends(ids, times, present, patience)
    row, column = np.nonzero(present)
    last, ended = np.nonzero(ending)
    yield from _by_time(
        np.concatenate([times[row], ends[last]]),
        np.concatenate([ids[row], ids[last]]),
        np.concatenate([column, ended]),
        np.concatenate([table[row, column], np.full(len(last), np.nan)]),
        after,
        until,
    )


def _ends(
    ids: IntArray, times: IntArray, present: BoolArray, patience: int
) -> tuple[IntArray, BoolArray]:
    """[N] when what a row has ends unless the next row goes on with it, and [N, 5] whether it does
    end."""
    following = np.append(times[1:], NEVER)
    following[:-1][ids[1:] != ids[:-1]] = NEVER
    goes_on = np.zeros_like(present)
    goes_on[:-1] = present[1:]
    goes_on[following - times > patience] = False
    return np.minimum(following, times + patience), present & ~goes_on


def _by_time(
    times: IntArray, ids: IntArray, column: IntArray, value: FloatArray, after: int, until: int
) -> Iterator[SamplesAtTime]:
    wanted = np.flatnonzero((times > after) & (times <= until))
    order = wanted[np.lexsort((column[wanted], ids[wanted], times[wanted]))]
    if not len(order):
        return
    each, first = np.unique(times[order], return_index=True)
    for time, part in zip(each.tolist(), np.split(order, first[1:]), strict=True):
        yield SamplesAtTime(time, ids[part], column[part], value[part])
