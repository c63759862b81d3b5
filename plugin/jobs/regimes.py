"""New levels of the series of one watch: which a tick has accepted, which are asked for, which were
before.

A detector accepts a level by its own rule or where the batch says `settled`. What has been accepted
is kept in the store, and whoever runs the past through a model (a fit, a model that catches up)
says it again: so that a refit does not fall back to the level that was.
"""

from collections.abc import Sequence

import numpy as np

from detectors.api import Arrays, BoolArray
from detectors.regime import ACCEPT_SECONDS, Settling, settling
from plugin.board import LevelShift
from plugin.series import FloatArray, IntArray, Samples, Tick
from plugin.store import AcceptRequest, Regime, Store

PLACE_SECONDS = 3600  # before the acceptance, over which the old level and the new one are told


def asked_for(asked: Sequence[AcceptRequest], ids: IntArray, times: IntArray) -> BoolArray | None:
    """[S, T] True at the first sample after what each wish had seen; None where there is none to
    grant."""
    marks = [
        (each.series_id, int(np.searchsorted(times, each.seen, side="right"))) for each in asked
    ]
    return _marked([(series, at) for series, at in marks if at < len(times)], ids, len(times))


def accepted_before(
    store: Store, ids: IntArray, start: int, end: int, step: int
) -> BoolArray | None:
    """[S, T] True on the grid start..end where a level of series ids [S] has been accepted; None
    where none has."""
    marks = [
        (each.series_id, (each.accepted - start) // step)
        for each in store.regimes.between(start, end, ids)
    ]
    return _marked(marks, ids, (end - start) // step + 1)


def accepted_by(
    ticks: Sequence[Tick], store: Store, asked: Sequence[AcceptRequest], step: int
) -> list[Regime]:
    """The levels that detectors have accepted in these ticks, which are not stored yet."""
    wishes = {each.series_id: each for each in asked}
    return [
        _regime(tick, row, told, store, wishes.get(int(tick.ids[row])), step)
        for tick in ticks
        if (told := settling(tick.carry, int(tick.times[-1]), step)) is not None
        for row in np.flatnonzero(told.accepted >= tick.times[0]).tolist()
    ]


def shifts(ids: IntArray, carry: Arrays, until: int, step: int) -> dict[int, LevelShift]:
    """Which of the series ids [S] of a stack with that carry lie at another level now."""
    told = settling(carry, until, step)
    rows = np.flatnonzero(told.due).tolist() if told is not None else []
    return {
        int(ids[row]): LevelShift(int(told.since[row]), int(told.due[row]))
        for row in rows
        if told is not None
    }


def _regime(
    tick: Tick, row: int, told: Settling, store: Store, wish: AcceptRequest | None, step: int
) -> Regime:
    series = int(tick.ids[row])
    accepted = int(told.accepted[row])
    since = int(told.since[row])
    if not 0 < since <= accepted:  # another one has begun within the tick
        since = accepted - ACCEPT_SECONDS
    begin = max(since, accepted - PLACE_SECONDS)
    stored = store.samples(series, begin, min(accepted, int(tick.times[0]) - 1))
    new = (tick.times >= begin) & (tick.times <= accepted)
    before = _middle(stored, "expected", tick.expected[row, new])
    after = _middle(stored, "value", tick.value[row, new])
    by_someone = wish is not None and accepted == _granted(wish, tick.times)
    return Regime(
        series,
        accepted,
        since,
        before,
        after,
        *((wish.by, wish.reason) if wish and by_someone else ()),
    )


def _granted(wish: AcceptRequest, times: IntArray) -> int | None:
    later = times[times > wish.seen]
    return int(later[0]) if len(later) else None


def _middle(stored: Samples, column: str, new: FloatArray) -> float:
    """The median of stored and new numbers; NaN where there are none."""
    numbers = np.concatenate([getattr(stored, column), new])
    numbers = numbers[~np.isnan(numbers)]
    return float(np.median(numbers)) if len(numbers) else np.nan


def _marked(marks: Sequence[tuple[int, int]], ids: IntArray, length: int) -> BoolArray | None:
    row = _rows(ids)
    here = [(row[series], at) for series, at in marks if series in row]
    if not here:
        return None
    found = np.zeros((len(ids), length), bool)
    found[tuple(np.array(here).T)] = True
    return found


def _rows(ids: IntArray) -> dict[int, int]:
    return {series: row for row, series in enumerate(ids.tolist())}
