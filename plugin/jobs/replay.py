"""How often new models would have alarmed in the weeks that they learnt from, and which real
incidents they would not have seen."""

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.api import Band, BoolArray, SeriesBatch
from detectors.episodes import hold_steps
from detectors.history import SETTLE_SHARE
from detectors.quality import poisson_tail
from detectors.registry import from_spec
from plugin.config import Watch
from plugin.domain.intervals import Interval
from plugin.domain.times import DAY, WEEK, duration
from plugin.jobs.contest import Challengers, Contest
from plugin.jobs.policies import judge_values
from plugin.series import IntArray

SETTLE_SECONDS = DAY
WALK_SECONDS = WEEK
CHANCE = 0.02  # probability of so many alarms where nothing has become worse


@dataclass(frozen=True)
class ReplayedAlarms:
    """How often one challenger would have alarmed, and how often its series did."""

    challenger: int
    champion: int
    seconds: int  # of samples that were looked at
    blind: str = ""  # which real incident it does not see, in words

    def too_many(self, watch: Watch) -> bool:
        """Whether chance does not explain so many, neither at the rate of the budget nor at the
        rate that the series had so far."""
        return self.challenger > chance_limit(max(watch.alert_budget * self.seconds, self.champion))

    def describe(self, watch: Watch) -> str:
        """The numbers, in words."""
        promised = watch.alert_budget * self.seconds
        return (
            f"{self.challenger} {'alarm' if self.challenger == 1 else 'alarms'} in"
            f" {duration(self.seconds)} against {self.champion}, {promised:.2g} promised"
        )


def alarms_of(
    contest: Contest, challengers: Challengers, recent: Band, rows: IntArray
) -> dict[int, ReplayedAlarms]:
    """The alarms of some rows over the last days, and over more where these do not decide it.

    recent: the bands of all challengers over the last days, up to the end of their batch.
    """
    batch = challengers.batch
    steps = batch.shape[1]
    last_days = batch.rows(rows).steps(steps - recent.expected.shape[1], steps)
    series = [challengers.ids[row] for row in rows.tolist()]
    incidents = [_incidents(contest.real, series_id, batch) for series_id in series]
    replays = _replayed(contest, series, last_days, band_rows(recent, rows), incidents)
    alarms = dict(zip(rows.tolist(), replays, strict=True))
    first_columns = {
        row: _first_column(contest.watch, batch, row, alarms[row], last_days, real)
        for row, real in zip(rows.tolist(), incidents, strict=True)
    }
    undecided = {
        row: column for row, column in first_columns.items() if column < steps - last_days.shape[1]
    }
    return alarms | (_walked(contest, challengers, undecided) if undecided else {})


def _walked(
    contest: Contest, challengers: Challengers, first_columns: Mapping[int, int]
) -> dict[int, ReplayedAlarms]:
    """The alarms of some rows, each from a column on; a walk takes as long as a refit."""
    rows = np.array(list(first_columns), np.int64)
    state = {name: array[rows] for name, array in challengers.fitted.state.items()}
    batch = challengers.batch
    window = batch.rows(rows).steps(min(first_columns.values()), batch.shape[1])
    band = from_spec(challengers.spec).restore(state).score(window).band
    series = [challengers.ids[row] for row in first_columns]
    incidents = [_incidents(contest.real, series_id, batch) for series_id in series]
    replays = _replayed(contest, series, window, band, incidents)
    return dict(zip(first_columns, replays, strict=True))


