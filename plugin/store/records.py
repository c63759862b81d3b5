"""The records that the store takes and returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from plugin.series import IntArray


@dataclass(frozen=True)
class DetectorState:
    """What models carry from sample to sample, as of `time`; row i belongs to series ids[i]."""

    ids: IntArray  # [S]
    model_version: IntArray  # [S] the model that carries it
    time: int  # unix seconds of the last sample seen
    arrays: Mapping[str, NDArray[Any]]  # leading axis S


@dataclass(frozen=True)
class ModelRecord:
    """One fitted model of one series; its weights are one row of the arrays in a file."""

    series_id: int
    version: int
    row: int
    detector: str  # its name
    spec: str  # JSON
    path: Path
    loss: float  # held-out; NaN = not known
    fitted_at: int  # unix seconds
    window_start: int  # of what it learnt from
    window_end: int
    masked: str = ""  # names what of that it did not learn from; "" = it learnt from all
    since: int = 0  # when it took over, or was rolled back to; 0 given = when it was fitted
    # when it was last fitted, or held its own against a new one; 0 given = when it was fitted
    checked_at: int = 0
    pinned: bool = False  # no refit takes its place

    def __post_init__(self) -> None:
        for name in ("since", "checked_at"):
            object.__setattr__(self, name, getattr(self, name) or self.fitted_at)

    @property
    def held(self) -> bool:
        """Whether a person chose it: it stays, even if the watch now asks for another detector."""
        return self.pinned or self.since > self.fitted_at


@dataclass(frozen=True)
class Regime:
    """An accepted new level of a series: the model expects it from then on."""

    series_id: int
    accepted: int  # unix seconds of the sample with which it was
    since: int  # unix seconds of the first sample there
    before: float  # what was expected, in units of the series; NaN = not known
    after: float  # where the samples lay
    by: str = ""  # the person; "" = the rule
    reason: str = ""


@dataclass(frozen=True)
class AcceptRequest:
    """The request to accept the present level of a series as normal, from the next sample on."""

    series_id: int
    seen: int  # unix seconds up to which the series had been scored
    asked_at: int  # unix seconds
    by: str
    reason: str = ""


@dataclass(frozen=True)
class RegimeChanges:
    """The levels that a tick accepts, and the requests that it has dealt with."""

    accepted: Sequence[Regime] = ()
    answered: Sequence[AcceptRequest] = ()


@dataclass(frozen=True)
class FeedbackNote:
    """Who gives feedback, when, and in which words."""

    by: str
    at: int  # unix seconds; from then on it has effect
    comment: str = ""
    incident: str = ""  # id; "" = the feedback names series and a range


@dataclass(frozen=True)
class Written:
    """What one write has added."""

    rows: int  # new ones, and those that were judged for the first time
    incidents: int  # that have started


@dataclass(frozen=True)
class FoldReport:
    """What one fold has moved."""

    rows: int
    blocks: int  # written, new or merged
    transactions: int


@dataclass(frozen=True)
class StoreSizes:
    """What the store holds and what it takes."""

    head_rows: int
    block_rows: int
    blocks: int
    block_bytes: int  # of the compressed data alone
    database_bytes: int  # the file and its log
    weights_bytes: int
