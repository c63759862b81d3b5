"""Moves rows from the head into blocks, and expires what is old, in transactions that nobody has to
wait for.

A row leaves the head in the transaction that writes it into a block, so that whoever is killed at
any instant leaves it in exactly one of them.
"""

from collections.abc import Mapping

import numpy as np
from sqlalchemy import delete, select

from plugin.series import IntArray, Samples
from plugin.store import (
    alarms,
    archive,
    budget,
    coverage,
    detector_states,
    feedback,
    head,
    incident_queries,
    model_decisions,
    models,
    regimes,
    sample_cache,
    series,
)
from plugin.store.database import Database
from plugin.store.records import FoldReport
from plugin.store.sample_columns import take
from plugin.store.schema import blocks, samples, watches

SLICE = 21_600  # seconds; a day's block is written four times, and the head stays small in between
NEWEST = 64  # rows of each series that stay, so that `latest` finds them
BLOCKS_AT_ONCE = 500
CARRY_KEPT = 86_400  # seconds; an older carry is of no use, as nobody goes on from there


def fold(database: Database, now: int, keep: int, limit: int) -> FoldReport:
    """Folds the full slices that are older than `keep` seconds, at most about `limit` rows in one
    transaction."""
    end = (now - keep) // SLICE * SLICE
    with database.reading() as connection:
        times = head.times_between(connection, 0, end - 1)
    rows = 0
    written = 0
    transactions = 0
    for start in np.unique(times // SLICE * SLICE)[
        ::-1
    ].tolist():  # the newest first: what stays is then counted soon
        ticks = np.count_nonzero(times // SLICE * SLICE == start)
        with database.reading() as connection:
            ids = head.series_between(connection, start, start + SLICE - 1)
        size = max(1, limit // int(ticks))
        for first in range(0, len(ids), size):
            moved, changed = _fold_group(database, ids[first : first + size], start)
            rows = rows + moved
            written = written + changed
            transactions = transactions + (moved > 0)
    return FoldReport(rows, written, transactions)


def _fold_group(database: Database, ids: IntArray, start: int) -> tuple[int, int]:
    """One slice of some series in one transaction.

    Returns the rows moved and the blocks written.
    """
    last = start + SLICE - 1
    with database.writing() as connection:
        younger = head.count_after(connection, ids, last)
        old = _all_but_newest(head.read(connection, ids, start, last), younger)
        changed = archive.file(connection, old)
        keys: list[head.Row] = [
            (time, id) for id, rows in old.items() for time in rows.times.tolist()
        ]
        return head.remove(connection, sorted(keys)), changed


def _all_but_newest(found: Mapping[int, Samples], younger: Mapping[int, int]) -> dict[int, Samples]:
    kept = {id: max(0, NEWEST - younger.get(id, 0)) for id in found}
    return {
        id: take(rows, slice(0, len(rows) - kept[id]))
        for id, rows in found.items()
        if len(rows) > kept[id]
    }


def expire(database: Database, now: int, retention: int, versions: int) -> list[str]:
    """Removes what is older than `retention` seconds and models beyond `versions` of a series.

    Returns the names of the weights files that are still in use; those that are not have been
    deleted.
    """
    before = now - retention
    with database.writing() as connection:
        connection.execute(delete(samples).where(samples.c.time < before))
        coverage.forget(connection, before)
        detector_states.forget(connection, now - CARRY_KEPT)
        alarms.forget(connection, before)
        budget.forget(connection, before)
        feedback.forget(connection, before, now)
        regimes.forget(connection, before)
        incident_queries.forget(connection, before)
    while _drop_blocks(database, before) == BLOCKS_AT_ONCE:
        pass
    with database.writing() as connection:
        for watch in connection.execute(select(watches.c.watch)).scalars().all():
            sample_cache.count_rewrite(connection, watch)
        series.remove_gone(connection, before)
        unused = models.forget(connection, versions, database.path.parent)
        model_decisions.forget(connection, before)
        used = models.files(connection)
    for path in unused:
        path.unlink(missing_ok=True)
    database.give_back_space()
    return used


def _drop_blocks(database: Database, before: int) -> int:
    """Drops some of the blocks whose newest row is too old; the oldest day goes when all of it
    is."""
    with database.writing() as connection:
        old = connection.execute(
            select(blocks.c.series_id, blocks.c.start)
            .where(blocks.c.last < before)
            .limit(BLOCKS_AT_ONCE)
        ).all()
        for id, start in old:
            connection.execute(
                delete(blocks).where(blocks.c.series_id == id, blocks.c.start == start)
            )
        return len(old)
