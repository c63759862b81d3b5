"""Alarms: the episodes in which a series is outside its band. Pure.

An alarm is a run of samples whose alert score exceeds 1: at least k of the last n scores exceed 1
(`persistence` of the watch). The score of its first sample exceeds 1 by itself. The alarm ends when
the hold has passed since its last sample outside (`detectors.episodes`, which evaluates by the same
rule), with or without samples: the alarm of a series that vanishes ends, and the series is then
missing. Maintenance ends an alarm at once, and no alarm starts during maintenance. When people have
said that it is nothing to act on, it ends with the next sample inside.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from detectors.episodes import hold_seconds as hold_seconds  # for the web, too
from plugin.domain.wording import AlarmPeak
from plugin.series import BoolArray, FloatArray, IntArray, Tick

ENDED_BY_ANSWER = "answer"
ENDED_BY_MAINTENANCE = "maintenance"
ENDED_BY_PAUSE = "paused"
ENDED_BY_LEARNING = "learning"  # its series is learning since a reload, or a new version


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
    ended_by: str = ""  # one of ENDED_BY_...; "" = by itself, or it is open

    def peak(self, unit: str) -> AlarmPeak:
        """As it is told. unit: of the series, a unit id of Grafana."""
        return AlarmPeak(
            self.peak_time,
            self.peak_value,
            self.peak_expected,
            self.peak_lower,
            self.peak_upper,
            unit,
        )


@dataclass(frozen=True)
class OpenAlarms:
    """The alarms of one watch that are open at `until`. `after` returns a new object, so that a
    tick that fails changes nothing."""

    step: int  # seconds
    persistence: tuple[int, int]  # k of the last n scores
    until: int  # unix seconds of the last sample that was processed
    alarms: Mapping[int, Alarm]  # by series id

    def after(
        self,
        ticks: Sequence[Tick],
        recent: Callable[[IntArray], FloatArray],
        answered: Mapping[int, int] = MappingProxyType({}),
    ) -> tuple[list[Alarm], "OpenAlarms"]:
        """The alarms that start, grow or end in these ticks of one run, and the open alarms after
        them.

        recent: ids [S] -> the last n scores of each series before these ticks, [S, n], NaN = fewer;
        called only for n > 1. answered: by series id, unix seconds at which people said that its
        open alarm is nothing to act on. Ticks that were processed before change nothing.
        """
        new_ticks = [
            replace(tick, score=tick.alarm_score) for tick in ticks if tick.times[-1] > self.until
        ]
        alarms = dict(self.alarms)
        changed = dict[tuple[int, int], Alarm]()
        last_time = max([self.until, *(int(tick.times[-1]) for tick in new_ticks)])
        for tick in new_ticks:
            ends = _ending_samples(tick, answered)
            for row, columns in self._runs(tick, ends, recent):
                series_id = int(tick.ids[row])
                start = int(tick.times[columns[0]])
                alarm = alarms.get(series_id)
                finished = self._ended(alarm, tick, row, ends, start)
                if finished is not None:
                    changed[series_id, finished.start] = finished
                    alarm = None
                grown = _grown(alarm, tick, row, columns)
                if grown is not None:
                    alarms[series_id] = changed[series_id, grown.start] = grown
            for row in np.flatnonzero(ends.any(axis=1)).tolist():
                alarm = alarms.get(int(tick.ids[row]))
                finished = self._ended(alarm, tick, row, ends, last_time)
                if finished is not None:
                    changed[finished.series_id, finished.start] = finished
                    del alarms[finished.series_id]
        for alarm in [alarm for alarm in alarms.values() if last_time - alarm.end >= self._hold]:
            changed[alarm.series_id, alarm.start] = replace(alarm, open=False)
            del alarms[alarm.series_id]
        return list(changed.values()), replace(self, until=last_time, alarms=alarms)

    def _ended(
        self, alarm: Alarm | None, tick: Tick, row: int, ends: BoolArray, start: int
    ) -> Alarm | None:
        """The alarm as it ended before a sample outside at `start`; None if there is none, or if
        that sample continues it. ends: [S, T] samples that end an alarm."""
        if alarm is None:
            return None
        between = (tick.times > alarm.end) & (tick.times <= start)
        ending = np.flatnonzero(ends[row] & between)
        if len(ending) and tick.times[ending[0]] - alarm.end < self._hold:
            muted = tick.muted is not None and tick.muted[row, ending[0]]
            reason = ENDED_BY_MAINTENANCE if muted else ENDED_BY_ANSWER
            return replace(alarm, open=False, ended_by=reason)
        return replace(alarm, open=False) if start - alarm.end > self._hold else None

    @property
    def _hold(self) -> int:
        """Seconds between two samples outside of one alarm, at most."""
        return hold_seconds(self.step)

    def _runs(
        self, tick: Tick, ends: BoolArray, recent: Callable[[IntArray], FloatArray]
    ) -> Iterator[tuple[int, IntArray]]:
        """(row, columns of the samples outside) of each run, row by row, in order of time."""
        rows, columns = self._outside(tick, recent)
        if len(rows):
            apart = (np.diff(rows) > 0) | (np.diff(tick.times[columns]) > self._hold)
            if ends.any():
                apart |= np.diff(np.cumsum(ends, axis=1)[rows, columns]) > 0
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


def _ending_samples(tick: Tick, answered: Mapping[int, int]) -> BoolArray:
    """[S, T] the samples that end an alarm: those that are muted, and the first one inside after
    the answer to it."""
    ends = np.zeros(tick.score.shape, bool) if tick.muted is None else tick.muted.copy()
    if answered:
        for row in np.flatnonzero(np.isin(tick.ids, list(answered))).tolist():
            later = tick.times > answered[int(tick.ids[row])]
            inside = np.flatnonzero(later & (tick.score[row] <= 1))
            ends[row, inside[:1]] = True
    return ends


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
