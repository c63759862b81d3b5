"""The gate between a challenger, which has just been fitted, and the champion of the same series.
Runs in the worker.

A challenger takes over unless it is worse in one of these ways:

* loss: both forecast the last day, which neither has learnt from. Samples near an alarm do not
  count. The pinball loss of the challenger may be higher by `NOISE_SHARE`, by
  `MAX_STANDARD_ERRORS` of the mean difference (Diebold and Mariano, 1995), or by
  `NEGLIGIBLE_SHARE` of the half-width of the band, whichever is most (forecast_losses.py).
* alarms: how often the challenger would have alarmed over the last days, against how often the
  series did. It may alarm as often as chance explains at that rate, or at the rate of the budget if
  that is higher (Poisson, replay.py).
* blind: someone has marked an incident as real, the series alarmed in it, and no sample of it is
  outside the band of the challenger.

To walk through the whole fit window takes as long as a refit. The fit itself has walked through the
last days. A week is walked through only where the challenger would be refused if the week were like
these days, and more where there was a real incident before.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors.api import Band, FittedDetector, SeriesBatch
from detectors.named_arrays import rows_of
from detectors.registry import from_spec
from plugin.domain.times import DAY, duration
from plugin.jobs.contest import Challengers, ChampionWeights, Contest
from plugin.jobs.forecast_losses import ForecastLosses
from plugin.jobs.replay import ReplayedAlarms, alarms_of, band_rows
from plugin.jobs.weights_file import split_weights
from plugin.store import ModelRecord

MAX_REFUSED_REFITS = 3  # then the next challenger takes over, whatever it is
# Forecasts are compared on the longer one of these.
TAIL_SECONDS = DAY
TAIL_STEPS = 500


@dataclass(frozen=True)
class GateResult:
    """What became of one challenger."""

    promoted: bool
    why: str  # in words, with the numbers
    reason: str = ""  # of a refusal: loss, alarms, blind, pinned or overtaken


def opposed(contest: Contest, spec: str) -> list[ModelRecord]:
    """The champions that challengers of this spec are compared with."""
    return [
        champion
        for champion in contest.champions.values()
        if _unopposed(champion, spec, contest) is None
    ]


def judge(contest: Contest, challengers: Challengers) -> list[GateResult]:
    """One result for each challenger. The contest holds the weights of the `opposed`."""
    champions = [contest.champions.get(series_id) for series_id in challengers.ids]
    results = [_unopposed(champion, challengers.spec, contest) for champion in champions]
    rows = {
        series_id: row
        for row, (series_id, result) in enumerate(zip(challengers.ids, results, strict=True))
        if result is None
    }
    bands = {
        row: band
        for weights in contest.weights
        for row, band in _champion_bands(contest, weights, rows, challengers.batch).items()
    }
    for row, compared in _compared(contest, challengers, bands).items():
        results[row] = compared
    unreadable = GateResult(True, "takes over: the weights of the champion cannot be read")
    return [
        _unless_pinned(champion, result or unreadable)
        for champion, result in zip(champions, results, strict=True)
    ]


def _unopposed(champion: ModelRecord | None, spec: str, contest: Contest) -> GateResult | None:
    """The result where there is nothing to compare; None where there is."""
    if champion is None:
        return GateResult(True, "the first model of the series")
    if champion.spec != spec:
        return GateResult(
            True, f"takes over from a `{champion.detector}` that is not what the watch asks for now"
        )
    version = f"takes over from version {champion.version}"
    if champion.fitted_at < contest.step_since:
        return GateResult(True, f"{version}, which is of another step")
    if champion.series_id in contest.outdated:
        return GateResult(
            True,
            f"{version}, which has learnt from what it should not: "
            "maintenance or feedback has come since",
        )
    age = contest.now - champion.since
    if age > MAX_REFUSED_REFITS * contest.watch.fit_every:
        return GateResult(
            True,
            f"{version}, which has been active for {duration(age)}: more than"
            f" {MAX_REFUSED_REFITS} refits",
        )
    return None


def _compared(
    contest: Contest, challengers: Challengers, champions: Mapping[int, Band]
) -> dict[int, GateResult]:
    """The results of the rows whose champions have these bands, each [1, N] of the last N
    columns."""
    if not champions:
        return {}
    rows = np.array(sorted(champions), np.int64)
    recent = _recent_bands(challengers.fitted, challengers.batch)
    losses = ForecastLosses.of(
        challengers.batch.rows(rows),
        band_rows(recent, rows),
        [champions[row] for row in rows.tolist()],
    )
    alarms = alarms_of(contest, challengers, recent, rows)
    return {
        row: _result(losses, position, alarms[row], contest)
        for position, row in enumerate(rows.tolist())
    }


def _result(
    losses: ForecastLosses, position: int, alarms: ReplayedAlarms, contest: Contest
) -> GateResult:
    why = "; ".join(
        filter(None, (losses.describe(position), alarms.describe(contest.watch), alarms.blind))
    )
    if losses.worse(position):
        return GateResult(False, why, "loss")
    if alarms.too_many(contest.watch):
        return GateResult(False, why, "alarms")
    if alarms.blind:
        return GateResult(False, why, "blind")
    return GateResult(True, why)


def _unless_pinned(champion: ModelRecord | None, result: GateResult) -> GateResult:
    """A pinned champion stays; the result says what would have happened without the pin."""
    if champion is None or not champion.pinned:
        return result
    would = "taken over" if result.promoted else "been refused"
    return GateResult(
        False,
        f"version {champion.version} is pinned; the new one would have {would}: {result.why}",
        "pinned",
    )


def _champion_bands(
    contest: Contest, weights: ChampionWeights, rows: Mapping[int, int], batch: SeriesBatch
) -> dict[int, Band]:
    """The bands [1, N] of champions over the last N columns, by row of the batch; empty where their
    weights cannot be used.

    rows: of the series that are compared, by series id.
    """
    places = [place for place, series_id in enumerate(weights.ids) if series_id in rows]
    if not places:
        return {}
    ids = [weights.ids[place] for place in places]
    batch_rows = [rows[series_id] for series_id in ids]
    steps = batch.shape[1]
    tail = _tail_steps(batch)
    model = contest.champions[ids[0]]
    try:
        state, carry = split_weights(rows_of(weights.arrays, np.array(places)))
        fitted = from_spec(model.spec).restore(state)
        start = (model.window_end - batch.start) // batch.step + 1  # the carry goes on from here
        if carry is None or not max(0, steps - 2 * tail) <= start <= steps - tail // 2:
            # A cold start, early enough that the model is warm when the samples count.
            start = max(0, steps - 2 * tail)
            carry = None
        band = fitted.score(batch.rows(np.array(batch_rows)).steps(start, steps), carry).band
    except Exception:  # the file has other arrays, or a detector raises anything
        return {}
    unknown = np.full((len(ids), max(0, tail - (steps - start))), np.nan)
    lower, expected, upper = (
        np.concatenate([unknown, bound], axis=1)[:, -tail:]
        for bound in (band.lower, band.expected, band.upper)
    )
    return {
        row: Band(lower[[position]], expected[[position]], upper[[position]])
        for position, row in enumerate(batch_rows)
    }


def _tail_steps(batch: SeriesBatch) -> int:
    return min(batch.shape[1], max(TAIL_SECONDS // batch.step, TAIL_STEPS))


def _recent_bands(challenger: FittedDetector, batch: SeriesBatch) -> Band:
    """The challenger's bands of the last columns, from a cold start: as the fit left them, else of
    two days."""
    band = challenger.recent_bands
    if band is not None and band.expected.shape[1] >= _tail_steps(batch):
        return band
    steps = batch.shape[1]
    return challenger.score(batch.steps(max(0, steps - 2 * _tail_steps(batch)), steps)).band
