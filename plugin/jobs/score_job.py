"""The score job of one watch: fetch what is new, judge it, write it, put it on the board."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from plugin.clock import MAX_SKEW_SECONDS
from plugin.domain.alarms import ENDED_BY_LEARNING, ENDED_BY_PAUSE, Alarm, OpenAlarms
from plugin.domain.learning import is_learning, without_provisional_alarms
from plugin.domain.model_decisions import Decision, DecisionKind
from plugin.errors import ClockAhead, Fenced, PrometheusError, Stopped, StoreError
from plugin.grid import Grid
from plugin.jobs import regimes
from plugin.jobs.clock_check import check_clock
from plugin.jobs.covariates import Covariates
from plugin.jobs.watch_context import WatchContext
from plugin.jobs.watch_history import query_key
from plugin.jobs.watch_publisher import WatchPublisher
from plugin.jobs.watch_scorer import CELLS_AT_ONCE, WatchScorer
from plugin.jobs.watch_source import WatchSource
from plugin.series import Tick
from plugin.store import ModelRecord, RegimeChanges

log = logging.getLogger(__name__)

STEPS_AT_ONCE = 720  # of a catch-up


class ScoreJob:
    """Scores one watch, tick by tick; after an outage it goes on from the last stored tick."""

    def __init__(
        self,
        context: WatchContext,
        covariates: Covariates,
        publisher: WatchPublisher,
        first_fit: Callable[[int, int], int],
    ) -> None:
        """first_fit: loads and fits the history of a new watch. Takes the oldest grid time to score
        from and that of now; returns where scoring starts."""
        self.watch = context.watch
        self._store = context.store
        self._reader = context.reader
        self._metrics = context.metrics
        self._registry = context.registry
        self._clock = context.clock
        self._covariates = covariates
        self._source = WatchSource(context)
        self._publisher = publisher
        self._group = publisher.group
        self._first_fit = first_fit
        self._scorer: WatchScorer | None = None
        self._alarms = OpenAlarms(self.watch.step, self.watch.persistence, 0, {})
        self._restored = False  # the registry and the latest samples are as the store has them
        self._at_rest = False  # the watch is paused, and its alarms have been ended

    @property
    def scorer(self) -> WatchScorer | None:
        """As of the last tick; None before the first one, and after a fault."""
        return self._scorer

    def run(self) -> bool:
        """One tick, or all ticks that an outage has left out.

        False when it failed: counted, logged, shown.
        """
        start = time.monotonic()
        name = self.watch.name
        if self.watch.paused:
            return self._rest()
        try:
            end = self._run()
        except (Stopped, Fenced):  # what is left is for others to do
            return False
        except (PrometheusError, ClockAhead) as error:
            self._fail(error)
            return False
        except Exception as error:  # of the store, of a detector
            self._fail(error)
            self._scorer = None  # the next run starts from what the store holds
            self._restored = False
            return False
        self._metrics.watch_up.labels(name).set(1)
        self._metrics.score_duration.labels(name).observe(time.monotonic() - start)
        self._metrics.last_score.labels(name).set(end)
        return True

    def restore(self) -> None:
        """Puts what the store holds on the board: it may be long until Prometheus answers.

        To be done before the first request is answered, so that a restart resolves no alert.
        """
        self._registry.reload()
        scored_until = self._store.samples.scored_until(self.watch.name)
        self._publisher.restore(scored_until or 0)
        self._restored = True
        self._end_alarms(self._open_while_learning(), ENDED_BY_LEARNING)
        self._store.incidents.adopt(self._group)
        self._publisher.publish_incidents()
        if scored_until is not None:
            self._publisher.publish_restored(scored_until)

    def _rest(self) -> bool:
        """Once: what is known of a paused watch stays on the board, and its alarms end."""
        try:
            if not self._at_rest:
                self.restore()
                alarms = self._store.alarms.open(self.watch.name)
                self._end_alarms(alarms, ENDED_BY_PAUSE)
                self._publisher.publish_paused()
                log.info("paused", extra={"watch": self.watch.name, "alarms_ended": len(alarms)})
            self._at_rest = True
        except Fenced:
            return False
        except StoreError as error:
            self._fail(error)
        return self._at_rest

    def _open_while_learning(self) -> list[Alarm]:
        """The open alarms of series that are learning, since a reload or a new version."""
        learning = {
            record.id
            for record in self._registry.records()
            if is_learning(record.first_seen, record.last_seen, self.watch.learn_for)
        }
        alarms = self._store.alarms.open(self.watch.name) if learning else []
        return [alarm for alarm in alarms if alarm.series_id in learning]

    def _end_alarms(self, alarms: Sequence[Alarm], reason: str) -> None:
        if alarms:
            ended = [replace(alarm, open=False, ended_by=reason) for alarm in alarms]
            self._store.end_alarms(ended, self._group)
            self._publisher.latest.hold(ended)

    def _run(self) -> int:
        """Returns the grid time that has been reached."""
        self._store.check_file()
        step = self.watch.step
        scored_until = self._scorer.until if self._scorer is not None else None
        check_clock(self._clock, self._reader, self.watch, scored_until)
        end = (int(self._clock()) - self.watch.offset) // step * step
        oldest_time = end - max(1, self.watch.backfill // step) * step
        scorer = self._scorer or self._load(oldest_time, end)
        if scorer.until > end + max(step, MAX_SKEW_SECONDS):
            raise ClockAhead(
                f"watch {self.watch.name!r} has been scored until {scorer.until} (unix seconds),"
                f" and the clock says {end}: set it right; if it was ahead before, wait, or start"
                " with an empty `store.path`"
            )
        if scorer.until + step < oldest_time:
            log.warning(
                "outage longer than backfill: the hole stays unscored",
                extra={
                    "watch": self.watch.name,
                    "from": scorer.until + step,
                    "to": oldest_time - step,
                },
            )
            scorer = self._scorer_at(oldest_time - step)
        start = scorer.until
        while scorer.until < end:
            steps = min(STEPS_AT_ONCE, max(1, CELLS_AT_ONCE // self._registry_size()))
            last = min(end, scorer.until + steps * step)
            scorer = self._tick(scorer, Grid.between(scorer.until + step, last, step), end)
        self._publisher.latest.end_run(start, scorer.until)
        self._publisher.publish(scorer)
        self._source.complete(oldest_time, scorer.until)
        return scorer.until

    def _registry_size(self) -> int:
        return max(1, len(self._registry.records()))

    def _load(self, oldest_time: int, now: int) -> WatchScorer:
        """At the first run: the scorer as the store has it; a new watch learns from its history
        before."""
        if not self._restored:
            self.restore()
        scored_until = self._store.samples.scored_until(self.watch.name)
        if scored_until is None:
            start = self._first_fit(oldest_time, now)
            # Also of the series that have ended in the history: since when are they missing?
            self._publisher.restore(start)
        else:
            start = scored_until // self.watch.step * self.watch.step
        self._scorer = self._scorer_at(start)
        self._alarms = OpenAlarms(
            self.watch.step,
            self.watch.persistence,
            start,
            {alarm.series_id: alarm for alarm in self._store.alarms.open(self.watch.name)},
        )
        return self._scorer

    def _scorer_at(self, end: int) -> WatchScorer:
        self._registry.take_waiting()  # all champions are loaded here, also those that wait
        scorer = WatchScorer(self.watch, self._store, end, self._publisher.maintenance)
        champions = self._registry.champions().values()
        states = self._store.detector_states.of(self.watch.name)
        self._retire(scorer.load(champions, states))
        return scorer

    def _retire(self, unusable: Sequence[ModelRecord]) -> None:
        """Models that cannot be read are counted; their series are fitted anew."""
        if not unusable:
            return
        self._metrics.fit_failures.labels(self.watch.name, "unreadable").inc(len(unusable))
        now = int(self._clock())
        why = "its weights cannot be read, or not by this version: fitted anew"
        decisions = [
            Decision(now, model.series_id, model.version, DecisionKind.RETIRED, why)
            for model in unusable
        ]
        self._store.active_models.update([], decisions)
        self._registry.retire(unusable)

    def _tick(self, scorer: WatchScorer, grid: Grid, now: int) -> WatchScorer:
        """Judges the samples of a grid and writes the result in one transaction.

        now: the last grid time of the run. Returns the scorer that has seen them.
        """
        fetched = self._source.fetch(grid, now)
        self._covariates.load(
            grid.start, grid.end, limit_seconds=grid.count * self.watch.score_interval / 2
        )
        self._retire(scorer.replace(self._registry.take_waiting()))
        requests = self._store.regimes.requests(self.watch.name)
        judged, next_scorer = scorer.judge(fetched.ids, grid, fetched.values, requests)
        ticks = self._muted(judged)
        accepted = regimes.accepted_regimes(ticks, self._store, requests, self.watch.step)
        answered = self._store.alarms.answered(self._alarms.alarms.values())
        changed, alarms = self._alarms.after(ticks, self._publisher.latest.recent, answered)
        write_result = self._store.write(
            ticks,
            query_key(self.watch),
            (grid.start, grid.end) if fetched.complete else None,
            changed,
            self._group,
            RegimeChanges(accepted, [request for request in requests if request.seen < grid.end]),
        )
        started = sum(alarm.start > self._alarms.until for alarm in changed)
        self._scorer = next_scorer
        self._alarms = alarms
        self._metrics.incidents.labels(self._group.name).inc(write_result.incidents)
        self._metrics.alarms.labels(self.watch.name).inc(started)
        self._metrics.regimes.labels(self.watch.name).inc(len(accepted))
        self._covariates.count_ambiguous(next_scorer.ambiguous)
        self._show(ticks)
        self._publisher.latest.hold(changed)
        return next_scorer

    def _muted(self, ticks: Sequence[Tick]) -> list[Tick]:
        """The ticks, where no alarm comes of a provisional sample."""
        first_seen = self._registry.first_seen()
        learn_for = self.watch.learn_for
        return [without_provisional_alarms(tick, first_seen, learn_for) for tick in ticks]

    def _show(self, ticks: Sequence[Tick]) -> None:
        for tick in ticks:
            self._publisher.latest.update(tick)
            self._metrics.samples_scored.labels(self.watch.name).inc(
                int(np.count_nonzero(~np.isnan(tick.score)))
            )

    def _fail(self, error: Exception) -> None:
        """Counted, logged, and shown."""
        name = self.watch.name
        reason = str(
            getattr(error, "reason", "store" if isinstance(error, StoreError) else "error")
        )
        self._metrics.score_failures.labels(name, reason).inc()
        self._metrics.watch_up.labels(name).set(0)
        log.error(
            "scoring failed",
            extra={"watch": name, "reason": reason, "err": str(error) or repr(error)},
            exc_info=reason == "error",
        )
        self._publisher.publish_failure(str(error) or repr(error))
