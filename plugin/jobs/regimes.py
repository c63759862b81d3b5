"""New levels of the series of one watch: which a tick has accepted, which are asked for, which were
before.

A detector accepts a level by its own rule, or where the batch says `settled`. Accepted levels are
kept in the store. A fit, or a model that catches up, is told of them with the past samples:
otherwise a refit would fall back to the old level.
"""

from collections.abc import Sequence

import numpy as np

from detectors.api import Arrays, BoolArray
from detectors.regime import ACCEPT_SECONDS, SettlingLevels, settling
from plugin.board import LevelShift
from plugin.grid import Grid
from plugin.series import FloatArray, IntArray, Samples, Tick
from plugin.store import AcceptRequest, Regime, Store

LEVEL_SECONDS = 3600  # before the acceptance: the samples that tell both levels


def requested_marks(
    requests: Sequence[AcceptRequest], ids: IntArray, times: IntArray
) -> BoolArray | None:
    """[S, T] True at the first sample after what each request had seen; None where there is no
    such sample."""
    marks = [
        (request.series_id, int(np.searchsorted(times, request.seen, side="right")))
        for request in requests
    ]
    return _marked(
        [(series_id, column) for series_id, column in marks if column < len(times)], ids, len(times)
    )


def accepted_marks(store: Store, ids: IntArray, grid: Grid) -> BoolArray | None:
    """[S, T] True on the grid where a level of the series ids [S] has been accepted; None where
    none has."""
    marks = [
        (regime.series_id, (regime.accepted - grid.start) // grid.step)
        for regime in store.regimes.between(grid.start, grid.end, ids)
    ]
    return _marked(marks, ids, grid.count)


def accepted_regimes(
    ticks: Sequence[Tick], store: Store, requests: Sequence[AcceptRequest], step: int
) -> list[Regime]:
    """The levels that detectors have accepted in these ticks, which are not stored yet."""
    requests_by_id = {request.series_id: request for request in requests}
    return [
        _regime(tick, row, levels, store, requests_by_id.get(int(tick.ids[row])), step)
        for tick in ticks
        if (levels := settling(tick.carry, int(tick.times[-1]), step)) is not None
        for row in np.flatnonzero(levels.accepted >= tick.times[0]).tolist()
    ]


def level_shifts(ids: IntArray, carry: Arrays, time: int, step: int) -> dict[int, LevelShift]:
    """Which of the series ids [S] of a stack with that carry lie at another level now."""
    levels = settling(carry, time, step)
    rows = np.flatnonzero(levels.due).tolist() if levels is not None else []
    return {
        int(ids[row]): LevelShift(int(levels.since[row]), int(levels.due[row]))
        for row in rows
        if levels is not None
    }


def _regime(
    tick: Tick,
    row: int,
    levels: SettlingLevels,
    store: Store,
    request: AcceptRequest | None,
    step: int,
) -> Regime:
    series = int(tick.ids[row])
    accepted = int(levels.accepted[row])
    shift_start = int(levels.since[row])
    if not 0 < shift_start <= accepted:  # the series has left this level, too, within the tick
        shift_start = accepted - ACCEPT_SECONDS
    start = max(shift_start, accepted - LEVEL_SECONDS)
    stored = store.samples.of(series, start, min(accepted, int(tick.times[0]) - 1))
    new = (tick.times >= start) & (tick.times <= accepted)
    old_level = _middle(stored, "expected", tick.expected[row, new])
    new_level = _middle(stored, "value", tick.value[row, new])
    by_someone = request is not None and accepted == _granted_at(request, tick.times)
    return Regime(
        series,
        accepted,
        shift_start,
        old_level,
        new_level,
        *((request.by, request.reason) if request and by_someone else ()),
    )


def _granted_at(request: AcceptRequest, times: IntArray) -> int | None:
    times_after = times[times > request.seen]
    return int(times_after[0]) if len(times_after) else None


def _middle(stored: Samples, column: str, new: FloatArray) -> float:
    """The median of stored and new numbers; NaN where there are none."""
    numbers = np.concatenate([getattr(stored, column), new])
    numbers = numbers[~np.isnan(numbers)]
    return float(np.median(numbers)) if len(numbers) else np.nan


def _marked(marks: Sequence[tuple[int, int]], ids: IntArray, length: int) -> BoolArray | None:
    """[S, length] True at marks (series id, column); None where there are none of these series."""
    if not marks:
        return None
    rows = {series_id: row for row, series_id in enumerate(ids.tolist())}
    cells = [(rows[series_id], column) for series_id, column in marks if series_id in rows]
    if not cells:
        return None
    mask = np.zeros((len(ids), length), bool)
    mask[tuple(np.array(cells).T)] = True
    return mask
