"""Whether the file of the database is still the one that was opened.

A file that was deleted lives on for the process that has it open, and ends with it: all that is
written until then would be lost without a word.
"""

import os
from pathlib import Path

from plugin.errors import StoreError


class DatabaseFile:
    """One file, as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: os.stat_result | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no database yet: no file, or one without a byte."""
        status = self._status()
        return status is None or status.st_size == 0

    def remember(self) -> None:
        """From now on it has to be this file."""
        self._opened = self._status()

    def check(self) -> None:
        """Raises StoreError where the file was deleted, replaced or emptied since."""
        if self._opened is None:
            return
        status = self._status()
        if status is None:
            change = "it was deleted, or its folder is out of reach"
        elif not os.path.samestat(status, self._opened):
            change = "it was replaced by another file"
        elif status.st_size == 0:
            change = "it was emptied"
        else:
            return
        raise StoreError(
            f"{self._path}: {change} while this service runs: put the same file back, or stop the"
            " service, restore a copy and start again"
        )

    def _status(self) -> os.stat_result | None:
        try:
            return self._path.stat()
        except OSError:  # also of a folder that is gone or closed to us
            return None
