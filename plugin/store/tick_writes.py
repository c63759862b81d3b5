"""What one write adds, inside the transaction of the caller."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from plugin.errors import StoreError
from plugin.series import FloatArray, IntArray, Tick
from plugin.store import archive, detector_states, head, series
from plugin.store.database import insert_into, larger
from plugin.store.sample_columns import complete, join, take, values_only
from plugin.store.schema import watches

MIN_BLOCK_TIMES = 64  # of history; fewer go to the head


def add_ticks(connection: Connection, ticks: Sequence[Tick]) -> int:
    """Adds ticks of one watch. Returns the rows that are new or judged for the first time."""
    for tick in ticks:
        _check(tick)
    by_times: dict[bytes, list[Tick]] = {}
    for tick in ticks:
        by_times.setdefault(tick.times.tobytes(), []).append(tick)
    added = 0
    for stacks in by_times.values():
        tick = _side_by_side(stacks)
        series.check(connection, tick.watch, tick.ids)
        added += _add_to_head(connection, tick)
    for tick in ticks:
        detector_states.write(connection, tick)
    return added


def _side_by_side(ticks: Sequence[Tick]) -> Tick:
    """The samples of several stacks at the same times as one tick: so the rows of a time are
    written in the order of the table, whichever stacks their series are in."""
    if len(ticks) == 1:
        return ticks[0]

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(tick, name) for tick in ticks])

    return Tick(
        watch=ticks[0].watch,
        ids=column("ids"),
        times=ticks[0].times,
        value=column("value"),
        expected=column("expected"),
        lower=column("lower"),
        upper=column("upper"),
        score=column("score"),
        model_version=column("model_version"),
    )


def advance(connection: Connection, watch: str, first: int, last: int) -> bool:
    """Records up to which time a watch has been scored; never goes back.

    Returns False when `first` is not after all earlier ticks.
    """
    statement = insert_into(watches).values(watch=watch, scored_until=last)
    scored_until = connection.execute(
        select(watches.c.scored_until).where(watches.c.watch == watch)
    ).scalar()
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["watch"],
            set_={"scored_until": larger(watches.c.scored_until, statement.excluded.scored_until)},
        )
    )
    return scored_until is None or scored_until < first


def add_history(
    connection: Connection, watch: str, ids: IntArray, times: IntArray, values: FloatArray
) -> None:
    """Values that have not been judged, where nothing is stored yet; long ones go past the head."""
    missing = np.full(values.shape, np.nan)
    tick = Tick(
        watch, ids, times, values, missing, missing, missing, missing, np.zeros(len(ids), np.int64)
    )
    _check(tick)
    series.check(connection, watch, ids)
    if len(times) <= MIN_BLOCK_TIMES:
        _add_to_head(connection, tick)
        return
    in_head = head.read(connection, ids, int(times[0]), int(times[-1]))
    arriving = {}
    for series_id, row in zip(ids.tolist(), values, strict=True):
        head_times = in_head[series_id].times if series_id in in_head else times[:0]
        new = ~np.isnan(row) & ~np.isin(times, head_times)
        arriving[series_id] = values_only(times[new], row[new])
    archive.add(connection, arriving)
    series.extend_seen(connection, _seen(tick))


def _check(tick: Tick) -> None:
    shape = (len(tick.ids), len(tick.times))
    columns = [tick.value, tick.expected, tick.lower, tick.upper, tick.score]
    if any(column.shape != shape for column in columns) or len(tick.model_version) != shape[0]:
        raise StoreError(
            f"watch {tick.watch!r}: {shape[0]} series and {shape[1]} times need columns of that"
            f" shape: got {[column.shape for column in columns]}"
        )
    if not shape[1] or (np.diff(tick.times) <= 0).any():
        raise StoreError(
            f"watch {tick.watch!r}: times must ascend without duplicates, and there must be one"
        )


def _add_to_head(connection: Connection, tick: Tick) -> int:
    new = _not_in_blocks(connection, tick)
    added = sum(head.add(connection, rows) for rows in head.rows_of_tick(new))
    series.extend_seen(connection, _seen(tick))
    return added


def _not_in_blocks(connection: Connection, tick: Tick) -> Tick:
    """The tick without the rows that are in a block already.

    A row that is in a block with its value only is written when it has a score now.
    """
    first = int(tick.times[0])
    last = int(tick.times[-1])
    reaching = np.intersect1d(archive.reaching(connection, first), tick.ids)
    if not len(reaching):
        return tick
    value = tick.value.copy()
    judged = (tick.model_version > 0)[:, None] | ~np.isnan(tick.score) | ~np.isnan(tick.expected)
    row_of = {series_id: row for row, series_id in enumerate(tick.ids.tolist())}
    for series_id, parts in archive.read(connection, reaching, first, last).items():
        row = row_of[series_id]
        stored = join(parts)
        in_block = np.isin(tick.times, take(stored, complete(stored)).times)
        in_block |= np.isin(tick.times, stored.times) & ~judged[row]
        value[row, in_block] = np.nan
    return replace(tick, value=value)


def _seen(tick: Tick) -> dict[series.SampleSpan, IntArray]:
    """Ids by the first and the last time at which they have a value; those without any are left
    out."""
    has_value = ~np.isnan(tick.value)
    rows = np.flatnonzero(has_value.any(axis=1))
    first = tick.times[has_value[rows].argmax(axis=1)]
    last = tick.times[len(tick.times) - 1 - has_value[rows, ::-1].argmax(axis=1)]
    spans, group = np.unique(np.stack([first, last]), axis=1, return_inverse=True)
    starts = np.cumsum(np.bincount(group.ravel(), minlength=spans.shape[1]))[:-1]
    ids = np.split(tick.ids[rows][np.argsort(group.ravel(), kind="stable")], starts)
    return {(int(span[0]), int(span[1])): ids[place] for place, span in enumerate(spans.T)}
