"""Moves rows from the head into blocks, and expires what is old, in short transactions.

A row leaves the head in the transaction that writes it into a block. So it is in exactly one of
them, even if the process is killed.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sqlalchemy import delete, select

from plugin.domain.times import DAY, HOUR
from plugin.series import IntArray, Samples
from plugin.store import (
    alarms,
    archive,
    changes,
    coverage,
    detector_states,
    feedback,
    head,
    incident_queries,
    model_decisions,
    models,
    regimes,
    sample_cache,
    scored_counts,
    series,
    source_holes,
)
from plugin.store.database import Database
from plugin.store.records import FoldReport
from plugin.store.sample_columns import take
from plugin.store.schema import blocks, samples, watches

SLICE_SECONDS = 6 * HOUR  # a day's block is written four times, and the head stays small
MIN_HEAD_ROWS = 64  # of each series, so that `latest` finds them there
BLOCKS_PER_TRANSACTION = 500
STATE_RETENTION_SECONDS = DAY  # scoring never continues from an older detector state


def fold(
    database: Database, now: int, keep: int, limit: int, slice_seconds: int = SLICE_SECONDS
) -> FoldReport:
    """Folds the full slices that are older than `keep` seconds, at most about `limit` rows in one
    transaction."""
    end = (now - keep) // slice_seconds * slice_seconds
    with database.reading() as connection:
        times = head.times_between(connection, 0, end - 1)
    rows = 0
    block_count = 0
    transactions = 0
    # The newest first: then the rows that must stay in the head are counted first.
    slices = times // slice_seconds * slice_seconds
    for start in np.unique(slices)[::-1].tolist():
        last = start + slice_seconds - 1
        with database.reading() as connection:
            ids = head.series_between(connection, start, last)
        size = max(1, limit // int(np.count_nonzero(slices == start)))
        for first in range(0, len(ids), size):
            moved, changed = _fold_group(database, ids[first : first + size], start, last)
            rows = rows + moved
            block_count = block_count + changed
            transactions = transactions + (moved > 0)
    return FoldReport(rows, block_count, transactions)


def _fold_group(database: Database, ids: IntArray, start: int, last: int) -> tuple[int, int]:
    """One slice of some series in one transaction; start, last: its first and last second.

    Returns the rows moved and the blocks written.
    """
    with database.writing() as connection:
        younger = head.count_after(connection, ids, last)
        old = _all_but_newest(head.read(connection, ids, start, last), younger)
        changed = archive.add(connection, old)
        keys: list[head.SampleKey] = [
            (time, series_id) for series_id, rows in old.items() for time in rows.times.tolist()
        ]
        return head.remove(connection, sorted(keys)), changed


def _all_but_newest(
    samples_by_series: Mapping[int, Samples], younger: Mapping[int, int]
) -> dict[int, Samples]:
    """Leaves out the rows that must stay; `younger` counts the rows of each series after these."""
    old = {}
    for series_id, rows in samples_by_series.items():
        count = len(rows) - max(0, MIN_HEAD_ROWS - younger.get(series_id, 0))
        if count > 0:
            old[series_id] = take(rows, slice(0, count))
    return old


def expire(database: Database, now: int, retention: int, versions: int, folder: Path) -> list[str]:
    """Removes what is older than `retention` seconds and models beyond `versions` of a series.

    folder: that the paths of weights are relative to. Returns the names of the weights files that
    are still in use; those that are not have been deleted.
    """
    cutoff = now - retention
    with database.writing() as connection:
        connection.execute(delete(samples).where(samples.c.time < cutoff))
        coverage.forget(connection, cutoff)
        detector_states.forget(connection, now - STATE_RETENTION_SECONDS)
        alarms.forget(connection, cutoff)
        scored_counts.forget(connection, cutoff)
        feedback.forget(connection, cutoff, now)
        regimes.forget(connection, cutoff)
        incident_queries.forget(connection, cutoff)
        changes.forget(connection, cutoff)
        source_holes.forget(connection, cutoff)
    while _drop_blocks(database, cutoff) == BLOCKS_PER_TRANSACTION:
        pass
    with database.writing() as connection:
        for watch in connection.execute(select(watches.c.watch)).scalars().all():
            sample_cache.count_rewrite(connection, watch)
        series.remove_gone(connection, cutoff)
        unused = models.forget(connection, versions, folder)
        model_decisions.forget(connection, cutoff)
        file_names = models.files(connection)
    for path in unused:
        path.unlink(missing_ok=True)
    database.give_back_space()
    return file_names


def _drop_blocks(database: Database, cutoff: int) -> int:
    """Drops some of the blocks whose newest row is too old."""
    with database.writing() as connection:
        old = connection.execute(
            select(blocks.c.series_id, blocks.c.start)
            .where(blocks.c.last < cutoff)
            .limit(BLOCKS_PER_TRANSACTION)
        ).all()
        for series_id, start in old:
            connection.execute(
                delete(blocks).where(blocks.c.series_id == series_id, blocks.c.start == start)
            )
        return len(old)
