"""A damaged weights file is never used: not one flipped byte, not one number that is none."""

import errno
import os
import random
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from plugin.errors import ResourcesExhausted, StoreError
from plugin.store import Store
from plugin.store.weights import CHECKSUM_KEY

STATE = {
    "weight": np.arange(60, dtype=np.float32).reshape(3, 20),
    "lowest": np.array([0.0, -np.inf, 1.0]),
    "count": np.arange(3),
    "half": np.ones((3, 2), np.float16),
    "nothing": np.zeros((3, 0), np.float32),
}


def flipped(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)


def test_what_was_written_comes_back(store: Store) -> None:
    found = store.weights.read(store.weights.write(1, STATE), [0, 1, 2])
    assert all((found[name] == array).all() for name, array in STATE.items())


def test_a_flipped_byte_anywhere_in_the_arrays_is_found(store: Store) -> None:
    path = store.weights.write(1, STATE)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    dice = random.Random(0)
    for _ in range(100):
        flipped(path, dice.randrange(header, len(whole)))
        with pytest.raises(StoreError, match="damaged: its checksum is .* fit again"):
            store.weights.read(path, [0])
        path.write_bytes(whole)


def test_a_flipped_byte_in_the_header_is_found_or_harms_no_array(store: Store) -> None:
    path = store.weights.write(1, STATE)
    whole = path.read_bytes()
    for position in range(8 + int.from_bytes(whole[:8], "little")):
        flipped(path, position)
        try:
            found = store.weights.read(path, [0, 1, 2])
        except StoreError:
            pass
        else:
            assert all((found[name] == array).all() for name, array in STATE.items())
        path.write_bytes(whole)


def test_a_file_of_an_older_version_is_read(store: Store) -> None:
    path = store.folder / "weights" / "1.safetensors"
    save_file(STATE, path)
    assert (store.weights.read(path, [1])["lowest"] == [-np.inf]).all()
    save_file({**STATE, "weight": np.full((3, 20), np.nan, np.float32)}, path)
    with pytest.raises(StoreError, match="`weight` has numbers that are not finite"):
        store.weights.read(path, [1])


def test_the_checksum_is_in_the_header(store: Store) -> None:
    path = store.weights.write(1, STATE)
    assert CHECKSUM_KEY.encode() in path.read_bytes()
    assert set(load_file(path)) == set(STATE), "any safetensors reader reads it"


def test_a_file_that_cannot_be_opened_for_now_is_not_called_damaged(store: Store) -> None:
    path = store.weights.write(1, STATE)
    exhausted = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    with (
        patch.object(Path, "open", side_effect=exhausted),
        pytest.raises(ResourcesExhausted, match="Too many open files: raise the limits"),
    ):
        store.weights.read(path, [0])
    path.unlink()
    with pytest.raises(StoreError, match="cannot be read: .*No such file") as missing:
        store.weights.read(path, [0])
    assert not isinstance(missing.value, ResourcesExhausted)
