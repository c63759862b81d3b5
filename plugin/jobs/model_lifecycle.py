"""Who follows whom in one watch: what becomes of new models, and what people order. Every decision
is kept.

The fit job, the web and the command line decide in threads of their own, one at a time
(`Roster.deciding`), each on what reigns at that moment: a model that was fitted against a champion
that has meanwhile gone does not take over.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from detectors.registry import from_spec
from plugin.config import Watch
from plugin.domain.model_decisions import Decision, DecisionKind, Order, OrderResult
from plugin.domain.wording import duration
from plugin.jobs.fit_task import FitOutcome, not_learnt
from plugin.jobs.gate import GateResult
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.model_settings import step_since
from plugin.jobs.model_stack import ModelStack
from plugin.jobs.replay import Contest
from plugin.metrics import Metrics
from plugin.series import SeriesRecord, SeriesState
from plugin.store import ModelRecord, Store

log = logging.getLogger(__name__)

FOREVER = 1 << 62
QUEUED = "queued for a refit"
NO_MODEL = "has no model yet: it is being fitted, or has too little history"


class ModelLifecycle:
    """Crowns, refuses, rolls back, pins; and knows whose refit has been asked for."""

    def __init__(
        self,
        watch: Watch,
        store: Store,
        metrics: Metrics,
        roster: ModelRegistry,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.watch = watch
        self._store = store
        self._metrics = metrics
        self._roster = roster
        self._clock = clock
        self.step_since = step_since(watch, store, int(clock()))
        asked = store.active_models.decisions(
            0, FOREVER, [each.id for each in roster.records()], what=DecisionKind.REFIT_ASKED
        )
        self._asked = {
            decision.series_id: decision.time for decision in asked
        }  # a restart forgets nobody

    def asked(self, champion: ModelRecord) -> bool:
        """Whether someone has asked for a refit since the champion was last checked."""
        return self._asked.get(champion.series_id, -1) >= champion.checked_at

    def trial(self, ids: Iterable[int], outdated: frozenset[int] = frozenset()) -> Contest:
        """What new models of some series have to beat. outdated: series whose champion need not be
        beaten."""
        champions = self._roster.champions()
        return Contest(
            self.watch,
            int(self._clock()),
            {series: champions[series] for series in ids if series in champions},
            self.step_since,
            outdated,
            tuple(self._store.feedback.real(self.watch.name)),
            self._store.feedback.tolerances(self.watch.name),
        )

    def adopt(self, outcome: FitOutcome) -> int:
        """Crowns those who have passed the gate; the others keep the model they have.

        Returns how many of both.
        """
        now = int(self._clock())
        task = outcome.task
        with self._roster.deciding:
            reigning = self._roster.champions()
            verdicts = {
                series: self._upheld(series, verdict, outcome, reigning.get(series))
                for series, verdict in outcome.verdicts.items()
            }
            detector = from_spec(task.spec).name
            models = [
                ModelRecord(
                    series,
                    task.version,
                    row,
                    detector,
                    task.spec,
                    outcome.path,
                    loss,
                    now,
                    task.start,
                    task.end,
                    not_learnt(task, series),
                )
                for row, (series, loss) in enumerate(zip(outcome.ids, outcome.loss, strict=True))
                if verdicts[series].promoted and outcome.path
            ]
            kept = [
                replace(reigning[series], checked_at=now)
                for series, verdict in verdicts.items()
                if not verdict.promoted and series in reigning
            ]
            made = {
                what: [
                    Decision(now, series, task.version, what, verdict.why)
                    for series, verdict in verdicts.items()
                    if verdict.promoted == (what is DecisionKind.CROWNED)
                ]
                for what in (DecisionKind.CROWNED, DecisionKind.REFUSED)
            }
            if models:
                self._store.save_models(self.watch.name, models, made[DecisionKind.CROWNED])
            if kept:
                self._store.active_models.keep(kept, made[DecisionKind.REFUSED])
            self._roster.promote(models)
            self._roster.keep(kept)
            for series in verdicts:
                self._asked.pop(series, None)
        self._tell(outcome, verdicts, detector)
        return len(verdicts)

    @staticmethod
    def _upheld(
        series: int, verdict: GateResult, outcome: FitOutcome, reigning: ModelRecord | None
    ) -> GateResult:
        """The verdict, unless somebody has changed the champion or pinned it while the fit ran."""
        rival = outcome.task.trial.champions.get(series) if outcome.task.trial is not None else None
        if not verdict.promoted or reigning is None or outcome.task.trial is None:
            return verdict
        if rival is None or rival.version != reigning.version:
            return GateResult(
                False, f"version {reigning.version} took over while it was fitted", "overtaken"
            )
        if reigning.pinned and not rival.pinned:
            return GateResult(
                False, f"version {reigning.version} was pinned while it was fitted", "pinned"
            )
        return verdict

    def _tell(self, outcome: FitOutcome, verdicts: dict[int, GateResult], detector: str) -> None:
        name = self.watch.name
        crowned = sum(verdict.promoted for verdict in verdicts.values())
        refused = [verdict.reason for verdict in verdicts.values() if not verdict.promoted]
        for reason in refused:
            self._metrics.fit_refusals.labels(name, reason).inc()
        if verdicts:
            self._metrics.last_fit.labels(name).set(int(self._clock()))
            log.info(
                "fitted",
                extra={
                    "watch": name,
                    "version": outcome.task.version,
                    "series": crowned,
                    "kept": len(refused),
                    "detector": detector,
                    "seconds": round(outcome.seconds, 2),
                },
            )

    def execute(self, order: Order, series: Sequence[SeriesRecord]) -> list[OrderResult]:
        """What comes of an order for some series of this watch, in their order."""
        acts = {
            "rollback": self._rollback,
            "pin": self._pin,
            "unpin": self._unpin,
            "refit": self._refit,
        }
        with self._roster.deciding:
            living = {record.id for record in self._roster.records()}
            answers = {each.id: _gone(each) for each in series if each.id not in living}
            answers |= acts[order.act.value](order, [each for each in series if each.id in living])
        return [answers[each.id] for each in series]

    def _rollback(self, order: Order, series: Sequence[SeriesRecord]) -> dict[int, OrderResult]:
        answers = dict[int, OrderResult]()
        chosen = list[ModelRecord]()
        versions = self._versions(series)
        records = {each.id: each for each in series}
        reigning = self._roster.champions()
        now = int(self._clock())
        for each in series:
            champion = reigning.get(each.id)
            of_this_step = [
                model for model in versions[each.id] if model.fitted_at >= self.step_since
            ]
            found = _older(of_this_step, champion, order.version)
            if isinstance(found, str):
                answers[each.id] = OrderResult(
                    each, False, champion.version if champion else 0, found
                )
            else:
                chosen.append(replace(found, since=now, checked_at=now, pinned=False))
        usable = self._usable(chosen)
        made = []
        for model in chosen:
            champion = reigning.get(model.series_id)
            each = records[model.series_id]
            before = f"from version {champion.version}" if champion else "from none"
            if model in usable:
                why = (
                    f"{before} to version {model.version}, fitted"
                    f" {duration(now - model.fitted_at)} ago"
                )
                made.append(
                    Decision(
                        now,
                        each.id,
                        model.version,
                        DecisionKind.ROLLED_BACK,
                        _with(why, order),
                        order.by,
                    )
                )
                unpinned = (
                    "; it is not pinned, as the one before was"
                    if champion and champion.pinned
                    else ""
                )
                answers[each.id] = OrderResult(
                    each, True, model.version, f"{why}; takes effect at the next tick{unpinned}"
                )
            else:
                answers[each.id] = OrderResult(
                    each,
                    False,
                    champion.version if champion else 0,
                    f"the weights of version {model.version} are gone or cannot be read: name"
                    " another `version`, or ask for a refit",
                )
        self._store.active_models.promote(usable, made)
        self._roster.promote(usable)
        return answers

    def _pin(self, order: Order, series: Sequence[SeriesRecord]) -> dict[int, OrderResult]:
        return self._hold(order, series, pinned=True)

    def _unpin(self, order: Order, series: Sequence[SeriesRecord]) -> dict[int, OrderResult]:
        return self._hold(order, series, pinned=False)

    def _hold(
        self, order: Order, series: Sequence[SeriesRecord], *, pinned: bool
    ) -> dict[int, OrderResult]:
        """Pins champions, or no longer. What is so already stays so, and is no new decision."""
        reigning = self._roster.champions()
        now = int(self._clock())
        answers = dict[int, OrderResult]()
        changed = list[ModelRecord]()
        made = list[Decision]()
        for each in series:
            champion = reigning.get(each.id)
            state = "pinned" if pinned else "not pinned"
            if champion is None:
                answers[each.id] = OrderResult(each, False, 0, NO_MODEL)
            elif champion.pinned == pinned:
                answers[each.id] = OrderResult(
                    each, True, champion.version, f"was {state}{' already' * pinned}"
                )
            else:
                changed.append(replace(champion, pinned=pinned))
                what = DecisionKind.PINNED if pinned else DecisionKind.UNPINNED
                made.append(
                    Decision(
                        now, each.id, champion.version, what, _with(what.value, order), order.by
                    )
                )
                answers[each.id] = OrderResult(each, True, champion.version, f"is {state} now")
        self._store.active_models.keep(changed, made)
        self._roster.keep(changed)
        return answers

    def _refit(self, order: Order, series: Sequence[SeriesRecord]) -> dict[int, OrderResult]:
        reigning = self._roster.champions()
        now = int(self._clock())
        version = {
            each.id: reigning[each.id].version if each.id in reigning else 0 for each in series
        }
        if self.watch.paused:
            why = "its watch is paused: take `paused` out of its settings first"
            return {each.id: OrderResult(each, False, version[each.id], why) for each in series}
        waiting = {
            each.id
            for each in series
            if each.id in self._asked and (each.id not in reigning or self.asked(reigning[each.id]))
        }
        new = [each for each in series if each.id not in waiting]
        self._store.active_models.keep(
            [],
            [
                Decision(
                    now,
                    each.id,
                    version[each.id],
                    DecisionKind.REFIT_ASKED,
                    _with("a refit was asked for", order),
                    order.by,
                )
                for each in new
            ],
        )
        self._asked.update(dict.fromkeys((each.id for each in new), now))
        return {
            each.id: OrderResult(
                each,
                True,
                version[each.id],
                (
                    f"was {QUEUED} already"
                    if each.id in waiting
                    else f"is {QUEUED}: fitted as soon as a worker is free"
                ),
            )
            for each in series
        }

    def _versions(self, series: Sequence[SeriesRecord]) -> dict[int, list[ModelRecord]]:
        """All that are kept of each, the newest first."""
        found: dict[int, list[ModelRecord]] = {each.id: [] for each in series}
        for model, _ in self._store.active_models.versions(list(found)):
            found[model.series_id].append(model)
        return found

    def _usable(self, models: Sequence[ModelRecord]) -> list[ModelRecord]:
        """Those whose weights can be read and used."""
        usable = []
        for model in models:
            try:
                ModelStack.load(self._store, [model])
            except (
                Exception
            ) as error:  # a file that is gone, arrays of other names, whatever a detector raises
                log.warning(
                    "model cannot be used",
                    extra={"watch": self.watch.name, "version": model.version, "err": str(error)},
                )
            else:
                usable.append(model)
        return usable


def _older(
    versions: Sequence[ModelRecord], champion: ModelRecord | None, wanted: int | None
) -> ModelRecord | str:
    """The version to roll back to, or why there is none. versions: the newest first."""
    kept = ", ".join(str(model.version) for model in reversed(versions)) or "none"
    if wanted is not None:
        if champion is not None and champion.version == wanted:
            return f"version {wanted} reigns already"
        return next(
            (model for model in versions if model.version == wanted),
            f"there is no version {wanted}; kept are: {kept}",
        )
    if champion is None:
        return NO_MODEL
    return next(
        (model for model in versions if model.version < champion.version),
        f"there is no version before {champion.version}; kept are: {kept} (`store.versions`)",
    )


def _gone(record: SeriesRecord) -> OrderResult:
    state = (
        "has aged out"
        if record.state is SeriesState.GONE
        else "does not belong to the watch any more"
    )
    return OrderResult(record, False, 0, f"{state}: its models come back with its next sample")


def _with(why: str, order: Order) -> str:
    return f"{why}: {order.comment}" if order.comment else why
