"""Which models there are and which one is the champion of each series; the weights themselves are
in files."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from plugin.errors import StoreError
from plugin.series import IntArray
from plugin.store.database import Database, each_of, insert_into, rows_of, write_rows
from plugin.store.records import ModelRecord
from plugin.store.schema import fits, models, reigns, series

MAX_UNFINISHED_FITS = 10_000  # the versions given out last: their fit may still end


class ModelTable:
    """The saved models of all series; see active_models.py and `Store.save_models` for writes."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def new_version(self, watch: str) -> int:
        """A number above all that were given out before, to any watch.

        It names a model and its weights. It is taken even when the fit never ends.
        """
        statement = insert(fits).values(watch=watch).returning(fits.c.version)
        with self._database.writing() as connection:
            return int(connection.execute(statement).scalar_one())

    def champions(self, watch: str) -> list[ModelRecord]:
        """The active models of a watch, ordered by series."""
        statement = (
            _SELECT.join(series, series.c.id == models.c.series_id)
            .where(series.c.watch == watch, models.c.champion)
            .order_by(models.c.series_id)
        )
        with self._database.reading() as connection:
            return [self._record(row) for row in rows_of(connection, statement)]

    def versions(self, ids: IntArray | Sequence[int]) -> list[tuple[ModelRecord, bool]]:
        """All saved models of some series, by series, the newest first; and whether each is the
        champion."""
        statement = _SELECT.where(models.c.series_id.in_(select(each_of(ids).c.value))).order_by(
            models.c.series_id, models.c.version.desc()
        )
        with self._database.reading() as connection:
            rows = rows_of(connection, statement)
        return [(self._record(row), bool(row[-1])) for row in rows]

    def _record(self, row: tuple[Any, ...]) -> ModelRecord:
        series_id, version, index, detector, spec, path, loss, *rest = row
        *rest, active_since, checked_at, pinned, champion = rest
        tenure = (active_since or 0, checked_at or 0, bool(pinned)) if champion else ()
        return ModelRecord(
            series_id,
            version,
            index,
            detector,
            spec,
            self._folder / path,
            math.nan if loss is None else loss,
            *rest,
            *tenure,
        )


def save(connection: Connection, watch: str, records: Sequence[ModelRecord], folder: Path) -> None:
    """Each becomes the champion of its series, all at once."""
    for version in {record.version for record in records}:
        first = next(record for record in records if record.version == version)
        _save_fit(connection, watch, first, folder)
    ids = each_of([record.series_id for record in records])
    connection.execute(
        update(models)
        .where(models.c.series_id.in_(select(ids.c.value)), models.c.champion)
        .values(champion=False)
    )
    names = ("series_id", "version", "row", "loss", "champion", "masked")
    statement = insert_into(models).values({name: bindparam(name) for name in names})
    excluded = statement.excluded
    write_rows(
        connection,
        statement.on_conflict_do_update(
            index_elements=["series_id", "version"],
            set_={name: excluded[name] for name in names[2:]},
        ),
        [(r.series_id, r.version, r.row, r.loss, True, r.masked) for r in records],
    )
    record_tenure(connection, records)


def promote(connection: Connection, records: Sequence[ModelRecord]) -> None:
    """Saved models become the champions of their series."""
    write_rows(
        connection,
        update(models)
        .where(models.c.series_id == bindparam("series"))
        .values(champion=models.c.version == bindparam("reigning")),
        [(r.version, r.series_id) for r in records],
    )
    record_tenure(connection, records)


def _save_fit(connection: Connection, watch: str, record: ModelRecord, folder: Path) -> None:
    if not record.path.is_file():
        raise StoreError(
            f"{record.path}: there are no such weights: write them before their model is saved"
        )
    saved = connection.execute(
        update(fits)
        .where(fits.c.version == record.version, fits.c.watch == watch)
        .values(
            detector=record.detector,
            spec=record.spec,
            path=str(record.path.relative_to(folder)),
            fitted_at=record.fitted_at,
            window_start=record.window_start,
            window_end=record.window_end,
        )
    )
    if saved.rowcount != 1:
        raise StoreError(
            f"version {record.version} was not given out to watch {watch!r}: ask for a new version"
            " first"
        )


def record_tenure(connection: Connection, records: Sequence[ModelRecord]) -> None:
    """Records `since`, `checked_at` and `pinned` of these champions."""
    names = ("series_id", "since", "checked_at", "pinned")
    statement = insert_into(reigns).values({name: bindparam(name) for name in names})
    write_rows(
        connection,
        statement.on_conflict_do_update(
            index_elements=["series_id"],
            set_={name: statement.excluded[name] for name in names[1:]},
        ),
        [(r.series_id, r.since, r.checked_at, r.pinned) for r in records],
    )


_SELECT = (
    select(
        models.c.series_id,
        models.c.version,
        models.c.row,
        fits.c.detector,
        fits.c.spec,
        fits.c.path,
        models.c.loss,
        fits.c.fitted_at,
        fits.c.window_start,
        fits.c.window_end,
        models.c.masked,
        reigns.c.since,
        reigns.c.checked_at,
        reigns.c.pinned,
        models.c.champion,
    )
    .join(fits, fits.c.version == models.c.version)
    .outerjoin(reigns, reigns.c.series_id == models.c.series_id)
)


def forget(connection: Connection, version_count: int, folder: Path) -> list[Path]:
    """Removes all but the champion and the newest `version_count` versions of each series.

    Returns the files that no model refers to any more: delete them once this is committed.
    """
    age = func.row_number().over(partition_by=models.c.series_id, order_by=models.c.version.desc())
    ranked = select(
        models.c.series_id, models.c.version, models.c.champion, age.label("age")
    ).subquery()
    old = rows_of(
        connection,
        select(ranked.c.series_id, ranked.c.version).where(
            ranked.c.age > version_count, ~ranked.c.champion
        ),
    )
    write_rows(
        connection,
        delete(models).where(
            models.c.series_id == bindparam("s"), models.c.version == bindparam("v")
        ),
        old,
    )
    unused = fits.c.path.is_not(None) & fits.c.version.not_in(select(models.c.version))
    paths = connection.execute(select(fits.c.path).where(unused)).scalars().all()
    abandoned = fits.c.path.is_(None) & (
        fits.c.version < select(func.max(fits.c.version)).scalar_subquery() - MAX_UNFINISHED_FITS
    )
    connection.execute(delete(fits).where(unused | abandoned))
    return [folder / path for path in paths]


def files(connection: Connection) -> list[str]:
    """The names of all weights files that are referred to."""
    paths = connection.execute(select(fits.c.path).where(fits.c.path.is_not(None))).scalars()
    return [os.path.basename(path) for path in paths]
