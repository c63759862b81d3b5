"""Labelled series: which are read, and what a peer sees of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from plugin.commands.backtest.source import Recording, read_folder
from plugin.errors import BandwatchError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
DAY = 86_400
Item = TypeVar("Item")


@dataclass(frozen=True)
class Series:
    """One series on its regular grid.

    What lies before `split` may be learnt from, the rest is scored.
    """

    name: str
    start: int  # unix seconds of sample 0
    step: int  # seconds
    values: FloatArray  # [T] NaN = no sample
    split: int  # first sample of the judged half, as in a backtest

    @classmethod
    def of(cls, recording: Recording) -> "Series":
        return cls(
            recording.name,
            recording.start,
            recording.step,
            recording.values,
            (len(recording.values) + 1) // 2,
        )

    @property
    def times(self) -> IntArray:
        """[T] unix seconds."""
        return self.start + self.step * np.arange(len(self.values), dtype=np.int64)

    @property
    def scale(self) -> float:
        """Standard deviation of the first half; 1 where that says nothing."""
        past = self.values[: self.split]
        spread = float(np.nanstd(past)) if np.isfinite(past).any() else 0.0
        return spread if spread > 0 else 1.0

    def samples(self, seconds: int) -> int:
        """How many samples a time takes, at least one."""
        return max(1, round(seconds / self.step))


def read(folder: Path, match: str, most: int) -> list[Recording]:
    """The recordings whose names match; `most` of them, spread evenly over the names (0 = all).

    Raises BandwatchError where there is none or one has no labels.
    """
    found = [recording for recording in read_folder(folder) if fnmatch(recording.name, match)]
    if not found:
        raise BandwatchError(f"{folder}: no series matches {match!r}")
    for recording in found:
        if "label" not in recording.extra:
            raise BandwatchError(
                f"{folder}: {recording.name} has no column label (1 = incident, -1 = do not count)"
            )
    return spread(found, most)


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """`most` of the items at even distances, the first among them; all where `most` is 0 or not
    less."""
    if most == 0 or most >= len(items):
        return list(items)
    return [items[at * len(items) // most] for at in range(most)]
