"""The gate between a challenger, which has just been fitted, and the champion of the same series.
Runs in the worker.

A challenger takes over unless it is worse, by one of these:

* loss: both forecast the last day, which the challenger has held out and the champion has not seen,
  or has held out
  too. Samples around an alarm do not count: who has learnt an incident must not win by it. The
  pinball loss may be higher by `NOISE`, by `DEVIATIONS` standard errors of the mean difference
  (Diebold and Mariano, 1995; of means over an hour, as neighbours are alike), or by `TRIFLE` of the
  half-width of the band, whichever is most.
* alarms: how often the challenger would have alarmed over the last days, against how often the
  series did. It may
  do so as often as chance explains at that rate, or at the rate of the budget if that is higher
  (Poisson, replay.py).
* blind: nothing of an incident that people have marked as real, and that the series alarmed in, is
  outside its band.

To walk through the fit window takes as long as a refit. The last days have been walked through by
the fit itself; a week is, for those that would be refused if it was like these days, and more for
those with a real incident before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.api import Band, BoolArray, FittedDetector, FloatArray, SeriesBatch
from detectors.bands import pinball_losses
from detectors.history import AROUND_SECONDS, FEW, around, held_out
from detectors.registry import from_spec
from plugin.domain.wording import duration
from plugin.jobs.replay import Contest, alarms_of, band_rows
from plugin.jobs.weights_file import parted, read_rows
from plugin.series import IntArray
from plugin.store import ModelRecord, Store

PATIENCE = 3  # refits that a champion may refuse; the next challenger takes over, whatever it is
# that forecasts are compared on, and at least so many steps
TAIL_SECONDS = 86_400
TAIL_STEPS = 500
NOISE = 0.05  # of the loss: what refits of one series differ by when nothing has changed
DEVIATIONS = 2.0  # standard errors
TRIFLE = 0.0005  # of the half-width of the band: of a series that hardly moves, all else is nothing
BLOCK_SECONDS = 3_600


@dataclass(frozen=True)
class GateResult:
    """What became of one challenger."""

    promoted: bool
    why: str  # in words, with the numbers
    reason: str = ""  # of a refusal: loss, alarms, blind, pinned or overtaken


def judge(
    store: Store,
    trial: Contest,
    spec: str,
    ids: Sequence[int],
    batch: SeriesBatch,
    challenger: FittedDetector,
) -> list[GateResult]:
    """One verdict per row of the batch that the challenger has just learnt from; row i is the
    series ids[i]."""
    models = [trial.champions.get(series) for series in ids]
    verdicts = [_unopposed(model, spec, trial) for model in models]
    rivals = {
        row: model
        for row, (model, verdict) in enumerate(zip(models, verdicts, strict=True))
        if model is not None and verdict is None
    }
    tails = {
        row: tail for group in _by_file(rivals) for row, tail in _tails(store, group, batch).items()
    }
    rows = np.array(sorted(tails), np.int64)
    if len(rows):
        seen = _hindsight(challenger, batch)
        losses = _Losses.of(
            batch.rows(rows), band_rows(seen, rows), [tails[row] for row in rows.tolist()]
        )
        alarms = alarms_of(trial, spec, ids, batch, challenger, seen, rows)
        for at, row in enumerate(rows.tolist()):
            verdicts[row] = _verdict(
                losses.said(at), alarms[row].said(trial.watch), alarms[row].blind
            )
    return [
        _final(
            model,
            verdict or GateResult(True, "takes over: the weights of the champion cannot be read"),
        )
        for model, verdict in zip(models, verdicts, strict=True)
    ]


def _unopposed(model: ModelRecord | None, spec: str, trial: Contest) -> GateResult | None:
    """The verdict that needs no comparison; None where one is needed."""
    if model is None:
        return GateResult(True, "the first model of the series")
    if model.spec != spec:
        return GateResult(
            True, f"takes over from a `{model.detector}` that is not what the watch asks for now"
        )
    if model.fitted_at < trial.step_since:
        return GateResult(
            True, f"takes over from version {model.version}, which is of another step"
        )
    if model.series_id in trial.outdated:
        return GateResult(
            True,
            f"takes over from version {model.version}, which has learnt from what it should not: "
            "maintenance or feedback has come since",
        )
    age = trial.now - model.since
    if age > PATIENCE * trial.watch.fit_every:
        return GateResult(
            True,
            f"takes over from version {model.version}, which has reigned for {duration(age)}: more "
            f"than {PATIENCE} refits",
        )
    return None


def _verdict(loss: tuple[bool, str], alarms: tuple[bool, str], blind: str) -> GateResult:
    said = "; ".join(filter(None, (loss[1], alarms[1], blind)))
    for refused, reason in ((loss[0], "loss"), (alarms[0], "alarms"), (bool(blind), "blind")):
        if refused:
            return GateResult(False, said, reason)
    return GateResult(True, said)


def _final(model: ModelRecord | None, verdict: GateResult) -> GateResult:
    """Whoever is pinned stays; what would have been is told."""
    if model is None or not model.pinned:
        return verdict
    would = "taken over" if verdict.promoted else "been refused"
    return GateResult(
        False,
        f"version {model.version} is pinned; the new one would have {would}: {verdict.why}",
        "pinned",
    )


def _by_file(models: Mapping[int, ModelRecord]) -> list[dict[int, ModelRecord]]:
    """Rows of one weights file together: they have learnt from the same window, and can be
    unreadable together."""
    groups: dict[str, dict[int, ModelRecord]] = {}
    for row, model in models.items():
        groups.setdefault(str(model.path), {})[row] = model
    return list(groups.values())


def _tails(store: Store, models: Mapping[int, ModelRecord], batch: SeriesBatch) -> dict[int, Band]:
    """What champions of one file say of the last columns, by row: bands [1, N]; nothing where it
    cannot be read."""
    rows = list(models)
    steps = batch.shape[1]
    one = models[rows[0]]
    n = _tail_steps(batch)
    try:
        state, after = parted(
            read_rows(store, tuple((model.path, model.row) for model in models.values()))
        )
        fitted = from_spec(one.spec).restore(state)
        begin = (one.window_end - batch.start) // batch.step + 1  # what the champion goes on with
        if after is None or not steps - 2 * n <= begin <= steps - n // 2:
            # cold, and warm when it counts
            begin = max(0, steps - 2 * n)
            after = None
        band = fitted.score(batch.rows(np.array(rows)).steps(begin, steps), after).band
    except (
        Exception
    ):  # a file that is gone, arrays of other names, whatever a detector raises: it cannot be used
        return {}
    empty = np.full((len(rows), max(0, n - (steps - begin))), np.nan)
    bounds = [
        np.concatenate([empty, bound], axis=1)[:, -n:]
        for bound in (band.lower, band.expected, band.upper)
    ]
    return {row: Band(*(bound[[at]] for bound in bounds)) for at, row in enumerate(rows)}


def _tail_steps(batch: SeriesBatch) -> int:
    return min(batch.shape[1], max(TAIL_SECONDS // batch.step, TAIL_STEPS))


def _hindsight(challenger: FittedDetector, batch: SeriesBatch) -> Band:
    """The challenger's bands of the last columns, from a cold start: as the fit left them, else of
    two days."""
    band = getattr(challenger, "hindsight", None)
    if isinstance(band, Band) and band.expected.shape[1] >= _tail_steps(batch):
        return band
    return challenger.score(
        batch.steps(max(0, batch.shape[1] - 2 * _tail_steps(batch)), batch.shape[1])
    ).band


@dataclass(frozen=True)
class _Losses:
    """The comparison of forecasts, all [R]; NaN where nothing could be compared."""

    challenger: FloatArray
    champion: FloatArray
    tolerance: FloatArray
    samples: IntArray

    @classmethod
    def of(cls, batch: SeriesBatch, seen: Band, tails: Sequence[Band]) -> "_Losses":
        """seen: of the challenger, up to the end of the batch; tails: of the champions, one [1, N]
        each."""
        steps = batch.shape[1]
        n = tails[0].expected.shape[1]
        last = slice(steps - n, steps)
        values = batch.values[:, -n:]
        theirs = np.concatenate([tail.expected for tail in tails])
        half = np.concatenate([0.5 * (tail.upper - tail.lower) for tail in tails])
        mine = seen.expected[:, -n:]
        kept = (held_out(batch) & ~around(batch.alarmed, max(2, AROUND_SECONDS // batch.step)))[
            :, last
        ]
        kept &= np.isfinite(mine) & np.isfinite(theirs)
        new, old = (
            np.mean(list(pinball_losses(np.where(kept, values - each, 0.0), kept)), axis=0)
            for each in (mine, theirs)
        )
        count = kept.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean_new, mean_old = (
                np.where(count >= FEW, each.sum(axis=1) / count, np.nan) for each in (new, old)
            )
        error = _standard_error(new - old, kept, max(1, BLOCK_SECONDS // batch.step))
        trifle = TRIFLE * np.array(
            [
                np.median(row[here]) if here.any() else 0.0
                for row, here in zip(half, kept, strict=True)
            ]
        )
        return cls(
            mean_new,
            mean_old,
            np.max([NOISE * mean_old, DEVIATIONS * error, trifle], axis=0),
            count,
        )

    def said(self, row: int) -> tuple[bool, str]:
        """Whether the challenger is worse, and the numbers."""
        new, old, tolerance = (
            float(each[row]) for each in (self.challenger, self.champion, self.tolerance)
        )
        if np.isnan(new) or np.isnan(old):
            return False, f"forecasts not compared: {int(self.samples[row])} calm samples"
        return (
            bool(new > old + tolerance),
            (
                f"held-out loss {new:.3g} against {old:.3g} on {int(self.samples[row])} samples (up"
                f" to {tolerance:.2g} more is noise)"
            ),
        )


def _standard_error(difference: FloatArray, kept: BoolArray, length: int) -> FloatArray:
    """[R] of the mean difference over the kept samples, by blocks of `length` columns."""
    edges = np.arange(0, difference.shape[1], length)
    count = np.add.reduceat(kept, edges, axis=1, dtype=np.int64)
    total = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    mean = difference.sum(axis=1, keepdims=True) / total
    rest = np.add.reduceat(difference, edges, axis=1) - count * mean
    blocks = np.maximum((count > 0).sum(axis=1), 2)
    error: FloatArray = np.sqrt((rest**2).sum(axis=1) * blocks / (blocks - 1)) / total[:, 0]
    return error
