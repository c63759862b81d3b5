"""What goes wrong beneath a running service, and ends: its disk, its files, its descriptors."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event

from plugin.components import Components

PAGES = 1_073_741_823  # no limit
PRAGMAS = {"max_page_count": PAGES, "query_only": 0}  # as they are when nothing is wrong
Fault = Callable[[Components], AbstractContextManager[None]]


@contextmanager
def nothing(made: Components) -> Iterator[None]:
    yield


@contextmanager
def full_disk(made: Components) -> Iterator[None]:
    """SQLite gets no page more, and no other file grows."""
    with _pragma(made, "max_page_count", 1), _limited(resource.RLIMIT_FSIZE, 4096):
        yield


@contextmanager
def failing_writes(made: Components) -> Iterator[None]:
    """Every write to a file fails."""
    with _limited(resource.RLIMIT_FSIZE, 0):
        yield


@contextmanager
def read_only_disk(made: Components) -> Iterator[None]:
    with _pragma(made, "query_only", 1):
        yield


@contextmanager
def no_descriptors(made: Components) -> Iterator[None]:
    """Nothing more can be opened: no file, no connection."""
    with _limited(resource.RLIMIT_NOFILE, _lowest_free_descriptor()):
        yield


@contextmanager
def no_database(made: Components) -> Iterator[None]:
    """It is moved away, and put back."""
    database = made.store.folder / "bandwatch.db"
    aside = database.with_name("aside")
    database.rename(aside)
    try:
        yield
    finally:
        aside.rename(database)


FAULTS: dict[str, Fault] = {
    "no fault": nothing,
    "full disk": full_disk,
    "failing writes": failing_writes,
    "read-only disk": read_only_disk,
    "no descriptors": no_descriptors,
    "no database": no_database,
}


@contextmanager
def _limited(kind: int, limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


@contextmanager
def _pragma(made: Components, name: str, value: int) -> Iterator[None]:
    """Sets it on each connection that is used meanwhile, and takes it back."""
    settings = {name: value}

    def use(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA {name} = {settings[name]}").close()

    engine = made.store._database._engine
    event.listen(engine, "checkout", use)
    try:
        yield
    finally:
        settings[name] = PRAGMAS[name]


def _lowest_free_descriptor() -> int:
    descriptor = os.open("/dev/null", os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def put_aside_database(folder: Path) -> None:
    """What `no_database` would do, of a service that was killed in it."""
    aside = folder / "aside"
    if aside.exists():
        aside.rename(folder / "bandwatch.db")


def flip_weights(folder: Path, choice: int) -> None:
    """Damages one file of weights."""
    path = _weights(folder, choice)
    if path is not None:
        data = bytearray(path.read_bytes())
        data[-200:] = bytes(byte ^ 0xFF for byte in data[-200:])
        path.write_bytes(data)


def delete_weights(folder: Path, choice: int) -> None:
    path = _weights(folder, choice)
    if path is not None:
        path.unlink()


DAMAGES: dict[str, Callable[[Path, int], None]] = {
    "damaged weights": flip_weights,
    "deleted weights": delete_weights,
}


def _weights(folder: Path, choice: int) -> Path | None:
    paths = sorted((folder / "weights").glob("*.safetensors"))
    return paths[-1 - choice % min(3, len(paths))] if paths else None
