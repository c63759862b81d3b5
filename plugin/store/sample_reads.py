"""Reading head and blocks as one.

Each function runs in one snapshot, so a fold beside it is never half seen.
"""

import numpy as np
from sqlalchemy import Connection

from plugin.series import BoolArray, FloatArray, IntArray, Samples
from plugin.store import archive, head, series
from plugin.store.sample_columns import NO_SAMPLES, join, merge, take


def samples(connection: Connection, series_id: int, start: int, end: int) -> Samples:
    """Everything stored of one series, inclusive."""
    old = join(archive.read(connection, [series_id], start, end).get(series_id, []))
    rows = merge(old, head.read(connection, [series_id], start, end).get(series_id, NO_SAMPLES))
    return take(rows, slice(*np.searchsorted(rows.times, [start, end + 1])))


def values(connection: Connection, ids: IntArray, start: int, end: int, step: int) -> FloatArray:
    """[S, T] on the grid start..end inclusive; NaN = none."""
    table = np.full((len(ids), (end - start) // step + 1), np.nan)
    row_by_id = {int(series_id): i for i, series_id in enumerate(ids)}
    for series_id, times, value in archive.read_values(connection, ids, start, end):
        _fill(table[row_by_id[series_id]], times, value, start, step)
    for series_id, rows in head.read(connection, ids, start, end).items():  # see sample_columns.py
        _fill(table[row_by_id[series_id]], rows.times, rows.value, start, step)
    return table


def history(
    connection: Connection, ids: IntArray, start: int, end: int, step: int
) -> tuple[FloatArray, BoolArray]:
    """[S, T] values as `values` has them, and True where a value was outside the band that it
    had."""
    table = np.full((len(ids), (end - start) // step + 1), np.nan)
    outside_flags = np.zeros(table.shape)
    row_by_id = {int(series_id): i for i, series_id in enumerate(ids)}
    for parts in (
        archive.stream(connection, ids, start, end),
        head.read(connection, ids, start, end).items(),
    ):
        for series_id, rows in parts:
            _fill(table[row_by_id[series_id]], rows.times, rows.value, start, step)
            _fill(
                outside_flags[row_by_id[series_id]],
                rows.times,
                (rows.value < rows.lower) | (rows.value > rows.upper),
                start,
                step,
            )
    return table, outside_flags > 0


def between(connection: Connection, ids: IntArray, start: int, end: int) -> dict[int, Samples]:
    """Everything stored of some series, inclusive; a series without rows is absent."""
    young = head.read(connection, ids, start, end)
    old = archive.read(connection, ids, start, end)
    for series_id, parts in old.items():
        rows = merge(join(parts), young.get(series_id, NO_SAMPLES))
        young[series_id] = take(rows, slice(*np.searchsorted(rows.times, [start, end + 1])))
    return {series_id: rows for series_id, rows in young.items() if len(rows)}


def _fill(
    row: FloatArray, times: IntArray, value: FloatArray | BoolArray, start: int, step: int
) -> None:
    """Puts samples on the grid; those beside it are left out."""
    columns, remainder = np.divmod(times - start, step)
    inside = (columns >= 0) & (columns < len(row)) & (remainder == 0)
    row[columns[inside]] = value[inside]


def latest(connection: Connection, ids: IntArray, n: int) -> list[Samples]:
    """The last n samples of each series, in the order of `ids`.

    Most are found by stepping back over the last ticks of the head; who has too few there, or has
    history in blocks that is younger, is read in full.
    """
    in_blocks = archive.newest(connection, ids)
    rows_by_id: dict[int, Samples] = {}
    for last_seen, group in _by_last_seen(connection, ids).items():
        for series_id, rows in head.read_back(connection, group, last_seen, n).items():
            if len(rows) == n and in_blocks.get(series_id, -1) < rows.times[0]:
                rows_by_id[series_id] = rows
    remaining_ids = [int(i) for i in ids if int(i) not in rows_by_id]
    in_head = head.read(connection, remaining_ids) if remaining_ids else {}
    for series_id in remaining_ids:
        rows_by_id[series_id] = _last(
            connection, series_id, in_head.get(series_id, NO_SAMPLES), n, series_id in in_blocks
        )
    return [rows_by_id[int(i)] for i in ids]


def _by_last_seen(connection: Connection, ids: IntArray) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for series_id, time in series.last_seen(connection, ids).items():
        groups.setdefault(time, []).append(series_id)
    return groups


def _last(
    connection: Connection, series_id: int, rows: Samples, n: int, in_blocks: bool
) -> Samples:
    """Goes back block by block until no older one can hold one of the last n."""
    for start, block in archive.backwards(connection, series_id) if in_blocks else ():
        if np.count_nonzero(rows.times >= start + archive.BLOCK_SECONDS) >= n:
            break
        rows = merge(block, rows)
    return take(rows, slice(max(0, len(rows) - n), None))
