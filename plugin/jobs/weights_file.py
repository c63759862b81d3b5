"""What a weights file holds, and how the rows of several files are read as one stack."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, FittedDetector
from plugin.store import Store

CARRY_PREFIX = "after."  # of the detector state at the end of the window, in a weights file
WeightsRow = tuple[Path, int]  # a weights file and the row of a series in it


def weights_of(fitted: FittedDetector) -> dict[str, NDArray[Any]]:
    """What a weights file holds: the state, and what scoring needs to go on right after the window
    of the fit."""
    carry = {CARRY_PREFIX + name: array for name, array in (fitted.after or {}).items()}
    return {**fitted.state, **carry}


def split_weights(arrays: Arrays) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]] | None]:
    """The inverse of `joined`: the state, and the carry at the end of the window; None where there
    is none."""
    state: dict[str, NDArray[Any]] = {}
    carry: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        if name.startswith(CARRY_PREFIX):
            carry[name.removeprefix(CARRY_PREFIX)] = array
        else:
            state[name] = array
    return state, carry or None


def read_rows(store: Store, rows: tuple[WeightsRow, ...]) -> Arrays:
    """The state of series whose rows lie in several weights files, in the order given."""
    positions: dict[Path, list[int]] = {}
    for position, (path, _) in enumerate(rows):
        positions.setdefault(path, []).append(position)
    parts = [
        store.weights.read(path, [rows[position][1] for position in of_file])
        for path, of_file in positions.items()
    ]
    order = np.argsort(np.concatenate([*positions.values()]))
    return {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}
