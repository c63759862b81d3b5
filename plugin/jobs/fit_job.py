"""The fit job of one watch: whoever is due gets a new model, in stacks, in worker processes."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from pathlib import Path

from detectors.registry import detector_named, to_spec
from plugin.config import Watch, WorkerSettings
from plugin.domain.model_decisions import Order, OrderKind, OrderResult
from plugin.errors import FitFailed, PrometheusError, Stopped, StoreError
from plugin.jobs import masks, model_settings, watch_history
from plugin.jobs.covariates import Covariates, spec_with
from plugin.jobs.fit_task import FitOutcome, FitTask
from plugin.jobs.masks import MaskSource
from plugin.jobs.model_lifecycle import ModelLifecycle
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.workers import WorkerPool
from plugin.metrics import Metrics
from plugin.prometheus import PrometheusReader
from plugin.series import SeriesRecord, SeriesState
from plugin.store import ModelRecord, Store

log = logging.getLogger(__name__)

BASELINE = "baseline"  # serves a series until its network is fitted
# fitted series that make a fleet prior
LEAST_PEERS = 8
MOST_PEERS = 32
STACKS_PER_WORKER = 4  # in one run, so that newcomers never wait for long
RETRY_SECONDS = 600  # after a fit or a question for history that failed for no fault of the data
MASKS_SECONDS = 15  # between two looks at what is masked
GOLDEN = 0.618033988749895  # spreads refits evenly over time, by series id


@dataclass(frozen=True)
class FitNeed:
    """Series that want the same fit."""

    spec: str
    warm: bool  # there are weights of the same spec to start from
    series: tuple[SeriesRecord, ...]


class FitJob:
    """Keeps every series of a watch with a model that is young enough for the history there is."""

    def __init__(
        self,
        watch: Watch,
        store: Store,
        reader: PrometheusReader,
        metrics: Metrics,
        roster: ModelRegistry,
        workers: WorkerPool,
        settings: WorkerSettings,
        covariates: Covariates,
        *,
        masked: MaskSource = lambda records, start, end: (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.watch = watch
        self._store = store
        self._reader = reader
        self._metrics = metrics
        self._roster = roster
        self._workers = workers
        self._settings = settings
        self._covariates = covariates
        self._clock = clock
        self._not_before: dict[int, float] = {}  # series id -> when to try again after a refusal
        self._history_after = 0.0  # when to ask for history again after a refusal
        self._masked = masked
        self._masked_at = 0.0
        self._outdated = frozenset[int]()
        self._terms_told = False
        self.spec = spec_with(
            detector_named(watch.detector, watch.detector_options), watch.covariates
        )
        self.lifecycle = ModelLifecycle(watch, store, metrics, roster, clock=clock)
        self._baseline = to_spec(detector_named(BASELINE, {}))
        fitted = [model.fitted_at for model in roster.champions().values()]
        if fitted:
            metrics.last_fit.labels(watch.name).set(max(fitted))

    def first_fit(self, until: int) -> None:
        """For a watch that is new: loads history up to `until` and serves every series by the
        baseline at once.

        Raises PrometheusError, and Stopped when the service stops before it is done: it will be
        done anew then.
        """
        log.info(
            "loading history",
            extra={"watch": self.watch.name, "window_seconds": self.watch.fit_window},
        )
        added = watch_history.load(
            self.watch,
            self._store,
            self._reader,
            self._roster,
            self._start(until),
            until,
            progress=lambda share: log.info(
                "loading history", extra={"watch": self.watch.name, "done": f"{share:.0%}"}
            ),
        )
        self._covariates.load(self._start(until), until)
        log.info("history loaded", extra={"watch": self.watch.name, "samples": added})
        self._fit([FitNeed(self._baseline, False, tuple(self._roster.records()))], until)

    def run(
        self, *, everyone: bool = False, progress: Callable[[float], None] = lambda share: None
    ) -> int:
        """Fits those who are due (or everyone).

        Returns how many were fitted, whether the new model reigns or not.
        """
        if not self._terms_told:
            model_settings.record_settings(
                self.watch, self.spec, self._store, self.lifecycle.step_since
            )
            self._terms_told = True
        if self.watch.paused:
            return 0
        scored = self._store.scored_until(self.watch.name)
        if scored is None:
            return 0  # the score job has the first word
        until = scored // self.watch.step * self.watch.step  # it may come from another step
        limit = None if everyone else STACKS_PER_WORKER * self._workers.size
        try:
            self._complete_history(until)
            return self._fit(self._needs(everyone), until, limit=limit, progress=progress)
        except Stopped:
            return 0

    def execute(self, order: Order, series: Sequence[SeriesRecord]) -> list[OrderResult]:
        """What comes of an order about the models of some series of this watch."""
        answers = self.lifecycle.execute(order, series)
        if order.act is OrderKind.REFIT:  # not even one that has just failed waits
            for answer in answers:
                self._not_before.pop(answer.series.id, None)
        return answers

    def _complete_history(self, until: int) -> None:
        """Asks for what the store lacks of the window; where it is refused, what is there is enough
        for most."""
        if self._clock() < self._history_after:
            return
        try:
            watch_history.load(
                self.watch, self._store, self._reader, self._roster, self._start(until), until
            )
            if not self._covariates.load(self._start(until), until):
                self._history_after = self._clock() + RETRY_SECONDS
        except PrometheusError as error:
            self._history_after = self._clock() + RETRY_SECONDS
            log.warning("history incomplete", extra={"watch": self.watch.name, "err": str(error)})

    def _start(self, until: int) -> int:
        return until - self.watch.fit_window // self.watch.step * self.watch.step

    def _needs(self, everyone: bool) -> list[FitNeed]:
        """Who is due, newcomers first."""
        now = self._clock()
        champions = self._roster.champions()
        self._look_at_masks(champions, now)
        groups: dict[tuple[bool, str, bool], list[SeriesRecord]] = {}
        for record in self._roster.records():
            champion = champions.get(record.id)
            if record.state in (SeriesState.GONE, SeriesState.MISSING) and not everyone:
                continue
            if not everyone and (
                now < self._not_before.get(record.id, 0) or not self._due(record, champion, now)
            ):
                continue
            spec = self._baseline if champion is None and not everyone else self.spec
            warm = (
                champion is not None
                and champion.spec == spec
                and not self._of_another_step(champion)
                and record.id not in self._outdated
            )  # what it has learnt would live on in its heir
            groups.setdefault((champion is not None, spec, warm), []).append(record)
        return [
            FitNeed(spec, warm, tuple(records))
            for (_, spec, warm), records in sorted(groups.items())
        ]

    def _due(self, record: SeriesRecord, champion: ModelRecord | None, now: float) -> bool:
        """A model is due when it is not of the wanted kind, was asked for, was last checked
        `fit_every` ago, or its history has doubled."""
        if champion is None or self.lifecycle.asked(champion):
            return True
        if not champion.held and (champion.spec != self.spec or self._of_another_step(champion)):
            return True
        if not champion.held and record.id in self._outdated:
            return True
        seen = champion.window_end - max(champion.window_start, record.first_seen)
        spread = 0.9 + 0.2 * ((record.id * GOLDEN) % 1.0)
        return bool(
            now - champion.checked_at
            >= min(self.watch.fit_every * spread, max(seen, self.watch.step))
        )

    def _look_at_masks(self, champions: Mapping[int, ModelRecord], now: float) -> None:
        """Who has learnt from what is masked by now; with many masks that takes a while."""
        if not 0 <= now - self._masked_at < MASKS_SECONDS:
            self._outdated = masks.outdated(
                champions, self._roster.records(), self._masked, self.watch.step
            )
            self._masked_at = now

    def _of_another_step(self, champion: ModelRecord) -> bool:
        return champion.fitted_at < self.lifecycle.step_since

    def _fit(
        self,
        needs: list[FitNeed],
        until: int,
        *,
        limit: int | None = None,
        progress: Callable[[float], None] = lambda share: None,
    ) -> int:
        tasks = list(self._tasks(needs, until))[:limit]
        fitted = 0
        futures: dict[Future[FitOutcome], FitTask] = {
            self._workers.submit(task): task for task in tasks
        }
        for done, future in enumerate(as_completed(futures), start=1):
            try:
                fitted += self._adopt(self._workers.result_of(future))
            except FitFailed as failure:
                self._count_failure(futures[future], failure)
            except StoreError as error:
                self._count_failure(futures[future], FitFailed("store", str(error)))
            progress(done / len(futures))
        return fitted

    def _tasks(self, needs: Iterable[FitNeed], until: int) -> Iterator[FitTask]:
        champions = self._roster.champions()
        size = self._settings.stack
        masked = masks.by_series(self._masked(self._roster.records(), self._start(until), until))
        for need in needs:
            for first in range(0, len(need.series), size):
                ids = tuple(record.id for record in need.series[first : first + size])
                prior = (
                    tuple((champions[i].path, champions[i].row) for i in ids) if need.warm else None
                )
                peers = () if need.warm else self._peers(champions, need.spec)
                yield FitTask(
                    self._store.folder,
                    self.watch.name,
                    self._store.new_version(self.watch.name),
                    need.spec,
                    ids,
                    self._start(until),
                    until,
                    self.watch.step,
                    self.watch.timezone,
                    self.watch.alert_budget,
                    self._settings.device,
                    prior,
                    peers,
                    self._settings.longest_fit,
                    tuple(
                        (each.series_id, each.start, each.end)
                        for series in ids
                        for each in masked.get(series, ())
                    ),
                    self.lifecycle.trial(ids, self._outdated),
                )

    def _peers(
        self, champions: Mapping[int, ModelRecord], spec: str
    ) -> tuple[tuple[Path, int], ...]:
        """Some fitted series of the same kind: a newcomer starts from their mean."""
        known = [
            (model.path, model.row)
            for _, model in sorted(champions.items())
            if model.spec == spec and not self._of_another_step(model)
        ]
        return (
            tuple(known[:: max(1, len(known) // MOST_PEERS)][:MOST_PEERS])
            if len(known) >= LEAST_PEERS
            else ()
        )

    def _adopt(self, outcome: FitOutcome) -> int:
        """Whoever could not be fitted keeps the model it has and is tried again later; returns how
        many could."""
        name = self.watch.name
        task = outcome.task
        now = self._clock()
        self._metrics.fits.labels(
            name, "success" if outcome.ids else "kept" if outcome.verdicts else "failure"
        ).inc()
        self._metrics.fit_duration.labels(name).observe(outcome.seconds)
        if outcome.device_error:
            self._metrics.fit_failures.labels(name, "device").inc()
            log.warning(
                "fitted on the CPU: the device failed",
                extra={"watch": name, "err": outcome.device_error},
            )
        first_seen = (
            {record.id: record.first_seen for record in self._roster.records()}
            if outcome.refused
            else {}
        )
        for series, (reason, _) in outcome.refused.items():
            self._metrics.fit_failures.labels(name, reason).inc()
            self._not_before[series] = now + self._wait(reason, now - first_seen.get(series, now))
        for reason, message in sorted(set(outcome.refused.values())):
            log.info(
                "series not fitted",
                extra={
                    "watch": name,
                    "reason": reason,
                    "err": message,
                    "series": sum(
                        refusal == (reason, message) for refusal in outcome.refused.values()
                    ),
                },
            )
        fitted = self.lifecycle.adopt(outcome)
        self._masked_at = 0.0  # what their models have not learnt is another matter now
        self._fall_back(task, outcome)
        return fitted

    def _fall_back(self, task: FitTask, outcome: FitOutcome) -> None:
        """Series with too little history for their first network get a baseline of what there is by
        now."""
        champions = self._roster.champions()
        short = {
            series
            for series, (reason, _) in outcome.refused.items()
            if reason == "not_enough_data"
            and (series not in champions or champions[series].spec == self._baseline)
        }
        if short and task.spec != self._baseline:
            records = tuple(record for record in self._roster.records() if record.id in short)
            self._fit([FitNeed(self._baseline, False, records)], task.end)

    def _wait(self, reason: str, history: float) -> float:
        """Too little history is worth another try when there is twice as much; anything else, at
        the next refit."""
        if reason != "not_enough_data":
            return self.watch.fit_every
        return min(self.watch.fit_every, max(8 * self.watch.step, history))

    def _count_failure(self, task: FitTask, failure: FitFailed) -> None:
        self._metrics.fits.labels(self.watch.name, "failure").inc()
        self._metrics.fit_failures.labels(self.watch.name, failure.reason).inc()
        retry = self._clock() + min(RETRY_SECONDS, self.watch.fit_every)
        self._not_before.update(dict.fromkeys(task.ids, retry))
        log.error(
            "fit failed",
            extra={
                "watch": self.watch.name,
                "reason": failure.reason,
                "series": len(task.ids),
                "err": str(failure),
            },
        )
