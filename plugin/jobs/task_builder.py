"""From a plan to a task: everything that a fit needs is read here, so that it needs no store."""

from dataclasses import replace

import numpy as np

from detectors.api import Arrays, SeriesBatch
from detectors.fleet_prior import fleet_prior
from plugin.config import Watch, WorkerSettings
from plugin.config.fit_window import MIN_FIT_STEPS
from plugin.errors import ResourcesExhausted, StoreError
from plugin.jobs.batches import BatchBuilder
from plugin.jobs.contest import ChampionWeights, Contest
from plugin.jobs.fit_plan import FitPlan
from plugin.jobs.fit_task import FitTask
from plugin.jobs.gate import opposed
from plugin.jobs.weights_file import read_rows, split_weights
from plugin.store import ModelRecord, Store


class TaskBuilder:
    """Makes the tasks of one watch."""

    def __init__(self, watch: Watch, store: Store, settings: WorkerSettings) -> None:
        self._watch = watch
        self._store = store
        self._settings = settings

    def task(self, plan: FitPlan) -> FitTask:
        """The task of a plan. Its arrays are large: make it when its turn has come.

        Raises StoreError.
        """
        return FitTask(
            spec=plan.spec,
            ids=plan.ids,
            batch=self._batch(plan),
            alert_budget=self._watch.alert_budget,
            device=self._settings.device,
            prior=self._prior(plan),
            max_seconds=self._settings.longest_fit,
            contest=None if plan.contest is None else self.with_weights(plan.contest, plan.spec),
        )

    def _batch(self, plan: FitPlan) -> SeriesBatch:
        watch = self._watch
        builder = BatchBuilder(
            self._store, watch.name, watch.timezone, plan.window, plan.masks, watch.calendar
        )
        return since_first_sample(builder.history(plan.spec, np.array(plan.ids, np.int64)))

    def _prior(self, plan: FitPlan) -> Arrays | None:
        rows = plan.peers if plan.prior is None else plan.prior
        if not rows:
            return None
        try:
            state, _ = split_weights(read_rows(self._store, rows))
        except ResourcesExhausted:  # a later try can read them
            raise
        except StoreError:  # a fit can start without weights that cannot be read
            return None
        return fleet_prior(state, len(plan.ids)) if plan.prior is None else state

    def with_weights(self, contest: Contest, spec: str) -> Contest:
        """The contest with the weights of those champions that have to be compared."""
        parts = (self._weights(models) for models in _by_file(opposed(contest, spec)))
        return replace(contest, weights=tuple(part for part in parts if part is not None))

    def _weights(self, models: list[ModelRecord]) -> ChampionWeights | None:
        """Those of the models of one file; None where they cannot be read."""
        rows = tuple((model.path, model.row) for model in models)
        try:
            arrays = read_rows(self._store, rows)
        except ResourcesExhausted:
            raise
        except StoreError:
            return None
        return ChampionWeights(tuple(model.series_id for model in models), arrays)


def since_first_sample(batch: SeriesBatch) -> SeriesBatch:
    """Without the columns before the first sample of all series: a fit walks through every
    column, and a window of five weeks is mostly empty for a young watch."""
    steps = batch.shape[1]
    first = int(batch.observed.any(axis=0).argmax())
    return batch.steps(min(first, max(0, steps - MIN_FIT_STEPS)), steps)


def _by_file(models: list[ModelRecord]) -> list[list[ModelRecord]]:
    """The models of one weights file together: they have learnt from the same window, and if the
    file cannot be read, none of them can."""
    groups: dict[str, list[ModelRecord]] = {}
    for model in models:
        groups.setdefault(str(model.path), []).append(model)
    return list(groups.values())