def _first_column(
    watch: Watch,
    batch: SeriesBatch,
    row: int,
    recent: ReplayedAlarms,
    last_days: SeriesBatch,
    incidents: Sequence[Interval],
) -> int:
    """The column from which a row has to be walked through.

    A week back, where the challenger would be refused if the whole week were like the last days;
    and a while before each real incident.
    """
    start = last_days.start
    week_start = max(batch.start, batch.times[-1] + batch.step - WALK_SECONDS)
    factor = max(1.0, (last_days.times[-1] - week_start) / (last_days.times[-1] - start))
    counts = batch.usable[[row]] & (batch.times >= week_start)
    week = ReplayedAlarms(
        challenger=round(recent.challenger * factor),
        champion=int(count_runs(batch.alarmed[[row]] & counts, batch.step)[0]),
        seconds=round(recent.seconds * factor),
    )
    if recent.challenger > recent.champion and week.too_many(watch):
        start = week_start
    settled = last_days.start + _settling(last_days) * last_days.step
    for incident in incidents:
        if incident.start < settled:
            start = min(start, incident.start - SETTLE_SECONDS)
    return max(0, (start - batch.start) // batch.step)


def _replayed(
    contest: Contest,
    series: Sequence[int],
    batch: SeriesBatch,
    band: Band,
    incidents: Sequence[Sequence[Interval]],
) -> list[ReplayedAlarms]:
    """One for each row of a batch, whose challengers have the bands [S, T], from a cold start."""
    values = np.where(batch.observed, batch.values, np.nan)
    widening = contest.tolerances.widening(np.array(series), batch.times)
    is_outside = judge_values(values, band, contest.watch, widening)[0] > 1
    counts = batch.usable.copy()
    counts[:, : _settling(batch)] = False
    challenger = count_runs(is_outside & counts, batch.step)
    champion = count_runs(batch.alarmed & counts, batch.step)
    seconds = (batch.observed & counts).sum(axis=1) * batch.step
    return [
        ReplayedAlarms(
            challenger=int(challenger[row]),
            champion=int(champion[row]),
            seconds=int(seconds[row]),
            blind=_unseen(batch, batch.alarmed[row], is_outside[row], real),
        )
        for row, real in enumerate(incidents)
    ]


def _unseen(
    batch: SeriesBatch, alarmed: BoolArray, is_outside: BoolArray, incidents: Sequence[Interval]
) -> str:
    """The real incident that the series alarmed in and the challenger would not, in words; "" =
    there is none."""
    settled = np.arange(batch.shape[1]) >= _settling(batch)
    for _, start, end in incidents:
        during = settled & (batch.times >= start) & (batch.times <= end)
        if (alarmed & during).any() and not (is_outside & during).any():
            return f"does not see the real incident from {start} to {end} (unix seconds)"
    return ""


def _settling(batch: SeriesBatch) -> int:
    """Columns after a cold start that do not count: level and spread are still being learnt."""
    return min(int(SETTLE_SHARE * batch.shape[1]), SETTLE_SECONDS // batch.step)


def _incidents(real: Sequence[Interval], series_id: int, batch: SeriesBatch) -> list[Interval]:
    """The real incidents of a series that overlap a batch."""
    last_second = batch.start + batch.shape[1] * batch.step - 1
    return [
        incident
        for incident in real
        if incident.series_id == series_id and incident.overlaps(batch.start, last_second)
    ]


def count_runs(flags: BoolArray, step: int) -> IntArray:
    """[S] how many alarms flags [S, T] make, `step` seconds apart: `detectors.episodes`."""
    rows, columns = np.nonzero(flags)
    starts = np.ones(len(rows), bool)
    starts[1:] = (np.diff(rows) > 0) | (np.diff(columns) > hold_steps(step))
    return np.bincount(rows[starts], minlength=len(flags))


def chance_limit(promised: float) -> int:
    """The number of alarms that chance exceeds with less than `CHANCE` where so many are promised
    (Poisson)."""
    return bisect(
        range(math.ceil(10 * promised + 10)),
        False,
        key=lambda number: poisson_tail(number + 1, promised) < CHANCE,
    )


def band_rows(band: Band, rows: IntArray) -> Band:
    """The band of some rows."""
    return replace(
        band, lower=band.lower[rows], expected=band.expected[rows], upper=band.upper[rows]
    )
