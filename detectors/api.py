"""The contract between detectors and their callers. Read this file first.

Shapes: S series, T steps, H horizon. Times are unix seconds on one regular grid.

DetectorError
├── NotEnoughData    a series has too little history to learn from
├── Diverged         training left the finite numbers
└── TooSlow          training took longer than it may
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Arrays = Mapping[str, NDArray[Any]]  # every array has leading axis S
Progress = Callable[[float], None]  # called with the share done, 0 to 1

# Arrays of a batch that may be given as one value for all of it.
OF_SAMPLES = ("usable", "alarmed")  # [S, T]
OF_COLUMNS = ("utc_offset", "holiday")  # [T]


class DetectorError(ValueError):
    """Base class of the errors of detectors.

    rows: the series of the batch that cause it; fit again without them. Empty = the whole call is
    wrong.
    """

    def __init__(self, message: str, rows: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.rows = tuple(int(row) for row in rows)


class NotEnoughData(DetectorError):
    """Too few observed samples; the message says how many there are and how many are needed."""


class Diverged(DetectorError):
    """Training produced a loss or a weight that is not finite."""


class TrainingTooSlow(DetectorError):
    """A fit took longer than it may. The caller raises it from the progress callback."""


@dataclass(frozen=True)
class SeriesBatch:
    """S series on one shared regular grid. Row i is series i; the caller keeps the names.

    values is float64 because float32 cannot tell large byte counters apart; detectors scale first,
    then cast. covariates are other series, C for each row, never the row itself. Their column t is
    known when the sample of column t is judged, and may help to judge it. NaN = missing. Detectors
    that take no covariates ignore them.
    """

    values: FloatArray  # [S, T]; anything (usually NaN) where not observed: never read there
    observed: BoolArray  # [S, T] False where there was no sample
    start: int  # unix seconds of column 0
    step: int  # seconds between columns
    # The next four: an array without axes stands for a whole array of that value.
    usable: BoolArray = field(default_factory=lambda: np.array(True))  # [S, T] False = not learnt
    # [T] local minus UTC, seconds
    utc_offset: IntArray = field(default_factory=lambda: np.array(0))
    # [T] True = the local day is a public holiday
    holiday: BoolArray = field(default_factory=lambda: np.array(False))
    # [S, T] True = outside then
    alarmed: BoolArray = field(default_factory=lambda: np.array(False))
    # [S, C, T]; or C = 0
    covariates: FloatArray = field(default_factory=lambda: np.zeros((1, 0, 1)))
    # [S, T] True = a person has said that the level after this sample is normal; None = nowhere
    settled: BoolArray | None = None

    def __post_init__(self) -> None:
        shape = self.values.shape
        if len(shape) != 2 or self.observed.shape != shape:
            raise DetectorError(
                f"`values` and `observed` must both be [S, T]: got {shape} and "
                f"{self.observed.shape}"
            )
        for name in (*OF_SAMPLES, *OF_COLUMNS):
            array = getattr(self, name)
            if not array.ndim:
                whole = shape if name in OF_SAMPLES else shape[1:]
                object.__setattr__(self, name, np.full(whole, array))
        if self.covariates.shape[1:2] == (0,):
            object.__setattr__(self, "covariates", np.zeros((shape[0], 0, shape[1])))
        self._check_shapes()
        if not np.isfinite(self.values[self.observed]).all():
            raise DetectorError("an observed value is not finite: mark it as not observed")

    def _check_shapes(self) -> None:
        shape = self.shape
        sizes = {name: getattr(self, name).shape for name in (*OF_SAMPLES, *OF_COLUMNS)}
        if any(sizes[name] != (shape if name in OF_SAMPLES else shape[1:]) for name in sizes):
            raise DetectorError(
                f"`usable` and `alarmed` must be {shape}, `utc_offset` and `holiday` {shape[1:]}: "
                f"got {', '.join(f'{name} {size}' for name, size in sizes.items())}"
            )
        if self.settled is not None and self.settled.shape != shape:
            raise DetectorError(f"`settled` must be {shape}: got {self.settled.shape}")
        channels = self.covariates.shape
        if channels[:1] + channels[2:] != shape or np.isinf(self.covariates).any():
            raise DetectorError(
                f"`covariates` must be [{shape[0]}, C, {shape[1]}], finite or NaN where missing: "
                f"got {channels}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape[0], self.values.shape[1]

    @property
    def times(self) -> IntArray:
        """[T] unix seconds."""
        return self.start + self.step * np.arange(self.values.shape[1], dtype=np.int64)

    @property
    def local_times(self) -> IntArray:
        """[T] seconds of the local wall clock, for calendars."""
        return self.times + self.utc_offset

    def steps(self, start: int, end: int) -> "SeriesBatch":
        """The columns start..end as a view."""
        start, end, _ = slice(start, end).indices(self.values.shape[1])
        return replace(
            self,
            values=self.values[:, start:end],
            observed=self.observed[:, start:end],
            usable=self.usable[:, start:end],
            alarmed=self.alarmed[:, start:end],
            covariates=self.covariates[:, :, start:end],
            settled=None if self.settled is None else self.settled[:, start:end],
            utc_offset=self.utc_offset[start:end],
            holiday=self.holiday[start:end],
            start=self.start + start * self.step,
        )

    def rows(self, index: NDArray[Any]) -> "SeriesBatch":
        """The series chosen by an index or a mask."""
        return replace(
            self,
            values=self.values[index],
            observed=self.observed[index],
            usable=self.usable[index],
            alarmed=self.alarmed[index],
            covariates=self.covariates[index],
            settled=None if self.settled is None else self.settled[index],
        )


@dataclass(frozen=True)
class Band:
    """What should be there, in the units of the series; NaN where it is not known yet."""

    lower: FloatArray  # [S, T]
    expected: FloatArray  # [S, T]
    upper: FloatArray  # [S, T]


@dataclass(frozen=True)
class Scores:
    """Anomaly scores with the band that they are measured against."""

    # [S, T] >= 0; > 1 exactly where the value is outside the band; NaN = not scored
    anomaly: FloatArray
    band: Band  # [S, T]; drawn through gaps, where anomaly is NaN
    carry: Arrays  # what the next call to score needs to go on from here, leading axis S


@runtime_checkable
class FittedDetector(Protocol):
    """A fitted stack of S models. It is replaced whole, never changed."""

    @property
    def state(self) -> Arrays:
        """The models as arrays with leading axis S: rows split and regroup freely."""

    @property
    def after(self) -> Arrays | None:
        """What `score` needs to go on right after the batch of the fit, leading axis S; None when
        restored."""

    @property
    def recent_bands(self) -> Band | None:
        """[S, N] the bands of the last N columns of the batch of the fit, as a `score` makes them
        once it is warm. They spare the gate that walk. None = not kept, or restored."""

    @property
    def loss(self) -> FloatArray:
        """[S] held-out pinball loss in units of the series' robust scale; lower is better; NaN =
        not known."""

    def score(self, batch: SeriesBatch, carry: Arrays | None = None) -> Scores:
        """Scores samples causally: sample t is judged by a band made from samples before t.

        Without `carry` the models start cold and the first samples may be NaN (warm-up). With the
        carry of the call that ended at `batch.start`, the result is that of one uninterrupted call.
        """

    def forecast(self, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
        """[S, H]: the band of the `horizon` steps that follow the batch, as far as it is known at
        its end."""


@runtime_checkable
class Detector(Protocol):
    """A frozen dataclass of hyper-parameters: it is the spec, and equal detectors share a stack."""

    name: ClassVar[str]
    takes_covariates: ClassVar[
        bool
    ]  # whether `SeriesBatch.covariates` help it; else it ignores them

    def fit(
        self,
        batch: SeriesBatch,
        prior: Arrays | None = None,
        *,
        alert_budget: float,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> FittedDetector:
        """Fits S models in one stack.

        prior: a state of the same spec to start from (refit, fleet prior), leading axis S.
        alert_budget: alarms that one series may raise in one second when all is well, e.g. 1 / (7 *
        86400). A series' model does not depend on its neighbours. Same data, same result.
        Raises NotEnoughData or Diverged with the `rows` that cause it: the caller drops them and
        fits the rest again.
        """

    def restore(self, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        """The inverse of `FittedDetector.state`."""

    @property
    def warm_up(self) -> int:
        """How many samples before the first one of interest a cold `score` should be given."""


@runtime_checkable
class DividedDetector(Protocol):
    """A detector whose rows need not all have the same arrays to be scored; a `Detector` may be one
    to save memory."""

    def divide(self, state: Arrays) -> Iterator[tuple[IntArray, Arrays]]:
        """Groups of rows of a state, each row in one of them, and the arrays that score a group: it
        is restored from these, and its scores are those of its rows in the whole."""
