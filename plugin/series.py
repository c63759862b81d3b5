"""What names a series and what one looks like when it arrives: labels, samples, the record that we
keep of it."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
# in the names under which the store keeps what a watch has beside its own series; no watch has it
# in its
BESIDE = "#"


@dataclass(frozen=True)
class Labels(Mapping[str, str]):
    """An immutable label set, sorted by name, hashable; prints as a Prometheus selector."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, mapping: Mapping[str, str]) -> "Labels":
        """Sorts, and drops empty values, which Prometheus holds equal to absent ones."""
        return cls(tuple(sorted((name, value) for name, value in mapping.items() if value != "")))

    @cached_property
    def _values(self) -> dict[str, str]:
        return dict(self.pairs)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self.pairs)

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __str__(self) -> str:
        return self._printed

    @cached_property
    def _printed(self) -> str:
        matchers = ",".join(
            f"{name}={json.dumps(value, ensure_ascii=False)}"
            for name, value in self.pairs
            if name != "__name__"
        )
        return f"{self.get('__name__', '')}{{{matchers}}}"

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that name this label set, the same on every machine."""
        return hashlib.sha256(json.dumps(self.pairs).encode()).hexdigest()[:32]


def renamed(name: str, taken: Collection[str], prefix: str = "label_") -> str:
    """A name beside the taken ones: these get the prefix, and so does what would look like one of
    them.

    No two names become one: with `value` taken, `value` and `label_value` get one more each.
    """
    bare = name
    while bare not in taken and bare.startswith(prefix):
        bare = bare[len(prefix) :]
    return prefix + name if bare in taken else name


@dataclass(frozen=True)
class Series:
    """Samples of one series as Prometheus gave them: gaps are absent times, never numbers."""

    labels: Labels
    times: IntArray  # [T] unix seconds, ascending, unique, multiples of the step
    values: FloatArray  # [T] finite


class SeriesState(StrEnum):
    """What we can say of a series now."""

    WARMING_UP = "warming_up"  # too little history for a band
    OK = "ok"
    MISSING = "missing"  # expected, but its samples have stopped
    STALE = "stale"  # samples arrive or not: we could not look (Prometheus or the watch fails)
    MAINTENANCE = (
        "maintenance"  # inside a window of planned work: scored and shown, neither paged nor learnt
    )
    GONE = "gone"  # missing for longer than the time to live; kept in the store until retention


@dataclass(frozen=True)
class SeriesRecord:
    """A series that a watch has seen; `id` is the store's key."""

    id: int
    watch: str
    labels: Labels
    state: SeriesState
    first_seen: int  # unix seconds of its first sample
    last_seen: int  # unix seconds of its latest sample


@dataclass(frozen=True)
class Samples:
    """Stored samples of one series, columns of equal length; NaN = absent, ±inf bounds = no bound
    on that side."""

    times: IntArray  # [T] unix seconds, ascending, unique
    value: FloatArray  # [T]
    expected: FloatArray  # [T]
    lower: FloatArray  # [T]
    upper: FloatArray  # [T]
    score: FloatArray  # [T] >= 0; > 1 exactly where value is outside [lower, upper]
    model_version: IntArray  # [T] 0 = not scored

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True)
class Tick:
    """What one run of the score job adds for some series of one watch; written in one
    transaction."""

    watch: str
    ids: IntArray  # [S] series ids
    times: IntArray  # [T] unix seconds
    value: FloatArray  # [S, T] NaN = no sample: nothing is stored for it
    expected: FloatArray  # [S, T] NaN = no band
    lower: FloatArray  # [S, T]
    upper: FloatArray  # [S, T]
    score: FloatArray  # [S, T] NaN = not scored
    model_version: IntArray  # [S] 0 = no model
    carry: Mapping[str, NDArray[Any]] = field(
        default_factory=dict
    )  # leading axis S, see detectors.api
    stack: str = ""  # the detector spec whose stack carries it
    muted: BoolArray | None = None  # [S, T] True = inside a maintenance window; None = none is
