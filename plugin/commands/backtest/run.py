"""A whole backtest: lanes over processes, one file per series, one result per series."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from detectors.api import Band
from detectors.bands import rescore
from detectors.evaluate import JOIN, Events, count, events_by_kind, marked, runs
from plugin.commands.backtest.source import Recording
from plugin.commands.backtest.walk import LaneOfSeries, Walk, WalkedBand, lanes
from plugin.config import Watch
from plugin.jobs.workers import begin

LANE_WIDTH = (
    24  # series that share a stack: wide enough to be quick, narrow enough to share out over cores
)


@dataclass(frozen=True)
class SeriesResult:
    """What one series came to in its judged half."""

    name: str
    days: float
    samples: int
    unscored: int  # samples without a score
    alarms: int
    longest_quiet: float  # days
    by_label: dict[str, Events]  # "label", and one entry per kind where there is such a column


def backtest(
    recordings: Sequence[Recording],
    watch: Watch,
    output: Path,
    *,
    plot: bool = False,
    jobs: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> list[SeriesResult]:
    """Walks through every recording and writes `NAME.csv` (and `NAME.png`) of its judged half into
    `output`."""
    output.mkdir(parents=True, exist_ok=True)
    work = sorted(lanes(recordings, watch.timezone, LANE_WIDTH), key=lambda lane: -lane.values.size)
    jobs = min(len(work), jobs or os.cpu_count() or 1)
    results: list[SeriesResult] = []
    pool = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=begin, initargs=(os.getpid(), 1)
    )
    try:
        futures = {pool.submit(_walk, lane, watch, output, plot): lane.values.size for lane in work}
        done = 0
        total = sum(futures.values())
        for future in as_completed(futures):
            results += future.result()
            done += futures[future]
            progress(done / total)
    finally:  # Ctrl-C and a first failure end the others, too
        workers = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()
    return sorted(results, key=lambda result: result.name)


def _walk(lane: LaneOfSeries, watch: Watch, output: Path, plot: bool) -> list[SeriesResult]:
    judged = Walk(lane, watch).run()
    results = []
    for row, recording in enumerate(lane.recordings):
        table = _table(recording, judged, row, lane)
        table.to_csv(output / f"{recording.name}.csv", index=False, float_format="%.17g")
        results.append(_result(recording, table, lane.step))
        if plot:
            from plugin.commands.plot import picture

            picture(output / f"{recording.name}.png", recording.name, table)
    return results


def _table(recording: Recording, judged: WalkedBand, row: int, lane: LaneOfSeries) -> pd.DataFrame:
    """The rows of the judged half: time,value,expected,lower,upper,score and the further columns of
    the source."""
    half = recording.slot >= lane.split[row] - lane.first[row]
    at = lane.first[row] + recording.slot[half]
    value = recording.value[half]
    band = Band(*(bound[row, at][None] for bound in (judged.lower, judged.expected, judged.upper)))
    score = rescore(value[None], ~np.isnan(value[None]), band)[
        0
    ]  # a row that its grid time left out has one too
    table = pd.DataFrame(
        {
            "time": recording.times[half],
            "value": value,
            "expected": band.expected[0],
            "lower": band.lower[0],
            "upper": band.upper[0],
            "score": score,
        }
    )
    whole: pd.DataFrame = pd.concat([table, recording.extra[half].reset_index(drop=True)], axis=1)
    return whole


def _result(recording: Recording, table: pd.DataFrame, step: int) -> SeriesResult:
    observed = table["value"].notna().to_numpy()
    score = table["score"].to_numpy(np.float64)
    times = table["time"].to_numpy(np.int64)
    alarms = runs(np.nan_to_num(score, nan=0.0) > 1, JOIN)
    seconds = int(times[-1]) + step - int(times[0])
    edges = np.concatenate(
        [[times[0]], np.append(times, times[-1] + step)[alarms].ravel(), [times[-1] + step]]
    )
    quiet = edges.reshape(
        -1, 2
    )  # [alarms + 1, 2] from the end of one alarm to the beginning of the next
    return SeriesResult(
        recording.name,
        seconds / 86_400,
        int(observed.sum()),
        int((observed & np.isnan(score)).sum()),
        len(alarms),
        float((quiet[:, 1] - quiet[:, 0]).max()) / 86_400,
        _by_label(table, score, observed, step),
    )


def _by_label(
    table: pd.DataFrame, score: np.ndarray, observed: np.ndarray, step: int
) -> dict[str, Events]:
    if "label" not in table:
        return {}
    label = pd.to_numeric(table["label"], errors="coerce").fillna(0).to_numpy(np.int64)
    kind = table["kind"].fillna("").astype(str).to_numpy() if "kind" in table else None
    marks = marked(score, label, observed, kind, step)
    return {"label": count(marks), **events_by_kind(marks)}
