"""Whether a file is another than it was, by what the file system says of it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Content = TypeVar("Content")
FileState = tuple[int, int, int] | None  # inode, size, nanoseconds of its change; None = no file


def file_state(path: str | Path) -> FileState:
    """The state of the file that the path leads to now, symbolic links followed."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


class ChangingFile(Generic[Content]):
    """A file that is read again when it has changed.

    It may be changed in place, be replaced by another, or lie behind a symbolic link that is
    replaced: Kubernetes does the last, with the folder `..data` of a mounted ConfigMap.
    """

    def __init__(self, path: Path, read: Callable[[], Content]) -> None:
        """read: reads the file; may raise."""
        self._path = path
        self._read = read
        self._loaded_state: FileState = None
        self._previous_state: FileState = None

    def load(self) -> Content:
        """What `read` returns. A state of the file that makes it raise counts as loaded, too: it
        is not tried again."""
        # Before the reading, so that no change in its midst is missed.
        self._loaded_state = file_state(self._path)
        self._previous_state = self._loaded_state
        return self._read()

    def changed(self) -> bool:
        """Whether the file is another than at the last `load`.

        Only when the call before saw it as it is now: otherwise it is perhaps being written.
        """
        state = file_state(self._path)
        settled = state == self._previous_state
        self._previous_state = state
        return settled and state != self._loaded_state
