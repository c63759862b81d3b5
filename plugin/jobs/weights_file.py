"""What a weights file holds, and how the rows of several files are read as one stack."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, FittedDetector
from plugin.store import Store

AFTER = "after."  # prefix of the carry in a weights file


def joined(fitted: FittedDetector) -> dict[str, NDArray[Any]]:
    """What a weights file holds: the state, and what scoring needs to go on right after the window
    of the fit."""
    return {**fitted.state, **{AFTER + name: array for name, array in (fitted.after or {}).items()}}


def parted(arrays: Arrays) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]] | None]:
    """The inverse of `joined`: the state, and the carry at the end of the window; None where there
    is none."""
    after = {
        name.removeprefix(AFTER): array for name, array in arrays.items() if name.startswith(AFTER)
    }
    return {
        name: array for name, array in arrays.items() if not name.startswith(AFTER)
    }, after or None


def read_rows(store: Store, places: tuple[tuple[Path, int], ...]) -> Arrays:
    """The state of series whose rows lie in several weights files, in the order given."""
    order: list[int] = []
    parts: list[dict[str, NDArray[Any]]] = []
    for path in dict.fromkeys(path for path, _ in places):
        wanted = [(at, row) for at, (where, row) in enumerate(places) if where == path]
        order += [at for at, _ in wanted]
        parts.append(store.read_weights(path, [row for _, row in wanted]))
    back = np.argsort(np.array(order))
    return {name: np.concatenate([part[name] for part in parts])[back] for name in parts[0]}
