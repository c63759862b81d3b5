"""Every failure of the disk or the database arrives as StoreError, with path, reason and remedy."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from plugin.domain.times import DAY
from plugin.errors import StoreError
from plugin.series import IntArray
from plugin.store import Store
from plugin.store.schema import blocks
from tests.plugin.store.build import SQLITE_ONLY, tick


def pragma(store: Store, setting: str) -> None:
    """Sets it on the one pooled connection."""
    raw = store._database._engine.raw_connection()
    raw.cursor().execute(f"PRAGMA {setting}").fetchall()
    raw.close()


@SQLITE_ONLY
def test_a_full_disk_loses_nothing_acknowledged(store: Store, ids: IntArray) -> None:
    pragma(store, "max_page_count = 100")
    written = 0
    with pytest.raises(StoreError, match=r"bandwatch\.db: the disk is full: free some space"):
        while True:
            store.write([tick(ids, np.arange(written, written + 50))], "q", (0, 0))
            written += 50
    pragma(store, "max_page_count = 9999999")
    assert written > 0
    assert store.samples.scored_until("cpu") == written - 1
    assert [len(rows) for rows in store.samples.latest(ids, 100_000)] == [written] * 3


@SQLITE_ONLY
def test_a_read_only_file(store: Store, ids: IntArray) -> None:
    pragma(store, "query_only = ON")
    with pytest.raises(StoreError, match="read-only: give this user the right"):
        store.write([tick(ids, [60])], "q", (60, 60))


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="check the disk, the folder and its permissions"):
        Store.open(tmp_path / "file" / "data")


def test_a_file_that_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "bandwatch.db").write_text("not a database" * 100)
    with pytest.raises(StoreError, match="not an SQLite database: move it away"):
        Store.open(tmp_path)


@SQLITE_ONLY
def test_a_store_held_by_another_process(store: Store) -> None:
    other = sqlite3.connect(store.folder / "bandwatch.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    pragma(store, "busy_timeout = 10")
    with pytest.raises(StoreError, match="let only one `bandwatch run` use the folder"):
        store.models.new_version("cpu")
    other.close()


def test_a_damaged_block_is_named(store: Store, ids: IntArray) -> None:
    times = np.arange(0, DAY, 600)
    store.record_history("cpu", "q", ids, times, np.ones((3, len(times))), (0, DAY))
    with store._database.writing() as connection:
        connection.execute(
            update(blocks).where(blocks.c.series_id == 2).values(data=b"\x01 nothing of the kind")
        )
    assert len(store.samples.of(1, 0, DAY)) == 144
    for read in (
        lambda: store.samples.of(2, 0, DAY),
        lambda: store.samples.values(ids, 0, DAY, 600),
    ):
        with pytest.raises(
            StoreError, match="block of series 2 that starts at 0 cannot be read: .*checksum"
        ):
            read()


@SQLITE_ONLY
def test_a_damaged_file(store: Store, ids: IntArray) -> None:
    store.write([tick(ids, np.arange(0, DAY, 60))], "q", (0, DAY))
    store.close()
    path = store.folder / "bandwatch.db"
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="it is damaged: stop, move it away"):
        again = Store.open(store.folder)
        again.samples.of(1, 0, DAY)


def test_a_mistake_of_ours_is_not_dressed_up(store: Store) -> None:
    with pytest.raises(DBAPIError, match=r"(no such )?column.*nonsense"):
        with store._database.reading() as connection:
            connection.execute(text("SELECT nonsense"))
