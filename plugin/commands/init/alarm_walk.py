"""Fits and scores the last days of a watch, with the code of the service."""

import time
from collections.abc import Sequence

import numpy as np

from detectors.api import DetectorError
from plugin import grid
from plugin.commands.backtest.walk import LaneOfSeries, Walk
from plugin.commands.check.fit_time import stacked_seconds
from plugin.commands.init.alarm_trial import AlarmTrial, NotTried
from plugin.commands.init.survey import MetricSurvey
from plugin.config import Watch, WorkerSettings
from plugin.domain.learning import learning_end
from plugin.domain.times import DAY
from plugin.errors import PrometheusError
from plugin.jobs.fit_task import seconds_per_series
from plugin.jobs.policies import persistent_scores
from plugin.jobs.replay import count_runs
from plugin.jobs.source_holes import columns_within
from plugin.series import IntArray, Series

MAX_DAYS = 7  # that are read; the later half is judged
MIN_DAYS = 2
MAX_SAMPLES = 2_000_000  # of all series, that are read for one watch
MAX_SERIES = 4  # that are walked through
MAX_SECONDS = 60.0  # for all watches together


class AlarmWalk:
    """Tries one watch after the other, until the time for all of them is over."""

    def __init__(self, survey: MetricSurvey, max_seconds: float = MAX_SECONDS) -> None:
        self._survey = survey
        self._deadline = time.monotonic() + max_seconds

    def trial(self, watch: Watch, count: int) -> AlarmTrial | NotTried:
        """count: series of the watch."""
        if time.monotonic() > self._deadline:
            return NotTried("the trials before took too long")
        step = watch.step
        days = min(MAX_DAYS, MAX_SAMPLES * step // (DAY * max(1, count)))
        if days < MIN_DAYS:
            return NotTried("it has too many series for a quick trial")
        try:
            series = self._survey.last_days(watch.query, step, days * DAY)
            holes = self._survey.hole_spans(watch.query, step, days * DAY)
            return _walked(watch, series, holes, count)
        except (PrometheusError, DetectorError) as error:
            return NotTried(str(error))


def _walked(
    watch: Watch, series: Sequence[Series], holes: list[tuple[int, int]], count: int
) -> AlarmTrial | NotTried:
    """holes: spans in which the query looks back over one."""
    fullest = sorted(series, key=lambda one: -len(one.times))[:MAX_SERIES]
    if not fullest:
        return NotTried("its history is too short")
    lane = _lane(watch, fullest, holes)
    judged = (lane.end - lane.split) * lane.step
    if judged.sum() < DAY:
        return NotTried("its history is too short")
    # one fit, as a person waits for it; the service would have refitted daily
    score = Walk(lane, watch.model_copy(update={"fit_every": MAX_DAYS * DAY})).run().score
    score[lane.over_hole | (np.arange(score.shape[1]) < lane.split[:, None])] = np.nan
    persistent = np.stack([persistent_scores(row, watch.persistence) for row in score])
    return AlarmTrial(
        alarms=int(count_runs(persistent > 1, lane.step).sum()),
        seconds=int(judged.sum()),
        series=count,
        fit_seconds=_fit_seconds(watch, lane, count),
    )


def _lane(watch: Watch, series: Sequence[Series], holes: list[tuple[int, int]]) -> LaneOfSeries:
    """The series on one grid; each is judged in its later half, once it has been learnt from for
    long enough."""
    first_time = min(int(one.times[0]) for one in series)
    last_time = max(int(one.times[-1]) for one in series)
    window = grid.Grid.between(first_time, last_time, watch.step)
    first = _columns([int(one.times[0]) for one in series], window)
    end = _columns([int(one.times[-1]) for one in series], window) + 1
    learnt = _columns([learning_end(int(one.times[0]), watch.learn_for) for one in series], window)
    split = np.minimum(end, np.maximum(first + (end - first + 1) // 2, learnt))
    return LaneOfSeries(
        recordings=(),
        start=window.start,
        step=watch.step,
        values=grid.align(series, window),
        first=first,
        end=end,
        split=split,
        covariates=np.empty((len(series), 0, window.count)),
        over_hole=np.tile(columns_within(holes, window), (len(series), 1)),
        due=int(split.min()),
    )


def _columns(times: Sequence[int], window: grid.Grid) -> IntArray:
    """[S] the column of each of these times."""
    return -((window.start - np.array(times, np.int64)) // window.step)


def _fit_seconds(watch: Watch, lane: LaneOfSeries, count: int) -> float:
    """Of one fit of all series, on as much history as they have here."""
    window = grid.Grid(lane.start, lane.step, lane.values.shape[1])
    batch = grid.series_batch(lane.values, window, watch.timezone, watch.calendar)
    return stacked_seconds({1: seconds_per_series(watch, batch)}, count, WorkerSettings())
