"""What the store hands out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from plugin.series import IntArray


@dataclass(frozen=True)
class Carry:
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
