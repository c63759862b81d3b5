"""A whole backtest: lanes of series over processes, with one file and one result per series."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor as Pool
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from detectors.api import Band
from detectors.bands import rescore
from detectors.evaluate import Events, Marks, alarm_spans, count, events_by_kind, mark_series
from plugin.commands.backtest.alarm_list import ListedAlarm, listed_alarms, write_alarms
from plugin.commands.backtest.fits import Fit, fit_by, fit_here
from plugin.commands.backtest.recording import Recording
from plugin.commands.backtest.walk import LaneOfSeries, Walk, WalkedBand, lanes
from plugin.commands.history_lessons import lessons_of, local_today
from plugin.config import Watch
from plugin.domain.learning import learning_end
from plugin.domain.lessons import Lesson
from plugin.domain.times import DAY
from plugin.jobs.executors import Executor
from plugin.jobs.executors.local import start_worker
from plugin.jobs.policies import persistent_scores

# Series that share a stack: many, as a stack is quick; not too many, as all cores are to have one.
LANE_WIDTH = 24


@dataclass(frozen=True)
class SeriesResult:
    """The figures of one series in its judged half."""

    name: str
    days: float
    samples: int
    unscored: int  # samples without a score
    outside_share: float  # share of the samples with a score; NaN = there is none
    alarms: int
    promised_alarms: float  # alarms that the budget allows in these days
    longest_quiet: float  # days
    by_label: dict[str, Events]  # "label", and one entry per kind where there is such a column
    alarm_list: tuple[ListedAlarm, ...]
    end_day: int  # local day after its last sample, from 1970-01-01
    lessons: tuple[Lesson, ...]  # what a fit on that day could learn


def backtest(
    recordings: Sequence[Recording],
    watch: Watch,
    output: Path,
    *,
    plot: bool = False,
    jobs: int | Executor = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> list[SeriesResult]:
    """Walks through every recording and writes `NAME.csv` (and `NAME.png`) of its judged half, and
    a list of all alarms.

    output: the folder; jobs: processes, 0 = one per core, or an executor that fits instead;
    progress: takes the share done, 0 to 1. Raises FitFailed where the executor cannot fit.
    """
    output.mkdir(parents=True, exist_ok=True)
    all_lanes = lanes(recordings, watch.timezone, LANE_WIDTH, dated=watch.calendar is not None)
    work = sorted(all_lanes, key=lambda lane: -lane.values.size)
    results: list[SeriesResult] = []
    fit = fit_here if isinstance(jobs, int) else fit_by(jobs)
    with _pool(len(work), jobs) as pool:
        futures = {
            pool.submit(_walk, lane, watch, output, plot, fit): lane.values.size for lane in work
        }
        finished_size = 0
        total = sum(futures.values())
        for future in as_completed(futures):
            results += future.result()
            finished_size += futures[future]
            progress(finished_size / total)
    results.sort(key=lambda result: result.name)
    write_alarms(output, [alarm for result in results for alarm in result.alarm_list])
    return results


@contextmanager
def _pool(lane_count: int, jobs: int | Executor) -> Iterator[Pool]:
    """Who walks: processes, or threads that wait for the fits of an executor. Ctrl-C and a first
    failure end all walks."""
    if not isinstance(jobs, int):
        threads = ThreadPoolExecutor(min(lane_count, jobs.size))
        try:
            yield threads
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
        return
    processes = ProcessPoolExecutor(
        min(lane_count, jobs or os.cpu_count() or 1),
        mp_context=get_context("spawn"),
        initializer=start_worker,
        initargs=(os.getpid(), 1),
    )
    try:
        yield processes
    finally:
        workers = list((processes._processes or {}).values())
        processes.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()


def _walk(
    lane: LaneOfSeries, watch: Watch, output: Path, plot: bool, fit: Fit
) -> list[SeriesResult]:
    judged = Walk(lane, watch, fit).run()
    watch = watch.model_copy(update={"step": lane.step})
    results = []
    for row, recording in enumerate(lane.recordings):
        table = _table(recording, judged, row, lane)
        table.to_csv(output / f"{recording.name}.csv", index=False, float_format="%.17g")
        result = _result(recording, table, watch)
        results.append(result)
        if plot:
            from plugin.commands.plot import draw_picture

            plural = "" if result.alarms == 1 else "s"
            title = f"{recording.name}: would have alerted {result.alarms} time{plural}"
            new_levels = judged.accepted[row, lane.first[row] + recording.slot]
            draw_picture(
                output / f"{recording.name}.png",
                title,
                table,
                learning_until=_learning_end(recording, watch),
                accepted=recording.times[new_levels],
            )
    return results


def _learning_end(recording: Recording, watch: Watch) -> int:
    """Unix seconds from which a series may alert."""
    samples = recording.times[np.isfinite(recording.value)]
    return learning_end(int(samples[0]), watch.learn_for) if len(samples) else 0


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
    extra = extra.drop(columns=[name for name in table if name in extra])  # of an earlier backtest
    rows: pd.DataFrame = pd.concat([table, extra], axis=1)
    return rows


def _result(recording: Recording, table: pd.DataFrame, watch: Watch) -> SeriesResult:
    """Alarms as the service would have raised them: of the scores after `persistence`, when the
    series has been learnt from for long enough, and not of samples over a hole of the source.
    watch: with the step of the series."""
    observed = table["value"].notna().to_numpy()
    score = table["score"].to_numpy(np.float64)
    scored = ~np.isnan(score)
    times = table["time"].to_numpy(np.int64)
    over_hole = recording.over_hole[recording.slot[-len(table) :]]  # of the judged half
    alarming = np.where(over_hole | (times < _learning_end(recording, watch)), np.nan, score)
    marks = _marks(table, persistent_scores(alarming, watch.persistence), observed, watch.step)
    alarms = np.flatnonzero(observed)[alarm_spans(marks) - [0, 1]] + [0, 1]
    end = int(times[-1]) + watch.step
    seconds = end - int(times[0])
    ends = np.append(times, end)[alarms].ravel()
    # [alarms + 1, 2] from the end of one alarm to the start of the next
    pauses = np.concatenate([[times[0]], ends, [end]]).reshape(-1, 2)
    return SeriesResult(
        name=recording.name,
        days=seconds / DAY,
        samples=int(observed.sum()),
        unscored=int((observed & ~scored).sum()),
        outside_share=float((score[scored] > 1).mean()) if scored.any() else np.nan,
        alarms=len(alarms),
        promised_alarms=watch.alert_budget * seconds,
        longest_quiet=float((pauses[:, 1] - pauses[:, 0]).max()) / DAY,
        by_label={"label": count(marks), **events_by_kind(marks)} if "label" in table else {},
        alarm_list=tuple(listed_alarms(recording.name, table, alarming, watch)),
        end_day=local_today(watch, end),
        lessons=lessons_of(watch, recording.times[np.isfinite(recording.value)], end),
    )


def _marks(table: pd.DataFrame, score: np.ndarray, observed: np.ndarray, step: int) -> Marks:
    """The scores beside the labels of a table; without that column nothing is an incident."""
    label = np.zeros(len(table), np.int64)
    if "label" in table:
        label = pd.to_numeric(table["label"], errors="coerce").fillna(0).to_numpy(np.int64)
    kind = table["kind"].fillna("").astype(str).to_numpy() if "kind" in table else None
    return mark_series(score, label, observed, kind, step, table["time"].to_numpy(np.int64))
