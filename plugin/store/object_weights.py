"""Weights in an object store, or in any other place that fsspec reaches by a URL.

Whoever writes a version puts it there whole, or not at all, and a version never changes. So a copy
on the disk of this machine is as good as the object, and most reads find one.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from plugin.clock import pause
from plugin.errors import ResourcesExhausted, StoreError, WeightsUnavailable
from plugin.store.weights import (
    ABANDONED_AFTER_SECONDS,
    SUFFIX,
    TEMPORARY_SUFFIX,
    WeightFiles,
    encoded,
)

Result = TypeVar("Result")
FileSystem = Any  # of fsspec
Operation = Callable[[FileSystem, str], Result]

CACHE_BYTES = 1 << 30  # of copies on this disk
TRIES = 3
RETRY_SECONDS = 0.5  # before the second try; twice as long before the third
# Of each scheme: what the client is told, beside what it reads from its environment.
OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 30,
            "retries": {"total_max_attempts": 1},  # we try again ourselves
        }
    }
}
# Of each scheme: how a put is told that the object must not exist yet.
EXCLUSIVE: dict[str, dict[str, Any]] = {"abfs": {"overwrite": False}}
EXTRAS = {"s3": "bandwatch[s3]", "gs": "gcsfs", "abfs": "adlfs"}  # to be installed for a scheme
NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "ClientAuthenticationError",
    "DefaultCredentialsError",
)


class ObjectWeights:
    """The weights of all fits, below a URL; the folder holds copies."""

    def __init__(self, folder: Path, url: str) -> None:
        """url: file:, s3:, gs: or abfs:, and the prefix of all names. Nothing is asked yet."""
        self.place = url.rstrip("/")
        self._scheme = url.partition(":")[0]
        self._copies = WeightFiles(folder)
        self._folder = folder

    def write(self, version: int, state: Mapping[str, NDArray[Any]]) -> Path:
        """Arrays with leading axis S. The object appears whole and durable, or not at all.

        Returns the path of the copy, whose name is the name of the object.
        """
        data = encoded(state)
        name = f"{version}{SUFFIX}"
        self._try(name, lambda files, path: self._put(files, path, data))
        path = self._copies.put(name, data)
        self._make_room()
        return path

    def read(self, path: Path, rows: Sequence[int]) -> dict[str, NDArray[Any]]:
        """The arrays of a version, these rows of each in this order. path: as `write` gave it.

        Raises WeightsUnavailable and ResourcesExhausted where a later try may succeed, else
        StoreError.
        """
        if path.is_file():
            try:
                arrays = self._copies.read(path, rows)
                os.utime(path)  # the copies that are read least are removed first
                return arrays
            except ResourcesExhausted:
                raise
            except (StoreError, OSError):  # the copy is damaged, or was removed
                pass
        self._copies.put(path.name, self._get(path.name))
        self._make_room()
        return self._copies.read(path, rows)

    def remove_unused(self, file_names: Iterable[str]) -> None:
        """Removes objects that a process which died has left; `file_names` are the names that
        stay."""
        names = set(file_names)
        self._copies.remove_unused(names)
        self._make_room()
        for name in sorted(self._names() - names):
            self._try(name, _remove_abandoned)

    def remove_unfinished(self) -> None:
        """Removes copies that a process was writing when it died."""
        self._copies.remove_unfinished()

    def count(self) -> int:
        """Versions that are complete."""
        return len(self._names())

    def size_bytes(self) -> int:
        """Of the copies on this disk."""
        return self._copies.size_bytes()

    def _put(self, files: FileSystem, path: str, data: bytes) -> None:
        if self._scheme == "file":
            _put_beside(files, path, data)
            return
        try:
            files.pipe_file(path, data, **EXCLUSIVE.get(self._scheme, {"mode": "create"}))
        except OSError as error:
            if not files.exists(path):
                raise
            # A try before this one may have succeeded without an answer.
            if files.cat_file(path) != data:
                raise StoreError(
                    f"{self.place}/{Path(path).name}: there are other weights of this version: each"
                    " service needs a prefix of its own, and a database that was restored needs"
                    " a new one: change `store.weights`"
                ) from error

    def _get(self, name: str) -> bytes:
        try:
            return bytes(self._try(name, lambda files, path: files.cat_file(path)))
        except FileNotFoundError as error:
            raise StoreError(
                f"{self.place}/{name}: there are no such weights: fit again, or restore the object"
            ) from error

    def _names(self) -> set[str]:
        """Of all complete versions."""

        def listed(files: FileSystem, path: str) -> set[str]:
            try:
                found = files.ls(path, detail=False)
            except FileNotFoundError:
                _check_root(files, path, self._scheme)
                return set()  # a prefix is there with its first object
            return {Path(name).name for name in found if name.endswith(SUFFIX)}

        return self._try("", listed)

    def _try(self, name: str, operation: Operation[Result]) -> Result:
        """What an operation on an object gives; it is tried again where that may help.

        Raises WeightsUnavailable with what to do, FileNotFoundError where the object is missing and
        the place is not, and StoreError as it is.
        """
        for number in range(TRIES):
            try:
                files, root = self._connect()
                return self._checked(files, root, name, operation)
            except (StoreError, FileNotFoundError):
                raise
            except Exception as error:  # of whatever client the scheme has
                remedy = self._remedy(error)
                if number == TRIES - 1 or not remedy.startswith("try"):
                    kind = "" if isinstance(error, _RootMissing) else f"{type(error).__name__}: "
                    text = f"{kind}{error}".splitlines()[0]
                    raise WeightsUnavailable(
                        f"{self.place}: the weights cannot be reached: {text}: {remedy}"
                    ) from error
                pause(RETRY_SECONDS * 2**number)
        raise AssertionError("not reached")

    def _checked(
        self, files: FileSystem, root: str, name: str, operation: Operation[Result]
    ) -> Result:
        try:
            return operation(files, f"{root}/{name}" if name else root)
        except FileNotFoundError:
            _check_root(files, root, self._scheme)
            raise

    def _connect(self) -> tuple[FileSystem, str]:
        """The client, which fsspec keeps, and the path of our prefix."""
        from fsspec.core import url_to_fs

        files, root = url_to_fs(
            self.place, use_listings_cache=False, **OPTIONS.get(self._scheme, {})
        )
        return files, str(root).rstrip("/")

    def _remedy(self, error: Exception) -> str:
        """What to do; begins with `try` where the same may succeed later."""
        if isinstance(error, ImportError):
            return f"install `{EXTRAS.get(self._scheme, self._scheme)}`"
        if isinstance(error, _RootMissing):
            return "create it, or correct `store.weights`"
        if type(error).__name__ in NO_CREDENTIALS:
            return (
                "give credentials as the tools of the provider take them: environment"
                " variables, a file, or a role of this machine"
            )
        if isinstance(error, PermissionError):
            return "allow this identity to list, read, write and delete objects there"
        return "try again later; check that it is up and can be reached from here"

    def _make_room(self) -> None:
        """Removes the copies that were read least lately, down to what they may take."""
        copies = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                copies.append((path.stat(), path))
            except FileNotFoundError:  # another process was faster
                continue
        copies.sort(key=lambda copy: copy[0].st_mtime, reverse=True)
        total = 0
        for number, (status, path) in enumerate(copies):
            total += status.st_size
            if number and total > CACHE_BYTES:
                path.unlink(missing_ok=True)


class _RootMissing(Exception):
    """The bucket or the folder is not there."""


def _check_root(files: FileSystem, path: str, scheme: str) -> None:
    """Raises _RootMissing where the bucket of a prefix, or the folder itself, is not there."""
    root = path if scheme == "file" else path.partition("/")[0]
    if not files.exists(root):
        raise _RootMissing(f"{root} does not exist")


def _put_beside(files: FileSystem, path: str, data: bytes) -> None:
    """Writes a file beside its place, makes it durable, and moves it there."""
    temporary = path + TEMPORARY_SUFFIX
    with files.open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    files.mv(temporary, path)


def _remove_abandoned(files: FileSystem, path: str) -> None:
    """Removes an object that no model refers to, unless its fit may still come to an end."""
    try:
        age = datetime.now(UTC) - files.modified(path)
        if age.total_seconds() > ABANDONED_AFTER_SECONDS:
            files.rm_file(path)
    except FileNotFoundError:  # another process was faster
        return
