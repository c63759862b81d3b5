"""What the board shows of one watch: after a tick, after a start, while it fails, while it is
paused."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from detectors.episodes import hold_seconds
from plugin.board import Board, Snapshot, WatchHealth
from plugin.config.groups import Group
from plugin.domain.intervals import Interval
from plugin.domain.learning import learning_intervals
from plugin.jobs.latest_samples import LatestSamples
from plugin.jobs.masks import MaskSource
from plugin.jobs.watch_context import WatchContext
from plugin.jobs.watch_scorer import WatchScorer
from plugin.series import SeriesRecord, SeriesState


class WatchPublisher:
    """Puts the latest samples of one watch on the board, and the open incidents of its group."""

    def __init__(
        self,
        context: WatchContext,
        board: Board,
        group: Group,
        gone_after: int,
        maintenance: MaskSource = lambda records, start, end: (),
        fault: Callable[[], str] = lambda: "",
    ) -> None:
        """gone_after: seconds without a sample after which a series is gone. fault: what is wrong
        though the watch is scored, in words; "" = nothing."""
        self.watch = context.watch
        self.group = group
        self.latest = LatestSamples(context.watch)
        self._store = context.store
        self._registry = context.registry
        self._board = board
        self._gone_after = gone_after
        self._maintenance = maintenance
        self._fault = fault

    def maintenance(self, start: int, end: int) -> Sequence[Interval]:
        """Of the series of the watch, from start to end inclusive."""
        return list(self._maintenance(self._registry.records(), start, end))

    def restore(self, end: int) -> None:
        """The latest samples as the store holds them. end: grid time of the last tick."""
        ids = np.array([record.id for record in self._registry.records()], np.int64)
        samples = self._store.samples.latest(ids, self.watch.persistence[1])
        bounds = [
            int(time) for rows in samples if len(rows) for time in (rows.times[0], rows.times[-1])
        ]
        muted = self._muted(min(bounds), max(bounds)) if bounds else ()
        self.latest = LatestSamples(self.watch)
        self.latest.restore(ids, samples, end, muted)
        oldest_time = end - self._gone_after - hold_seconds(self.watch.step)
        self.latest.hold(self._store.alarms.between(oldest_time, end, ids))

    def _muted(self, start: int, end: int) -> Sequence[Interval]:
        """When no alarm comes of a sample, from start to end inclusive."""
        records = self._registry.records()
        provisional = learning_intervals(records, self.watch.learn_for, start)
        return [*self.maintenance(start, end), *provisional]

    def publish(self, scorer: WatchScorer) -> None:
        """What is known after a tick. Series that are gone since are dropped."""
        snapshot, records = self._snapshot(scorer.until)
        gone_ids = self._registry.update_states(records)
        if gone_ids:
            scorer.drop(gone_ids)
            self.latest.forget(gone_ids)
        self._board.publish(replace(snapshot, shifts=scorer.shifts(), reason=self._fault()))
        self.publish_incidents()

    def publish_incidents(self) -> None:
        self._board.publish_incidents(self.group.name, self._store.incidents.open)

    def publish_restored(self, end: int) -> None:
        """After a start, before the first run. A watch that was failing fails until a run
        succeeds."""
        old_snapshot = self._board.snapshots().get(self.watch.name)
        snapshot = self._snapshot(end)[0]
        if old_snapshot is not None and old_snapshot.outlook is WatchHealth.FAILING:
            self._board.publish(_stale(snapshot, WatchHealth.FAILING, old_snapshot.reason))
        else:
            self._board.publish(_stale(snapshot, WatchHealth.STARTING))

    def publish_failure(self, reason: str) -> None:
        """The rows on the board become stale."""
        self._board.publish(_stale(self._shown(), WatchHealth.FAILING, reason))

    def publish_paused(self) -> None:
        """The rows stay in what alert rules read, with a calm score: without a row, an alert that
        fires would never end."""
        snapshot = replace(self._shown(), settings=self.watch)
        calm = np.where(np.isnan(snapshot.alert_score), np.nan, 0.0)
        self._board.publish(
            replace(
                _stale(snapshot, WatchHealth.PAUSED, "paused in the configuration"),
                alert_score=calm,
                missing=np.zeros_like(snapshot.missing),
            )
        )
        self.publish_incidents()

    def _snapshot(self, end: int) -> tuple[Snapshot, list[SeriesRecord]]:
        """What is known at a grid time, and all records with their new state."""
        return self.latest.snapshot(
            self._registry.records(),
            self._registry.champions(),
            end,
            self._gone_after,
            {mask.series_id for mask in self.maintenance(end, end)},
        )

    def _shown(self) -> Snapshot:
        """What is on the board; an empty snapshot where nothing has ever been known."""
        snapshot = self._board.snapshots().get(self.watch.name)
        return snapshot or self.latest.snapshot([], {}, 0, self._gone_after)[0]


def _stale(snapshot: Snapshot, health: WatchHealth, reason: str = "") -> Snapshot:
    """Everything as it was when it could last be read; alert rules go on reading it."""
    series = tuple(replace(record, state=SeriesState.STALE) for record in snapshot.series)
    return replace(snapshot, series=series, outlook=health, reason=reason)
