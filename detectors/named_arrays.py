"""The arrays of several models side by side, by the name of each model, and rows of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, IntArray

OwnArrays = dict[str, NDArray[Any]]
Rows = BoolArray | IntArray | slice


def named(name: str, arrays: Arrays) -> OwnArrays:
    """The arrays of one model under its name."""
    return {f"{name}.{key}": array for key, array in arrays.items()}


def of_model(name: str, arrays: Arrays) -> OwnArrays:
    """The inverse of `named`."""
    return {
        key.removeprefix(f"{name}."): array
        for key, array in arrays.items()
        if key.startswith(f"{name}.")
    }


def rows_of(arrays: Arrays, index: Rows) -> OwnArrays:
    """Some rows of each array."""
    return {name: array[index] for name, array in arrays.items()}


def with_rows(array: NDArray[Any], index: IntArray, rows: NDArray[Any]) -> NDArray[Any]:
    """A copy of an array with other rows at `index`."""
    changed: NDArray[Any] = np.array(array)
    changed[index] = rows
    return changed
