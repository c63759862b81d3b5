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
    """One series as recorded; further columns of its file travel along."""

    name: str
    start: int  # unix seconds of the first grid time
    step: int  # seconds
    values: FloatArray  # [T] NaN = no sample
    extra: pd.DataFrame  # [T] rows, further columns as they were read

    @property
    def times(self) -> IntArray:
        """[T] unix seconds."""
        return self.start + self.step * np.arange(len(self.values), dtype=np.int64)


def read_folder(folder: Path) -> list[Recording]:
    """All NAME.csv and NAME.csv.gz of a folder, by name. Raises BandwatchError naming the file."""
    paths = sorted(path for path in folder.iterdir() if path.name.endswith((".csv", ".csv.gz")))
    if not paths:
        raise BandwatchError(f"{folder}: no .csv or .csv.gz file; each must have the columns time (unix seconds) and "
                             "value (empty = no sample)")
    return [read_file(path) for path in paths]


def read_file(path: Path) -> Recording:
    """One recording. The step is the most frequent distance in time; times that are left out are gaps."""
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
    start = int(times[0])
    off_grid = (times - start) % step != 0
    if off_grid.any():
        raise BandwatchError(f"{path}: time {times[off_grid][0]} is off the grid of {step} s that starts at {start}; "
                             "resample the file to one step first")
    at = (times - start) // step
    whole = table.set_index(at).reindex(np.arange(at[-1] + 1))
    values = pd.to_numeric(whole["value"], errors="coerce").to_numpy(np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    return Recording(name, start, step, values, whole.drop(columns=["time", "value"]).reset_index(drop=True))


def ask(reader: PrometheusReader, expression: str, start: int, end: int, step: int) -> list[Recording]:
    """The series of an expression. Raises PrometheusError, and BandwatchError when there is none."""
    answer = reader.range(expression, start, end, step, max_series=1000)
    if not answer.series:
        raise BandwatchError(f"{expression}: no series between {start} and {end}; is it a folder that does not exist?")
    values = grid.align(answer.series, start, end, step)
    nothing = pd.DataFrame(index=range(values.shape[1]))
    return [Recording(f"{number:03d}_{_file_name(str(series.labels))}", start, step, row, nothing)
            for number, (series, row) in enumerate(zip(answer.series, values, strict=True))]


def _file_name(text: str) -> str:
    return "".join(mark if mark.isalnum() or mark in "._-" else "_" for mark in text)[:100].strip("_")
