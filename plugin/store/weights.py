"""Weights on disk: one safetensors file per version, written beside, made durable, then renamed."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from plugin.errors import StoreError
from plugin.store.database import errors_named

SUFFIX = ".safetensors"
WRITING = ".tmp"
LEFT_OVER_AFTER = 3600  # seconds; nobody writes a file for so long


def write(folder: Path, version: int, state: Mapping[str, NDArray[Any]]) -> Path:
    """A reader sees the whole file or none, and so does whoever comes after a crash."""
    path = folder / f"{version}{SUFFIX}"
    beside = folder / f"{version}{SUFFIX}{WRITING}"
    data = save({name: np.ascontiguousarray(array) for name, array in state.items()})
    with errors_named(path):
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
        _flush_folder(folder)
    return path


def read(path: Path, rows: Sequence[int]) -> dict[str, NDArray[Any]]:
    """The arrays of a file, these rows of each in this order."""
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name)[list(rows)] for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, IndexError) as error:
        raise StoreError(
            f"{path}: the weights cannot be read: {error}: fit again, or restore the file"
        ) from error


def remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with errors_named(path):
            path.unlink(missing_ok=True)


def left_over(folder: Path, suffix: str, kept: Iterable[str] = ()) -> list[Path]:
    """Files that a process which died has left: old enough that nobody is still at work on them."""
    names = set(kept)
    old = time.time() - LEFT_OVER_AFTER
    return [
        path
        for path in folder.glob(f"*{suffix}")
        if path.name not in names and path.stat().st_mtime < old
    ]


def _flush_folder(folder: Path) -> None:
    """Makes the rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
