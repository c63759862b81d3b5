"""The latest sample of every series of one watch, kept in arrays and turned into a Snapshot after
each tick."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from detectors.regime import share
from plugin.board import Snapshot
from plugin.config import Watch
from plugin.jobs.masks import Mask, by_series
from plugin.jobs.policies import HOLD_SECONDS, persistent
from plugin.series import BoolArray, FloatArray, IntArray, Samples, SeriesRecord, SeriesState, Tick
from plugin.store import ModelRecord

COLUMNS = ("value", "expected", "lower", "upper", "score")
MISSING_AFTER_STEPS = 3
DRIFT_SECONDS = 86_400  # time constant of the mean distance from what is expected
DRIFT = 0.25  # of the half-width of the band; of a model that fits it is a tenth
KNOWN = 0.25  # share of that mean that samples must have filled


class LatestSamples:
    """Row i of each array is the series with the i-th smallest id that has been seen."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._ids: IntArray = np.empty(0, np.int64)
        self._times: IntArray = np.empty(0, np.int64)
        self._version: IntArray = np.empty(0, np.int64)
        self._absent: IntArray = np.empty(0, np.int64)  # steps for which we have looked in vain
        self._missing_since: IntArray = np.empty(
            0, np.int64
        )  # unix seconds of the first look in vain; 0 = there
        self._columns: dict[str, FloatArray] = {name: np.empty(0) for name in COLUMNS}
        self._recent: FloatArray = np.empty((0, watch.persistence[1]))  # [S, n] the last n scores
        self._distance: FloatArray = np.empty(
            0
        )  # [S] mean score by the present model, an anomaly counts as 1
        self._filled: FloatArray = np.empty(0)  # [S] share of that mean that samples have filled

    def restore(
        self, ids: IntArray, samples: Sequence[Samples], until: int, planned: Sequence[Mask] = ()
    ) -> None:
        """Takes up what the store holds, after a restart.

        until: unix seconds that the last look had reached. planned: maintenance in the time of
        these samples.
        """
        spans = by_series(planned)
        self._grow(ids)
        for series, row, kept in zip(
            ids.tolist(), np.searchsorted(self._ids, ids), samples, strict=True
        ):
            if len(kept):
                self._times[row] = kept.times[-1]
                self._version[row] = kept.model_version[-1]
                self._absent[row] = max(0, until - int(kept.times[-1])) // self._watch.step
                self._missing_since[row] = (
                    kept.times[-1] + MISSING_AFTER_STEPS * self._watch.step
                )  # if it is missing
                for name in COLUMNS:
                    self._columns[name][row] = getattr(kept, name)[-1]
                muted = [
                    (each.start <= kept.times) & (kept.times <= each.end)
                    for each in spans.get(series, ())
                ]
                self._remember(
                    np.array([row]),
                    kept.score[None, :],
                    np.any(muted, axis=0)[None, :] if muted else None,
                )

    def update(self, tick: Tick) -> None:
        """Moves on by a tick: the last observed sample of each of its series becomes the latest."""
        self._grow(tick.ids)
        rows = np.searchsorted(self._ids, tick.ids)
        observed = ~np.isnan(tick.value)  # [S, T]
        self._remember(rows, tick.score, tick.muted)
        self._drift(rows, tick)
        seen = observed.any(axis=1)
        last = tick.value.shape[1] - 1 - observed[:, ::-1].argmax(axis=1)
        rows = rows[seen]
        last = last[seen]
        index = np.flatnonzero(seen)
        self._times[rows] = tick.times[last]
        self._version[rows] = tick.model_version[index]
        for name in COLUMNS:
            self._columns[name][rows] = getattr(tick, name)[index, last]

    def look(self, since: int, until: int) -> None:
        """Ends a run that has looked at the grid from after `since` to `until`: who did not come is
        absent.

        A run that has to catch up counts one step: when Prometheus was down, nobody has missed
        anything, and when it is back, its first answers are empty for all.
        """
        steps = (until - since) // self._watch.step
        usual = self._watch.score_interval // self._watch.step
        self._absent = np.where(
            self._times > since, 0, self._absent + (steps if steps <= usual else 1)
        )

    def recent(self, ids: IntArray) -> FloatArray:
        """[S, n] the last n scores of each series, the oldest first; NaN = fewer."""
        self._grow(ids)
        found: FloatArray = self._recent[np.searchsorted(self._ids, ids)]
        return found

    def _remember(self, rows: IntArray, scores: FloatArray, muted: BoolArray | None) -> None:
        """Appends scores [S, T]; a gap is not a sample, so it pushes nothing out.

        After maintenance all begins anew.
        """
        for at, column in enumerate(scores.T):
            scored = ~np.isnan(column)
            if muted is not None and muted[:, at].any():
                self._recent[rows[scored & muted[:, at]]] = np.nan
                scored &= ~muted[:, at]
            history = self._recent[rows[scored]]
            self._recent[rows[scored]] = np.concatenate(
                [history[:, 1:], column[scored, None]], axis=1
            )

    def _drift(self, rows: IntArray, tick: Tick) -> None:
        """Moves the mean distance on, from nothing where the model is another one."""
        other = rows[self._version[rows] != tick.model_version]
        self._distance[other] = self._filled[other] = 0.0
        weight = share(DRIFT_SECONDS, self._watch.step)
        scores = tick.score if tick.muted is None else np.where(tick.muted, np.nan, tick.score)
        for column in np.minimum(scores, 1.0).T:
            scored = ~np.isnan(column)
            here = rows[scored]
            self._distance[here] += weight * (column[scored] - self._distance[here])
            self._filled[here] += weight * (1 - self._filled[here])

    def snapshot(
        self,
        records: Sequence[SeriesRecord],
        champions: Mapping[int, ModelRecord],
        time: int,
        gone_after: int,
        planned: Collection[int] = (),
    ) -> tuple[Snapshot, list[SeriesRecord]]:
        """What to put on the board, and all records with their new state (the gone ones are not on
        the board).

        planned: ids of the series that are in maintenance at that time.
        """
        self._grow(np.array([record.id for record in records], np.int64))
        rows = np.searchsorted(self._ids, [record.id for record in records])
        seen = [
            replace(
                record,
                last_seen=max(record.last_seen, int(self._times[row])),
                state=self._state(
                    row,
                    int(self._times[row]) or record.last_seen,
                    time,
                    gone_after,
                    record.id in champions,
                ),
            )
            for record, row in zip(records, rows, strict=True)
        ]
        missing = np.array(
            [
                record.state is SeriesState.MISSING
                for record in seen
                if record.state is not SeriesState.GONE
            ],
            bool,
        )
        seen = (
            [
                replace(record, state=SeriesState.MAINTENANCE)
                if record.id in planned and record.state is not SeriesState.GONE
                else record
                for record in seen
            ]
            if planned
            else seen
        )
        present = [record for record in seen if record.state is not SeriesState.GONE]
        rows = np.searchsorted(self._ids, [record.id for record in present])
        muted = np.array([record.state is SeriesState.MAINTENANCE for record in present], bool)
        since = self._missing_since[rows]
        self._missing_since[rows] = np.where(missing, np.where(since > 0, since, time), 0)
        models = [champions.get(record.id) for record in present]
        return Snapshot(
            settings=self._watch,
            time=time,
            series=tuple(present),
            times=self._times[rows],
            value=self._columns["value"][rows],
            expected=self._columns["expected"][rows],
            lower=self._columns["lower"][rows],
            upper=self._columns["upper"][rows],
            score=self._columns["score"][rows],
            model_version=self._version[rows],
            missing=missing,
            muted=muted,
            alert_score=self._alert_score(rows, missing, muted, time),
            model_time=np.array([model.fitted_at if model else 0 for model in models], np.int64),
            model_checked=np.array(
                [model.checked_at if model else 0 for model in models], np.int64
            ),
            drifted=(self._filled[rows] > KNOWN)
            & (self._distance[rows] > DRIFT * self._filled[rows]),
            detector=tuple(model.detector if model else "" for model in models),
        ), seen

    def _state(
        self, row: int, last_seen: int, time: int, gone_after: int, has_model: bool
    ) -> SeriesState:
        if time - last_seen > gone_after:
            return SeriesState.GONE
        if self._absent[row] >= MISSING_AFTER_STEPS:
            return SeriesState.MISSING
        return SeriesState.OK if has_model else SeriesState.WARMING_UP

    def _alert_score(
        self, rows: IntArray, missing: BoolArray, muted: BoolArray, time: int
    ) -> FloatArray:
        """[S] A series that vanishes while it alerts, or that must not vanish, keeps its row: as it
        was, later at 0.

        Later than we first looked in vain: an outage of Prometheus must not count as time that it
        was missing. In maintenance a row stays, too, at 0, so that what fired ends.
        """
        score = persistent(self._recent[rows], self._watch.persistence[0])
        kept = missing & ((score > 1) | (self._watch.missing_data == "alert"))
        vanished = time - self._missing_since[rows]
        known = ~np.isnan(score) | ~np.isnan(
            self._columns["score"][rows]
        )  # also right after maintenance
        score[known & np.isnan(score)] = 0.0
        score[missing & ~kept] = np.nan
        score[kept & (np.isnan(score) | (vanished > HOLD_SECONDS))] = 0.0
        score[muted & known] = 0.0
        return score

    def _grow(self, ids: IntArray) -> None:
        new = np.setdiff1d(ids, self._ids)
        if len(new) == 0:
            return
        at = np.searchsorted(self._ids, new)
        self._ids = np.insert(self._ids, at, new)
        self._times = np.insert(self._times, at, 0)
        self._version = np.insert(self._version, at, 0)
        self._absent = np.insert(self._absent, at, 0)
        self._missing_since = np.insert(self._missing_since, at, 0)
        self._columns = {
            name: np.insert(array, at, np.nan) for name, array in self._columns.items()
        }
        self._distance = np.insert(self._distance, at, 0.0)
        self._filled = np.insert(self._filled, at, 0.0)
        self._recent = np.insert(self._recent, at, np.nan, axis=0)
