"""What becomes of the new models of one watch. Every decision is kept.

The fit job, the web and the command line decide in threads of their own, one at a time
(`ModelRegistry.deciding`), each on the models that are active at that moment: a model that was
fitted against a champion that is gone by then does not take over.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from detectors.registry import from_spec
from plugin.domain.model_decisions import Decision, DecisionKind, Order, OrderResult
from plugin.jobs.contest import Contest
from plugin.jobs.fit_plan import FitPlan, masks_fingerprint
from plugin.jobs.fit_task import FitOutcome
from plugin.jobs.gate import GateResult
from plugin.jobs.model_orders import ModelOrders
from plugin.jobs.model_settings import step_since
from plugin.jobs.refit_requests import RefitRequests
from plugin.jobs.watch_context import WatchContext
from plugin.series import SeriesRecord
from plugin.store import ModelRecord

log = logging.getLogger(__name__)


class ModelLifecycle:
    """Promotes new models or refuses them, and executes what people order."""

    def __init__(self, context: WatchContext) -> None:
        self.watch = context.watch
        self._store = context.store
        self._metrics = context.metrics
        self._registry = context.registry
        self._clock = context.clock
        self.step_since = step_since(context.watch, context.store, int(context.clock()))
        self._refits = RefitRequests(
            context.store, [record.id for record in context.registry.records()]
        )
        self._orders = ModelOrders(context, self._refits, self.step_since)

    def refit_asked(self, champion: ModelRecord) -> bool:
        """Whether someone has asked for a refit since the champion was last checked."""
        return self._refits.open(champion.series_id, champion)

    def execute(self, order: Order, series: Sequence[SeriesRecord]) -> list[OrderResult]:
        """What comes of an order for some series of this watch, in their order."""
        return self._orders.execute(order, series)

    def contest(self, ids: Iterable[int], outdated: frozenset[int] = frozenset()) -> Contest:
        """What new models of some series have to beat. outdated: series whose champion need not be
        beaten."""
        champions = self._registry.champions()
        return Contest(
            watch=self.watch,
            now=int(self._clock()),
            champions={
                series_id: champions[series_id] for series_id in ids if series_id in champions
            },
            step_since=self.step_since,
            outdated=outdated,
            real=tuple(self._store.feedback.real(self.watch.name)),
            tolerances=self._store.feedback.tolerances(self.watch.name),
        )

    def adopt(self, plan: FitPlan, outcome: FitOutcome) -> int:
        """Promotes the models that have passed the gate; the other series keep the model they have.

        Returns how many of both there are. Raises StoreError.
        """
        now = int(self._clock())
        version = plan.version
        path = None
        if outcome.weights is not None:
            path = self._store.weights.write(version, outcome.weights)
        with self._registry.deciding:
            champions = self._registry.champions()
            results = {
                series_id: _still_true(result, plan, series_id, champions.get(series_id))
                for series_id, result in outcome.verdicts.items()
            }
            promoted = [] if path is None else _records(plan, outcome, results, path, now)
            checked_champions = [
                replace(champions[series_id], checked_at=now)
                for series_id, result in results.items()
                if not result.promoted and series_id in champions
            ]
            if promoted:
                self._store.save_models(
                    self.watch.name, promoted, _decisions(results, version, now, promoted=True)
                )
            if checked_champions:
                self._store.active_models.update(
                    checked_champions, _decisions(results, version, now, promoted=False)
                )
            self._registry.promote(promoted)
            self._registry.update_champions(checked_champions)
            self._refits.close(results)
        if results:
            self._report(plan, outcome.seconds, results)
        return len(results)

    def _report(self, plan: FitPlan, seconds: float, results: Mapping[int, GateResult]) -> None:
        name = self.watch.name
        refusals = [result.reason for result in results.values() if not result.promoted]
        for reason in refusals:
            self._metrics.fit_refusals.labels(name, reason).inc()
        self._metrics.last_fit.labels(name).set(int(self._clock()))
        log.info(
            "fitted",
            extra={
                "watch": name,
                "version": plan.version,
                "series": len(results) - len(refusals),
                "kept": len(refusals),
                "detector": from_spec(plan.spec).name,
                "seconds": round(seconds, 2),
            },
        )


def _still_true(
    result: GateResult, plan: FitPlan, series_id: int, champion: ModelRecord | None
) -> GateResult:
    """The result of the gate, unless someone has changed or pinned the champion while the fit
    ran."""
    contest = plan.contest
    if not result.promoted or champion is None or contest is None:
        return result
    rival = contest.champions.get(series_id)
    if rival is None or rival.version != champion.version:
        return GateResult(
            False, f"version {champion.version} took over while it was fitted", "overtaken"
        )
    if champion.pinned and not rival.pinned:
        return GateResult(
            False, f"version {champion.version} was pinned while it was fitted", "pinned"
        )
    return result


def _records(
    plan: FitPlan, outcome: FitOutcome, results: Mapping[int, GateResult], path: Path, now: int
) -> list[ModelRecord]:
    """The models that take over. Their row is that in the weights file, which also holds models
    that the gate let pass and that have been overtaken since."""
    return [
        ModelRecord(
            series_id=series_id,
            version=plan.version,
            row=row,
            detector=from_spec(plan.spec).name,
            spec=plan.spec,
            path=path,
            loss=loss,
            fitted_at=now,
            window_start=plan.window.start,
            window_end=plan.window.end,
            masked=masks_fingerprint(plan, series_id),
        )
        for row, (series_id, loss) in enumerate(zip(outcome.ids, outcome.loss, strict=True))
        if results[series_id].promoted
    ]


def _decisions(
    results: Mapping[int, GateResult], version: int, now: int, *, promoted: bool
) -> list[Decision]:
    kind = DecisionKind.PROMOTED if promoted else DecisionKind.REFUSED
    return [
        Decision(now, series_id, version, kind, result.why)
        for series_id, result in results.items()
        if result.promoted == promoted
    ]
