"""Walks forward through recorded time with the service's own code: fit on the past, score what
follows, fit again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.api import Arrays, Detector, SeriesBatch
from detectors.regime import settling
from detectors.registry import detector_named, to_spec
from plugin import grid
from plugin.commands.backtest.fits import Fit, fit_here
from plugin.commands.backtest.recording import Recording
from plugin.config import Watch
from plugin.domain.times import WEEK
from plugin.jobs.fit_job import BASELINE
from plugin.jobs.model_stack import ModelStack
from plugin.jobs.policies import judge_values
from plugin.series import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class LaneOfSeries:
    """Recordings of one step side by side on one grid.

    Each is moved by whole weeks, so that hours and weekdays stay right.
    """

    recordings: tuple[Recording, ...]
    start: int  # unix seconds of column 0
    step: int
    values: FloatArray  # [S, T] NaN = no sample, or before or after the recording
    first: IntArray  # [S] column of the recording's first sample
    end: IntArray  # [S] column after its last sample
    split: IntArray  # [S] column at which its judged half starts
    covariates: FloatArray  # [S, C, T] NaN = missing
    over_hole: BoolArray  # [S, T] see `Recording`
    due: int  # a column at which a fit is due, before the first or in it; more fits follow from it


def lanes(
    recordings: Sequence[Recording], timezone: str, width: int, *, dated: bool = False
) -> list[LaneOfSeries]:
    """Groups recordings that can share a grid into lanes of at most `width` series.

    Where days are not always 24 hours long, or dates matter (`dated`), a recording cannot be moved
    by weeks, so only recordings with equal starts share a lane.
    """
    groups: dict[tuple[int, int, int], list[tuple[int, Recording]]] = {}  # -> (start, recording)
    for recording in recordings:
        movable = timezone == "UTC" and WEEK % recording.step == 0 and not dated
        start = recording.start % WEEK if movable else recording.start
        key = (
            recording.step,
            start % recording.step if movable else start,
            len(recording.covariates),
        )
        groups.setdefault(key, []).append((start, recording))
    return [
        _lane(group[row : row + width], min(_split_time(*each) for each in group))
        for group in groups.values()
        for row in range(0, len(group), width)
    ]


def _steps_before(recording: Recording) -> int:
    """Steps before its judged half."""
    return (len(recording.values) + 1) // 2


def _split_time(start: int, recording: Recording) -> int:
    """Unix seconds, of a recording that is moved to `start`."""
    return start + _steps_before(recording) * recording.step


def _lane(group: Sequence[tuple[int, Recording]], due_time: int) -> LaneOfSeries:
    """due_time: at which a fit is due, the same for all lanes of a group: so a recording is fitted
    at the same times however many lanes there are."""
    step = group[0][1].step
    start = min(row_start for row_start, _ in group)
    first = np.array([(row_start - start) // step for row_start, _ in group], np.int64)
    lengths = np.array([len(recording.values) for _, recording in group], np.int64)
    values = np.full((len(group), int((first + lengths).max())), np.nan)
    covariates = np.full((len(group), len(group[0][1].covariates), values.shape[1]), np.nan)
    over_hole = np.zeros(values.shape, bool)
    for row, (_, recording) in enumerate(group):
        over_hole[row, first[row] : first[row] + lengths[row]] = recording.over_hole
        values[row, first[row] : first[row] + lengths[row]] = recording.values
        covariates[row, :, first[row] : first[row] + lengths[row]] = recording.covariates
    return LaneOfSeries(
        recordings=tuple(recording for _, recording in group),
        start=start,
        step=step,
        values=values,
        first=first,
        end=first + lengths,
        split=first + np.array([_steps_before(recording) for _, recording in group], np.int64),
        covariates=covariates,
        over_hole=over_hole,
        due=(due_time - start) // step,
    )


def _first_fit(lane: LaneOfSeries, steps: int) -> int:
    """The last column before the first judged half at which a fit is due. steps: between fits.

    Recordings that are too short to wait for it leave at least half of what comes before.
    """
    split = int(lane.split.min())
    shortest = int((lane.split - lane.first).min())
    return split - min((split - lane.due) % steps, shortest // 2)


@dataclass(frozen=True)
class WalkedBand:
    """Bands and scores of a lane, on its grid; NaN before the judged half of a row."""

    expected: FloatArray  # [S, T]
    lower: FloatArray  # [S, T]
    upper: FloatArray  # [S, T]
    score: FloatArray  # [S, T]
    accepted: BoolArray  # [S, T] True = a new level is accepted with this sample


class Walk:
    """One walk through one lane."""

    def __init__(self, lane: LaneOfSeries, watch: Watch, fit: Fit = fit_here) -> None:
        self._lane = lane
        self._fit_models = fit
        self._watch = watch.model_copy(update={"step": lane.step})
        self._detector = detector_named(watch.detector, watch.detector_options)
        self._baseline = detector_named(BASELINE, {})
        self._stacks: dict[str, ModelStack] = {}
        self._alarmed = np.zeros(lane.values.shape, bool)
        self._accepted = np.zeros(lane.values.shape, bool)

    def run(self, progress: Callable[[float], None] = lambda share: None) -> WalkedBand:
        """Refits every `fit_every`; the first fit of a row is the last one due before its judged
        half starts."""
        lane = self._lane
        columns = {
            name: np.full(lane.values.shape, np.nan)
            for name in ("expected", "lower", "upper", "score")
        }
        steps = max(1, self._watch.fit_every // lane.step)
        start = _first_fit(lane, steps)
        length = lane.values.shape[1]
        for now in range(start, length, steps):
            end = min(length, now + steps)
            self._refit(np.flatnonzero((lane.split < end) & (lane.end > now)), now)
            for stack in self._stacks.values():
                self._score(stack, now, end, columns)
            progress((end - start) / (length - start))
        for column in columns.values():
            column[np.arange(length) < lane.split[:, None]] = np.nan
        return WalkedBand(**columns, accepted=self._accepted)

    def _refit(self, rows: IntArray, now: int) -> None:
        """New models for `rows` from the columns before `now`; refused rows keep their model."""
        old = dict(self._stacks)
        self._stacks = {}
        refused = self._fit(self._detector, rows, now, old.get(to_spec(self._detector)))
        kept_stacks = [
            stack.part(np.isin(stack.ids, refused))
            for stack in old.values()
            if np.isin(stack.ids, refused).any()
        ]
        for stack in kept_stacks:
            self._add(stack)
        without = np.setdiff1d(
            refused, np.concatenate([np.empty(0, np.int64), *(stack.ids for stack in kept_stacks)])
        )
        self._fit(self._baseline, without.astype(np.int64), now, None)

    def _fit(
        self, detector: Detector, rows: IntArray, now: int, old: ModelStack | None
    ) -> IntArray:
        """Adds a warm stack of the rows that could be fitted. Returns the rows that could not."""
        has_prior = np.isin(rows, old.ids) if old is not None else np.zeros(len(rows), bool)
        refused: list[int] = []
        for part, prior in (
            (rows[has_prior], self._prior(old, rows[has_prior])),
            (rows[~has_prior], None),
        ):
            if len(part) == 0:
                continue
            window = self._watch.fit_seconds // self._lane.step
            batch = self._batch(part, max(0, now - window), now)
            result = self._fit_models(detector, batch, prior, self._watch.alert_budget)
            refused += part[list(result.refused)].tolist()
            if result.fitted is not None:
                stack = ModelStack(
                    to_spec(detector),
                    part[result.index],
                    np.ones(len(result.index), np.int64),
                    result.fitted,
                    result.carry,
                )
                self._add(
                    stack
                    if stack.carry
                    else stack.score(self._batch(stack.ids, max(0, now - stack.warm_up), now))[1]
                )
        return np.array(sorted(refused), np.int64)

    @staticmethod
    def _prior(old: ModelStack | None, rows: IntArray) -> Arrays | None:
        if old is None or len(rows) == 0:
            return None
        old_rows = [int(np.flatnonzero(old.ids == row)[0]) for row in rows]
        return {name: array[old_rows] for name, array in old.fitted.state.items()}

    def _add(self, stack: ModelStack) -> None:
        other = self._stacks.get(stack.spec)
        self._stacks[stack.spec] = stack if other is None else other.join(stack)

    def _score(self, stack: ModelStack, now: int, end: int, columns: dict[str, FloatArray]) -> None:
        batch = self._batch(stack.ids, now, end)
        scores, self._stacks[stack.spec] = stack.score(batch)
        anomaly, band = judge_values(
            self._lane.values[stack.ids, now:end], scores.band, self._watch
        )
        for name, values in (
            ("expected", band.expected),
            ("lower", band.lower),
            ("upper", band.upper),
            ("score", anomaly),
        ):
            columns[name][stack.ids, now:end] = values
        self._alarmed[stack.ids, now:end] = anomaly > 1
        levels = settling(scores.carry, int(batch.times[-1]), self._lane.step)
        if levels is not None:  # the last one of each row; in a day there is hardly a second one
            is_new = levels.accepted >= batch.start
            positions = (levels.accepted[is_new] - self._lane.start) // self._lane.step
            self._accepted[stack.ids[is_new], positions] = True

    def _batch(self, rows: IntArray, start: int, end: int) -> SeriesBatch:
        lane = self._lane
        window = grid.Grid(lane.start + start * lane.step, lane.step, end - start)
        return replace(
            grid.series_batch(
                lane.values[rows, start:end], window, self._watch.timezone, self._watch.calendar
            ),
            alarmed=self._alarmed[rows, start:end],
            covariates=lane.covariates[rows, :, start:end],
            usable=~lane.over_hole[rows, start:end],
        )
