"""A database that is deleted, replaced or emptied under a running service is told, and nothing new
is made in its place."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from plugin.errors import StoreError
from plugin.series import IntArray
from plugin.store import Store
from plugin.store.sqlite import errors_named
from tests.plugin.store.build import tick


@pytest.fixture
def server() -> None:
    """What is here is about the file of SQLite."""


def path_of(store: Store) -> Path:
    return store.folder / "bandwatch.db"


def write(store: Store, ids: IntArray, time: int) -> None:
    store.write([tick(ids, [time])], "q", (time, time))


def test_a_deleted_database(store: Store, ids: IntArray) -> None:
    write(store, ids, 60)
    kept = store.folder / "kept"
    path_of(store).rename(kept)
    for use in (partial(write, store, ids, 120), store.check_file):
        with pytest.raises(StoreError, match=r"bandwatch\.db: it was deleted.* restore a copy"):
            use()
    assert not path_of(store).exists(), "no new file takes its place"
    kept.rename(path_of(store))
    store.check_file()
    write(store, ids, 120)
    assert store.samples.scored_until("cpu") == 120


def test_a_new_connection_makes_no_new_file(store: Store) -> None:
    path_of(store).unlink()
    with store._database.reading(), pytest.raises(StoreError, match="it was deleted"):
        store.series.all()  # the first connection is taken: this is the second one
    assert not path_of(store).exists()


def test_a_database_that_is_another_file(store: Store, ids: IntArray) -> None:
    shutil.copy(path_of(store), store.folder / "copy")
    (store.folder / "copy").rename(path_of(store))
    with pytest.raises(StoreError, match="replaced by another file while this service runs"):
        write(store, ids, 60)


def test_an_emptied_database(store: Store, ids: IntArray) -> None:
    os.truncate(path_of(store), 0)
    with pytest.raises(StoreError, match="it was emptied while this service runs"):
        write(store, ids, 60)


def truncate(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("loss", [Path.unlink, truncate])
def test_an_empty_database_beside_models_is_a_loss(
    store: Store, loss: Callable[[Path], None]
) -> None:
    store.weights.write(1, {"weight": np.ones((1, 2))})
    store.close()
    loss(path_of(store))
    with pytest.raises(
        StoreError, match="no database any more, though .*weights holds 1 files of .*start anew"
    ):
        Store.open(store.folder)
    shutil.rmtree(store.folder / "weights")
    Store.open(store.folder).close()


def test_a_worker_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database any more"):
        Store.open(tmp_path, create=False)
    assert not (tmp_path / "bandwatch.db").exists()


def test_a_full_disk_is_called_full(tmp_path: Path) -> None:
    class SharedMemoryTooSmall(sqlite3.OperationalError):
        sqlite_errorname = "SQLITE_IOERR_SHMSIZE"

    for failure in (SharedMemoryTooSmall("disk I/O error"), OSError(errno.ENOSPC, "No space left")):
        with pytest.raises(StoreError, match="the disk is full: free some space"):
            with errors_named(tmp_path):
                raise failure
