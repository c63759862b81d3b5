"""Where a backtest gets its series: a folder of CSV files, or an expression on a Prometheus."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from plugin import grid
from plugin.errors import BandwatchError
from plugin.prometheus import PrometheusReader
from plugin.series import FloatArray, IntArray


@dataclass(frozen=True)
class Recording:
    """One series as recorded, N rows, and as the service would have seen it on a regular grid of T steps."""

    name: str
    start: int  # unix seconds of the first grid time
    step: int  # seconds
    values: FloatArray  # [T] NaN = no sample
    times: IntArray  # [N] unix seconds of the rows, ascending
    value: FloatArray  # [N] NaN = no sample
    slot: IntArray  # [N] the grid time at which each row is seen: the first that is not before it
    extra: pd.DataFrame  # [N] rows, further columns as they were read


def recorded(name: str, step: int, times: IntArray, value: FloatArray, extra: pd.DataFrame) -> Recording:
    """Puts rows on a grid; of several rows between two grid times the grid has the last, as a query would."""
    start = int(times[0])
    slot = -((start - times) // step)
    values = np.full(int(slot[-1]) + 1, np.nan)
    there = np.isfinite(value)
    values[slot[there]] = value[there]
    return Recording(name, start, step, values, times, np.where(there, value, np.nan), slot, extra)


def read_folder(folder: Path) -> list[Recording]:
    """All NAME.csv and NAME.csv.gz of a folder, by name. Raises BandwatchError naming the file."""
    paths = sorted(path for path in folder.iterdir() if path.name.endswith((".csv", ".csv.gz")))
    if not paths:
        raise BandwatchError(f"{folder}: no .csv or .csv.gz file; each must have the columns time (unix seconds) and "
                             "value (empty = no sample)")
    return [read_file(path) for path in paths]


def read_file(path: Path) -> Recording:
    """One recording. The step is the most frequent distance in time; what is left out is a gap."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise BandwatchError(f"{path}: cannot be read as CSV: {error}") from error
    lacking = {"time", "value"} - set(table.columns)
    if lacking:
        raise BandwatchError(f"{path}: no column {sorted(lacking)[0]!r}; found {', '.join(map(str, table.columns))}; "
                             "valid is time,value and any further columns")
    table = table.dropna(subset=["time"]).drop_duplicates("time").sort_values("time")
    if len(table) < 3:
        raise BandwatchError(f"{path}: {len(table)} samples; a backtest needs at least 3")
    times = table["time"].to_numpy(np.int64)
    distances, counts = np.unique(np.diff(times), return_counts=True)
    step = int(distances[counts.argmax()])
    value = pd.to_numeric(table["value"], errors="coerce").to_numpy(np.float64)
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    return recorded(name, step, times, value, table.drop(columns=["time", "value"]).reset_index(drop=True))


def ask(reader: PrometheusReader, expression: str, start: int, end: int, step: int) -> list[Recording]:
    """The series of an expression. Raises PrometheusError, and BandwatchError when there is none."""
    answer = reader.range(expression, start, end, step, max_series=1000)
    if not answer.series:
        raise BandwatchError(f"{expression}: no series between {start} and {end}; is it a folder that does not exist?")
    values = grid.align(answer.series, start, end, step)
    times = grid.grid_times(start, end, step)
    nothing = pd.DataFrame(index=range(len(times)))
    return [recorded(f"{number:03d}_{_file_name(str(series.labels))}", step, times, row, nothing)
            for number, (series, row) in enumerate(zip(answer.series, values, strict=True))]


def _file_name(text: str) -> str:
    return "".join(mark if mark.isalnum() or mark in "._-" else "_" for mark in text)[:100].strip("_")
