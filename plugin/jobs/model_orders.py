"""What people order about the models of one watch: rollback, pin, unpin, refit."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from plugin.domain.model_decisions import Decision, DecisionKind, Order, OrderKind, OrderResult
from plugin.domain.times import duration
from plugin.jobs.model_stack import ModelStack
from plugin.jobs.refit_requests import RefitRequests
from plugin.jobs.watch_context import WatchContext
from plugin.series import SeriesRecord, SeriesState
from plugin.store import ModelRecord

log = logging.getLogger(__name__)

QUEUED_TEXT = "queued for a refit"
NO_MODEL = "has no model yet: it is being fitted, or has too little history"


class ModelOrders:
    """Executes orders, and keeps each one as a decision."""

    def __init__(self, context: WatchContext, refits: RefitRequests, step_since: int) -> None:
        """step_since: unix seconds; models fitted before are of another step."""
        self._watch = context.watch
        self._store = context.store
        self._registry = context.registry
        self._clock = context.clock
        self._refits = refits
        self._step_since = step_since

    def execute(self, order: Order, series: Sequence[SeriesRecord]) -> list[OrderResult]:
        """What comes of an order for some series of this watch, in their order."""
        with self._registry.deciding:
            known_ids = {record.id for record in self._registry.records()}
            champions = self._registry.champions()
            targets = [
                OrderTarget(record, champions.get(record.id))
                for record in series
                if record.id in known_ids
            ]
            results = [_unknown(record) for record in series if record.id not in known_ids]
            results += self._execute(order, targets)
        by_id = {result.series.id: result for result in results}
        return [by_id[record.id] for record in series]

    def _execute(self, order: Order, targets: Sequence["OrderTarget"]) -> list[OrderResult]:
        match order.act:
            case OrderKind.ROLLBACK:
                return self._roll_back(order, targets)
            case OrderKind.REFIT:
                return self._refit(order, targets)
            case _:
                return self._pin(order, targets, pinned=order.act is OrderKind.PIN)

    def _roll_back(self, order: Order, targets: Sequence["OrderTarget"]) -> list[OrderResult]:
        now = int(self._clock())
        versions = self._versions([target.record.id for target in targets])
        results: list[OrderResult] = []
        decisions: list[Decision] = []
        models: list[ModelRecord] = []
        for target in targets:
            model = _older(versions[target.record.id], target.champion, order.version)
            if isinstance(model, str):
                results.append(target.refused(model))
            elif not self._usable(model):
                results.append(
                    target.refused(
                        f"the weights of version {model.version} are gone or cannot be read: name"
                        " another `version`, or ask for a refit"
                    )
                )
            else:
                why = target.change_to(model, now)
                models.append(replace(model, since=now, checked_at=now, pinned=False))
                decisions.append(
                    target.decision(order, now, DecisionKind.ROLLED_BACK, why, model.version)
                )
                unpinned = "; it is not pinned, as the one before was" * target.pinned
                effect = f"{why}; takes effect at the next tick{unpinned}"
                results.append(OrderResult(target.record, True, model.version, effect))
        self._store.active_models.promote(models, decisions)
        self._registry.promote(models)
        return results

    def _pin(
        self, order: Order, targets: Sequence["OrderTarget"], *, pinned: bool
    ) -> list[OrderResult]:
        """Pins champions, or unpins them. What is so already stays so, and is no new decision."""
        now = int(self._clock())
        kind = DecisionKind.PINNED if pinned else DecisionKind.UNPINNED
        state = "pinned" if pinned else "not pinned"
        results: list[OrderResult] = []
        models: list[ModelRecord] = []
        decisions: list[Decision] = []
        for target in targets:
            if target.champion is None:
                results.append(target.refused(NO_MODEL))
            elif target.pinned == pinned:
                results.append(target.done(f"was {state}{' already' * pinned}"))
            else:
                models.append(replace(target.champion, pinned=pinned))
                decisions.append(target.decision(order, now, kind, kind.value, target.version))
                results.append(target.done(f"is {state} now"))
        self._store.active_models.update(models, decisions)
        self._registry.update_champions(models)
        return results

    def _refit(self, order: Order, targets: Sequence["OrderTarget"]) -> list[OrderResult]:
        if self._watch.paused:
            why = "its watch is paused: take `paused` out of its settings first"
            return [target.refused(why) for target in targets]
        now = int(self._clock())
        results: list[OrderResult] = []
        decisions: list[Decision] = []
        for target in targets:
            if self._refits.open(target.record.id, target.champion):
                results.append(target.done(f"was {QUEUED_TEXT} already"))
            else:
                decisions.append(
                    target.decision(
                        order,
                        now,
                        DecisionKind.REFIT_ASKED,
                        "a refit was asked for",
                        target.version,
                    )
                )
                results.append(target.done(f"is {QUEUED_TEXT}: fitted as soon as a worker is free"))
        self._store.active_models.update([], decisions)
        self._refits.add([decision.series_id for decision in decisions], now)
        return results

    def _versions(self, ids: Sequence[int]) -> dict[int, list[ModelRecord]]:
        """The stored models of each series that are of the present step, the newest first."""
        versions: dict[int, list[ModelRecord]] = {series_id: [] for series_id in ids}
        for model, _ in self._store.models.versions(list(ids)):
            if model.fitted_at >= self._step_since:
                versions[model.series_id].append(model)
        return versions

    def _usable(self, model: ModelRecord) -> bool:
        """Whether its weights can be read and used."""
        try:
            ModelStack.load(self._store, [model])
        except Exception as error:  # the file is gone, has other arrays, or a detector raises
            log.warning(
                "model cannot be used",
                extra={"watch": self._watch.name, "version": model.version, "err": str(error)},
            )
            return False
        return True


@dataclass(frozen=True)
class OrderTarget:
    """A series that an order is about."""

    record: SeriesRecord
    champion: ModelRecord | None

    @property
    def version(self) -> int:
        """Of the champion; 0 = there is none."""
        return self.champion.version if self.champion else 0

    @property
    def pinned(self) -> bool:
        return self.champion is not None and self.champion.pinned

    def done(self, why: str) -> OrderResult:
        return OrderResult(self.record, True, self.version, why)

    def refused(self, why: str) -> OrderResult:
        return OrderResult(self.record, False, self.version, why)

    def change_to(self, model: ModelRecord, now: int) -> str:
        """A rollback in words."""
        origin = f"from version {self.version}" if self.champion else "from none"
        age = duration(now - model.fitted_at)
        return f"{origin} to version {model.version}, fitted {age} ago"

    def decision(
        self, order: Order, now: int, kind: DecisionKind, why: str, version: int
    ) -> Decision:
        comment = f": {order.comment}" if order.comment else ""
        return Decision(now, self.record.id, version, kind, f"{why}{comment}", order.by)


def _older(
    versions: Sequence[ModelRecord], champion: ModelRecord | None, version: int | None
) -> ModelRecord | str:
    """The model to roll back to, or why there is none. versions: the newest first. version: None =
    the one before the champion."""
    numbers = ", ".join(str(model.version) for model in reversed(versions)) or "none"
    if version is not None:
        if champion is not None and champion.version == version:
            return f"version {version} is active already"
        return next(
            (model for model in versions if model.version == version),
            f"there is no version {version}; kept are: {numbers}",
        )
    if champion is None:
        return NO_MODEL
    return next(
        (model for model in versions if model.version < champion.version),
        f"there is no version before {champion.version}; kept are: {numbers} (`store.versions`)",
    )


def _unknown(record: SeriesRecord) -> OrderResult:
    state = (
        "has aged out"
        if record.state is SeriesState.GONE
        else "does not belong to the watch any more"
    )
    return OrderResult(record, False, 0, f"{state}: its models come back with its next sample")
