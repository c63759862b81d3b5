"""Series: their labels, their samples, and what the store records about them."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import chain
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
MAX_TIME = 2**62  # unix seconds: later than every stored time, so a range up to it has no end
COVARIATE_MARK = "#"  # see covariate_watch


@dataclass(frozen=True)
class Labels(Mapping[str, str]):
    """An immutable label set, sorted by name, hashable; prints as a Prometheus selector."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, mapping: Mapping[str, str]) -> "Labels":
        """Sorted, without empty values: Prometheus treats them as absent labels. The same object as
        before, while that is in use: they are many, and compare at once."""
        pairs = tuple(sorted((name, value) for name, value in mapping.items() if value != ""))
        known = _LABELS_IN_USE.get(pairs)
        return _LABELS_IN_USE.setdefault(pairs, cls(pairs)) if known is None else known

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
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.pairs)

    def __reduce__(self) -> tuple[type["Labels"], tuple[tuple[tuple[str, str], ...]]]:
        """Another process has other hashes."""
        return Labels, (self.pairs,)

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
        """32 hexadecimal digits that identify this label set, the same on every machine."""
        return hashlib.sha256(json.dumps(self.pairs).encode()).hexdigest()[:32]


_LABELS_IN_USE: WeakValueDictionary[tuple[tuple[str, str], ...], Labels] = WeakValueDictionary()


def is_text(labels: Mapping[Any, Any]) -> bool:
    """Whether all names and values are text; half of a surrogate pair is not."""
    try:
        "".join(chain.from_iterable(labels.items())).encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return True


def renamed(name: str, reserved: Collection[str], prefix: str = "label_") -> str:
    """The name, with the prefix if it is taken.

    A name that already has the prefix gets another one, so that two names never become one: with
    `value` taken, `value` becomes `label_value`, and `label_value` becomes `label_label_value`.
    """
    base = name
    while base not in reserved and base.startswith(prefix):
        base = base[len(prefix) :]
    return prefix + name if base in reserved else name


@dataclass(frozen=True)
class Series:
    """Samples of one series from Prometheus; a gap is a time that is missing, never a number."""

    labels: Labels
    times: IntArray  # [T] unix seconds, ascending, unique, multiples of the step
    values: FloatArray  # [T] finite


class SeriesState(StrEnum):
    """The state of a series now."""

    WARMING_UP = "warming_up"  # too little history for a band
    LEARNING = "learning"  # in its first day: its band is provisional, and it does not alert
    OK = "ok"
    MISSING = "missing"  # its samples have stopped
    STALE = "stale"  # not known, because Prometheus or the watch fails
    # Inside a maintenance window: it is scored and shown, but does not page and is not learnt.
    MAINTENANCE = "maintenance"
    GONE = "gone"  # missing for longer than `gone_after`; in the store until its retention ends


@dataclass(frozen=True)
class SeriesRecord:
    """A series of a watch; `id` is its key in the store."""

    id: int
    watch: str
    labels: Labels
    state: SeriesState
    first_seen: int  # unix seconds of its first sample
    last_seen: int  # unix seconds of its latest sample


@dataclass(frozen=True)
class Samples:
    """Stored samples of one series, as columns of equal length. NaN = absent; an infinite bound =
    no bound on that side."""

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
    """What one run of the score job stores for some series of one watch, in one transaction."""

    watch: str
    ids: IntArray  # [S] series ids
    times: IntArray  # [T] unix seconds
    value: FloatArray  # [S, T] NaN = no sample, which is not stored
    expected: FloatArray  # [S, T] NaN = no band
    lower: FloatArray  # [S, T]
    upper: FloatArray  # [S, T]
    score: FloatArray  # [S, T] NaN = not scored
    model_version: IntArray  # [S] 0 = no model
    # The state of the detectors, leading axis S, see detectors.api.
    carry: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    stack: str = ""  # the detector spec of the models that have this state
    # [S, T] True = no alarm comes of it: in a maintenance window, or provisional; None = none is.
    muted: BoolArray | None = None
    # [T] True = the query looks back over a hole of its source, so that values may be wrong: no
    # alarm begins or grows by them, and none ends; None = no sample does.
    over_hole: BoolArray | None = None

    @property
    def alarm_score(self) -> FloatArray:
        """[S, T] the scores that alarms come of; NaN = as if there were no sample."""
        if self.over_hole is None:
            return self.score
        return np.where(self.over_hole, np.nan, self.score)


def covariate_watch(watch: str, query: str) -> str:
    """The name of the watch under which the store keeps a covariate of a watch.

    The mark in it tells covariates from series that are scored: the name of a watch in a
    configuration cannot contain it. It is followed by a hash of the query.
    """
    return f"{watch}{COVARIATE_MARK}{hashlib.sha256(query.encode()).hexdigest()[:12]}"


def is_covariate_watch(watch: str) -> bool:
    """Whether a watch of the store is one that `covariate_watch` has named."""
    return COVARIATE_MARK in watch


def watch_of(name: str) -> str:
    """The watch of a configuration that samples belong to: the watch itself, or that of a
    covariate."""
    return name.partition(COVARIATE_MARK)[0]
