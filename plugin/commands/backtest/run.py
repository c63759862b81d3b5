"""A whole backtest: lanes of series over processes, with one file and one result per series."""

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
from detectors.evaluate import JOIN_SAMPLES, Events, count, events_by_kind, mark_series, runs
from plugin.commands.backtest.source import Recording
from plugin.commands.backtest.walk import LaneOfSeries, Walk, WalkedBand, lanes
from plugin.config import Watch
from plugin.domain.times import DAY
from plugin.jobs.workers import start_worker

# Series that share a stack: many, as a stack is quick; not too many, as all cores are to have one.
LANE_WIDTH = 24


@dataclass(frozen=True)
class SeriesResult:
    """The figures of one series in its judged half."""

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
    """Walks through every recording and writes `NAME.csv` (and `NAME.png`) of its judged half.

    output: the folder; jobs: processes, 0 = one per core; progress: takes the share done, 0 to 1.
    """
    output.mkdir(parents=True, exist_ok=True)
    work = sorted(lanes(recordings, watch.timezone, LANE_WIDTH), key=lambda lane: -lane.values.size)
    jobs = min(len(work), jobs or os.cpu_count() or 1)
    results: list[SeriesResult] = []
    pool = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=start_worker, initargs=(os.getpid(), 1)
    )
    try:
        futures = {pool.submit(_walk, lane, watch, output, plot): lane.values.size for lane in work}
        finished_size = 0
        total = sum(futures.values())
        for future in as_completed(futures):
            results += future.result()
            finished_size += futures[future]
            progress(finished_size / total)
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
            from plugin.commands.plot import draw_picture

            draw_picture(output / f"{recording.name}.png", recording.name, table)
    return results


def _table(recording: Recording, judged: WalkedBand, row: int, lane: LaneOfSeries) -> pd.DataFrame:
    """The rows of the judged half: time,value,expected,lower,upper,score and the further columns of
    the source."""
    half = recording.slot >= lane.split[row] - lane.first[row]
    columns = lane.first[row] + recording.slot[half]
    value = recording.value[half]
    band = Band(
        *(line[row, columns][None] for line in (judged.lower, judged.expected, judged.upper))
    )
    # computed again, as several rows may share a grid time: each has a score
    score = rescore(value[None], ~np.isnan(value[None]), band)[0]
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
    extra = recording.extra[half].reset_index(drop=True)
    rows: pd.DataFrame = pd.concat([table, extra], axis=1)
    return rows


def _result(recording: Recording, table: pd.DataFrame, step: int) -> SeriesResult:
    observed = table["value"].notna().to_numpy()
    score = table["score"].to_numpy(np.float64)
    times = table["time"].to_numpy(np.int64)
    alarms = runs(np.nan_to_num(score, nan=0.0) > 1, JOIN_SAMPLES)
    seconds = int(times[-1]) + step - int(times[0])
    edges = np.concatenate(
        [[times[0]], np.append(times, times[-1] + step)[alarms].ravel(), [times[-1] + step]]
    )
    # [alarms + 1, 2] from the end of one alarm to the start of the next
    pauses = edges.reshape(-1, 2)
    return SeriesResult(
        name=recording.name,
        days=seconds / DAY,
        samples=int(observed.sum()),
        unscored=int((observed & np.isnan(score)).sum()),
        alarms=len(alarms),
        longest_quiet=float((pauses[:, 1] - pauses[:, 0]).max()) / DAY,
        by_label=_by_label(table, score, observed, step),
    )


def _by_label(
    table: pd.DataFrame, score: np.ndarray, observed: np.ndarray, step: int
) -> dict[str, Events]:
    if "label" not in table:
        return {}
    label = pd.to_numeric(table["label"], errors="coerce").fillna(0).to_numpy(np.int64)
    kind = table["kind"].fillna("").astype(str).to_numpy() if "kind" in table else None
    marks = mark_series(score, label, observed, kind, step)
    return {"label": count(marks), **events_by_kind(marks)}
