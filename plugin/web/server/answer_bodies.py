"""The bytes of answers that wait for their readers: in memory up to a limit, beyond in files."""

import errno
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

PIECE_BYTES = 1 << 16  # of a body that are sent at once
MIN_FILE_BYTES = 1 << 14  # a shorter answer always stays in memory
MAX_FILES_BYTES = 1 << 32  # of all files


class AnswerBody(Protocol):
    """Bytes to send, which can be read again from any position until they are released."""

    def __len__(self) -> int: ...

    def piece(self, position: int) -> bytes | memoryview:
        """At most PIECE_BYTES from here on."""

    def release(self) -> None:
        """They are not needed any more; a second call does nothing."""


class MemoryBody:
    """A body in memory."""

    def __init__(self, content: bytes, released: Callable[[int], None]) -> None:
        """released: is told how many bytes are free again."""
        self._content = memoryview(content)
        self._released = released
        self._size = len(content)

    def __len__(self) -> int:
        return self._size

    def piece(self, position: int) -> memoryview:
        return self._content[position : position + PIECE_BYTES]

    def release(self) -> None:
        if len(self._content):
            self._content = memoryview(b"")
            self._released(self._size)


class FileBody:
    """A body in a file without a name: it is gone with the process, whatever ends it."""

    def __init__(
        self, content: bytes, folder: Path | None, released: Callable[[int], None]
    ) -> None:
        """folder: None = that for temporary files. Raises OSError when it cannot be written."""
        self._size = len(content)
        self._released = released
        self._file: IO[bytes] = tempfile.TemporaryFile(buffering=0, dir=folder)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._size

    def piece(self, position: int) -> bytes:
        return os.pread(self._file.fileno(), PIECE_BYTES, position)

    def release(self) -> None:
        if not self._file.closed:
            self._file.close()
            self._released(self._size)


class AnswerMemory:
    """Holds bodies until they are sent; threads may share it."""

    def __init__(self, limit: int, folder: Path | None = None) -> None:
        """limit: bytes of all bodies in memory; those that find no room go to files in folder."""
        self._limit = limit
        self._folder = folder
        self._used = 0
        self._used_by_files = 0
        self._lock = threading.Lock()

    def hold(self, content: bytes) -> AnswerBody:
        """Raises OSError when there is no room in memory, and none for a file."""
        size = len(content)
        with self._lock:
            if size < MIN_FILE_BYTES or self._used + size <= self._limit:
                self._used += size
                return MemoryBody(content, self._free_memory)
            if self._used_by_files + size > MAX_FILES_BYTES:
                raise OSError(errno.ENOSPC, "too many answers wait for slow clients")
            self._used_by_files += size
        try:
            return FileBody(content, self._folder, self._free_file)
        except OSError:
            self._free_file(size)
            raise

    @property
    def used(self) -> int:
        """Bytes of the bodies that are in memory."""
        return self._used

    @property
    def used_by_files(self) -> int:
        """Bytes of the bodies that are in files."""
        return self._used_by_files

    def _free_memory(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def _free_file(self, size: int) -> None:
        with self._lock:
            self._used_by_files -= size
