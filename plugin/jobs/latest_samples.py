"""The latest sample of every series of one watch, kept in arrays and turned into a Snapshot after
each tick."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import compress

import numpy as np

from detectors.episodes import hold_seconds
from detectors.regime import ewma_weight
from plugin.board import Snapshot
from plugin.config import Watch
from plugin.domain.alarms import Alarm
from plugin.domain.intervals import Interval, by_series
from plugin.domain.learning import learning_rows
from plugin.jobs.policies import persistence_score
from plugin.jobs.record_columns import RecordColumns, states_of, with_changes
from plugin.series import BoolArray, FloatArray, IntArray, Samples, SeriesRecord, SeriesState, Tick
from plugin.store import ModelRecord

COLUMNS = ("value", "expected", "lower", "upper", "score")
MISSING_AFTER_STEPS = 3
DRIFT_SECONDS = 86_400  # time constant of the mean distance from what is expected
DRIFT_SHARE = 0.25  # of the half-width of the band; of a model that fits it is a tenth
MIN_FILLED = 0.25  # share of that mean that samples must have filled


class LatestSamples:
    """Row i of each array is the series with the i-th smallest id that has been seen."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._ids: IntArray = np.empty(0, np.int64)
        self._times: IntArray = np.empty(0, np.int64)
        self._version: IntArray = np.empty(0, np.int64)
        self._absent: IntArray = np.empty(0, np.int64)  # steps without a sample
        self._columns: dict[str, FloatArray] = {name: np.empty(0) for name in COLUMNS}
        self._recent: FloatArray = np.empty((0, watch.persistence[1]))  # [S, n] the last n scores
        # [S] mean score by the present model; an anomaly counts as 1
        self._distance: FloatArray = np.empty(0)
        self._filled: FloatArray = np.empty(0)  # [S] share of that mean that samples have filled
        # By series, those that are open, or were when its samples stopped.
        self._alarms: dict[int, Alarm] = {}

    def restore(
        self, ids: IntArray, samples: Sequence[Samples], end: int, muted: Sequence[Interval] = ()
    ) -> None:
        """Starts from what the store holds, after a restart.

        end: unix seconds up to which the last run had asked. muted: in the time of these samples,
        maintenance and what is provisional.
        """
        intervals = by_series(muted)
        self._grow(ids)
        for row, series_id, stored in zip(
            np.searchsorted(self._ids, ids), ids.tolist(), samples, strict=True
        ):
            if len(stored):
                self._restore_row(int(row), stored, end, intervals.get(series_id, ()))

    def _restore_row(
        self, row: int, stored: Samples, end: int, intervals: Sequence[Interval]
    ) -> None:
        last_sample = int(stored.times[-1])
        self._times[row] = last_sample
        self._version[row] = stored.model_version[-1]
        self._absent[row] = max(0, end - last_sample) // self._watch.step
        for name in COLUMNS:
            self._columns[name][row] = getattr(stored, name)[-1]
        muted = np.zeros(len(stored), bool)
        for interval in intervals:
            muted |= (interval.start <= stored.times) & (stored.times <= interval.end)
        self._remember(np.array([row]), stored.score[None, :], muted[None, :])

    def update(self, tick: Tick) -> None:
        """Moves on by a tick: the last observed sample of each of its series becomes the latest."""
        self._grow(tick.ids)
        rows = np.searchsorted(self._ids, tick.ids)
        observed = ~np.isnan(tick.value)  # [S, T]
        self._remember(rows, tick.alarm_score, tick.muted)
        self._drift(rows, tick)
        has_value = observed.any(axis=1)
        last = tick.value.shape[1] - 1 - observed[:, ::-1].argmax(axis=1)
        rows = rows[has_value]
        last = last[has_value]
        index = np.flatnonzero(has_value)
        self._times[rows] = tick.times[last]
        self._version[rows] = tick.model_version[index]
        for name in COLUMNS:
            self._columns[name][rows] = getattr(tick, name)[index, last]

    def end_run(self, start: int, end: int) -> None:
        """Ends a run that has asked for the grid times after `start`, up to `end`. A series
        without a sample in them is absent.

        A run that catches up counts as one step: while Prometheus was down, no series was absent,
        and when it is back, its first answers are empty for all.
        """
        steps = (end - start) // self._watch.step
        steps_per_run = self._watch.score_interval // self._watch.step
        self._absent = np.where(
            self._times > start, 0, self._absent + (steps if steps <= steps_per_run else 1)
        )

    def recent(self, ids: IntArray) -> FloatArray:
        """[S, n] the last n scores of each series, the oldest first; NaN = fewer."""
        self._grow(ids)
        scores: FloatArray = self._recent[np.searchsorted(self._ids, ids)]
        return scores

    def _remember(self, rows: IntArray, scores: FloatArray, muted: BoolArray | None) -> None:
        """Appends scores [S, T]; a gap is not a sample, so it pushes nothing out.

        After maintenance it starts from nothing.
        """
        for index, column in enumerate(scores.T):
            scored = ~np.isnan(column)
            if muted is not None and muted[:, index].any():
                self._recent[rows[scored & muted[:, index]]] = np.nan
                scored &= ~muted[:, index]
            history = self._recent[rows[scored]]
            self._recent[rows[scored]] = np.concatenate(
                [history[:, 1:], column[scored, None]], axis=1
            )

    def _drift(self, rows: IntArray, tick: Tick) -> None:
        """Moves the mean distance on, from nothing where the model is another one."""
        changed = rows[self._version[rows] != tick.model_version]
        self._distance[changed] = 0.0
        self._filled[changed] = 0.0
        weight = ewma_weight(DRIFT_SECONDS, self._watch.step)
        scores = tick.alarm_score
        if tick.muted is not None:
            scores = np.where(tick.muted, np.nan, scores)
        for column in np.minimum(scores, 1.0).T:
            scored = ~np.isnan(column)
            moving = rows[scored]
            self._distance[moving] += weight * (column[scored] - self._distance[moving])
            self._filled[moving] += weight * (1 - self._filled[moving])

    def snapshot(
        self,
        records: Sequence[SeriesRecord],
        champions: Mapping[int, ModelRecord],
        time: int,
        gone_after: int,
        maintenance: Collection[int] = (),
    ) -> tuple[Snapshot, list[SeriesRecord]]:
        """What to put on the board, and all records with their new state.

        Series that are gone are not on the board. maintenance: ids of the series that are in
        maintenance at that time.
        """
        table = RecordColumns.of(records)
        self._grow(table.ids)
        rows = np.searchsorted(self._ids, table.ids)
        ids = table.ids.tolist()
        times = self._times[rows]
        last_seen = np.maximum(table.last_seen, times)
        learning = learning_rows(table.first_seen, last_seen, self._watch.learn_for)
        states = states_of(
            [
                np.where(times > 0, times, table.last_seen) < time - gone_after,
                _where(one in maintenance for one in ids),
                self._absent[rows] >= MISSING_AFTER_STEPS,
                _where(one not in champions for one in ids),
                learning,
            ]
        )
        updated = list(with_changes(records, states, last_seen))
        shown = _where(state is not SeriesState.GONE for state in states)
        on_board = tuple(compress(updated, shown.tolist()))
        return self._snapshot(on_board, rows[shown], learning[shown], champions, time), updated

    def _snapshot(
        self,
        on_board: tuple[SeriesRecord, ...],
        rows: IntArray,
        learning: BoolArray,
        champions: Mapping[int, ModelRecord],
        time: int,
    ) -> Snapshot:
        """The latest sample of these series."""
        missing = self._absent[rows] >= MISSING_AFTER_STEPS
        muted = np.array([record.state is SeriesState.MAINTENANCE for record in on_board], bool)
        alert_score = self._alert_score(rows, missing, muted)
        models = [champions.get(record.id) for record in on_board]
        return Snapshot(
            settings=self._watch,
            time=time,
            series=on_board,
            times=self._times[rows],
            value=self._columns["value"][rows],
            expected=self._columns["expected"][rows],
            lower=self._columns["lower"][rows],
            upper=self._columns["upper"][rows],
            score=self._columns["score"][rows],
            model_version=self._version[rows],
            missing=missing,
            muted=muted,
            learning=learning,
            alert_score=np.where(learning, np.nan, alert_score),
            model_time=_times(model.fitted_at if model else 0 for model in models),
            model_checked=_times(model.checked_at if model else 0 for model in models),
            drifted=self._drifted(rows),
            detector=tuple(model.detector if model else "" for model in models),
        )

    def _drifted(self, rows: IntArray) -> BoolArray:
        """[S] whether samples lie much farther from what is expected than they should."""
        filled = self._filled[rows]
        drifted: BoolArray = (filled > MIN_FILLED) & (self._distance[rows] > DRIFT_SHARE * filled)
        return drifted

    def hold(self, changed: Iterable[Alarm]) -> None:
        """Keeps the alarms that have begun, grown or ended since the last tick, and after a restart
        those that the store has."""
        for alarm in sorted(changed, key=lambda alarm: alarm.start):
            self._alarms[alarm.series_id] = alarm
        self._grow(np.array(list(self._alarms), np.int64))
        self._alarms = {
            alarm.series_id: alarm
            for alarm, alerted in zip(self._alarms.values(), self._alerted(), strict=True)
            if not alarm.ended_by and (alarm.open or alerted)
        }

    def _alerted(self) -> BoolArray:
        """Whether each of the alarms was open at the last sample of its series."""
        rows = np.searchsorted(self._ids, list(self._alarms))
        ends = np.array([alarm.end for alarm in self._alarms.values()], np.int64)
        alerted: BoolArray = self._times[rows] - ends < hold_seconds(self._watch.step)
        return alerted

    def _alert_score(self, rows: IntArray, missing: BoolArray, muted: BoolArray) -> FloatArray:
        """[S] what alert rules read: above 1 exactly while an alarm is open, and then the highest
        so far; NaN = the series has no row.

        A missing series keeps its row if it was alerting, or if the watch alerts on missing data:
        with 0 when no alarm is open. In maintenance a row stays, too, with 0, so that what was
        firing ends.
        """
        score = np.minimum(persistence_score(self._recent[rows], self._watch.persistence[0]), 1.0)
        # The second is also true right after maintenance.
        scored = ~np.isnan(score) | ~np.isnan(self._columns["score"][rows])
        score[scored & np.isnan(score)] = 0.0
        peak = np.full(len(self._ids), np.nan)
        alerted = np.zeros(len(self._ids), bool)
        at = np.searchsorted(self._ids, list(self._alarms))
        peak[at] = [alarm.peak_score if alarm.open else np.nan for alarm in self._alarms.values()]
        alerted[at] = self._alerted()
        score[missing] = np.nan
        score[missing & (alerted[rows] | (self._watch.missing_data == "alert"))] = 0.0
        score = np.where(np.isnan(peak[rows]), score, peak[rows])
        score[muted & scored] = 0.0
        return score

    def forget(self, ids: Sequence[int]) -> None:
        """Series that are gone take no more room."""
        self._alarms = {key: alarm for key, alarm in self._alarms.items() if key not in ids}
        self._keep(np.setdiff1d(self._ids, ids))

    def _grow(self, ids: IntArray) -> None:
        places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        if len(ids) and not (len(self._ids) and (self._ids[places] == ids).all()):
            self._keep(np.union1d(self._ids, ids))

    def _keep(self, ids: IntArray) -> None:
        """Rows for these ids, in order; those of new series are empty: the one after the last."""
        rows = np.where(np.isin(ids, self._ids), np.searchsorted(self._ids, ids), -1)
        self._ids = ids
        self._times = np.append(self._times, 0)[rows]
        self._version = np.append(self._version, 0)[rows]
        self._absent = np.append(self._absent, 0)[rows]
        self._columns = {
            name: np.append(array, np.nan)[rows] for name, array in self._columns.items()
        }
        self._distance = np.append(self._distance, 0.0)[rows]
        self._filled = np.append(self._filled, 0.0)[rows]
        self._recent = np.vstack([self._recent, np.full(self._recent.shape[1], np.nan)])[rows]


def _where(flags: Iterable[bool]) -> BoolArray:
    return np.fromiter(flags, bool)


def _times(times: Iterable[int]) -> IntArray:
    return np.fromiter(times, np.int64)
