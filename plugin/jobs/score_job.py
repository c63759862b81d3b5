"""The score job of one watch: fetch what is new, judge it, write it, put it on the board."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from plugin import grid
from plugin.board import Board, Snapshot, WatchHealth
from plugin.config import Watch
from plugin.config.groups import Group
from plugin.domain.alarms import PAUSED, OpenAlarms
from plugin.domain.model_decisions import Decision, DecisionKind
from plugin.errors import ClockAhead, PrometheusError, Stopped, StoreError
from plugin.jobs import regimes
from plugin.jobs.covariates import Covariates
from plugin.jobs.latest_samples import LatestSamples
from plugin.jobs.masks import Mask, MaskSource
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.watch_history import query_key
from plugin.jobs.watch_scorer import CELLS_AT_ONCE, WatchScorer
from plugin.metrics import Metrics
from plugin.prometheus import PrometheusReader
from plugin.series import SeriesRecord, SeriesState
from plugin.store import ModelRecord, Store

log = logging.getLogger(__name__)

STEPS_AT_ONCE = 720  # of a catch-up


class ScoreJob:
    """Scores one watch, tick by tick; after an outage it goes on from the last stored tick."""

    def __init__(
        self,
        watch: Watch,
        store: Store,
        reader: PrometheusReader,
        board: Board,
        metrics: Metrics,
        roster: ModelRegistry,
        covariates: Covariates,
        *,
        group: Group,
        gone_after: int,
        first_fit: Callable[[int], None],
        planned: MaskSource = lambda records, start, end: (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.watch = watch
        self._store = store
        self._reader = reader
        self._board = board
        self._metrics = metrics
        self._roster = roster
        self._gone_after = gone_after
        self._covariates = covariates
        self._first_fit = first_fit
        self._clock = clock
        self._group = group
        self._planned = planned
        self._latest = LatestSamples(watch)
        self._stacks: WatchScorer | None = None  # None = not yet taken up from the store
        self._alarms = OpenAlarms(watch.step, watch.persistence, 0, {})  # taken up with the stacks
        self._recalled = self._resting = False

    @property
    def stacks(self) -> WatchScorer | None:
        """As of the last tick; None before the first one, and after a fault."""
        return self._stacks

    def run(self) -> bool:
        """One tick, or all ticks that an outage has left out.

        False when it failed: counted, logged, shown.
        """
        began = time.monotonic()
        name = self.watch.name
        if self.watch.paused:
            return self._rest()
        try:
            until = self._run()
        except Stopped:
            return False
        except PrometheusError as error:
            self._fail(error)
            return False
        except (
            Exception
        ) as error:  # of the store, of a detector: the next run starts from what the store holds
            self._fail(error)
            self._stacks = None
            self._recalled = False
            return False
        self._metrics.watch_up.labels(name).set(1)
        self._metrics.score_duration.labels(name).observe(time.monotonic() - began)
        self._metrics.last_score.labels(name).set(until)
        return True

    def _rest(self) -> bool:
        """Once: what is known of a paused watch stays on the board, and whatever alerts ends."""
        try:
            if not self._resting:
                self.recall()
                ended = [
                    replace(alarm, open=False, ended_by=PAUSED)
                    for alarm in self._store.open_alarms(self.watch.name)
                ]
                self._store.end_alarms(ended, self._group)
                self._board.publish(_paused(replace(self._shown(), settings=self.watch)))
                self._board.publish_incidents(self._group.name, self._store.incidents.still_open)
                log.info("paused", extra={"watch": self.watch.name, "alarms_ended": len(ended)})
            self._resting = True
        except StoreError as error:
            self._fail(error)
        return self._resting

    def _run(self) -> int:
        """Returns the grid time that has been reached."""
        step = self.watch.step
        end = (int(self._clock()) - self.watch.offset) // step * step
        oldest = end - max(1, self.watch.backfill // step) * step
        stacks = self._stacks or self._take_up(oldest)
        if stacks.until > end + (end - oldest):
            raise ClockAhead(
                f"watch {self.watch.name!r} has been scored until {stacks.until} (unix seconds),"
                f" and the clock says {end}: set it right; if it was ahead before, start with an"
                " empty `store.path`, or wait"
            )
        if stacks.until + step < oldest:
            log.warning(
                "outage longer than backfill: the hole stays unscored",
                extra={"watch": self.watch.name, "from": stacks.until + step, "to": oldest - step},
            )
            stacks = self._loaded(oldest - step)
        since = stacks.until
        while stacks.until < end:
            steps = min(STEPS_AT_ONCE, max(1, CELLS_AT_ONCE // max(1, len(self._roster.records()))))
            stacks = self._tick(stacks, stacks.until + step, min(end, stacks.until + steps * step))
        self._latest.look(since, stacks.until)
        self._publish(stacks)
        return stacks.until

    def _take_up(self, oldest: int) -> WatchScorer:
        """At the first run: what the store holds; a watch that is new learns from its history
        first."""
        if not self._recalled:
            self.recall()
        until = self._store.scored_until(self.watch.name)
        if until is None:
            self._first_fit(oldest)
            self._restore(
                oldest
            )  # also of those that have ended before: since when are they missing?
        self._stacks = self._loaded(
            oldest if until is None else until // self.watch.step * self.watch.step
        )
        self._alarms = OpenAlarms(
            self.watch.step,
            self.watch.persistence,
            self._stacks.until,
            {alarm.series_id: alarm for alarm in self._store.open_alarms(self.watch.name)},
        )
        self._store.incidents.adopt(self._group)
        return self._stacks

    def recall(self) -> None:
        """Puts what the store holds on the board: it may be long until Prometheus answers.

        Done before the first request is answered, so that a restart resolves no alert.
        """
        self._roster.reload()
        until = self._store.scored_until(self.watch.name)
        self._restore(until or 0)
        self._recalled = True
        self._board.publish_incidents(self._group.name, self._store.incidents.still_open)
        if until is not None:
            shown = self._snapshot(until)[0]
            before = self._board.snapshots().get(self.watch.name)
            failing = (
                before is not None and before.outlook is WatchHealth.FAILING
            )  # until a run succeeds
            self._board.publish(
                _stale(
                    shown,
                    WatchHealth.FAILING if failing else WatchHealth.STARTING,
                    before.reason if before is not None and failing else "",
                )
            )

    def _restore(self, until: int) -> None:
        """The latest samples as the store holds them; until: what the last look had reached."""
        ids = np.array([record.id for record in self._roster.records()], np.int64)
        self._latest = LatestSamples(self.watch)
        kept = self._store.latest(ids, self.watch.persistence[1])
        times = [
            int(time)
            for samples in kept
            if len(samples)
            for time in (samples.times[0], samples.times[-1])
        ]
        self._latest.restore(
            ids, kept, until, self._maintenance(min(times), max(times)) if times else ()
        )

    def _maintenance(self, start: int, end: int) -> Sequence[Mask]:
        return list(self._planned(self._roster.records(), start, end))

    def _in_maintenance(self, time: int) -> set[int]:
        """Ids of series."""
        return {each.series_id for each in self._maintenance(time, time)}

    def _loaded(self, until: int) -> WatchScorer:
        self._roster.take_waiting()  # all of them are loaded here
        stacks = WatchScorer(self.watch, self._store, until, self._maintenance)
        self._depose(
            stacks.load(self._roster.champions().values(), self._store.carry(self.watch.name))
        )
        return stacks

    def _depose(self, unusable: Sequence[ModelRecord]) -> None:
        """Models that cannot be read are counted; their series are fitted anew."""
        if unusable:
            self._metrics.fit_failures.labels(self.watch.name, "unreadable").inc(len(unusable))
            now = int(self._clock())
            why = "its weights cannot be read, or not by this version: fitted anew"
            self._store.active_models.keep(
                [],
                [
                    Decision(now, model.series_id, model.version, DecisionKind.DEPOSED, why)
                    for model in unusable
                ],
            )
            self._roster.retire(unusable)

    def _tick(self, stacks: WatchScorer, start: int, end: int) -> WatchScorer:
        """Judges start..end and writes it in one transaction.

        Returns the stacks that have seen it.
        """
        answer = self._reader.range(
            self.watch.query, start, end, self.watch.step, max_series=self.watch.max_series
        )
        if answer.warnings:
            self._metrics.prometheus_warnings.inc(len(answer.warnings))
            log.warning(
                "answer may be partial",
                extra={"watch": self.watch.name, "warnings": "; ".join(answer.warnings)},
            )
        ids = self._roster.identify(answer.observed)
        self._covariates.load(
            start, end, ((end - start) // self.watch.step + 1) * self.watch.score_interval / 2
        )
        self._depose(stacks.replace(self._roster.take_waiting()))
        values = grid.align(answer.observed, start, end, self.watch.step)
        asked = self._store.regimes.asked(self.watch.name)
        ticks, after = stacks.judge(
            ids, grid.grid_times(start, end, self.watch.step), values, asked
        )
        accepted = regimes.accepted_by(ticks, self._store, asked, self.watch.step)
        changed, alarms = self._alarms.after(ticks, self._latest.recent)
        written = self._store.write(
            ticks,
            query_key(self.watch),
            (start, end),
            changed,
            self._group,
            accepted,
            [each for each in asked if each.seen < end],
        )
        self._metrics.incidents.labels(self._group.name).inc(written.incidents)
        self._metrics.alarms.labels(self.watch.name).inc(
            sum(each.start > self._alarms.until for each in changed)
        )
        self._stacks = after
        self._alarms = alarms
        self._metrics.regimes.labels(self.watch.name).inc(len(accepted))
        self._covariates.tell_ambiguous(after.ambiguous)
        for tick in ticks:
            self._latest.update(tick)
            self._metrics.samples_scored.labels(self.watch.name).inc(
                int(np.count_nonzero(~np.isnan(tick.score)))
            )
        return after

    def _publish(self, stacks: WatchScorer) -> None:
        snapshot, seen = self._snapshot(stacks.until)
        stacks.drop(self._roster.see(seen))
        self._board.publish(replace(snapshot, shifts=stacks.shifts()))
        self._board.publish_incidents(self._group.name, self._store.incidents.still_open)

    def _snapshot(self, until: int) -> tuple[Snapshot, list[SeriesRecord]]:
        """What is known at a grid time, and all records with their new state."""
        return self._latest.snapshot(
            self._roster.records(),
            self._roster.champions(),
            until,
            self._gone_after,
            self._in_maintenance(until),
        )

    def _shown(self) -> Snapshot:
        """What is on the board; an empty one where nothing has ever been known."""
        known = self._board.snapshots().get(self.watch.name)
        return known or self._latest.snapshot([], {}, 0, self._gone_after)[0]

    def _fail(self, error: Exception) -> None:
        """Counted, logged, and shown: the rows on the board become stale."""
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
        self._board.publish(_stale(self._shown(), WatchHealth.FAILING, str(error) or repr(error)))


def _paused(snapshot: Snapshot) -> Snapshot:
    """Its rows stay in what alert rules read, as calm ones: without any row an alert that fires
    would never end."""
    calm = np.where(np.isnan(snapshot.alert_score), np.nan, 0.0)
    return replace(
        _stale(snapshot, WatchHealth.PAUSED, "paused in the configuration"),
        alert_score=calm,
        missing=np.zeros_like(snapshot.missing),
    )


def _stale(snapshot: Snapshot, outlook: WatchHealth, reason: str = "") -> Snapshot:
    """Everything as it was when we last could look; alert rules go on reading it."""
    series = tuple(replace(record, state=SeriesState.STALE) for record in snapshot.series)
    return replace(snapshot, series=series, outlook=outlook, reason=reason)
