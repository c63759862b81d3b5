"""Alarms: the episodes in which a series is outside its band. Pure.

An alarm is a run of samples whose alert score exceeds 1: at least k of the last n scores exceed 1
(`persistence` of the watch). The score of its first sample exceeds 1 by itself. Up to 5 samples
inside are bridged, as `detectors.evaluate` counts alarms. The alarm ends when more than 5 steps
have passed since its last sample outside, with or without samples: the alarm of a series that
vanishes ends, and the series is then missing. Maintenance ends an alarm at once, and no alarm
starts during maintenance.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plugin.series import BoolArray, FloatArray, IntArray, Tick

ENDED_BY_MAINTENANCE = "maintenance"
ENDED_BY_PAUSE = "paused"
MAX_BRIDGED_SAMPLES = 5  # inside in a row without ending the alarm


@dataclass(frozen=True)
class Alarm:
    """One episode of one series. `series_id` and `start` identify it."""

    series_id: int
    start: int  # unix seconds of its first sample outside
    end: int  # unix seconds of its last sample outside, so far
    open: bool
    samples: int  # samples outside
    peak_time: int  # unix seconds of the highest score, the earliest of equal ones
    peak_score: float
    peak_value: float
    peak_expected: float
    peak_lower: float  # -inf = no bound on that side
    peak_upper: float
    direction: int  # at the peak: 1 = above the band, -1 = below
    ended_by: str = ""  # MAINTENANCE or PAUSED; "" = by itself, or it is open


@dataclass(frozen=True)
class OpenAlarms:
    """The alarms of one watch that are open at `until`. `after` returns a new object, so that a
    tick that fails changes nothing."""

    step: int  # seconds
    persistence: tuple[int, int]  # k of the last n scores
    until: int  # unix seconds of the last sample that was processed
    alarms: Mapping[int, Alarm]  # by series id

    def after(
        self, ticks: Sequence[Tick], recent: Callable[[IntArray], FloatArray]
    ) -> tuple[list[Alarm], "OpenAlarms"]:
        """The alarms that start, grow or end in these ticks of one run, and the open alarms after
        them.

        recent: ids [S] -> the last n scores of each series before these ticks, [S, n], NaN = fewer;
        called only for n > 1. Ticks that were processed before change nothing.
        """
        new_ticks = [tick for tick in ticks if tick.times[-1] > self.until]
        alarms = dict(self.alarms)
        changed = dict[tuple[int, int], Alarm]()
        last_time = max([self.until, *(int(tick.times[-1]) for tick in new_ticks)])
        for tick in new_ticks:
            for row, columns in self._runs(tick, recent):
                series_id = int(tick.ids[row])
                start = int(tick.times[columns[0]])
                alarm = alarms.get(series_id)
                finished = self._ended(alarm, tick, row, start) if alarm is not None else None
                if finished is not None:
                    changed[series_id, finished.start] = finished
                    alarm = None
                grown = _grown(alarm, tick, row, columns)
                if grown is not None:
                    alarms[series_id] = changed[series_id, grown.start] = grown
            muted = tick.muted.any(axis=1) if tick.muted is not None else np.empty(0, bool)
            for row in np.flatnonzero(muted).tolist():
                alarm = alarms.get(int(tick.ids[row]))
                finished = self._ended(alarm, tick, row, last_time) if alarm is not None else None
                if finished is not None:
                    changed[finished.series_id, finished.start] = finished
                    del alarms[finished.series_id]
        for alarm in [alarm for alarm in alarms.values() if last_time - alarm.end >= self._max_gap]:
            changed[alarm.series_id, alarm.start] = replace(alarm, open=False)
            del alarms[alarm.series_id]
        return list(changed.values()), replace(self, until=last_time, alarms=alarms)

    def _ended(self, alarm: Alarm, tick: Tick, row: int, start: int) -> Alarm | None:
        """The alarm as it ended before a sample outside at `start`; None if that sample continues
        it."""
        muted = tick.times[:0]
        if tick.muted is not None:
            muted = tick.times[tick.muted[row] & (tick.times > alarm.end) & (tick.times <= start)]
        if len(muted) and muted[0] - alarm.end < self._max_gap:
            return replace(alarm, open=False, ended_by=ENDED_BY_MAINTENANCE)
        return replace(alarm, open=False) if start - alarm.end > self._max_gap else None

    @property
    def _max_gap(self) -> int:
        """Seconds between two samples outside of one alarm, at most."""
        return (MAX_BRIDGED_SAMPLES + 1) * self.step

    def _runs(
        self, tick: Tick, recent: Callable[[IntArray], FloatArray]
    ) -> Iterator[tuple[int, IntArray]]:
        """(row, columns of the samples outside) of each run, row by row, in order of time."""
        rows, columns = self._outside(tick, recent)
        if len(rows):
            apart = (np.diff(rows) > 0) | (np.diff(tick.times[columns]) > self._max_gap)
            if tick.muted is not None:
                apart |= np.diff(np.cumsum(tick.muted, axis=1)[rows, columns]) > 0
            edges = [0, *(np.flatnonzero(apart) + 1).tolist(), len(rows)]
            for first, last in zip(edges[:-1], edges[1:], strict=True):
                yield int(rows[first]), columns[first:last]

    def _outside(
        self, tick: Tick, recent: Callable[[IntArray], FloatArray]
    ) -> tuple[IntArray, IntArray]:
        """Row and column of each sample whose alert score exceeds 1."""
        k, n = self.persistence
        muted = np.zeros(tick.score.shape, bool) if tick.muted is None else tick.muted
        above = (tick.score > 1) & ~muted  # [S, T]
        if n == 1:
            rows, columns = np.nonzero(above)
            return rows, columns
        window = recent(tick.ids) > 1  # [S, n]
        candidates = np.flatnonzero(above.any(axis=1) | window.any(axis=1))
        scored = ~np.isnan(tick.score[candidates])
        rows, columns = np.nonzero(
            _persistent(window[candidates], above[candidates], scored, muted[candidates], k)
        )
        return candidates[rows], columns


def _persistent(
    window: BoolArray, above: BoolArray, scored: BoolArray, muted: BoolArray, k: int
) -> BoolArray:
    """[S, T] whether k of the last n scores were above 1.

    window: [S, n] whether the n scores before were. A gap does not shift the window; maintenance
    clears it.
    """
    persistent = np.zeros(above.shape, bool)
    for column in range(above.shape[1]) if len(above) else ():
        window[scored[:, column] & muted[:, column]] = False
        counted = scored[:, column] & ~muted[:, column]
        window[counted] = np.concatenate(
            [window[counted, 1:], above[counted, column, None]], axis=1
        )
        persistent[:, column] = counted & (window.sum(axis=1) >= k)
    return persistent


def _grown(alarm: Alarm | None, tick: Tick, row: int, columns: IntArray) -> Alarm | None:
    """The alarm with one more run of samples, or a new alarm.

    None if there is no alarm and no score of the run exceeds 1 by itself.
    """
    scores = tick.score[row, columns]
    if alarm is None:
        if not (scores > 1).any():  # the scores above 1 belong to an alarm that ended in a gap
            return None
        first = int((scores > 1).argmax())
        scores = scores[first:]
        columns = columns[first:]
    end = int(tick.times[columns[-1]])
    samples = len(columns)
    best = int(scores.argmax())
    if alarm is not None and alarm.peak_score >= scores[best]:
        return replace(alarm, end=end, samples=alarm.samples + samples)
    peak = int(columns[best])
    value = float(tick.value[row, peak])
    upper = float(tick.upper[row, peak])
    return Alarm(
        series_id=int(tick.ids[row]),
        start=alarm.start if alarm else int(tick.times[columns[0]]),
        end=end,
        open=True,
        samples=samples + (alarm.samples if alarm else 0),
        peak_time=int(tick.times[peak]),
        peak_score=float(scores[best]),
        peak_value=value,
        peak_expected=float(tick.expected[row, peak]),
        peak_lower=float(tick.lower[row, peak]),
        peak_upper=upper,
        direction=1 if value > upper else -1,
    )
