"""A preview of samples in a data frame, for notebooks."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from plugin.config import Config, PrometheusSettings, WorkerSettings, parse_duration
from plugin.config.watch_text import read_watch
from plugin.domain.preview import Preview, PreviewAlarm, SeriesBand
from plugin.errors import ConfigError
from plugin.preview.fit_workers import InlineWorkers
from plugin.preview.past_service import PreviewTask
from plugin.preview.recorded_samples import ArrayReader
from plugin.preview.run import run_preview
from plugin.series import IntArray, Labels, Series

QUERY = "frame"
SERIES_LABEL = "series"
BAND_COLUMNS = ("value", "expected", "lower", "upper", "score")
FIRST_SHARE = 0.5  # of the time of a frame, that is only learnt from
CALL = "preview(...)"


def preview(
    frame: pd.DataFrame, *, since: str | None = None, **settings: Any
) -> tuple[pd.DataFrame, list[PreviewAlarm]]:
    """The bands and the alarms that a watch with these settings would have had on a frame.

    frame: an index of times, which are UTC where they name no time zone, and a column of numbers
    for each series; NaN = no sample. since: how much of its end is judged, such as "30d"; None =
    the second half. What is before is only learnt from. settings: those of a watch, as a
    configuration file spells them: `alert_budget="1/w"`, `step="5m"`, `persistence="2 of 3"`. The
    step is the most frequent distance of the index where it is not given.

    Returns a frame with time, series, value, expected, lower, upper and score, and the alarms in
    order of time. Raises ConfigError for a setting or a frame that is wrong.
    """
    times = _times(frame)
    watch = read_watch(
        {"name": "preview", "query": QUERY, "step": f"{_step(times)}s", **settings}, CALL
    )
    series = list(_series(frame, times, watch.step))
    end = int(-(-times[-1] // watch.step) * watch.step)
    start = int(times[0] + FIRST_SHARE * (end - times[0]))
    if since is not None:
        start = end - parse_duration(since)
    config = Config(
        prometheus=PrometheusSettings(url="http://localhost:9090"),
        watches=(watch,),
        workers=WorkerSettings(device="cpu"),
    )
    task = PreviewTask(config, start // watch.step * watch.step, end, max_bands=-1)
    result = run_preview(
        task, workers=InlineWorkers(task.config.workers), reader=ArrayReader({QUERY: series})
    )
    return _bands(result), list(result.alarms)


def _times(frame: pd.DataFrame) -> IntArray:
    """[N] unix seconds of the rows, ascending. Raises ConfigError."""
    if not isinstance(frame.index, pd.DatetimeIndex):
        raise ConfigError(
            f"{CALL}: frame: found an index of {frame.index.dtype}; valid is an index of times,"
            " such as pd.to_datetime(seconds, unit='s', utc=True)"
        )
    if len(frame) < 2 or not len(frame.columns):
        raise ConfigError(
            f"{CALL}: frame: found {len(frame)} rows and {len(frame.columns)} columns; valid is"
            " at least two rows, and a column for each series"
        )
    if not frame.index.is_monotonic_increasing or not frame.index.is_unique:
        raise ConfigError(
            f"{CALL}: frame: its times do not ascend; valid is a frame that is sorted by time,"
            " each time once: frame[~frame.index.duplicated()].sort_index()"
        )
    index = frame.index.tz_localize("UTC") if frame.index.tz is None else frame.index
    seconds = index.as_unit("s").asi8
    return np.asarray(seconds, np.int64)


def _step(times: IntArray) -> int:
    """The most frequent distance."""
    distances, counts = np.unique(np.diff(times), return_counts=True)
    return int(distances[counts.argmax()])


def _series(frame: pd.DataFrame, times: IntArray, step: int) -> Iterator[Series]:
    """Each column on the grid of the step: at a grid time, the last sample since the one before."""
    grid_times = -(-times // step) * step
    for name in frame:
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64)
        finite = np.isfinite(values)
        slots = grid_times[finite]
        last = np.append(slots[1:] != slots[:-1], True) if len(slots) else np.zeros(0, bool)
        yield Series(Labels.of({SERIES_LABEL: str(name)}), slots[last], values[finite][last])


def _bands(result: Preview) -> pd.DataFrame:
    tables = [_band(series) for series in result.bands]
    columns = ["time", SERIES_LABEL, *BAND_COLUMNS]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _band(series: SeriesBand) -> pd.DataFrame:
    samples = series.samples
    columns: Mapping[str, Any] = {name: getattr(samples, name) for name in BAND_COLUMNS}
    times = pd.to_datetime(samples.times, unit="s", utc=True)
    return pd.DataFrame({"time": times, SERIES_LABEL: series.labels[SERIES_LABEL], **columns})
