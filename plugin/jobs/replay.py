"""How often new models would have alarmed in the weeks that they learnt from, and what they would
not have seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from detectors.api import Band, BoolArray, FittedDetector, SeriesBatch
from detectors.history import SETTLE
from detectors.registry import from_spec
from plugin.config import Watch
from plugin.domain.alarms import JOIN
from plugin.domain.tolerances import NO_TOLERANCES, Tolerances
from plugin.domain.wording import duration
from plugin.jobs.policies import judged
from plugin.series import IntArray
from plugin.store import ModelRecord

SETTLE_SECONDS = 86_400
WALK_SECONDS = 7 * 86_400
CHANCE = 0.02  # of so many alarms where nothing has become worse

Interval = tuple[int, int, int]  # series id, first and last unix second


@dataclass(frozen=True)
class Contest:
    """What challengers have to beat; small, because it crosses a process boundary."""

    watch: Watch  # whose policies move the bands
    now: int  # unix seconds
    champions: Mapping[int, ModelRecord] = field(default_factory=dict)  # by series id
    step_since: int = 0  # unix seconds; models fitted before are of another step
    outdated: frozenset[int] = (
        frozenset()
    )  # ids of series whose champion has learnt from what is masked by now
    real: tuple[Interval, ...] = ()  # incidents that must not go unseen
    tolerances: Tolerances = NO_TOLERANCES  # as the champions have them


@dataclass(frozen=True)
class ReplayedAlarms:
    """How often one challenger would have alarmed, and how often its series did."""

    challenger: int
    champion: int
    seconds: int  # of samples that were looked at
    blind: str = ""  # which incident it does not see, in words

    def too_many(self, watch: Watch) -> bool:
        """Whether chance does not explain so many at the rate of the budget, nor at that of the
        series so far."""
        return self.challenger > chance_limit(max(watch.alert_budget * self.seconds, self.champion))

    def said(self, watch: Watch) -> tuple[bool, str]:
        """Whether these are too many, and the numbers."""
        promised = watch.alert_budget * self.seconds
        return (
            self.too_many(watch),
            (
                f"{self.challenger} {'alarm' if self.challenger == 1 else 'alarms'} in"
                f" {duration(self.seconds)} against {self.champion}, {promised:.2g} promised"
            ),
        )


def alarms_of(
    trial: Contest,
    spec: str,
    ids: Sequence[int],
    batch: SeriesBatch,
    challenger: FittedDetector,
    seen: Band,
    rows: IntArray,
) -> dict[int, ReplayedAlarms]:
    """By row: over the last days, of which the bands are `seen`, and over more where these are not
    enough to say."""
    steps = batch.shape[1]
    late = batch.rows(rows).steps(steps - seen.expected.shape[1], steps)
    real = {row: _inside(trial.real, ids[row], batch) for row in rows.tolist()}
    found = dict(
        zip(
            rows.tolist(),
            _counted(
                trial,
                [ids[row] for row in rows.tolist()],
                late,
                band_rows(seen, rows),
                list(real.values()),
            ),
            strict=True,
        )
    )
    begins = {
        row: begin
        for row, one in found.items()
        if (begin := _begin(trial.watch, batch, row, one, late, real[row])) < steps - late.shape[1]
    }
    if begins:
        at = np.array(list(begins), np.int64)
        part = from_spec(spec).restore(
            {name: array[at] for name, array in challenger.state.items()}
        )
        longer = batch.rows(at).steps(min(begins.values()), steps)
        found.update(
            zip(
                begins,
                _counted(
                    trial,
                    [ids[row] for row in begins],
                    longer,
                    part.score(longer).band,
                    [real[row] for row in begins],
                ),
                strict=True,
            )
        )
    return found


def _begin(
    watch: Watch,
    batch: SeriesBatch,
    row: int,
    one: ReplayedAlarms,
    late: SeriesBatch,
    real: Sequence[tuple[int, int]],
) -> int:
    """The column from which a row has to be walked through: a week where the last days would refuse
    it if the week was alike, and a while before each real incident."""
    begin = late.start
    week = max(batch.start, batch.times[-1] + batch.step - WALK_SECONDS)
    times = max(1.0, (late.times[-1] - week) / (late.times[-1] - late.start))
    champion = runs(batch.alarmed[[row]] & batch.usable[[row]] & (batch.times >= week))[0]
    alike = ReplayedAlarms(round(one.challenger * times), int(champion), round(one.seconds * times))
    if one.challenger > one.champion and alike.too_many(watch):
        begin = week
    told = late.start + _settling(late) * late.step
    begin = min([begin, *(first - SETTLE_SECONDS for first, _ in real if first < told)])
    return max(0, (begin - batch.start) // batch.step)


def _counted(
    trial: Contest,
    ids: Sequence[int],
    batch: SeriesBatch,
    band: Band,
    real: Sequence[Sequence[tuple[int, int]]],
) -> list[ReplayedAlarms]:
    """Of each row of a batch with the challenger's bands [S, T], from a cold start."""
    values = np.where(batch.observed, batch.values, np.nan)
    outside = (
        judged(values, band, trial.watch, trial.tolerances.widening(np.array(ids), batch.times))[0]
        > 1
    )
    counts = batch.usable.copy()
    counts[:, : _settling(batch)] = False
    mine = runs(outside & counts)
    theirs = runs(batch.alarmed & counts)
    seconds = (batch.observed & counts).sum(axis=1) * batch.step
    return [
        ReplayedAlarms(*row, _unseen(batch, batch.alarmed[at], outside[at], real[at]))
        for at, row in enumerate(zip(mine.tolist(), theirs.tolist(), seconds.tolist(), strict=True))
    ]


def _unseen(
    batch: SeriesBatch, flagged: BoolArray, outside: BoolArray, real: Sequence[tuple[int, int]]
) -> str:
    """Which real incident the series alarmed in and the challenger would not, in words; "" =
    none."""
    settled = np.arange(batch.shape[1]) >= _settling(batch)
    for first, last in real:
        during = settled & (batch.times >= first) & (batch.times <= last)
        if (flagged & during).any() and not (outside & during).any():
            return f"does not see the real incident from {first} to {last} (unix seconds)"
    return ""


def _settling(batch: SeriesBatch) -> int:
    """Columns after a cold start in which level and spread are still finding their place."""
    return min(int(SETTLE * batch.shape[1]), SETTLE_SECONDS // batch.step)


def _inside(real: Sequence[Interval], series: int, batch: SeriesBatch) -> list[tuple[int, int]]:
    """The intervals of a series that overlap a batch."""
    end = batch.start + batch.shape[1] * batch.step
    return [
        (first, last)
        for one, first, last in real
        if one == series and last >= batch.start and first < end
    ]


def runs(flags: BoolArray) -> IntArray:
    """[S] how many alarms flags [S, T] make, short quiet bridged as in `plugin.domain.alarms`."""
    rows, columns = np.nonzero(flags)
    begins = np.ones(len(rows), bool)
    begins[1:] = (np.diff(rows) > 0) | (np.diff(columns) > JOIN + 1)
    return np.bincount(rows[begins], minlength=len(flags))


def chance_limit(promised: float) -> int:
    """The number of alarms that chance exceeds with less than `CHANCE` where so many are promised
    (Poisson)."""
    term = total = float(np.exp(-promised))
    number = 0
    while 1 - total >= CHANCE and number < 10 * promised + 10:
        number += 1
        term *= promised / number
        total += term
    return number


def band_rows(band: Band, rows: IntArray) -> Band:
    return replace(
        band, lower=band.lower[rows], expected=band.expected[rows], upper=band.upper[rows]
    )
