"""Weights on disk: one safetensors file per version, written beside, made durable, then renamed."""

import errno
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from plugin.errors import ResourcesExhausted, StoreError
from plugin.store.disk_errors import errors_named

SUFFIX = ".safetensors"
CHECKSUM_KEY = "bandwatch.checksum"  # in the metadata of the header
TEMPORARY_SUFFIX = ".tmp"
EXHAUSTED_NUMBERS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
ABANDONED_AFTER_SECONDS = 3600  # no process takes so long to write a file


class Weights(Protocol):
    """The weights of all fits, wherever they are: `WeightFiles`, `ObjectWeights`."""

    place: str  # for people

    def write(self, version: int, state: Mapping[str, NDArray[Any]]) -> Path:
        """Arrays with leading axis S. The version appears whole and durable, or not at all.

        Returns the path by which it is read; its name is kept with the models. Raises StoreError.
        """

    def read(self, path: Path, rows: Sequence[int]) -> dict[str, NDArray[Any]]:
        """The arrays of a version, these rows of each in this order.

        Raises ResourcesExhausted where a later try may succeed, else StoreError.
        """

    def remove_unused(self, file_names: Iterable[str]) -> None:
        """Removes what a process that died has left; `file_names` are the names that stay."""

    def remove_unfinished(self) -> None:
        """Removes what a process was writing when it died."""

    def count(self) -> int:
        """Versions that are complete."""

    def size_bytes(self) -> int:
        """Of the files on this disk."""


class WeightFiles:
    """The weights in a folder."""

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._folder = folder

    def write(self, version: int, state: Mapping[str, NDArray[Any]]) -> Path:
        """Arrays with leading axis S. The file appears whole and durable, or not at all."""
        return self.put(f"{version}{SUFFIX}", encoded(state))

    def put(self, name: str, data: bytes) -> Path:
        """Writes what `encoded` has made. Returns the path of the file. Raises StoreError."""
        path = self._folder / name
        temporary = self._folder / f"{name}{TEMPORARY_SUFFIX}"
        with errors_named(path):
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
            _flush_folder(self._folder)
        return path

    def read(self, path: Path, rows: Sequence[int]) -> dict[str, NDArray[Any]]:
        """The arrays of a file, these rows of each in this order.

        Raises ResourcesExhausted where a later try may succeed, else StoreError.
        """
        try:
            path.open("rb").close()  # `safe_open` calls every file missing that it cannot open
            with safe_open(path, framework="numpy") as file:
                names = file.keys()  # a safetensors file cannot be iterated over
                arrays = {name: file.get_tensor(name) for name in names}
                refuse_damage(arrays, (file.metadata() or {}).get(CHECKSUM_KEY))
            return {name: array[list(rows)] for name, array in arrays.items()}
        except (OSError, SafetensorError, IndexError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in EXHAUSTED_NUMBERS:
                raise ResourcesExhausted(
                    f"{path}: {error.strerror}: raise the limits of this process"
                ) from error
            raise StoreError(
                f"{path}: the weights cannot be read: {error}: fit again, or restore the file"
            ) from error

    def remove_unused(self, file_names: Iterable[str]) -> None:
        """Removes files that a process which died has left; `file_names` are the names that
        stay."""
        self._remove_abandoned(SUFFIX, set(file_names))
        self.remove_unfinished()

    def remove_unfinished(self) -> None:
        """Removes files that a process was writing when it died."""
        self._remove_abandoned(TEMPORARY_SUFFIX, set())

    def count(self) -> int:
        """Files that are complete."""
        return sum(1 for _ in self._files(SUFFIX))

    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in self._files(""))

    def _files(self, suffix: str) -> Iterator[os.DirEntry[str]]:
        """Files of the folder whose name ends so."""
        # A `Path` would have the interpreter remember each name that it is made of.
        with os.scandir(self._folder) as files:
            yield from (file for file in files if file.name.endswith(suffix))

    def _remove_abandoned(self, suffix: str, file_names: set[str]) -> None:
        oldest_time = time.time() - ABANDONED_AFTER_SECONDS
        for file in self._files(suffix):
            if file.name not in file_names and file.stat().st_mtime < oldest_time:
                path = self._folder / file.name
                with errors_named(path):
                    path.unlink(missing_ok=True)


def encoded(state: Mapping[str, NDArray[Any]]) -> bytes:
    """A weights file, with the checksum of its arrays."""
    arrays = {name: np.ascontiguousarray(array) for name, array in state.items()}
    return save(arrays, metadata={CHECKSUM_KEY: checksum(arrays)})


def checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """CRC-32 of names, types, shapes and contents, as eight hexadecimal digits."""
    total = 0
    for name, array in sorted(arrays.items()):
        total = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total)
        total = zlib.crc32(np.ascontiguousarray(array).data.cast("B") if array.size else b"", total)
    return f"{total:08x}"


def refuse_damage(arrays: Mapping[str, NDArray[Any]], expected: str | None) -> None:
    """Raises ValueError where the arrays are not those that were written.

    expected: their checksum; None in files of older versions. Such a file is damaged where a weight
    of a network (float32) is not finite: other arrays may have bounds that are infinite.
    """
    if expected is None:
        for name, array in arrays.items():
            if array.dtype == np.float32 and not np.isfinite(array).all():
                raise ValueError(f"damaged: `{name}` has numbers that are not finite")
    elif (found := checksum(arrays)) != expected:
        raise ValueError(f"damaged: its checksum is {found}, and was {expected} when written")


def _flush_folder(folder: Path) -> None:
    """Makes the rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
