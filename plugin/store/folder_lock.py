"""Who may use the folder of a store: one process alone, or several that know of each other."""

import fcntl
from pathlib import Path
from typing import TextIO

from plugin.errors import StoreError
from plugin.store.disk_errors import DISK_FULL_NUMBERS, disk_error


def lock_folder(folder: Path, *, shared: bool = False) -> TextIO:
    """Keeps the folder until the file that is returned is closed.

    Alone, because two that score the same watches would spoil each other's detector states; or
    shared with those who share it, too, and have leases. Raises StoreError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        if error.errno in DISK_FULL_NUMBERS:
            raise disk_error(folder, error) from error
        raise StoreError(
            f"{folder}: {error.strerror}: check `store.path`, the disk and its permissions"
        ) from error
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        alone = " on its own" if shared else ""
        raise StoreError(
            f"{folder}: another bandwatch is at work{alone} on this store; stop it, or give this"
            " one another `store.path`"
        ) from error
    return file
