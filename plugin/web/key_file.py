"""Secret keys in files of the folder of the store."""

import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from plugin.errors import StoreError

KEY_BYTES = 32


def read_key(path: Path, consequence: str) -> bytes:
    """The secret in this file, which only its owner may read; it is made where there is none.

    consequence: of another key, in words. Raises StoreError when the key can neither be read nor
    made.
    """
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_bytes()
        else:
            secret = secrets.token_bytes(KEY_BYTES)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secret)
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}: check `store.path` and its permissions"
        ) from error
    if len(secret) != KEY_BYTES:
        raise StoreError(f"{path}: is not a key of ours: remove it, and {consequence}")
    return secret


def share_keys(folder: Path, names: Iterable[str], agree: Callable[[str, bytes], bytes]) -> None:
    """Puts the keys that all replicas sign with into the folder of this one. agree: takes the name
    and our key, and returns the one that holds for all. Raises StoreError."""
    for name in names:
        path = folder / name
        own_key = read_key(path, "the one of the other replicas is used")
        key = agree(name, own_key)
        if key != own_key:
            _replace(path, key)


def _replace(path: Path, key: bytes) -> None:
    """At once: others may read the file meanwhile."""
    temporary = path.with_suffix(f".{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
        temporary.rename(path)
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}: check `store.path` and its permissions"
        ) from error
