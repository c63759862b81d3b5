"""Alarms: the episodes in which a series is outside its band. Pure.

An alarm is a run of samples whose alert score exceeds 1: at least k of the last n scores do, as
`persistence` of the watch says. Its first sample is outside by itself. Up to 5 samples inside are
bridged, the rule by which `detectors.evaluate` counts; the alarm has ended when more than 5 steps
have passed since its last sample outside, with samples or without: a series that vanishes ends its
alarm, and is then missing. Maintenance ends it at once, and what is outside then begins none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plugin.series import BoolArray, FloatArray, IntArray, Tick

MAINTENANCE = "maintenance"
PAUSED = "paused"
JOIN = 5  # samples inside that do not end an alarm


@dataclass(frozen=True)
class Alarm:
    """One episode of one series; `series_id` and `start` name it for ever."""

    series_id: int
    start: int  # unix seconds of its first sample outside
    end: int  # unix seconds of its last sample outside, so far
    open: bool
    samples: int  # outside
    peak_time: int  # unix seconds of the sample with the highest score, the earliest of these
    peak_score: float
    peak_value: float
    peak_expected: float
    peak_lower: float  # -inf = no bound on that side
    peak_upper: float
    direction: int  # at the peak: 1 = above the band, -1 = below
    ended_by: str = ""  # MAINTENANCE or PAUSED; "" = by itself, or it is open


@dataclass(frozen=True)
class OpenAlarms:
    """The alarms of one watch that are open at `until`; replaced whole, so that a tick that fails
    leaves no trace."""

    step: int  # seconds
    persistence: tuple[int, int]  # k of the last n scores
    until: int  # unix seconds of the last sample that was looked at
    alarms: Mapping[int, Alarm]  # by series id

    def after(
        self, ticks: Sequence[Tick], recent: Callable[[IntArray], FloatArray]
    ) -> tuple[list[Alarm], "OpenAlarms"]:
        """The alarms that begin, grow or end in these ticks of one run, and what is then open.

        recent: ids [S] -> the last n scores of each before these ticks, [S, n], NaN = fewer; asked
        where n > 1 only. Ticks that were looked at before change nothing.
        """
        new = [tick for tick in ticks if tick.times[-1] > self.until]
        found = dict(self.alarms)
        changed = dict[tuple[int, int], Alarm]()
        until = max([self.until, *(int(tick.times[-1]) for tick in new)])
        for tick in new:
            for row, columns in self._runs(tick, recent):
                series_id = int(tick.ids[row])
                start = int(tick.times[columns[0]])
                before = found.get(series_id)
                over = self._over(before, tick, row, start) if before is not None else None
                if over is not None:
                    changed[series_id, over.start] = over
                    before = None
                after = _grown(before, tick, row, columns)
                if after is not None:
                    found[series_id] = changed[series_id, after.start] = after
            for row in (
                np.flatnonzero(tick.muted.any(axis=1)).tolist() if tick.muted is not None else ()
            ):
                alarm = found.get(int(tick.ids[row]))
                over = self._over(alarm, tick, row, until) if alarm is not None else None
                if over is not None:
                    changed[over.series_id, over.start] = over
                    del found[over.series_id]
        for alarm in [alarm for alarm in found.values() if until - alarm.end >= self._reach]:
            changed[alarm.series_id, alarm.start] = replace(alarm, open=False)
            del found[alarm.series_id]
        return list(changed.values()), replace(self, until=until, alarms=found)

    def _over(self, alarm: Alarm, tick: Tick, row: int, start: int) -> Alarm | None:
        """The alarm as it ended before a sample outside at `start`; None where that goes on with
        it."""
        muted = tick.times[:0]
        if tick.muted is not None:
            muted = tick.times[tick.muted[row] & (tick.times > alarm.end) & (tick.times <= start)]
        if len(muted) and muted[0] - alarm.end < self._reach:
            return replace(alarm, open=False, ended_by=MAINTENANCE)
        return replace(alarm, open=False) if start - alarm.end > self._reach else None

    @property
    def _reach(self) -> int:
        """Seconds between two samples outside that belong to one alarm, at most."""
        return (JOIN + 1) * self.step

    def _runs(
        self, tick: Tick, recent: Callable[[IntArray], FloatArray]
    ) -> Iterator[tuple[int, IntArray]]:
        """(row, columns of its samples outside) of each run, row by row, in order of time."""
        rows, columns = self._outside(tick, recent)
        if len(rows):
            apart = (np.diff(rows) > 0) | (np.diff(tick.times[columns]) > self._reach)
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
        before = recent(tick.ids) > 1  # [S, n]
        some = np.flatnonzero(above.any(axis=1) | before.any(axis=1))
        at, columns = np.nonzero(
            _persistent(before[some], above[some], ~np.isnan(tick.score[some]), muted[some], k)
        )
        return some[at], columns


def _persistent(
    window: BoolArray, above: BoolArray, scored: BoolArray, muted: BoolArray, k: int
) -> BoolArray:
    """[S, T] whether k of the last n scores were above; window: [S, n] those before.

    A gap pushes nothing out; after maintenance all begins anew.
    """
    found = np.zeros(above.shape, bool)
    for at in range(above.shape[1]) if len(above) else ():
        window[scored[:, at] & muted[:, at]] = False
        there = scored[:, at] & ~muted[:, at]
        window[there] = np.concatenate([window[there, 1:], above[there, at, None]], axis=1)
        found[:, at] = there & (window.sum(axis=1) >= k)
    return found


def _grown(before: Alarm | None, tick: Tick, row: int, columns: IntArray) -> Alarm | None:
    """The alarm with one more run of samples; None where there is none and no sample is outside by
    itself."""
    scores = tick.score[row, columns]
    if before is None:
        if not (scores > 1).any():  # of an alarm that has ended in a gap
            return None
        first = int((scores > 1).argmax())
        scores = scores[first:]
        columns = columns[first:]
    start = int(tick.times[columns[0]])
    end = int(tick.times[columns[-1]])
    samples = len(columns)
    best = int(scores.argmax())
    if before is not None and before.peak_score >= scores[best]:
        return replace(before, end=end, samples=before.samples + samples)
    peak = int(columns[best])
    value, expected, lower, upper = (
        float(column[row, peak]) for column in (tick.value, tick.expected, tick.lower, tick.upper)
    )
    return Alarm(
        int(tick.ids[row]),
        before.start if before else start,
        end,
        True,
        samples + (before.samples if before else 0),
        int(tick.times[peak]),
        float(scores[best]),
        value,
        expected,
        lower,
        upper,
        1 if value > upper else -1,
    )
