"""Everything that was asked for, over processes: each peer series by series, each of ours lane by
lane."""

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
import pandas as pd

from detectors.quality import JudgedSeries, Quality, judge
from detectors.registry import detector_named
from plugin.commands.backtest.source import Recording
from plugin.commands.backtest.walk import LaneOfSeries
from plugin.jobs.executors.local import start_worker
from tests.benchmarks.quality import ours, peers
from tests.benchmarks.quality.data import FloatArray, Series

Progress = Callable[[float], None]
Given = TypeVar("Given")
Answer = TypeVar("Answer")


@dataclass
class Row:
    """What one method came to."""

    name: str
    scores: dict[str, FloatArray] = field(default_factory=dict)  # series -> [T]
    seconds: float = 0.0  # of one core, all series together
    bytes: list[int] = field(default_factory=list)
    failed: dict[str, str] = field(
        default_factory=dict
    )  # series -> why; counted as series without scores
    refused: int = 0  # series that our detector left to `baseline`

    def quality(self, recordings: Sequence[Recording]) -> Quality:
        nothing = {
            each.name: np.full(len(each.values), np.nan)
            for each in recordings
            if each.name in self.failed
        }
        return judge([judged(each, {**self.scores, **nothing}[each.name]) for each in recordings])


@dataclass(frozen=True)
class Part:
    """A piece of work that one process does in one go, and what came of it."""

    method: str
    names: tuple[str, ...]
    scores: tuple[FloatArray, ...] = ()
    seconds: float = 0.0
    bytes: int = 0
    refused: int = 0
    error: str = ""


def judged(recording: Recording, score: FloatArray) -> JudgedSeries:
    """Scores [T] on the grid of a recording, beside the labels of the rows of its judged half."""
    half = recording.slot >= Series.of(recording).split
    label = (
        pd.to_numeric(recording.extra["label"], errors="coerce").fillna(0).to_numpy(np.int64)[half]
    )
    kind = None
    if "kind" in recording.extra:
        kind = recording.extra["kind"].fillna("").astype(str).to_numpy()[half]
    return JudgedSeries(
        recording.name,
        score[recording.slot[half]],
        label,
        kind,
        ~np.isnan(recording.value[half]),
        recording.step,
        recording.times[half],
    )


def rows(
    recordings: Sequence[Recording], methods: Sequence[str], jobs: int, progress: Progress
) -> list[Row]:
    """One row for each method, in the order given; a series on which a method fails is noted, never
    dropped."""
    tasks: list[tuple[str, Series | LaneOfSeries]] = []
    for method in sorted(methods, key=lambda name: name in peers.PEERS):  # lanes are large: first
        pieces = (
            [Series.of(each) for each in recordings]
            if method in peers.PEERS
            else ours.work(recordings, jobs)
        )
        tasks += [(method, piece) for piece in pieces]
    found = {method: Row(method) for method in methods}
    for part in pooled(_part, tasks, jobs, progress):
        row = found[part.method]
        row.seconds = row.seconds + part.seconds
        row.refused = row.refused + part.refused
        if part.error:
            row.failed.update(dict.fromkeys(part.names, part.error))
        else:
            row.scores.update(zip(part.names, part.scores, strict=True))
            row.bytes.append(part.bytes)
    return list(found.values())


def pooled(
    function: Callable[[Given], Answer], tasks: Sequence[Given], jobs: int, progress: Progress
) -> list[Answer]:
    """The answers in the order of the tasks; a first error or Ctrl-C ends all."""
    pool = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
    )
    try:
        futures: list[Future[Answer]] = [pool.submit(function, task) for task in tasks]
        for done, _ in enumerate(as_completed(futures), start=1):
            progress(done / len(futures))
        return [future.result() for future in futures]
    finally:
        workers = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()


def _begin(parent: int) -> None:
    start_worker(parent, threads=1)
    for talkative in ("prophet.plot", "cmdstanpy"):
        logging.getLogger(talkative).disabled = True


def _part(task: tuple[str, Series | LaneOfSeries]) -> Part:
    method, piece = task
    named = (
        (piece.name,)
        if isinstance(piece, Series)
        else tuple(each.name for each in piece.recordings)
    )
    try:
        load(method)
        began = core_seconds()
        if isinstance(piece, LaneOfSeries):
            scores, size, refused = ours.walked(piece, method)
            return Part(method, named, tuple(scores), core_seconds() - began, size, refused)
        verdict = peers.peer(method)(piece)
        return Part(method, named, (verdict.score,), core_seconds() - began, verdict.bytes)
    except Exception as error:  # whatever a library raises is shown beside the name of the method
        return Part(method, named, error=f"{type(error).__name__}: {error}")


def load(method: str) -> None:
    """Imports what a method needs, so that its time is its own."""
    if method in peers.PEERS:
        peers.peer(method)
    elif method in ours.names():
        detector_named(method, {})


def core_seconds() -> float:
    """Time on a core of this process and of those that it has started: two busy cores do not
    disturb it."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
