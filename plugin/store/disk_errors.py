"""What the disk raises, in words that name the remedy."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin.errors import StoreError

DISK_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
DISK_FULL = "the disk is full: free some space; all that was acknowledged is kept"


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Turns what the disk raises into StoreError with path, reason and remedy."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from error


def disk_error(path: Path, error: OSError) -> StoreError:
    """Why a file or a folder cannot be used, with its remedy."""
    if error.errno in DISK_FULL_NUMBERS:
        return StoreError(f"{error.filename or path}: {DISK_FULL}")
    return StoreError(
        f"{error.filename or path}: {error.strerror or error}: check the disk, the folder and"
        " its permissions"
    )
