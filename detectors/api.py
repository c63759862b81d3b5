"""The contract between detectors and whoever uses them. Read this file first.

Shapes: S series, T steps, H horizon. Times are unix seconds on one regular grid.

DetectorError
├── NotEnoughData    a series has too little history to learn from
├── Diverged         training left the finite numbers
└── TooSlow          training took longer than it may
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Arrays = Mapping[str, NDArray[Any]]  # every array has leading axis S
Progress = Callable[[float], None]  # called with the share done, 0 to 1


class DetectorError(ValueError):
    """Base class of everything that a detector refuses.

    rows: the series of the batch that are to blame; fit again without them. Empty = the whole call is wrong.
    """

    def __init__(self, message: str, rows: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.rows = tuple(int(row) for row in rows)


class NotEnoughData(DetectorError):
    """Too few observed samples; the message says how many there are and how many are needed."""


class Diverged(DetectorError):
    """Training produced a loss or a weight that is not finite."""


class TooSlow(DetectorError):
    """Whoever watched the progress of a fit has ended it."""


@dataclass(frozen=True)
class SeriesBatch:
    """S series on one shared regular grid; row i is series i, whoever calls keeps the names.

    values is float64 because byte counters exceed what float32 can tell apart; detectors scale first, then cast.
    covariates are other series, C for each row, never the row itself. Column t of them is known when the sample of
    column t is judged, and may help to judge it. Detectors that take none do not look at them.
    """

    values: FloatArray  # [S, T]; anything (usually NaN) where not observed: never read there
    observed: BoolArray  # [S, T] False where there was no sample
    start: int  # unix seconds of column 0
    step: int  # seconds between columns
    usable: BoolArray = field(default=None)  # type: ignore[arg-type]  # [S, T] False = scored, not learnt from
    utc_offset: IntArray = field(default=None)  # type: ignore[arg-type]  # [T] local time minus UTC, seconds
    alarmed: BoolArray = field(default=None)  # type: ignore[arg-type]  # [S, T] True = was outside its band then
    covariates: FloatArray = field(default=None)  # type: ignore[arg-type]  # [S, C, T] NaN = missing; default C = 0
    settled: BoolArray | None = None  # [S, T] True = after this sample the new level is normal: someone has said so

    def __post_init__(self) -> None:
        shape = self.values.shape
        if len(shape) != 2 or self.observed.shape != shape:
            raise DetectorError(f"`values` and `observed` must both be [S, T]: got {shape} and {self.observed.shape}")
        if self.usable is None:
            object.__setattr__(self, "usable", np.ones(shape, bool))
        if self.utc_offset is None:
            object.__setattr__(self, "utc_offset", np.zeros(shape[1], np.int64))
        if self.alarmed is None:
            object.__setattr__(self, "alarmed", np.zeros(shape, bool))
        if self.covariates is None:
            object.__setattr__(self, "covariates", np.zeros((shape[0], 0, shape[1])))
        if self.usable.shape != shape or self.alarmed.shape != shape or self.utc_offset.shape != shape[1:]:
            raise DetectorError(f"`usable` and `alarmed` must be {shape} and `utc_offset` {shape[1:]}: got "
                                f"{self.usable.shape}, {self.alarmed.shape} and {self.utc_offset.shape}")
        if self.settled is not None and self.settled.shape != shape:
            raise DetectorError(f"`settled` must be {shape}: got {self.settled.shape}")
        if np.isinf(self.values[self.observed]).any() or np.isnan(self.values[self.observed]).any():
            raise DetectorError("an observed value is not finite: mark it as not observed")
        if self.covariates.shape != (shape[0], self.covariates.shape[1], shape[1]) or np.isinf(self.covariates).any():
            raise DetectorError(f"`covariates` must be [{shape[0]}, C, {shape[1]}], finite or NaN where missing: got "
                                f"{self.covariates.shape}")

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

    def steps(self, begin: int, end: int) -> "SeriesBatch":
        """The columns begin..end as a view."""
        begin, end, _ = slice(begin, end).indices(self.values.shape[1])
        return replace(self, values=self.values[:, begin:end], observed=self.observed[:, begin:end],
                       usable=self.usable[:, begin:end], alarmed=self.alarmed[:, begin:end],
                       covariates=self.covariates[:, :, begin:end],
                       settled=None if self.settled is None else self.settled[:, begin:end],
                       utc_offset=self.utc_offset[begin:end], start=self.start + begin * self.step)

    def rows(self, index: NDArray[Any]) -> "SeriesBatch":
        """The series chosen by an index or a mask."""
        return replace(self, values=self.values[index], observed=self.observed[index], usable=self.usable[index],
                       alarmed=self.alarmed[index], covariates=self.covariates[index],
                       settled=None if self.settled is None else self.settled[index])


@dataclass(frozen=True)
class Band:
    """What should be there, in the units of the series; NaN where nothing can be said yet."""

    lower: FloatArray  # [S, T]
    expected: FloatArray  # [S, T]
    upper: FloatArray  # [S, T]


@dataclass(frozen=True)
class Scores:
    """Anomaly scores with the band that they are measured against."""

    anomaly: FloatArray  # [S, T] >= 0; > 1 exactly where the value is outside the band; NaN = not scored
    band: Band  # [S, T]; drawn through gaps, where anomaly is NaN
    carry: Arrays  # what the next call to score needs to go on from here, leading axis S


@runtime_checkable
class FittedDetector(Protocol):
    """A fitted stack of S models. Exists only once fitted; replaced whole, never mutated.

    One that has just been fitted may also have `hindsight`, a Band [S, T'] of the last T' columns of its batch, as a
    cold `score` of these columns has it: whoever wants to know how it would have done is spared that walk.
    """

    @property
    def state(self) -> Arrays:
        """The models as arrays with leading axis S: rows split and regroup freely."""

    @property
    def after(self) -> Arrays | None:
        """What `score` needs to go on right after the batch of the fit, leading axis S; None when restored."""

    @property
    def loss(self) -> FloatArray:
        """[S] held-out pinball loss in units of the series' robust scale; lower is better; NaN = not known."""

    def score(self, batch: SeriesBatch, carry: Arrays | None = None) -> Scores:
        """Scores samples causally: sample t is judged by a band made from samples before t.

        Without `carry` the models start cold and the first samples may be NaN (warm-up). With the carry of the
        call that ended at `batch.start`, the result is that of one uninterrupted call.
        """

    def forecast(self, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
        """[S, H]: the band of the `horizon` steps that follow the batch, as far as it is known at its end."""


@runtime_checkable
class Detector(Protocol):
    """A frozen dataclass of hyper-parameters: it is the spec, and equal detectors share a stack."""

    name: ClassVar[str]

    def fit(self, batch: SeriesBatch, prior: Arrays | None = None, *, alert_budget: float,
            device: str = "cpu", progress: Progress | None = None) -> FittedDetector:
        """Fits S models in one stack.

        prior: a state of the same spec to start from (refit, fleet prior), leading axis S.
        alert_budget: alarms that one series may raise in one second when all is well, e.g. 1 / (7 * 86400).
        A series' model does not depend on its neighbours. Same data, same result.
        Raises NotEnoughData or Diverged with the `rows` to blame: the caller drops them and fits the rest again.
        """

    def restore(self, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        """The inverse of `FittedDetector.state`."""

    @property
    def warm_up(self) -> int:
        """How many samples before the first one of interest a cold `score` should be given."""
