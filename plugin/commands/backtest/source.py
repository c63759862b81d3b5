"""The series of a backtest as recordings, as they are read from a folder of CSV files."""

import itertools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from plugin.commands.backtest.recording import COVARIATE_PREFIX, Recording, recorded
from plugin.errors import BandwatchError
from plugin.series import FloatArray, IntArray

SUFFIXES = (".csv", ".csv.gz")
MAX_STEPS = 50_000_000  # of one recording: what one process can hold
MIN_ROWS = 3  # of a recording
MAX_TIME = 253_402_300_799  # unix seconds of the end of the year 9999
# What a column may be called, in any case, where none has its own name.
OTHER_NAMES = {"time": ("timestamp", "ts", "date", "datetime"), "value": ("y", "val")}
# The list of alarms that a backtest writes beside its series, and how that file begins.
ALARMS_FILE = "alarms.csv"
ALARMS_HEADER = ("series", "start", "end", "seconds", "peak", "value", "expected", "words")

log = logging.getLogger(__name__)


class TooFewRows(BandwatchError):
    """A recording that is too short for a backtest."""


def read_folder(folder: Path) -> list[Recording]:
    """All NAME.csv and NAME.csv.gz of a folder, by name; those that are too short are left out.

    Raises BandwatchError naming the file; also where all are too short.
    """
    recordings: list[Recording] = []
    refusal_texts: list[str] = []
    for path in csv_files(folder, "time and value (empty = no sample)").values():
        try:
            recordings.append(read_file(path))
        except TooFewRows as refusal:
            refusal_texts.append(str(refusal))
    if not recordings:
        raise BandwatchError("\n".join(refusal_texts))
    for text in refusal_texts:
        log.warning("series left out", extra={"err": text})
    return recordings


def csv_files(folder: Path, columns: str) -> dict[str, Path]:
    """NAME -> NAME.csv or NAME.csv.gz of a folder, by name; `columns`: what they must hold, for the
    error."""
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.name.endswith(SUFFIXES) and not _is_alarm_list(path)
    )
    if not paths:
        raise BandwatchError(
            f"{folder}: no .csv or .csv.gz file; each must have the columns {columns}"
        )
    names = [path.name.removesuffix(".gz").removesuffix(".csv") for path in paths]
    for name, next_name in itertools.pairwise(names):  # a.csv and a.csv.gz are neighbours
        if name == next_name:
            raise BandwatchError(
                f"{folder}: {name}.csv and {name}.csv.gz are both there: keep one of them"
            )
    return dict(zip(names, paths, strict=True))


def _is_alarm_list(path: Path) -> bool:
    """Whether a backtest has written it beside its series."""
    if path.name != ALARMS_FILE:
        return False
    with path.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline().rstrip("\r\n") == ",".join(ALARMS_HEADER)


def read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """A CSV file with its columns as they are, but the needed ones under their own names.

    Raises BandwatchError when it lacks one.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise BandwatchError(f"{path}: cannot be read as CSV: {error}") from error
    table = table.rename(columns=_own_names(list(map(str, table)), needed))
    missing = [name for name in needed if name not in table]
    if missing:
        raise BandwatchError(
            f"{path}: no column {missing[0]!r}; found {', '.join(map(str, table.columns))}; "
            f"valid is {','.join(needed)} and any further columns"
            + "".join(
                f"; {name} may be called {', '.join(OTHER_NAMES[name])}"
                for name in missing
                if name in OTHER_NAMES
            )
        )
    return table


def _own_names(columns: Sequence[str], needed: Sequence[str]) -> dict[str, str]:
    """Column -> the needed name that it stands for: the first that is there of its names."""
    by_word = {column.strip().lower(): column for column in reversed(columns)}
    own_names: dict[str, str] = {}
    for name in needed:
        words = (name, *OTHER_NAMES.get(name, ()))
        word = next((word for word in words if word in by_word), None)
        if name not in columns and word is not None:
            own_names[by_word[word]] = name
    return own_names


def read_file(path: Path) -> Recording:
    """One recording. The step is the most frequent distance in time; missing rows are gaps."""
    table = read_table(path, ("time", "value"))
    for column in (
        "time",
        "value",
        *(name for name in map(str, table) if name.startswith(COVARIATE_PREFIX)),
    ):
        table[column] = numbers(path, table, column)
    table = (
        table[np.isfinite(table["time"])]
        .astype({"time": np.int64})
        .drop_duplicates("time")
        .sort_values("time")
    )
    if len(table) < MIN_ROWS:
        raise TooFewRows(f"{path}: {len(table)} samples; a backtest needs at least {MIN_ROWS}")
    times = table["time"].to_numpy(np.int64)
    value = table["value"].to_numpy(np.float64)
    step = _step(times)
    if (times[-1] - times[0]) // step > MAX_STEPS:
        raise BandwatchError(
            f"{path}: {times[0]} to {times[-1]} in steps of {step} are more than {MAX_STEPS:,}: is"
            " a time wrong?"
        )
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    return recorded(
        name, step, times, value, table.drop(columns=["time", "value"]).reset_index(drop=True)
    )


def numbers(path: Path, table: pd.DataFrame, name: str) -> FloatArray:
    """[N] a column as numbers, empty = NaN; the column `time` in unix seconds.

    Raises BandwatchError for text that is no number; it is not taken for a gap.
    """
    column = pd.to_numeric(table[name], errors="coerce")
    valid = "a number, or nothing for no sample"
    if name == "time":
        column = column.fillna(_iso_seconds(table[name][column.isna()]))
        column = column.where(column.abs() <= MAX_TIME)
        valid = "unix seconds (not milliseconds), or ISO 8601 such as 2026-11-21T02:00:00Z"
    invalid_rows = np.flatnonzero(column.isna() & table[name].notna())
    if len(invalid_rows):
        text = table[name].iloc[invalid_rows[0]]
        raise BandwatchError(
            f"{path}: line {invalid_rows[0] + 2}: {name} is"
            f" {repr(text) if isinstance(text, str) else f'{text:.15g}'}; valid is {valid}"
        )
    return column.to_numpy(np.float64)


def _iso_seconds(texts: "pd.Series[Any]") -> "pd.Series[float]":
    """Unix seconds of ISO 8601 texts, UTC where they say no offset; NaN = no time."""
    times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    return (times - pd.Timestamp(0, tz="UTC")).dt.total_seconds()


def _step(times: IntArray) -> int:
    distances, counts = np.unique(np.diff(times), return_counts=True)
    return int(distances[counts.argmax()])
