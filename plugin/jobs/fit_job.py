"""The fit job of one watch: series that need it get a new model, in stacks, in worker processes."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from functools import partial
from itertools import islice

import numpy as np

from detectors.baseline import Baseline
from detectors.registry import detector_named, to_spec
from plugin.config import WorkerSettings
from plugin.domain.model_decisions import Order, OrderKind, OrderResult
from plugin.domain.times import DAY
from plugin.errors import Fenced, FitFailed, Stopped, StoreError
from plugin.grid import Grid
from plugin.jobs import model_settings
from plugin.jobs.covariates import Covariates, spec_with
from plugin.jobs.executors import Executor
from plugin.jobs.fit_history import FitHistory
from plugin.jobs.fit_needs import FitNeed, FitNeeds
from plugin.jobs.fit_plan import FitPlan
from plugin.jobs.fit_planner import FitPlanner
from plugin.jobs.fit_task import FitOutcome
from plugin.jobs.masks import MaskSource
from plugin.jobs.model_lifecycle import ModelLifecycle
from plugin.jobs.task_builder import TaskBuilder
from plugin.jobs.watch_context import WatchContext
from plugin.series import SeriesRecord

log = logging.getLogger(__name__)

BASELINE = "baseline"  # serves a series until its network is fitted
STACKS_PER_WORKER = 4  # in one run, so that new series never wait for long
# Of history without a sample, after which a series gets no model: it has ended.
ABSENT_SECONDS = DAY
RETRY_SECONDS = 600  # after a fit that failed for no fault of the data


class FitJob:
    """Keeps every series of a watch with a model that is young enough for the history there is."""

    def __init__(
        self,
        context: WatchContext,
        covariates: Covariates,
        workers: Executor,
        settings: WorkerSettings,
        masks: MaskSource = lambda records, start, end: (),
    ) -> None:
        """masks: what is not to be learnt from. Raises DetectorError for a wrong detector."""
        self.watch = context.watch
        self.masks = masks
        self._context = context
        self._store = context.store
        self._metrics = context.metrics
        self._registry = context.registry
        self._clock = context.clock
        self._workers = workers
        self._settings = settings
        self._history = FitHistory(context, covariates)
        self._settings_recorded = False
        self.torch_fault = ""  # why the networks of the watch do not learn; "" = they do
        self.spec = spec_with(
            detector_named(self.watch.detector, self.watch.detector_options), self.watch.covariates
        )
        self._baseline = to_spec(detector_named(BASELINE, {}))
        self.lifecycle = ModelLifecycle(context)
        self._needs = FitNeeds(
            context, self.lifecycle, self.spec, self._baseline, masks, workers.spread
        )
        self._planner = FitPlanner(context, self.lifecycle, self._needs, masks)
        self._builder = TaskBuilder(self.watch, context.store, settings)
        fit_times = [model.fitted_at for model in self._registry.champions().values()]
        if fit_times:
            self._metrics.last_fit.labels(self.watch.name).set(max(fit_times))

    def first_fit(self, oldest_time: int, now: int) -> int:
        """For a new watch: loads its history and serves every series by the baseline at once.

        Learns from what was before `oldest_time`. Where the source is younger than that, learns
        from the older half of what it has. Both are grid times, as is the one returned: what comes
        after it is to be scored.

        Raises PrometheusError, and Stopped when the service stops before it is done: the next start
        does it again.
        """
        watch = self.watch
        log.info(
            "loading history", extra={"watch": watch.name, "window_seconds": watch.fit_seconds}
        )
        samples = self._history.load(self._window(oldest_time))
        end = self._end_of_first_window(oldest_time, now)
        if end > oldest_time:
            samples += self._history.load(self._window(end))
        records = self._registry.records()
        ids = np.array([record.id for record in records], np.int64)
        living = tuple(
            record
            for record, rows in zip(records, self._store.samples.latest(ids), strict=True)
            if len(rows) and rows.times[-1] > end - ABSENT_SECONDS
        )
        log.info(
            "history loaded",
            extra={
                "watch": watch.name,
                "samples": samples,
                "series": len(records),
                "living": len(living),
            },
        )
        self._fit([FitNeed(self._baseline, False, living)], end)
        return end

    def _end_of_first_window(self, oldest_time: int, now: int) -> int:
        """At least half of the history there is, or the whole `fit_window`, comes before it."""
        seen = [record.first_seen for record in self._registry.records()]
        first = min(seen, default=None) or self._history.first_sample(oldest_time, now)
        if first is None:
            return oldest_time
        middle = first + (now - first) // 2
        end = min(middle, first + self.watch.fit_seconds) // self.watch.step * self.watch.step
        return max(oldest_time, end)

    def run(
        self, *, everyone: bool = False, progress: Callable[[float], None] = lambda share: None
    ) -> int:
        """Fits the series that need it, or every one.

        Returns how many were fitted, whether the gate has let the new model pass or not.
        """
        if not self._settings_recorded:
            model_settings.record_settings(
                self.watch, self.spec, self._store, self.lifecycle.step_since
            )
            self._settings_recorded = True
        if self.watch.paused:
            return 0
        scored_until = self._store.samples.scored_until(self.watch.name)
        if scored_until is None:
            return 0  # the score job loads the history of a new watch
        end = scored_until // self.watch.step * self.watch.step  # it may come from another step
        limit = None if everyone else STACKS_PER_WORKER * self._workers.size
        try:
            self._history.complete(self._window(end))
            return self._fit(self._needs.read(everyone=everyone), end, limit, progress)
        except Stopped:
            return 0

    @property
    def is_due(self) -> bool:
        """Whether a series needs a fit now."""
        return bool(self._needs.read(everyone=False))

    def execute(self, order: Order, series: Sequence[SeriesRecord]) -> list[OrderResult]:
        """What comes of an order about the models of some series of this watch."""
        results = self.lifecycle.execute(order, series)
        if order.act is OrderKind.REFIT:  # at once, also where the last fit has just failed
            self._needs.end_wait([result.series.id for result in results])
        return results

    def _window(self, end: int) -> Grid:
        steps = self.watch.fit_seconds // self.watch.step
        return Grid(end - steps * self.watch.step, self.watch.step, steps + 1)

    def _fit(
        self,
        needs: Sequence[FitNeed],
        end: int,
        limit: int | None = None,
        progress: Callable[[float], None] = lambda share: None,
    ) -> int:
        """Returns how many series were fitted. limit: of stacks."""
        futures = {}
        for plan in islice(self._plans(needs, end), limit):
            build = partial(self._builder.task, plan)
            futures[self._workers.submit(build, urgent=plan.urgent)] = plan
        fitted = 0
        count = len(futures)
        for number, future in enumerate(as_completed(futures), start=1):
            plan = futures.pop(future)  # with the weights of its outcome
            try:
                fitted += self._adopt(plan, self._workers.result_of(future))
            except FitFailed as failure:
                self._count_failure(plan, failure)
            except Fenced:
                raise  # nothing of this watch is ours any more
            except StoreError as error:
                self._count_failure(plan, FitFailed("store", str(error)))
            progress(number / count)
        return fitted

    def _plans(self, needs: Iterable[FitNeed], end: int) -> Iterator[FitPlan]:
        for need in needs:
            size = self._workers.stack_size(len(need.series), self._settings.stack)
            yield from self._planner.plans(need, self._window(end), size)

    def _adopt(self, plan: FitPlan, outcome: FitOutcome) -> int:
        """A series that could not be fitted keeps the model it has, and waits for another try.

        Returns how many could.
        """
        name = self.watch.name
        fitted = self.lifecycle.adopt(plan, outcome)
        kind = "success" if outcome.ids else "kept" if outcome.verdicts else "failure"
        self._metrics.fits.labels(name, kind).inc()
        self._metrics.fit_duration.labels(name).observe(outcome.seconds)
        if outcome.device_error:
            self._metrics.fit_failures.labels(name, "device").inc()
            log.warning(
                "fitted on the CPU: the device failed",
                extra={"watch": name, "err": outcome.device_error},
            )
        self._follow_torch(plan, outcome.torch_fault)
        self._count_refusals(outcome.refused)
        self._needs.expire_masks()
        self._fall_back(plan, outcome)
        return fitted

    def _follow_torch(self, plan: FitPlan, fault: str) -> None:
        """A network that cannot learn is told once, and tried again with the next refit."""
        if plan.spec == self._baseline:
            return
        if fault:
            self._metrics.fit_failures.labels(self.watch.name, "torch").inc()
            self._needs.wait(plan.ids, self._clock() + self.watch.fit_every)
            if not self.torch_fault:
                log.warning(fault, extra={"watch": self.watch.name})
        self.torch_fault = fault

    def _count_refusals(self, refused: Mapping[int, tuple[str, str]]) -> None:
        """refused: series id -> why the detector could not fit it, as a reason and in words."""
        now = self._clock()
        records = self._registry.records() if refused else ()
        first_seen = {record.id: record.first_seen for record in records}
        for series_id, (reason, _) in refused.items():
            self._metrics.fit_failures.labels(self.watch.name, reason).inc()
            history = now - first_seen.get(series_id, now)
            self._needs.wait([series_id], now + self._wait(reason, history))
        for (reason, message), count in sorted(Counter(refused.values()).items()):
            log.info(
                "series not fitted",
                extra={"watch": self.watch.name, "reason": reason, "err": message, "series": count},
            )

    def _fall_back(self, plan: FitPlan, outcome: FitOutcome) -> None:
        """Series with too little history for their first network get a baseline of what there
        is."""
        if plan.spec == self._baseline:
            return
        champions = self._registry.champions()
        short = {
            series_id
            for series_id, (reason, _) in outcome.refused.items()
            if reason == "not_enough_data"
            and (series_id not in champions or champions[series_id].spec == self._baseline)
        }
        if short:
            records = tuple(record for record in self._registry.records() if record.id in short)
            self._fit([FitNeed(self._baseline, False, records)], plan.window.end)

    def _wait(self, reason: str, history: float) -> float:
        """Seconds. Too little history is worth another try when there is enough for any model, and
        then whenever there is twice as much; any other reason waits for the next refit."""
        if reason != "not_enough_data":
            return self.watch.fit_every
        enough = Baseline.least * self.watch.step
        wait = history if history >= enough else enough - history + self.watch.step
        return min(self.watch.fit_every, wait)

    def _count_failure(self, plan: FitPlan, failure: FitFailed) -> None:
        self._metrics.fits.labels(self.watch.name, "failure").inc()
        self._metrics.fit_failures.labels(self.watch.name, failure.reason).inc()
        self._needs.wait(plan.ids, self._clock() + min(RETRY_SECONDS, self.watch.fit_every))
        log.error(
            "fit failed",
            extra={
                "watch": self.watch.name,
                "reason": failure.reason,
                "series": len(plan.ids),
                "err": str(failure),
            },
        )
