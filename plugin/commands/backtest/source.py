"""Where a backtest gets its series: a folder of CSV files, or an expression on a Prometheus."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from plugin import grid
from plugin.errors import BandwatchError
from plugin.prometheus import PrometheusReader
from plugin.series import FloatArray, IntArray

SUFFIXES = (".csv", ".csv.gz")
COVARIATE = (  # a column whose name begins so is another series that helps to judge this one
    "covariate_"
)
MOST_STEPS = 50_000_000  # of one recording: what one process can hold


@dataclass(frozen=True)
class Recording:
    """One series as recorded, N rows, and as the service would have seen it on a regular grid of T
    steps."""

    name: str
    start: int  # unix seconds of the first grid time
    step: int  # seconds
    values: FloatArray  # [T] NaN = no sample
    times: IntArray  # [N] unix seconds of the rows, ascending
    value: FloatArray  # [N] NaN = no sample
    slot: IntArray  # [N] the grid time at which each row is seen: the first that is not before it
    extra: pd.DataFrame  # [N] rows, further columns as they were read
    covariates: FloatArray  # [C, T] those of them that are covariates; NaN = missing


def recorded(
    name: str, step: int, times: IntArray, value: FloatArray, extra: pd.DataFrame
) -> Recording:
    """Puts rows on a grid; of several rows between two grid times the grid has the last, as a query
    would."""
    start = int(times[0])
    slot = -((start - times) // step)
    given = [
        extra[column].to_numpy(np.float64) for column in extra if str(column).startswith(COVARIATE)
    ]
    rows = np.stack([value, *given])
    values = np.full((len(rows), int(slot[-1]) + 1), np.nan)
    for on_grid, row in zip(values, rows, strict=True):
        there = np.isfinite(row)
        on_grid[slot[there]] = row[there]
    return Recording(
        name,
        start,
        step,
        values[0],
        times,
        np.where(np.isfinite(value), value, np.nan),
        slot,
        extra,
        values[1:],
    )


def read_folder(folder: Path) -> list[Recording]:
    """All NAME.csv and NAME.csv.gz of a folder, by name. Raises BandwatchError naming the file."""
    return [
        read_file(path)
        for path in csv_files(folder, "time (unix seconds) and value (empty = no sample)").values()
    ]


def csv_files(folder: Path, columns: str) -> dict[str, Path]:
    """NAME -> NAME.csv or NAME.csv.gz of a folder, by name; `columns`: what they must hold, for the
    error."""
    paths = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    if not paths:
        raise BandwatchError(
            f"{folder}: no .csv or .csv.gz file; each must have the columns {columns}"
        )
    names = [path.name.removesuffix(".gz").removesuffix(".csv") for path in paths]
    for one, other in itertools.pairwise(names):  # a.csv and a.csv.gz are neighbours
        if one == other:
            raise BandwatchError(
                f"{folder}: {one}.csv and {one}.csv.gz are both there: keep one of them"
            )
    return dict(zip(names, paths, strict=True))


def read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """A CSV file with its columns as they are. Raises BandwatchError when it lacks one."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise BandwatchError(f"{path}: cannot be read as CSV: {error}") from error
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise BandwatchError(
            f"{path}: no column {lacking[0]!r}; found {', '.join(map(str, table.columns))}; "
            f"valid is {','.join(needed)} and any further columns"
        )
    return table


def read_file(path: Path) -> Recording:
    """One recording. The step is the most frequent distance in time; what is left out is a gap."""
    table = read_table(path, ("time", "value"))
    for column in (
        "time",
        "value",
        *(name for name in map(str, table) if name.startswith(COVARIATE)),
    ):
        table[column] = numbers(path, table, column)
    table = (
        table[np.isfinite(table["time"])]
        .astype({"time": np.int64})
        .drop_duplicates("time")
        .sort_values("time")
    )
    if len(table) < 3:
        raise BandwatchError(f"{path}: {len(table)} samples; a backtest needs at least 3")
    times = table["time"].to_numpy(np.int64)
    value = table["value"].to_numpy(np.float64)
    step = _step(times)
    if (times[-1] - times[0]) // step > MOST_STEPS:
        raise BandwatchError(
            f"{path}: {times[0]} to {times[-1]} in steps of {step} are more than {MOST_STEPS:,}: is"
            " a time wrong? They must be unix seconds"
        )
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    return recorded(
        name, step, times, value, table.drop(columns=["time", "value"]).reset_index(drop=True)
    )


def numbers(path: Path, table: pd.DataFrame, name: str) -> FloatArray:
    """[N] a column as numbers, empty = NaN; text that is no number is refused, not taken for a
    gap."""
    found = pd.to_numeric(table[name], errors="coerce")
    wrong = np.flatnonzero(found.isna() & table[name].notna())
    if len(wrong):
        valid = "unix seconds" if name == "time" else "a number, or nothing for no sample"
        raise BandwatchError(
            f"{path}: line {wrong[0] + 2}: {name} is {table[name].iloc[wrong[0]]!r}; valid is"
            f" {valid}"
        )
    return found.to_numpy(np.float64)


def _step(times: IntArray) -> int:
    distances, counts = np.unique(np.diff(times), return_counts=True)
    return int(distances[counts.argmax()])


def ask(
    reader: PrometheusReader, expression: str, start: int, end: int, step: int
) -> list[Recording]:
    """The series of an expression.

    Raises PrometheusError, and BandwatchError when there is none.
    """
    answer = reader.range(expression, start, end, step, max_series=1000)
    if not answer.series:
        raise BandwatchError(
            f"{expression}: no series between {start} and {end}; is it a folder that does not"
            " exist?"
        )
    values = grid.align(answer.series, start, end, step)
    times = grid.grid_times(start, end, step)
    nothing = pd.DataFrame(index=range(len(times)))
    return [
        recorded(f"{number:03d}_{_file_name(str(series.labels))}", step, times, row, nothing)
        for number, (series, row) in enumerate(zip(answer.series, values, strict=True))
    ]


def _file_name(text: str) -> str:
    return "".join(mark if mark.isalnum() or mark in "._-" else "_" for mark in text)[:100].strip(
        "_"
    )
