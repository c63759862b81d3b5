"""One series of a backtest: its rows, and the regular grid on which the service would see them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from plugin.series import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

COVARIATE_PREFIX = "covariate_"  # of a column with another series that helps to judge this one


@dataclass(frozen=True)
class Recording:
    """One series: N rows as recorded, and T values as the service would have seen them on a regular
    grid."""

    name: str
    start: int  # unix seconds of the first grid time
    step: int  # seconds
    values: FloatArray  # [T] NaN = no sample
    times: IntArray  # [N] unix seconds of the rows, ascending
    value: FloatArray  # [N] NaN = no sample
    slot: IntArray  # [N] index of the grid time at which each row is seen: the first not before it
    extra: "pd.DataFrame"  # [N] rows, further columns as they were read
    covariates: FloatArray  # [C, T] those of them that are covariates; NaN = missing
    # [T] scored, but without an alarm, and not learnt from: the query looks back over a hole
    over_hole: BoolArray


def recorded(
    name: str,
    step: int,
    times: IntArray,
    value: FloatArray,
    extra: "pd.DataFrame",
    over_hole: BoolArray | None = None,
) -> Recording:
    """Puts rows on a grid; of several rows between two grid times it keeps the last, as a query
    would.

    over_hole: [T] see `Recording`; None = nowhere, as far as is known.
    """
    start = int(times[0])
    slot = -((start - times) // step)
    covariates = [
        extra[column].to_numpy(np.float64)
        for column in extra
        if str(column).startswith(COVARIATE_PREFIX)
    ]
    rows = np.stack([value, *covariates])
    values = np.full((len(rows), int(slot[-1]) + 1), np.nan)
    for grid_row, row in zip(values, rows, strict=True):
        is_sample = np.isfinite(row)
        grid_row[slot[is_sample]] = row[is_sample]
    return Recording(
        name=name,
        start=start,
        step=step,
        values=values[0],
        times=times,
        value=np.where(np.isfinite(value), value, np.nan),
        slot=slot,
        extra=extra,
        covariates=values[1:],
        over_hole=np.zeros(values.shape[1], bool) if over_hole is None else over_hole,
    )
